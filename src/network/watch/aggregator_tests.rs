use super::*;
use crate::{
    broker::Scratch,
    network::{
        AggregatedNode, Network, Prefix,
        ask::Answer,
        model::Node,
        samples,
        status::Status,
        watch::{known::When, poll::Polled},
    },
};

/// A job that polls some nodes.
struct Job {
    aggregator: Aggregator,
    known: Known,
}

impl Job {
    fn new(store: &Store, owner: &str, urls: &[&str]) -> Self {
        let mut known = Known::default();
        for url in urls {
            assert!(known.add(url, When::First));
        }
        Self { aggregator: Aggregator::new(store.clone(), owner.into()), known }
    }

    /// A node answers for so long.
    fn answers(&mut self, url: &str, node: Node, life: Duration) {
        let answer = Answer {
            status: Status { node, skipped: 0, hints: Vec::new() },
            took: Duration::from_millis(1),
            body: bytes::Bytes::new(),
        };
        let news = self.known.note(Polled { url: url.into(), said: Ok(answer), life, is_last: false }, None).unwrap();
        for id in news.was.iter().chain([&news.node.id]) {
            self.aggregator.hear(&self.known, id);
        }
    }

    async fn beat(&mut self) {
        for id in self.known.expire() {
            self.aggregator.hear(&self.known, &id);
        }
        self.aggregator.beat(&self.known).await.unwrap();
    }

    /// What is due is told, and not written.
    async fn tell(&mut self) {
        self.aggregator.tell(&self.known).await.unwrap();
    }

    /// What is due is told and written.
    async fn finish(&mut self) {
        self.aggregator.finish(&self.known).await.unwrap();
    }
}

const LONG: Duration = Duration::from_mins(1);

async fn store(redis: &Scratch) -> Store {
    Store::new(redis.broker().await.unwrap(), Prefix::default())
}

/// A node that began then.
fn since(number: u32, start: i64) -> Node {
    Node { up_since: Some(start), ..samples::node(number) }
}

/// Since when which nodes are, as it is written; with its revision and the one that was told last.
async fn written(store: &Store) -> (Vec<(String, Option<i64>)>, u64, u64) {
    let stored = store.read().await.unwrap();
    let network: Network = serde_json::from_str(&stored.json).unwrap();
    let node = |node: AggregatedNode| (node.id, node.up_since);
    (network.nodes.into_iter().map(node).collect(), stored.revision, store.news(0).await.unwrap().revision)
}

#[tokio::test]
async fn who_comes_after_one_that_died_tells_what_that_could_not_write() {
    let redis = Scratch::start().unwrap();
    let store = store(&redis).await;
    let url = "http://a/";
    let mut first = Job::new(&store, "a", &[url]);
    first.answers(url, since(1, 1000), LONG);
    first.beat().await;
    first.finish().await;
    let nodes = |start| vec![(samples::id(1), Some(start))];
    assert_eq!(written(&store).await, (nodes(1000), 1, 1));
    first.tell().await;
    assert_eq!((first.aggregator.saves, first.aggregator.merges), (1, 2), "nothing is told that is as it was");
    first.answers(url, since(1, 2000), LONG);
    first.tell().await;
    assert_eq!(written(&store).await, (nodes(1000), 1, 2), "told, and not written");
    // It is silent for so long that another takes over, to whom the node says what it said at first.
    let () = store.broker().query(redis::cmd("DEL").arg("{hathor-explorer-service.network.v1}.lock")).await.unwrap();
    let mut second = Job::new(&store, "b", &[url]);
    second.answers(url, since(1, 1000), LONG);
    second.beat().await;
    assert!(second.aggregator.reigns());
    second.finish().await;
    assert_eq!(written(&store).await, (nodes(1000), 3, 3), "who has the second hears that it does not hold");
    assert_eq!(store.news(2).await.unwrap().diffs, Vec::<String>::new(), "no diff leads from the first to the third");
    // The one before is back, and writes nothing any more.
    first.finish().await;
    assert!(!first.aggregator.reigns());
    first.beat().await;
    assert!(!first.aggregator.reigns());
    assert_eq!(written(&store).await, (nodes(1000), 3, 3));
    second.answers(url, since(1, 3000), LONG);
    second.tell().await;
    // Who leaves writes what was told.
    second.aggregator.leave().await;
    assert_eq!(written(&store).await, (nodes(3000), 4, 4));
    first.beat().await;
    assert!(first.aggregator.reigns());
}

