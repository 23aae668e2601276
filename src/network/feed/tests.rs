use std::sync::Arc;

use super::*;
use crate::{
    broker::Scratch,
    network::{
        merge::Merged,
        samples,
        store::{Checked, Revision, Token, Whole},
    },
};

/// Who tells of a Network and writes it.
struct Scene {
    _redis: Scratch,
    store: Store,
    feeds: Feeds,
    token: Token,
    merged: Merged,
    told: u64,
}

impl Scene {
    async fn new() -> Self {
        let redis = Scratch::start().unwrap();
        let store = Store::new(redis.broker().await.unwrap(), Prefix::default());
        let token = store.hold("a", Duration::from_mins(1), Checked::No).await.unwrap().token.unwrap();
        Self { _redis: redis, store, feeds: Feeds::default(), token, merged: Merged::default(), told: 0 }
    }

    /// A node restarts, which is told and not written.
    async fn tell(&mut self) -> Revision {
        let mut node = samples::node(1);
        node.up_since = Some(i64::try_from(self.told).unwrap() * 1000);
        self.merged.put(Arc::new(node));
        let revision = self.store.tell(&self.token, self.told, &self.merged.settle()).await.unwrap().unwrap();
        self.told = revision.number;
        revision
    }

    async fn write(&self, revision: Revision) {
        assert!(self.store.save(&self.token, revision, &Whole::new(&self.merged.moment())).await.unwrap());
    }

    async fn follow(&self, wanted: Wanted, told: Option<u64>) -> Follower {
        self.feeds.follow(&self.store, wanted, told).await.unwrap()
    }
}

/// What a follower is told next, each by its kind and revision.
async fn next(follower: &mut Follower) -> Vec<(MessageKind, u64)> {
    loop {
        let told =
            timeout(Duration::from_secs(20), follower.next()).await.expect("in time").expect("there is a reader");
        if !told.messages.is_empty() {
            for message in &told.messages {
                let json: serde_json::Value = serde_json::from_slice(&message.json).unwrap();
                assert_eq!(json["revision"], message.revision);
                let (start, node) = ((message.revision - 1) * 1000, &json["data"]["nodes"][0]);
                assert_eq!(node["up_since"], start, "it is the Network of its revision");
            }
            return told.messages.iter().map(|message| (message.kind, message.revision)).collect();
        }
    }
}

const NETWORK: MessageKind = MessageKind::Network;
const DIFF: MessageKind = MessageKind::Diff;

#[tokio::test]
async fn diffs_come_before_the_network_and_nobody_goes_back() {
    let mut scene = Scene::new().await;
    let first = scene.tell().await;
    scene.write(first).await;
    let (mut diffs, mut wholes) = (scene.follow(Wanted::Diffs, None).await, scene.follow(Wanted::Networks, None).await);
    assert_eq!((next(&mut diffs).await, next(&mut wholes).await), (vec![(NETWORK, 1)], vec![(NETWORK, 1)]));
    scene.tell().await;
    assert_eq!(next(&mut diffs).await, [(DIFF, 2)]);
    let third = scene.tell().await;
    assert_eq!(next(&mut diffs).await, [(DIFF, 3)]);
    // Who comes now gets what is written, and what leads on from there.
    let mut late = scene.follow(Wanted::Diffs, None).await;
    assert_eq!(next(&mut late).await, [(NETWORK, 1), (DIFF, 2), (DIFF, 3)]);
    let mut behind = scene.follow(Wanted::Diffs, Some(2)).await;
    assert_eq!(next(&mut behind).await, [(DIFF, 3)]);
    // Who had the second, and wants all of the next, does not get the first again.
    let mut ahead = scene.follow(Wanted::Networks, Some(2)).await;
    assert!(ahead.next().await.unwrap().messages.is_empty());
    scene.write(third).await;
    assert_eq!((next(&mut wholes).await, next(&mut ahead).await), (vec![(NETWORK, 3)], vec![(NETWORK, 3)]));
    scene.tell().await;
    assert_eq!(next(&mut diffs).await, [(DIFF, 4)], "nor does who has the third get it again");
}

#[tokio::test]
async fn over_a_gap_followers_wait_for_the_network() {
    let mut scene = Scene::new().await;
    let first = scene.tell().await;
    scene.write(first).await;
    let mut diffs = scene.follow(Wanted::Diffs, None).await;
    assert_eq!(next(&mut diffs).await, [(NETWORK, 1)]);
    scene.tell().await;
    assert_eq!(next(&mut diffs).await, [(DIFF, 2)]);
    // Whoever told the second dies. The next goes on from the first.
    scene.told = 1;
    scene.merged.put(Arc::new(samples::node(1)));
    let third = scene.tell().await;
    assert_eq!(third.number, 3);
    let mut late = scene.follow(Wanted::Diffs, Some(2)).await;
    assert!(late.next().await.unwrap().messages.is_empty());
    let mut node = samples::node(1);
    node.up_since = Some(2000);
    scene.merged.put(Arc::new(node));
    scene.merged.settle();
    scene.write(third).await;
    assert_eq!((next(&mut diffs).await, next(&mut late).await), (vec![(NETWORK, 3)], vec![(NETWORK, 3)]));
}

#[tokio::test]
async fn who_has_what_redis_lost_begins_anew() {
    let mut scene = Scene::new().await;
    for _ in 0..3 {
        let revision = scene.tell().await;
        scene.write(revision).await;
    }
    let mut follower = scene.follow(Wanted::Networks, Some(2)).await;
    assert_eq!(next(&mut follower).await, [(NETWORK, 3)]);
    let () = scene.store.broker().query(&redis::cmd("FLUSHALL")).await.unwrap();
    scene.token = scene.store.hold("a", Duration::from_mins(1), Checked::No).await.unwrap().token.unwrap();
    (scene.told, scene.merged) = (0, Merged::default());
    let first = scene.tell().await;
    scene.write(first).await;
    assert_eq!(next(&mut follower).await, [(NETWORK, 1)]);
    // So does who comes with a revision that never was.
    let mut stranger = scene.follow(Wanted::Networks, Some(7)).await;
    assert_eq!(next(&mut stranger).await, [(NETWORK, 1)]);
}
