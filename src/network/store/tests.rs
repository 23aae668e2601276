use super::{super::samples, *};
use crate::{
    broker::Scratch,
    network::{AlarmKind, merge},
};

const LEASE: Duration = Duration::from_mins(1);

async fn store(redis: &Scratch) -> Store {
    Store::new(redis.broker().await.unwrap(), Prefix::default())
}

fn network(peers: u32) -> (Network, Reporters) {
    let mut node = samples::node(1);
    node.connected_peers = (0..peers).map(|n| samples::peer(100 + n, 1)).collect();
    merge([&node], None, &Reporters::new())
}

async fn save(store: &Store, token: &Token, before: &Network, after: &(Network, Reporters)) -> Option<u64> {
    let ((network, reporters), since) = (after, store.read().await.unwrap().revision);
    store.save(token, since, network, reporters, &Difference::between(before, network)).await.unwrap()
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
    assert_eq!(save(&store, &a, &none, &network(2)).await, Some(1));
    // Its lease is over while it sleeps.
    let () = store.broker.query(redis::cmd("DEL").arg(store.key("lock"))).await.unwrap();
    assert_eq!(save(&store, &a, &none, &network(3)).await, None, "nobody has the right");
    let b = store.hold("b", LEASE, Checked::No).await.unwrap().token.expect("it is free");
    assert!(b.number > a.number);
    assert_eq!(save(&store, &a, &none, &network(3)).await, None, "it is another's");
    store.release(&a).await.unwrap();
    assert_eq!(
        store.hold("a", LEASE, Checked::No).await.unwrap().token,
        None,
        "nor can it be given back by who lost it"
    );
    assert_eq!(save(&store, &b, &none, &network(3)).await, Some(2));
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
    let (one, two) = (network(3), network(1));
    save(&store, &token, &Network::default(), &one).await.unwrap();
    save(&store, &token, &one.0, &two).await.unwrap();
    let stored = store.read().await.unwrap();
    assert_eq!(serde_json::from_str::<Network>(&stored.json).unwrap().canonical(), two.0.canonical());
    assert_eq!((stored.revision, &store.reporters().await.unwrap()), (2, &two.1));
    let news = store.news(1).await.unwrap();
    assert_eq!(store.revision().await.unwrap(), Some((2, stored.saved_at_ms)));
    let sha: String = store.broker.query(redis::cmd("HGET").arg(store.key("meta")).arg("sha256")).await.unwrap();
    assert_eq!(sha, two.0.digested().1);
    let gone: Vec<serde_json::Value> =
        store.gone(9).await.unwrap().iter().map(|line| serde_json::from_str(line.get()).unwrap()).collect();
    let ids: Vec<_> = gone.iter().map(|gone| gone["peer"]["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, [samples::id(102), samples::id(101)]);
    assert_eq!((&gone[0]["revision"], &gone[0]["at"]), (&2.into(), &stored.saved_at_ms.into()));
    let events: Vec<(String, Vec<String>)> =
        store.broker.query(redis::cmd("XRANGE").arg(store.events_key()).arg("-").arg("+")).await.unwrap();
    assert_eq!((events.len(), &events[1].0), (2, &news.last_event));
    let event: serde_json::Value = serde_json::from_str(&events[1].1[1]).unwrap();
    assert_eq!((&event["type"], &event["revision"]), (&"network".into(), &2.into()));
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
    let (one, two, many) = (network(3), network(1), network(1500));
    save(&store, &token, &Network::default(), &one).await.unwrap();
    save(&store, &token, &one.0, &two).await.unwrap();
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
    save(&store, &token, &two.0, &many).await.unwrap();
    assert_eq!(revisions(0).await, []);
    for _ in 0..MAX_DIFFS {
        save(&store, &token, &one.0, &two).await.unwrap();
    }
    assert_eq!(revisions(0).await.len(), MAX_DIFFS);
    save(&store, &token, &one.0, &two).await.unwrap();
    assert_eq!((revisions(0).await.len(), revisions(18).await), (MAX_DIFFS, vec![(18, 19), (19, 20)]));
    assert_eq!(revisions(99).await.len(), MAX_DIFFS, "who knows what is not there begins anew");
    // The Network was taken away: what comes then does not follow from what followers have.
    let () = store.broker.query(redis::cmd("DEL").arg(store.prefix.network())).await.unwrap();
    assert_eq!(revisions(0).await, []);
    let nothing = Network::default();
    store.save(&token, 0, &one.0, &one.1, &Difference::between(&nothing, &one.0)).await.unwrap();
    assert_eq!(revisions(0).await, []);
}

#[tokio::test]
async fn who_left_is_remembered_within_bounds() {
    let redis = Scratch::start().unwrap();
    let store = store(&redis).await;
    let token = store.hold("a", LEASE, Checked::No).await.unwrap().token.unwrap();
    for peers in [700, 2000] {
        let (full, empty) = (network(peers), network(0));
        save(&store, &token, &full.0, &empty).await.unwrap();
    }
    assert_eq!(store.gone(usize::MAX).await.unwrap().len(), MAX_GONE);
    assert_eq!(store.gone(0).await.unwrap().len(), 1);
}

#[tokio::test]
async fn nodes_hold_for_their_time() {
    let redis = Scratch::start().unwrap();
    let store = store(&redis).await;
    let now = store.hold("a", LEASE, Checked::No).await.unwrap().now;
    let nodes: Vec<_> = (0..70).map(|n| (samples::node(n), LEASE)).collect();
    store.put_nodes(&nodes, now).await.unwrap();
    let ids = store.node_ids(now).await.unwrap();
    assert_eq!((ids.len(), &ids[69]), (70, &samples::id(69)));
    assert_eq!(store.node_ids(now + milliseconds(LEASE) + 1).await.unwrap(), Vec::<String>::new());
    assert_eq!(store.node(&samples::id(7)).await.unwrap().as_ref(), Some(&nodes[7].0));
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
