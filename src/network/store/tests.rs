use std::sync::Arc;

use super::{
    super::{merge::Reporters, model::Node, samples},
    *,
};
use crate::{
    broker::Scratch,
    network::{AlarmKind, Merged, Network},
};

const LEASE: Duration = Duration::from_mins(1);

async fn store(redis: &Scratch) -> Store {
    Store::new(redis.broker().await.unwrap(), Prefix::default())
}

/// A node with so many peers.
fn node(peers: u32) -> Arc<Node> {
    let mut node = samples::node(1);
    node.connected_peers = (0..peers).map(|n| samples::peer(100 + n, 1)).collect();
    Arc::new(node)
}

/// The Network of such a node.
fn merged(peers: u32) -> Merged {
    samples::merged([Node::clone(&node(peers))])
}

fn network(peers: u32) -> Network {
    merged(peers).moment().network()
}

/// Tells what makes one Network into another.
async fn tell(store: &Store, token: &Token, since: u64, before: &Network, after: u32) -> Option<Revision> {
    let mut merged = Merged::default();
    merged.resume(before.clone(), Reporters::new());
    merged.put(node(after));
    store.tell(token, since, &merged.settle()).await.unwrap()
}

/// Tells it, and writes the Network.
async fn save(store: &Store, token: &Token, before: &Network, after: u32) -> Option<u64> {
    let since = store.read().await.unwrap().revision;
    let revision = tell(store, token, since, before, after).await?;
    let is_ours = store.save(token, revision, &Whole::new(&merged(after).moment())).await.unwrap();
    is_ours.then_some(revision.number)
}

#[tokio::test]
async fn one_at_a_time_may_write() {
    let redis = Scratch::start().unwrap();
    let store = store(&redis).await;
    let a = store.hold("a", LEASE, Checked::No).await.unwrap().token.expect("nobody had it");
    assert_eq!(store.hold("b", LEASE, Checked::Yes).await.unwrap().token, None);
    assert_eq!(store.read().await.unwrap().checked_at_ms, 0, "who has not the right checks nothing");
    assert_eq!(store.hold("a", LEASE, Checked::Yes).await.unwrap().token.as_ref(), Some(&a), "again");
    assert!(store.read().await.unwrap().checked_at_ms > 0);
    let none = Network::default();
    assert_eq!(save(&store, &a, &none, 2).await, Some(1));
    // Its lease is over while it sleeps.
    let () = store.broker.query(redis::cmd("DEL").arg(store.key("lock"))).await.unwrap();
    assert_eq!(save(&store, &a, &none, 3).await, None, "nobody has the right");
    let b = store.hold("b", LEASE, Checked::No).await.unwrap().token.expect("it is free");
    assert!(b.number > a.number);
    assert_eq!(save(&store, &a, &none, 3).await, None, "it is another's");
    store.release(&a).await.unwrap();
    assert_eq!(
        store.hold("a", LEASE, Checked::No).await.unwrap().token,
        None,
        "nor can it be given back by who lost it"
    );
    assert_eq!(save(&store, &b, &none, 3).await, Some(2));
    store.release(&b).await.unwrap();
    let again = store.hold("a", LEASE, Checked::No).await.unwrap();
    assert!(again.token.expect("it was given back").number > b.number);
    assert_eq!(again.revision, 2);
}

