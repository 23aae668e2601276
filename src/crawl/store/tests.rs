use super::*;
use crate::broker::Scratch;

const LENGTH: Duration = Duration::from_mins(5);

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_keep_an_epoch_open() {
    let redis = Scratch::start().expect("a redis-server");
    let directory = Directory::new(redis.broker().await.expect("it answers"), 1);
    let store = directory.enter(&NetworkName::mainnet(), LENGTH).await.expect("a store");
    let member = Member { name: "a", root: "job:1", lease: LENGTH, epochs: Some(0) };
    let joined = store.join(&member, "{}", &[]).await.expect("joined");
    // An hour from now.
    let ahead = joined.now + 3_600_000;
    let mut set = redis::cmd("HSET");
    set.arg(store.key("about")).arg("started_at").arg(ahead);
    let () = store.broker.query(&set).await.expect("set");
    assert_eq!(store.close(1, LENGTH, Further::Wanted).await.expect("an answer"), (0, 1));
    let about = store.about().await.expect("what is known");
    let started: u64 = about["started_at"].parse().expect("a time");
    assert!((joined.now..ahead).contains(&started), "{started}");
}
