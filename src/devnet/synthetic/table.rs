//! Tables, made from the whole membership: of every bucket a node knows 16 members, or all that there are.

use rand::{RngExt as _, rngs::SmallRng};

use crate::discv5::NodeId;

/// The most nodes of one bucket.
pub(super) const BUCKET: usize = 16;
/// The farthest bucket: half of the network.
const FARTHEST: u16 = 256;

/// Members by id, so that every bucket of every node is one slice.
#[derive(Debug)]
pub(super) struct Index(Vec<(NodeId, u32)>);

impl Index {
    pub(super) fn new(members: impl Iterator<Item = (NodeId, u32)>) -> Self {
        let mut sorted: Vec<_> = members.collect();
        sorted.sort_unstable();
        Self(sorted)
    }

    /// All buckets of this node that are not empty, the farthest first.
    fn buckets(&self, of: NodeId) -> impl Iterator<Item = (u16, &[(NodeId, u32)])> {
        let mut near = self.0.as_slice();
        (1..=FARTHEST).rev().map_while(move |distance| {
            // Only the node itself is left, or nobody.
            if near.iter().all(|(id, _)| *id == of) {
                return None;
            }
            // All of `near` agree with `of` in the bits before this one.
            let middle = near.partition_point(|(id, _)| !bit(*id, distance));
            let (low, high) = near.split_at(middle);
            let (same, other) = if bit(of, distance) { (high, low) } else { (low, high) };
            near = same;
            Some((distance, other))
        })
    }
}

/// The bit that decides whether a distance is at least this one.
fn bit(id: NodeId, distance: u16) -> bool {
    let place = usize::from(FARTHEST - distance);
    id.0.get(place / 8).is_some_and(|byte| byte << (place % 8) & 0x80 != 0)
}

/// Whom one node knows, by distance, the farthest first; no bucket is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table(Vec<(u16, Vec<u32>)>);

impl Table {
    /// Of the node `of`, which has buckets down to the distance `lowest`; the last one is for all that are nearer.
    pub(super) fn new(of: NodeId, lowest: u16, index: &Index, rng: &mut SmallRng) -> Self {
        let mut table = Self::default();
        table.fill(of, lowest, index, rng);
        table
    }

    /// Takes as many of `index`, who are all new, as there is room for.
    pub(super) fn fill(&mut self, of: NodeId, lowest: u16, index: &Index, rng: &mut SmallRng) {
        for (distance, members) in index.buckets(of) {
            let known: usize =
                if distance > lowest { self.at(distance).len() } else { self.nearer(lowest).map(<[u32]>::len).sum() };
            let room = BUCKET.saturating_sub(known).min(members.len());
            if room == 0 {
                continue;
            }
            let chosen = rand::seq::index::sample(rng, members.len(), room);
            let chosen = chosen.into_iter().filter_map(|place| members.get(place)).map(|(_, member)| *member);
            match self.0.binary_search_by(|(other, _)| distance.cmp(other)) {
                Ok(place) => self.0.get_mut(place).into_iter().for_each(|(_, bucket)| bucket.extend(chosen.clone())),
                Err(place) => self.0.insert(place, (distance, chosen.collect())),
            }
        }
    }

    /// Forgets members.
    pub(super) fn forget(&mut self, is_forgotten: impl Fn(u32) -> bool) {
        for (_, bucket) in &mut self.0 {
            bucket.retain(|member| !is_forgotten(*member));
        }
        self.0.retain(|(_, bucket)| !bucket.is_empty());
    }

    /// The bucket of this distance.
    pub(super) fn at(&self, distance: u16) -> &[u32] {
        let place = self.0.binary_search_by(|(other, _)| distance.cmp(other));
        place.ok().and_then(|place| self.0.get(place)).map_or(&[], |(_, bucket)| bucket)
    }