#[tokio::test]
async fn what_belongs_together_is_written_together() {
    let redis = Scratch::start().unwrap();
    let store = store(&redis).await;
    assert_eq!((store.revision().await.unwrap(), store.read().await.unwrap().json.as_str()), (None, ""));
    let token = store.hold("a", LEASE, Checked::No).await.unwrap().token.unwrap();
    save(&store, &token, &Network::default(), 3).await.unwrap();
    save(&store, &token, &network(3), 1).await.unwrap();
    let two = merged(1).moment();
    let stored = store.read().await.unwrap();
    assert_eq!(serde_json::from_str::<Network>(&stored.json).unwrap().canonical(), two.network().canonical());
    let (_, revision, reporters) = store.resume().await.unwrap().expect("it is written");
    assert_eq!((stored.revision, revision, reporters), (2, 2, two.reporters.clone()));
    let news = store.news(1).await.unwrap();
    assert_eq!(store.revision().await.unwrap(), Some((2, stored.saved_at_ms)));
    let sha: String = store.broker.query(redis::cmd("HGET").arg(store.key("meta")).arg("sha256")).await.unwrap();
    assert_eq!(sha, two.network().digested().1);
    let gone: Vec<serde_json::Value> =
        store.gone(9).await.unwrap().iter().map(|line| serde_json::from_str(line.get()).unwrap()).collect();
    let ids: Vec<_> = gone.iter().map(|gone| gone["peer"]["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, [samples::id(102), samples::id(101)]);
    assert_eq!((&gone[0]["revision"], &gone[0]["at"]), (&2.into(), &stored.saved_at_ms.into()));
    let events: Vec<(String, Vec<String>)> =
        store.broker.query(redis::cmd("XRANGE").arg(store.events_key()).arg("-").arg("+")).await.unwrap();
    assert_eq!((events.len(), &events[3].0), (4, &news.last_event));
    let event: serde_json::Value = serde_json::from_str(&events[2].1[1]).unwrap();
    assert_eq!((&event["type"], &event["revision"]), (&"network".into(), &2.into()));
    let saved: serde_json::Value = serde_json::from_str(&events[3].1[1]).unwrap();
    assert_eq!((&saved["type"], &saved["revision"]), (&"saved".into(), &2.into()));
    assert_eq!(event["change"]["peers_left"]["count"], 2);
    // Without the Network itself its revision says nothing.
    let () = store.broker.query(redis::cmd("DEL").arg(store.prefix.network())).await.unwrap();
    assert_eq!(store.hold("a", LEASE, Checked::No).await.unwrap().revision, 0);
    assert_eq!(store.revision().await.unwrap(), None);
}

#[tokio::test]
async fn what_a_revision_changed_is_kept_as_long_as_it_leads_on() {
    let redis = Scratch::start().unwrap();
    let store = store(&redis).await;
    let token = store.hold("a", LEASE, Checked::No).await.unwrap().token.unwrap();
    let revisions = async |known| -> Vec<(u64, u64)> {
        let read = |diff: &String| {
            let diff: serde_json::Value = serde_json::from_str(diff).unwrap();
            (diff["since"].as_u64().unwrap(), diff["revision"].as_u64().unwrap())
        };
        store.news(known).await.unwrap().diffs.iter().map(read).collect()
    };
    let (one, two) = (network(3), network(1));
    save(&store, &token, &Network::default(), 3).await.unwrap();
    save(&store, &token, &one, 1).await.unwrap();
    assert_eq!(revisions(0).await, [(0, 1), (1, 2)]);
    assert_eq!((revisions(1).await, revisions(2).await), (vec![(1, 2)], vec![]));
    let diff: serde_json::Value = serde_json::from_str(&store.news(1).await.unwrap().diffs[0]).unwrap();
    let ids = |list: &serde_json::Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&diff["data"]["nodes"]), [samples::id(1)]);
    assert_eq!((ids(&diff["data"]["peers"]).len(), &diff["data"]["nodes_left"]), (0, &serde_json::json!([])));
    assert_eq!(diff["data"]["peers_left"], serde_json::json!([samples::id(101), samples::id(102)]));
    // Too much at once: nobody can go on over it.
    save(&store, &token, &two, 1500).await.unwrap();
    assert_eq!(revisions(0).await, []);
    for _ in 0..MAX_DIFFS {
        save(&store, &token, &one, 1).await.unwrap();
    }
    assert_eq!(revisions(0).await.len(), MAX_DIFFS);
    save(&store, &token, &one, 1).await.unwrap();
    let last = 3 + MAX_DIFFS as u64;
    assert_eq!(
        (revisions(0).await.len(), revisions(last - 1).await),
        (MAX_DIFFS, vec![(last - 1, last), (last, last + 1)])
    );
    assert_eq!(revisions(999).await.len(), MAX_DIFFS, "who knows what is not there begins anew");
    // The Network was taken away: what comes then does not follow from what followers have.
    let () = store.broker.query(redis::cmd("DEL").arg(store.prefix.network())).await.unwrap();
    assert_eq!(revisions(0).await, []);
    let revision = tell(&store, &token, 0, &Network::default(), 3).await.unwrap();
    assert!(store.save(&token, revision, &Whole::new(&merged(3).moment())).await.unwrap());
    assert_eq!(store.news(0).await.unwrap().written, revision.number);
    assert_eq!(revisions(0).await, []);
}

#[tokio::test]
async fn who_left_is_remembered_within_bounds() {
    let redis = Scratch::start().unwrap();
    let store = store(&redis).await;
    let token = store.hold("a", LEASE, Checked::No).await.unwrap().token.unwrap();
    for peers in [700, 2000] {
        save(&store, &token, &network(peers), 0).await.unwrap();
    }
    assert_eq!(store.gone(usize::MAX).await.unwrap().len(), MAX_GONE);
    assert_eq!(store.gone(0).await.unwrap().len(), 1);
}

