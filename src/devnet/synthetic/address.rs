//! Where nodes stand: each has a loopback address of its own, as few as possible in one /24, because clients take only
//! a few nodes of one into their tables.

use std::net::Ipv4Addr;

/// The second byte of the first address.
const FIRST: u32 = 16;
/// Networks of 256 addresses, from 127.16.0.0 to 127.239.255.0.
const SUBNETS: u32 = 224 << 8;
/// The last byte is 1 to 254.
const HOSTS: u32 = 254;

/// The address of a place, as long as there is one: places are counted through the subnets first.
pub(super) fn of(place: u32) -> Option<Ipv4Addr> {
    let (host, subnet) = (place / SUBNETS, place % SUBNETS);
    (host < HOSTS).then(|| Ipv4Addr::from(u32::from(Ipv4Addr::LOCALHOST) + ((subnet + (FIRST << 8)) << 8) + host))
}

/// Which place an address is.
pub(super) fn place(ip: Ipv4Addr) -> Option<u32> {
    let [127, _, _, host] = ip.octets() else { return None };
    let subnet = (u32::from(ip) >> 8 & 0xffff).checked_sub(FIRST << 8)?;
    let host = u32::from(host).checked_sub(1)?;
    (subnet < SUBNETS && host < HOSTS).then_some(host * SUBNETS + subnet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_has_its_own_address() {
        let table = [
            (0, "127.16.0.1"),
            (1, "127.16.1.1"),
            (256, "127.17.0.1"),
            (57_343, "127.239.255.1"),
            (57_344, "127.16.0.2"),
            (57_344 * 254 - 1, "127.239.255.254"),
        ];
        for (number, ip) in table {
            assert_eq!(of(number).map(|ip| ip.to_string()).as_deref(), Some(ip));
            assert_eq!(place(ip.parse().expect("an address")), Some(number));
        }
        assert_eq!(of(57_344 * 254), None);
        for nobody in ["127.0.0.1", "127.15.255.1", "127.240.0.1", "127.16.0.0", "127.16.0.255", "10.16.0.1"] {
            assert_eq!(place(nobody.parse().expect("an address")), None, "{nobody}");
        }
    }
}
