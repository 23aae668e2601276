//! Where a crawl starts, and thereby where it may go.

use super::address::Reach;
use crate::{
    discv5::{Record, RecordError},
    platform::{Failure, Network, Result},
};

/// The consensus layer's bootnodes of Ethereum mainnet (eth-clients/mainnet, `metadata/bootstrap_nodes.yaml`).
const MAINNET: &str = include_str!("mainnet_bootnodes.txt");

/// Reads the bootnodes; none means those of Ethereum mainnet. Refuses what the operator does not allow.
pub(super) fn choose(given: &[String], network: Network) -> Result<(Vec<Record>, Reach)> {
    if given.is_empty() && !network.allow_public {
        return Err(Failure::settings(
            "/bootnodes",
            "none given, and the public ones may not be contacted: give bootnodes on this machine, or let the \
             operator set network.allow_public = true",
        ));
    }
    let records = if given.is_empty() { read(MAINNET.lines())? } else { read(given.iter().map(String::as_str))? };
    let on_loopback = |record: &Record| Reach::Loopback.address(record).is_some();
    let reach = if !network.allow_public || records.iter().all(on_loopback) { Reach::Loopback } else { Reach::Public };
    for (index, record) in records.iter().enumerate() {
        let pointer = || format!("/bootnodes/{index}");
        let Some(address) = record.udp4_socket().or(record.udp6_socket()) else {
            return Err(Failure::settings(pointer(), "has no address with a UDP port"));
        };
        if reach.address(record).is_none() {
            return Err(Failure::settings(
                pointer(),
                match reach {
                    Reach::Loopback => format!(
                        "{address} is not on this machine, and contacting others needs network.allow_public = true"
                    ),
                    Reach::Public => format!("{address} is not a public address, as those of other bootnodes are"),
                },
            ));
        }
    }
    Ok((records, reach))
}

fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<Record>> {
    lines
        .enumerate()
        .map(|(index, line)| {
            line.trim().parse().map_err(|reason: RecordError| {
                Failure::settings(format!("/bootnodes/{index}"), format!("is not a node record (enr:…): {reason}"))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_bootnodes_are_public() {
        let (records, reach) = choose(&[], Network { allow_public: true }).expect("the shipped list");
        assert_eq!((records.len(), reach), (15, Reach::Public));
    }

    #[test]
    fn what_the_operator_does_not_allow_is_refused() {
        let here = crate::crawl::tests::EIP_778.to_owned();
        let there = MAINNET.lines().next().unwrap_or_default().to_owned();
        let broken = "enr:-broken".to_owned();
        let table = [
            (vec![], false, Err("/bootnodes")),
            (vec![here.clone()], false, Ok(Reach::Loopback)),
            (vec![here.clone()], true, Ok(Reach::Loopback)),
            (vec![there.clone()], false, Err("/bootnodes/0")),
            (vec![here.clone(), there.clone()], false, Err("/bootnodes/1")),
            (vec![there.clone()], true, Ok(Reach::Public)),
            (vec![there.clone(), here], true, Err("/bootnodes/1")),
            (vec![there, broken], true, Err("/bootnodes/1")),
        ];
        for (given, allow_public, wanted) in table {
            let got = choose(&given, Network { allow_public }).map(|(_, reach)| reach);
            match (got, wanted) {
                (Ok(got), Ok(wanted)) => assert_eq!(got, wanted, "{given:?}"),
                (Err(Failure::Settings { pointer, .. }), Err(wanted)) => assert_eq!(pointer, wanted, "{given:?}"),
                (got, _) => panic!("{given:?}: {got:?}"),
            }
        }
    }
}
