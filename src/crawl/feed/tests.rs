use super::*;
use crate::{
    broker::Scratch,
    crawl::{Directory, NetworkName},
};

struct Bench {
    redis: Scratch,
    store: Store,
    feeds: Feeds,
}

async fn bench() -> Bench {
    let redis = Scratch::start().expect("a redis-server");
    let directory = Directory::new(redis.broker().await.expect("it answers"), 4);
    let store = directory.enter(&NetworkName::mainnet(), Duration::from_mins(1)).await.expect("a store");
    Bench { redis, store, feeds: Feeds::default() }
}

impl Bench {
    /// Says something, as the scripts of the store do.
    async fn say(&self, name: &str, n: u32) -> Mark {
        let json = format!("{{\"type\":\"{name}\",\"n\":{n}}}");
        let mut command = redis::cmd("XADD");
        command.arg(self.store.events_key()).arg("*").arg("event").arg(json);
        let id: String = self.store.broker().query(&command).await.expect("an id");
        id.parse().expect("an id")
    }

    async fn follow(&self, after: Option<Mark>) -> Follower {
        self.feeds.follow(&self.store, after).await.expect("a follower")
    }
}

async fn next(follower: &mut Follower) -> (String, String) {
    let told = timeout(Duration::from_secs(20), follower.next()).await.expect("in time").expect("an event");
    (told.name, told.data.to_string())
}

#[tokio::test]
async fn everybody_is_told_what_happens_from_now_on() {
    let bench = bench().await;
    bench.say("found", 1).await;
    let (mut a, mut b) = (bench.follow(None).await, bench.follow(None).await);
    bench.say("gone", 2).await;
    for follower in [&mut a, &mut b] {
        assert_eq!(next(follower).await, ("gone".into(), r#"{"type":"gone","n":2}"#.into()));
    }
    assert_eq!(bench.feeds.feeds().len(), 1, "one reader");
}

#[tokio::test]
async fn who_comes_back_gets_what_it_missed() {
    let bench = bench().await;
    let seen = bench.say("found", 1).await;
    for n in 2..=450 {
        bench.say("updated", n).await;
    }
    let mut follower = bench.follow(Some(seen)).await;
    for n in 2..=450 {
        assert_eq!(next(&mut follower).await.1, format!("{{\"type\":\"updated\",\"n\":{n}}}"));
    }
    bench.say("gone", 451).await;
    assert_eq!(next(&mut follower).await.0, "gone", "and goes on, nothing twice");
}

#[tokio::test]
async fn who_comes_back_too_late_is_told_so() {
    let bench = bench().await;
    let seen = bench.say("found", 1).await;
    for n in 2..=5 {
        bench.say("updated", n).await;
    }
    let mut trim = redis::cmd("XTRIM");
    trim.arg(bench.store.events_key()).arg("MAXLEN").arg(2);
    let _: u64 = bench.store.broker().query(&trim).await.expect("trimmed");
    let mut follower = bench.follow(Some(seen)).await;
    assert_eq!(next(&mut follower).await, ("reset".into(), r#"{"type":"reset"}"#.into()));
    bench.say("gone", 6).await;
    assert_eq!(next(&mut follower).await.0, "gone");
    // An id that this stream has never given.
    let mut follower = bench.follow(Some("99999999999999-0".parse().expect("an id"))).await;
    assert_eq!(next(&mut follower).await.0, "reset");
    drop(bench.redis);
}

#[tokio::test]
async fn a_slow_follower_is_told_that_it_missed_something() {
    let bench = bench().await;
    let (mut slow, mut quick) = (bench.follow(None).await, bench.follow(None).await);
    let most = u32::try_from(WAITING).expect("small");
    for n in 0..=most {
        bench.say("updated", n).await;
        assert_eq!(next(&mut quick).await.0, "updated");
    }
    assert_eq!(next(&mut slow).await.0, "reset");
    bench.say("gone", 0).await;
    assert_eq!(next(&mut slow).await.0, "gone");
}

#[test]
fn what_is_no_event_is_left_out() {
    let entry = |fields: &[&str]| ("1-0".to_owned(), fields.iter().map(|field| (*field).to_owned()).collect());
    assert!(event(&entry(&["event", r#"{"type":"found"}"#])).is_some());
    for bad in [
        &[][..],
        &["event"],
        &["other", r#"{"type":"found"}"#],
        &["event", "{"],
        &["event", r#"{"type":"a b"}"#],
        &["event", "{\"type\":\"found\",\n\"n\":1}"],
        &["event", "{}"],
    ] {
        assert_eq!(event(&entry(bad)), None, "{bad:?}");
    }
}
