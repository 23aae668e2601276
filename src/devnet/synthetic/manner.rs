//! How the real clients answer FINDNODE. They differ in what they tell of and in how many packets they do.

use super::table::{BUCKET, Table};

/// The most records of an answer.
const MOST: usize = 16;
/// How many bytes of records fit into a packet, as sigp's counts.
const BYTES: usize = 1280 - 104;
/// geth's buckets end here: the last one is for this distance and all below.
const GETH_LOWEST: u16 = 240;

/// Whose way of answering a node has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Lighthouse, Grandine: sorts the distances; the own record does not count; packets by size.
    Sigp,
    /// Prysm, Erigon: 17 buckets, the lowest for all that is nearer; packets by size.
    Geth,
    /// Where 0 is asked for, its own record alone; 3 records a packet.
    Nimbus,
    /// Lodestar: 3 records a packet.
    ChainSafe,
    /// Teku, Besu: 4 records a packet.
    Consensys,
    /// 3 records a packet.
    Ethrex,
}

impl Manner {
    /// Of the node with this number: of twenty, eight are sigp's, four geth's, and so on.
    pub(super) fn of(number: u32) -> Self {
        match number % 20 {
            0 | 3 | 5 | 8 | 10 | 13 | 15 | 18 => Self::Sigp,
            1 | 6 | 11 | 16 => Self::Geth,
            2 | 12 => Self::Nimbus,
            4 | 14 => Self::ChainSafe,
            7 | 9 | 17 => Self::Consensys,
            _ => Self::Ethrex,
        }
    }

    /// What it says it is.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sigp => "Lighthouse",
            Self::Geth => "Prysm",
            Self::Nimbus => "Nimbus",
            Self::ChainSafe => "Lodestar",
            Self::Consensys => "Teku",
            Self::Ethrex => "ethrex",
        }
    }

    /// The distance that its last bucket begins with.
    pub(super) fn lowest(self) -> u16 {
        if self == Self::Geth { GETH_LOWEST } else { 1 }
    }

    /// Whom the node `own` tells of when it is asked for these distances.
    pub(super) fn tell(self, own: u32, table: &Table, distances: &[u16]) -> Vec<u32> {
        let mut asked = Vec::with_capacity(distances.len().min(2 * BUCKET));
        for distance in distances {
            if !asked.contains(distance) {
                asked.push(*distance);
            }
        }
        if self == Self::Nimbus && asked.contains(&0) {
            return vec![own];
        }
        if self == Self::Sigp {
            asked.sort_unstable();
        }
        let (mut told, mut most) = (Vec::with_capacity(MOST + 1), MOST);
        for distance in asked {
            match distance {
                0 => {
                    told.push(own);
                    most += usize::from(self == Self::Sigp);
                }
                low if self == Self::Geth && low <= GETH_LOWEST => {
                    let near = table.nearer(GETH_LOWEST).flatten().filter(|member| !told.contains(member));
                    let near: Vec<u32> = near.copied().collect();
                    told.extend(near);
                }
                distance => told.extend_from_slice(table.at(distance)),
            }
        }
        told.truncate(most);
        told
    }

    /// How many records go into each packet, given the size of each; one packet at least.
    pub(super) fn split(self, sizes: &[usize]) -> Vec<usize> {
        let of = |records: usize| sizes.chunks(records).map(<[usize]>::len).collect();
        let mut packets: Vec<usize> = match self {
            Self::Nimbus | Self::ChainSafe | Self::Ethrex => of(3),
            Self::Consensys => of(4),
            Self::Sigp | Self::Geth => by_size(sizes),
        };
        if packets.is_empty() {
            packets.push(0);
        }
        packets
    }
}

fn by_size(sizes: &[usize]) -> Vec<usize> {
    let (mut packets, mut bytes) = (vec![0], 0);
    for size in sizes {
        if bytes + size >= BYTES {
            packets.push(0);
            bytes = 0;
        }
        bytes += size;
        packets.last_mut().into_iter().for_each(|records| *records += 1);
    }
    packets
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};

    use super::*;
    use crate::{devnet::synthetic::table::Index, discv5::NodeId};

    /// A node and its table in a network of so many.
    fn table(nodes: u32, lowest: u16) -> (NodeId, Vec<NodeId>, Table) {
        let mut rng = SmallRng::seed_from_u64(7);
        let ids: Vec<NodeId> = (0..nodes).map(|_| NodeId(std::array::from_fn(|_| rng.random()))).collect();
        let index = Index::new(ids.iter().copied().zip(0..));
        (ids[0], ids.clone(), Table::new(ids[0], lowest, &index, &mut rng))
    }

    #[test]
    fn each_tells_in_its_own_way() {
        let (_, _, known) = table(2000, 1);
        let full = known.at(256).to_vec();
        let of = |manner: Manner, distances: &[u16]| manner.tell(0, &known, distances);
        let with_own: Vec<u32> = [&[0], full.as_slice()].concat();
        for manner in [Manner::ChainSafe, Manner::Consensys, Manner::Ethrex, Manner::Geth] {
            assert_eq!(of(manner, &[256]), full);
            assert_eq!(of(manner, &[0, 256]), with_own[..16]);
            assert_eq!(of(manner, &[256, 0]), full, "in the order of the question, {manner:?}");
        }
        assert_eq!(of(Manner::Sigp, &[256, 0]), with_own, "sorted, and its own record does not count");
        assert_eq!(of(Manner::Sigp, &[256, 255]), known.at(255));
        assert_eq!(of(Manner::Nimbus, &[256, 0]), [0]);
        assert_eq!(of(Manner::Nimbus, &[256, 256]), full);
        assert_eq!(of(Manner::Ethrex, &[]), [0_u32; 0]);
    }

    #[test]
    fn any_low_distance_is_geths_lowest_bucket() {
        let (me, ids, known) = table(2000, GETH_LOWEST);
        let near = |member: &u32| me.distance(ids[*member as usize]) <= GETH_LOWEST;
        let told = Manner::Geth.tell(0, &known, &[3]);
        assert!(told.iter().all(near));
        assert_eq!(told, Manner::Geth.tell(0, &known, &[240, 7, 3]));
        assert_eq!(told.len(), known.members().filter(near).count());
    }

    #[test]
    fn packets_are_of_three_of_four_or_by_size() {
        let sizes = [200; 16];
        assert_eq!(Manner::Nimbus.split(&sizes), [3, 3, 3, 3, 3, 1]);
        assert_eq!(Manner::Consensys.split(&sizes), [4; 4]);
        assert_eq!(Manner::Sigp.split(&sizes), [5, 5, 5, 1]);
        assert_eq!(Manner::Geth.split(&[300; 4]), [3, 1]);
        for manner in [Manner::Sigp, Manner::Ethrex] {
            assert_eq!(manner.split(&[]), [0], "an empty answer is a packet too");
        }
    }
}