    /// The buckets of this distance and below.
    pub(super) fn nearer(&self, distance: u16) -> impl Iterator<Item = &[u32]> {
        let start = self.0.partition_point(|(other, _)| *other > distance);
        self.0.get(start..).unwrap_or_default().iter().map(|(_, bucket)| bucket.as_slice())
    }

    /// Everybody.
    pub(super) fn members(&self) -> impl Iterator<Item = u32> {
        self.0.iter().flat_map(|(_, bucket)| bucket.iter().copied())
    }

    /// Anybody at another distance than this one.
    pub(super) fn elsewhere(&self, distance: u16, rng: &mut SmallRng) -> Option<u32> {
        let others: Vec<&Vec<u32>> =
            self.0.iter().filter(|(other, _)| *other != distance).map(|(_, bucket)| bucket).collect();
        let bucket = others.get(rng.random_range(0..others.len().max(1)))?;
        bucket.get(rng.random_range(0..bucket.len())).copied()
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    fn ids(count: u32) -> Vec<(NodeId, u32)> {
        let mut rng = SmallRng::seed_from_u64(1);
        (0..count).map(|number| (NodeId(std::array::from_fn(|_| rng.random())), number)).collect()
    }

    #[test]
    fn every_bucket_has_all_there_are_or_sixteen_of_them() {
        let ids = ids(2000);
        let index = Index::new(ids.iter().copied());
        let mut rng = SmallRng::seed_from_u64(2);
        let mut neighbours = 0;
        for (of, number) in ids.iter().take(10) {
            let table = Table::new(*of, 1, &index, &mut rng);
            for distance in 235..=256 {
                let there = ids.iter().filter(|(id, _)| of.distance(*id) == distance).count();
                let bucket = table.at(distance);
                assert_eq!(bucket.len(), there.min(16), "distance {distance}");
                let mut known = bucket.to_vec();
                known.sort_unstable();
                known.dedup();
                assert_eq!(known.len(), bucket.len());
                assert!(bucket.iter().all(|member| of.distance(ids[*member as usize].0) == distance));
            }
            assert!(table.members().all(|member| member != *number));
            neighbours += table.members().count();
        }
        // 16 × log2(2000 / 16) + 16 are 127.
        assert!((1200..1340).contains(&neighbours), "{neighbours} of 10 nodes");
    }

    #[test]
    fn a_low_bucket_is_for_all_that_are_nearer() {
        let ids = ids(2000);
        let index = Index::new(ids.iter().copied());
        let mut rng = SmallRng::seed_from_u64(2);
        let lowest = 252;
        for (of, _) in ids.iter().take(20) {
            let table = Table::new(*of, lowest, &index, &mut rng);
            assert_eq!(table.nearer(lowest).map(<[u32]>::len).sum::<usize>(), 16);
            assert!(table.members().all(|member| of.distance(ids[member as usize].0) >= 200));
        }
    }

    #[test]
    fn whom_it_forgets_makes_room() {
        let ids = ids(400);
        let (old, new) = ids.split_at(300);
        let (of, _) = old[0];
        let mut rng = SmallRng::seed_from_u64(3);
        let mut table = Table::new(of, 1, &Index::new(old.iter().copied()), &mut rng);
        table.forget(|member| member % 2 == 0);
        assert!(table.members().all(|member| member % 2 == 1));
        table.fill(of, 1, &Index::new(new.iter().copied()), &mut rng);
        for distance in 240..=256 {
            let kept = old.iter().filter(|(id, number)| of.distance(*id) == distance && *number != 0).count();
            let came = new.iter().filter(|(id, _)| of.distance(*id) == distance).count();
            assert!(table.at(distance).len() <= (kept + came).min(16), "distance {distance}");
        }
        assert_eq!(table.at(256).len(), 16);
        let elsewhere = table.elsewhere(256, &mut rng).expect("somebody");
        assert_ne!(of.distance(ids[elsewhere as usize].0), 256);
    }
}