#[tokio::test]
async fn a_network_that_was_taken_away_is_written_again() {
    let redis = Scratch::start().unwrap();
    let store = store(&redis).await;
    let url = "http://a/";
    let mut job = Job::new(&store, "a", &[url]);
    job.answers(url, since(1, 1000), LONG);
    job.beat().await;
    job.finish().await;
    for (key, revision) in [(store.prefix().network(), 2), ("{hathor-explorer-service.network.v1}.meta".into(), 1)] {
        let () = store.broker().query(redis::cmd("DEL").arg(key)).await.unwrap();
        job.beat().await;
        job.finish().await;
        assert_eq!(written(&store).await, (vec![(samples::id(1), Some(1000))], revision, revision));
    }
}

#[tokio::test]
async fn of_two_answers_of_one_node_the_newer_counts_as_long_as_it_holds() {
    let redis = Scratch::start().unwrap();
    let store = store(&redis).await;
    let (a, b) = ("http://a/", "http://b/");
    let mut job = Job::new(&store, "a", &[a, b]);
    let at = |start, ms| {
        let mut node = since(1, start);
        node.received_at_ms.0 = ms;
        node
    };
    job.answers(a, at(1000, 10), LONG);
    job.beat().await;
    job.finish().await;
    assert_eq!(store.read().await.unwrap().json, "", "another node may not be known yet");
    job.answers(b, at(2000, 20), Duration::ZERO);
    job.answers(a, at(1000, 15), LONG);
    job.finish().await;
    assert_eq!(written(&store).await.0, [(samples::id(1), Some(2000))]);
    job.beat().await;
    job.finish().await;
    assert_eq!(written(&store).await.0, [(samples::id(1), Some(1000))], "the newer does not hold any more");
    // Another node answers there now.
    job.answers(a, since(2, 5000), LONG);
    job.finish().await;
    assert_eq!(written(&store).await.0, [(samples::id(2), Some(5000))]);
}

#[tokio::test]
async fn what_others_poll_counts_unless_this_job_polls_it() {
    let redis = Scratch::start().unwrap();
    let store = store(&redis).await;
    let url = "http://a/";
    let mut job = Job::new(&store, "a", &[url]);
    job.answers(url, since(1, 1000), Duration::ZERO);
    job.beat().await;
    let theirs = [(Arc::new(since(1, 7000)), LONG), (Arc::new(since(2, 8000)), LONG)];
    store.put_nodes(&theirs, job.aggregator.now()).await.unwrap();
    job.answers(url, since(1, 1000), LONG);
    job.beat().await;
    job.finish().await;
    let (one, two) = (samples::id(1), samples::id(2));
    assert_eq!(written(&store).await.0, [(one.clone(), Some(1000)), (two.clone(), Some(8000))]);
    job.answers(url, since(1, 1000), Duration::ZERO);
    job.beat().await;
    job.finish().await;
    assert_eq!(written(&store).await.0, [(one.clone(), Some(7000)), (two, Some(8000))], "it is theirs now");
    let () = store.broker().query(redis::cmd("DEL").arg(store.prefix().node(&samples::id(2)))).await.unwrap();
    job.answers(url, since(1, 1000), LONG);
    job.beat().await;
    job.finish().await;
    assert_eq!(written(&store).await.0, [(one, Some(1000))], "what is over is gone");
}
