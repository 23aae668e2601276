//! Which addresses are not hosts of the internet, and which hide another one. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::Rule;

const fn v4(a: u8, b: u8, c: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), length)
}

const fn v6(a: u16, b: u16, c: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), length)
}

/// The IANA registry of special IPv4 addresses, as far as no public host is in them.
const SPECIAL_V4: [(Ipv4Net, Rule); 16] = [
    (v4(0, 0, 0, 8), Rule::Unspecified),
    (v4(10, 0, 0, 8), Rule::Private),
    (v4(100, 64, 0, 10), Rule::Shared),
    (v4(127, 0, 0, 8), Rule::Loopback),
    (v4(169, 254, 0, 16), Rule::LinkLocal),
    (v4(172, 16, 0, 12), Rule::Private),
    (v4(192, 0, 0, 24), Rule::Protocol),
    (v4(192, 0, 2, 24), Rule::Documentation),
    (v4(192, 88, 99, 24), Rule::SixToFour),
    (v4(192, 168, 0, 16), Rule::Private),
    (v4(198, 18, 0, 15), Rule::Benchmarking),
    (v4(198, 51, 100, 24), Rule::Documentation),
    (v4(203, 0, 113, 24), Rule::Documentation),
    (v4(224, 0, 0, 4), Rule::Multicast),
    (Ipv4Net::new_assert(Ipv4Addr::BROADCAST, 32), Rule::Multicast),
    (v4(240, 0, 0, 4), Rule::Reserved),
];

/// The same for IPv6; the first that fits counts. What is neither here nor in `2000::/3` is assigned to nobody.
const SPECIAL_V6: [(Ipv6Net, Rule); 18] = [
    (Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128), Rule::Unspecified),
    (Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), Rule::Loopback),
    (v6(0, 0, 0, 96), Rule::Ipv4Compatible),
    (v6(0x64, 0xff9b, 0, 96), Rule::Nat64),
    (v6(0x64, 0xff9b, 1, 48), Rule::Nat64),
    (v6(0x100, 0, 0, 64), Rule::Discard),
    (v6(0x2001, 0, 0, 32), Rule::Teredo),
    (v6(0x2001, 2, 0, 48), Rule::Benchmarking),
    (v6(0x2001, 0, 0, 23), Rule::Protocol),
    (v6(0x2001, 0xdb8, 0, 32), Rule::Documentation),
    (v6(0x2002, 0, 0, 16), Rule::SixToFour),
    (v6(0x3fff, 0, 0, 20), Rule::Documentation),
    (v6(0x5f00, 0, 0, 16), Rule::SegmentRouting),
    (v6(0xfc00, 0, 0, 7), Rule::UniqueLocal),
    (v6(0xfe80, 0, 0, 10), Rule::LinkLocal),
    (v6(0xfec0, 0, 0, 10), Rule::SiteLocal),
    (v6(0xff00, 0, 0, 8), Rule::Multicast),
    (v6(0, 0, 0, 3), Rule::Reserved),
];

/// What of IPv6 is assigned to the internet.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 0, 3);

/// Where clouds answer their machines: Amazon (and most others), its containers, Azure, Alibaba, Oracle, Google.
const METADATA: [IpNet; 8] = [
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 169, 254), 32)),
    IpNet::V4(v4(169, 254, 170, 24)),
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(168, 63, 129, 16), 32)),
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(100, 100, 100, 200), 32)),
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(192, 0, 0, 192), 32)),
    IpNet::V6(v6(0xfd00, 0xec2, 0, 32)),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254), 128)),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe), 128)),
];

/// Why this is no host of the internet; `None` if it is one. An address that hides another is special, whatever it hides.
pub fn special(ip: IpAddr) -> Option<Rule> {
    match ip {
        IpAddr::V4(ip) => SPECIAL_V4.iter().find(|(net, _)| net.contains(&ip)).map(|(_, rule)| *rule),
        IpAddr::V6(ip) => {
            let listed = SPECIAL_V6.iter().find(|(net, _)| net.contains(&ip)).map(|(_, rule)| *rule);
            listed.or((!GLOBAL_V6.contains(&ip)).then_some(Rule::Reserved))
        }
    }
}

/// Whether a cloud may tell its machines' credentials there.
pub(super) fn is_metadata(ip: IpAddr) -> bool {
    METADATA.iter().any(|net| net.contains(&ip))
}

