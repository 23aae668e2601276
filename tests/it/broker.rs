//! A connection survives whatever happens to Redis: a restart, a stall, forgotten scripts.

use std::time::{Duration, Instant};

use collector::{
    broker::{Broker, BrokerError, Script},
    config::Redis,
};
use futures_util::StreamExt as _;
use rustix::process::Signal;

use crate::support::{RedisServer, Scratch, eventually, freeze, redis_server, signal};

const PATIENCE: Duration = Duration::from_millis(500);

async fn server(scratch: &Scratch) -> (RedisServer, Redis) {
    let socket = scratch.path().join("redis.sock");
    let url = format!("unix://{}", socket.display());
    let server = redis_server(scratch, &["--port", "0", "--unixsocket", socket.to_str().unwrap()], &url).await;
    (server, Redis::at(url, PATIENCE))
}

async fn set(broker: &Broker, value: u32) -> Result<(), BrokerError> {
    Ok(redis::cmd("SET").arg("key").arg(value).exec_async(&mut broker.connection()).await?)
}

#[tokio::test]
async fn a_restart_is_survived_even_unused() {
    let scratch = Scratch::new();
    let (first, settings) = server(&scratch).await;
    let broker = Broker::connect(&settings).await.unwrap();
    set(&broker, 1).await.unwrap();
    drop(first);
    eventually("the loss is noticed", async || set(&broker, 2).await.is_err().then_some(())).await;
    let asked = Instant::now();
    let error = set(&broker, 2).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    assert!(asked.elapsed() < PATIENCE, "while it is away commands fail at once");
    let (second, _) = server(&scratch).await;
    eventually("it is back", async || set(&broker, 3).await.ok()).await;

    drop(second);
    let (_third, _) = server(&scratch).await;
    // Nothing was sent meanwhile; the connection has to notice by itself.
    eventually("the link is up without a failed command", async || {
        tokio::time::sleep(Duration::from_millis(200)).await;
        set(&broker, 4).await.ok()
    })
    .await;
}

#[tokio::test]
async fn a_stall_hangs_nobody_for_longer_than_the_timeout() {
    let scratch = Scratch::new();
    let (server, settings) = server(&scratch).await;
    let broker = Broker::connect(&settings).await.unwrap();
    freeze(server.pid()).await;
    let asked = Instant::now();
    let errors = futures_util::future::join_all((0..50).map(|n| set(&broker, n))).await;
    assert!(errors.iter().all(|result| result.as_ref().is_err_and(BrokerError::is_unavailable)));
    assert!(asked.elapsed() < PATIENCE * 3, "{:?}", asked.elapsed());
    signal(server.pid(), Signal::CONT);
    eventually("it goes on", async || set(&broker, 7).await.ok()).await;
}

#[tokio::test]
async fn a_forgotten_script_is_sent_again() {
    let scratch = Scratch::new();
    let (_server, settings) = server(&scratch).await;
    let broker = Broker::connect(&settings).await.unwrap();
    let mut connection = broker.connection();
    let script = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1] * ARGV[2])");
    let two_and_three = |command: &mut redis::Cmd| {
        command.arg(2).arg(3);
    };
    assert_eq!(script.call::<u32>(&mut connection, "n", two_and_three).await.unwrap(), 6);
    redis::cmd("SCRIPT").arg("FLUSH").exec_async(&mut connection).await.unwrap();
    assert_eq!(script.call::<u32>(&mut connection, "n", two_and_three).await.unwrap(), 12);
    let nonsense = |command: &mut redis::Cmd| {
        command.arg("x").arg(1);
    };
    let refused = script.call::<u32>(&mut connection, "n", nonsense).await.unwrap_err();
    assert!(matches!(refused, BrokerError::Refused(_)), "{refused}");
}

#[tokio::test]
async fn blocking_and_listening_have_connections_of_their_own() {
    let scratch = Scratch::new();
    let (_server, settings) = server(&scratch).await;
    let broker = Broker::connect(&settings).await.unwrap();
    let mut blocked = broker.dedicated(Duration::from_secs(20));
    let pop = async { redis::cmd("BLPOP").arg("list").arg(10).query_async::<Vec<String>>(&mut blocked).await };
    let mut pubsub = broker.pubsub().await.unwrap();
    pubsub.subscribe("channel").await.unwrap();
    let push = async {
        let mut connection = broker.connection();
        eventually("somebody blocks", async || {
            let info: redis::InfoDict = redis::cmd("INFO").query_async(&mut connection).await.ok()?;
            (info.get::<u32>("blocked_clients") == Some(1)).then_some(())
        })
        .await;
        redis::cmd("PUBLISH").arg("channel").arg("hi").exec_async(&mut connection).await.unwrap();
        redis::cmd("RPUSH").arg("list").arg("x").exec_async(&mut connection).await.unwrap();
    };
    assert_eq!(tokio::join!(pop, push).0.unwrap(), ["list", "x"]);
    let message = pubsub.into_on_message().next().await.unwrap();
    assert_eq!(message.get_payload::<String>().unwrap(), "hi");
}