#[tokio::test]
async fn nodes_hold_for_their_time() {
    let redis = Scratch::start().unwrap();
    let store = store(&redis).await;
    let now = store.hold("a", LEASE, Checked::No).await.unwrap().now;
    let nodes: Vec<_> = (0..70).map(|n| (Arc::new(samples::node(n)), LEASE)).collect();
    store.put_nodes(&nodes, now).await.unwrap();
    let ids = store.node_ids(now).await.unwrap();
    assert_eq!((ids.len(), &ids[69]), (70, &samples::id(69)));
    assert_eq!(store.node_ids(now + milliseconds(LEASE) + 1).await.unwrap(), Vec::<String>::new());
    assert_eq!(store.node(&samples::id(7)).await.unwrap().as_ref(), Some(&*nodes[7].0));
    let wanted = [samples::id(3), samples::id(500), samples::id(5)];
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    assert_eq!(store.nodes(&wanted).await.unwrap(), [samples::node(3), samples::node(5)]);
    let life: i64 = store.broker.query(redis::cmd("PTTL").arg(store.prefix.node(&samples::id(7)))).await.unwrap();
    assert!((1..=60_000).contains(&life));
}

#[tokio::test]
async fn an_alarm_is_told_once() {
    let redis = Scratch::start().unwrap();
    let store = store(&redis).await;
    let silent = Alarms::from([((AlarmKind::NodeSilent, "http://a/".into()), "a \"does\" not answer".into())]);
    let none = Alarms::new();
    for (on, off) in [(&silent, &none), (&silent, &none), (&none, &silent), (&none, &silent), (&none, &none)] {
        store.tell_alarms(on, off).await.unwrap();
    }
    let events: Vec<(String, Vec<String>)> =
        store.broker.query(redis::cmd("XRANGE").arg(store.events_key()).arg("-").arg("+")).await.unwrap();
    let told: Vec<serde_json::Value> =
        events.iter().map(|(_, fields)| serde_json::from_str(&fields[1]).unwrap()).collect();
    let kinds: Vec<_> = told.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["raised", "cleared"]);
    assert_eq!((&told[0]["kind"], &told[0]["node"]), (&"node_silent".into(), &"http://a/".into()));
    assert_eq!(store.news(0).await.unwrap().alarms, Vec::<String>::new());
    store.tell_alarms(&silent, &none).await.unwrap();
    let on: serde_json::Value = serde_json::from_str(&store.news(0).await.unwrap().alarms[0]).unwrap();
    assert_eq!(on["text"], "a \"does\" not answer");
    let life: i64 = store.broker.query(redis::cmd("PTTL").arg(store.key("alarms"))).await.unwrap();
    assert!((1..=60_000).contains(&life), "it fades");
}

#[tokio::test]
async fn what_was_told_is_written_later_and_never_backwards() {
    let redis = Scratch::start().unwrap();
    let store = store(&redis).await;
    let token = store.hold("a", LEASE, Checked::No).await.unwrap().token.unwrap();
    let first = tell(&store, &token, 0, &Network::default(), 3).await.unwrap();
    assert_eq!((first.number, store.news(0).await.unwrap().revision), (1, 0), "there is no Network yet");
    assert_eq!((store.revision().await.unwrap(), store.resume().await.unwrap().is_none()), (None, true));
    let whole = |peers| Whole::new(&merged(peers).moment());
    assert!(store.save(&token, first, &whole(3)).await.unwrap());
    let second = tell(&store, &token, 1, &network(3), 2).await.unwrap();
    let third = tell(&store, &token, 2, &network(2), 1).await.unwrap();
    // What is written is still the first, and says so.
    let news = store.news(1).await.unwrap();
    assert_eq!((news.revision, news.written, news.diffs.len()), (3, 1, 2));
    let held = store.hold("a", LEASE, Checked::No).await.unwrap();
    assert_eq!((held.told, held.revision), (3, 1));
    assert_eq!(store.revision().await.unwrap(), Some((1, first.at)));
    assert_eq!(store.resume().await.unwrap().map(|(network, revision, _)| (network, revision)), Some((network(3), 1)));
    assert!(store.save(&token, third, &whole(1)).await.unwrap());
    // One that comes late replaces nothing.
    assert!(store.save(&token, second, &whole(2)).await.unwrap());
    let stored = store.read().await.unwrap();
    assert_eq!((stored.revision, stored.saved_at_ms, stored.json), (3, third.at, network(1).json()));
    store.release(&token).await.unwrap();
    assert!(!store.save(&token, Revision { number: 9, ..third }, &whole(2)).await.unwrap(), "nobody has the right");
    assert_eq!(store.read().await.unwrap().revision, 3);
}