/// The IPv4 addresses that packets to this one may end up at, once a translator or a tunnel has unwrapped it.
pub(super) fn hidden(ip: IpAddr) -> impl Iterator<Item = Ipv4Addr> {
    let IpAddr::V6(ip) = ip else { return [None, None].into_iter().flatten() };
    let [_, _, o2, o3, o4, o5, o6, o7, _, o9, o10, _, o12, o13, o14, o15] = ip.octets();
    let last = Ipv4Addr::new(o12, o13, o14, o15);
    let found = match special(ip.into()) {
        // The prefix for local use is parted as its owner likes: the two common places (RFC 6052).
        Some(Rule::Nat64) if o5 == 1 => [Some(last), Some(Ipv4Addr::new(o6, o7, o9, o10))],
        Some(Rule::Nat64 | Rule::Ipv4Compatible) => [Some(last), None],
        Some(Rule::SixToFour) => [Some(Ipv4Addr::new(o2, o3, o4, o5)), None],
        // Its server, and its client with every bit turned over (RFC 4380).
        Some(Rule::Teredo) => [Some(Ipv4Addr::new(o4, o5, o6, o7)), Some(Ipv4Addr::from_bits(!last.to_bits()))],
        _ => [None, None],
    };
    found.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first and the last address of every range, and those just outside.
    #[test]
    fn every_range_has_its_rule() {
        use Rule::*;
        let table = [
            ("0.0.0.0 0.255.255.255", Some(Unspecified)),
            ("10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255", Some(Private)),
            ("100.64.0.0 100.127.255.255", Some(Shared)),
            ("127.0.0.0 127.0.0.1 127.255.255.255 ::1", Some(Loopback)),
            ("169.254.0.0 169.254.169.254 169.254.255.255 fe80:: febf:ffff::ffff", Some(LinkLocal)),
            ("192.0.0.0 192.0.0.255 2001:1:: 2001:1ff:ffff::1", Some(Protocol)),
            ("192.0.2.0 192.0.2.255 198.51.100.0 198.51.100.255 203.0.113.0 203.0.113.255", Some(Documentation)),
            ("2001:db8:: 2001:db8:ffff::1 3fff:: 3fff:fff:ffff::1", Some(Documentation)),
            ("192.88.99.0 192.88.99.255 2002:: 2002:ffff:ffff::1", Some(SixToFour)),
            ("198.18.0.0 198.19.255.255 2001:2::1", Some(Benchmarking)),
            ("224.0.0.0 239.255.255.255 255.255.255.255 ff00:: ffff:ffff::1", Some(Multicast)),
            ("240.0.0.0 255.255.255.254 4000:: 1fff:ffff:: e000:: 200::1 ::ffff:8.8.8.8", Some(Reserved)),
            ("::", Some(Unspecified)),
            ("::2 ::127.0.0.1 ::ffff:ffff", Some(Ipv4Compatible)),
            ("64:ff9b:: 64:ff9b::ffff:ffff 64:ff9b:1:: 64:ff9b:1:ffff:ffff:ffff:ffff:ffff", Some(Nat64)),
            ("64:ff9b::1:0:0 64:ff9b:2::1", Some(Reserved)),
            ("100:: 100::ffff:ffff:ffff:ffff", Some(Discard)),
            ("100:0:0:1::", Some(Reserved)),
            ("2001:: 2001:0:ffff:ffff::1", Some(Teredo)),
            ("5f00:: 5f00:ffff::1", Some(SegmentRouting)),
            ("fc00:: fd00:ec2::254 fdff:ffff::1", Some(UniqueLocal)),
            ("fec0:: feff:ffff::1", Some(SiteLocal)),
            ("1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0", None),
            ("169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0 192.88.98.255", None),
            ("192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0", None),
            ("203.0.112.255 203.0.114.0 223.255.255.255 8.8.8.8 192.31.196.1", None),
            ("2000:: 2001:200:: 2001:4860::8888 2003:: 2a00:1450::1 3ffe:ffff::1 3fff:1000::1", None),
        ];
        for (addresses, rule) in table {
            for text in addresses.split(' ') {
                assert_eq!(special(text.parse().unwrap()), rule, "{text}");
            }
        }
    }

    #[test]
    fn what_is_hidden_is_found() {
        for (text, expected) in [
            ("64:ff9b::a9fe:a9fe", "169.254.169.254"),
            ("64:ff9b:1::a00:1", "10.0.0.1 0.0.0.0"),
            ("64:ff9b:1:a9fe:a9:fe00::", "0.0.0.0 169.254.169.254"),
            ("2002:7f00:1::", "127.0.0.1"),
            ("2001:0:a00:1::f5ff:fffe", "10.0.0.1 10.0.0.1"),
            ("::10.0.0.1", "10.0.0.1"),
            ("::1", ""),
            ("2a00:1450::a00:1", ""),
            ("10.0.0.1", ""),
        ] {
            let found: Vec<_> = hidden(text.parse().unwrap()).map(|ip| ip.to_string()).collect();
            assert_eq!(found.join(" "), expected, "{text}");
        }
    }
}
