//! A node of the `discv5` crate with the limiter that Lighthouse sets: who is too fast hears nothing for an hour.

use std::{
    net::{Ipv4Addr, SocketAddrV4},
    num::NonZeroU32,
    time::Duration,
};

use ::discv5::RateLimiterBuilder;

use super::real::Node;
use crate::discv5::{AskError, Client, Completeness, Config, Pace};

/// Its own record, the buckets one by one, the sparse ones together.
fn questions() -> Vec<Vec<u16>> {
    let each = (240..=256).rev().map(|distance| vec![distance]);
    std::iter::once(vec![0]).chain(each).chain([vec![239, 238, 237]]).collect()
}

async fn limited() -> Node {
    Node::start(Ipv4Addr::LOCALHOST.into(), |config| {
        let second = Duration::from_secs(1);
        let limiter = RateLimiterBuilder::new()
            .total_n_every(10, second)
            .ip_n_every(9, second)
            .node_n_every(8, second)
            .build()
            .expect("a limiter");
        config
            .enable_packet_filter()
            .filter_rate_limiter(Some(limiter))
            .filter_max_nodes_per_ip(Some(10))
            .filter_max_bans_per_ip(Some(5))
            .ban_duration(Some(Duration::from_hours(1)));
    })
    .await
}

/// On an address of its own: bans are for the whole process, and other tests are asked from 127.0.0.1.
fn config(host: u8) -> Config {
    Config { ipv4: Some(SocketAddrV4::new(Ipv4Addr::new(127, 9, 9, host), 0)), ipv6: None, ..Config::default() }
}

#[tokio::test]
async fn a_whole_drain_at_the_polite_pace_is_answered() {
    let node = limited().await;
    let known = node.fill(&[256, 255]);
    let client = Client::start(config(1)).expect("a client");
    let asking = questions().into_iter().map(|distances| {
        let (client, peer) = (client.clone(), node.peer.clone());
        tokio::spawn(async move { client.find_node(&peer, &distances).await })
    });
    let mut found = 0;
    for question in asking.collect::<Vec<_>>() {
        let nodes = question.await.expect("asked").expect("an answer");
        assert_eq!(nodes.completeness, Completeness::Whole);
        found += nodes.records.len();
    }
    assert_eq!(found, known.len() + 1);
    let counters = client.counters();
    assert_eq!((counters.timeouts, counters.silent_after_answer), (0, 0), "{counters:?}");
    assert_eq!((counters.answered, counters.paced), (19, 12), "{counters:?}");
    client.ping(&node.peer).await.expect("it still answers");
}

/// The test above can fail: without the pace the same node falls silent.
#[tokio::test]
async fn without_a_pace_the_same_node_falls_silent() {
    let node = limited().await;
    let thousand = NonZeroU32::new(1000).expect("not zero");
    let mut hasty = config(2);
    (hasty.peer_pace, hasty.ip_pace) = (Pace { rate: thousand, burst: thousand }, None);
    (hasty.retries, hasty.request_timeout) = (0, Duration::from_millis(300));
    let client = Client::start(hasty).expect("a client");
    let mut answers = Vec::new();
    for distances in questions().into_iter().take(11) {
        answers.push(client.find_node(&node.peer, &distances).await.err());
    }
    let answered = answers.iter().take_while(|answer| answer.is_none()).count();
    assert!((7..=9).contains(&answered), "{answers:?}");
    assert!(answers.iter().skip(answered).all(|answer| *answer == Some(AskError::Silent)), "{answers:?}");
    assert_eq!(client.counters().silent_after_answer, 1);
}
