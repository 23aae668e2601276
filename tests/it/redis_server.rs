//! The private redis-server starts, is adopted, comes back and stops with us; a Redis of the user's own works too.

use std::{fs, process::Command};

use rustix::process::Signal;

use crate::support::{Collector, Scratch, alive, eventually, finished, redis_server, signal};

#[tokio::test]
async fn it_starts_with_us_and_stops_with_us() {
    let scratch = Scratch::new();
    let mut collector = Collector::up(&scratch, &[]).await;
    let socket = scratch.path().join("data/redis.sock");
    assert_eq!(collector.redis_line, Some(format!("redis-cli -s {}", socket.display())));
    let mut redis = collector.redis().await;
    for (key, value) in [("appendonly", "yes"), ("appendfsync", "everysec"), ("maxmemory-policy", "noeviction")] {
        let set: Vec<String> = redis::cmd("CONFIG").arg("GET").arg(key).query_async(&mut redis).await.unwrap();
        assert_eq!(set, [key, value]);
    }
    redis::cmd("SET").arg("kept").arg(1).exec_async(&mut redis).await.unwrap();
    assert_eq!(collector.stop().await.code(), Some(0));
    assert!(!alive(collector.redis_pid()), "redis-server is gone");
    assert!(scratch.read("data/redis.log").contains("bye bye"), "it was stopped cleanly, and its log is kept");

    let again = Collector::up(&scratch, &[]).await;
    let kept: i32 = redis::cmd("GET").arg("kept").query_async(&mut again.redis().await).await.unwrap();
    assert_eq!(kept, 1);
}

#[tokio::test]
async fn the_data_directory_is_ours_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = Scratch::new();
    let _collector = Collector::up(&scratch, &[]).await;
    for (path, mode) in [("data", 0o700), ("data/redis", 0o700), ("data/redis.sock", 0o700), ("data/lock", 0o600)] {
        let found = fs::metadata(scratch.path().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{path}");
    }
}

#[tokio::test]
async fn a_second_up_on_the_same_directory_is_refused() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &[]).await;
    let second = finished(&scratch, ["up", "--listen", "127.0.0.1:0", "--data-dir", "data"], &[]).await;
    assert_eq!(second.code, Some(2));
    let message = format!(
        "collector: another collector (pid {}) is running on the data directory {}; stop it or choose another --data-dir\n",
        collector.pid(),
        scratch.path().join("data").display()
    );
    assert_eq!(second.stderr, message);
    assert!(alive(collector.redis_pid()));
}

#[tokio::test]
async fn a_missing_redis_server_says_how_to_install_it() {
    let scratch = Scratch::new();
    let it =
        finished(&scratch, ["up", "--listen", "127.0.0.1:0"], &[("COLLECTOR_REDIS__SERVER", "no-such-redis")]).await;
    assert_eq!(it.code, Some(2));
    assert_eq!(
        it.stderr,
        "collector: there is no program \"no-such-redis\", which keeps the jobs when redis.url is not set; install it \
         (apt-get install redis-server, dnf install redis, or brew install redis) or set redis.url to a Redis that \
         runs already\n"
    );
}

#[tokio::test]
async fn a_redis_server_that_ends_at_once_is_quoted() {
    let scratch = Scratch::new();
    let program = scratch.write("fails", "#!/bin/sh\necho 'it hurts'\nexit 7\n");
    assert!(Command::new("chmod").arg("+x").arg(&program).status().unwrap().success());
    let it = finished(&scratch, ["up"], &[("COLLECTOR_REDIS__SERVER", program.to_str().unwrap())]).await;
    assert_eq!(it.code, Some(2));
    assert!(it.stderr.contains("redis-server ended at once (exit status: 7)"), "{}", it.stderr);
    assert!(it.stderr.ends_with("redis.log: it hurts\n"), "{}", it.stderr);
}

#[tokio::test]
async fn an_orphan_is_adopted_and_stopped_in_the_end() {
    let scratch = Scratch::new();
    let mut first = Collector::up(&scratch, &[]).await;
    first.kill().await;
    let orphan = first.redis_pid();
    assert!(alive(orphan), "it goes on without us");
    let mut second = Collector::up(&scratch, &[]).await;
    assert_eq!(second.redis_pid(), orphan);
    assert!(second.stderr().contains("adopting the redis-server"), "{}", second.stderr());
    assert_eq!(second.stop().await.code(), Some(0));
    assert!(!alive(orphan));
}

#[tokio::test]
async fn one_that_dies_is_started_again() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &[]).await;
    redis::cmd("SET").arg("kept").arg(1).exec_async(&mut collector.redis().await).await.unwrap();
    // While an fsync is under way, `everysec` lets Redis hold a write back for a moment.
    eventually("the write is in the file", async || {
        let info: redis::InfoDict =
            redis::cmd("INFO").arg("persistence").query_async(&mut collector.redis().await).await.unwrap();
        info.get::<u64>("aof_buffer_length").filter(|left| *left == 0)
    })
    .await;
    signal(collector.redis_pid(), Signal::KILL);
    let client = redis::Client::open(collector.redis_url()).unwrap();
    let kept: i32 = eventually("redis-server is back", async || {
        let mut redis = client.get_multiplexed_async_connection().await.ok()?;
        redis::cmd("GET").arg("kept").query_async(&mut redis).await.ok()
    })
    .await;
    assert_eq!(kept, 1, "what was written survives");
    assert!(collector.stderr().contains("redis-server ended by itself"), "{}", collector.stderr());
    // The new process is not the one that is cleaned up with the test.
    redis::cmd("SHUTDOWN").exec_async(&mut collector.redis().await).await.ok();
}

#[tokio::test]
async fn a_long_path_falls_back_to_a_port_with_a_password() {
    let scratch = Scratch::new();
    let long = "x".repeat(100);
    let args = ["up", "--listen", "127.0.0.1:0", "--data-dir", &long];
    let mut collector = Collector::start(&scratch, &args, &[]).await;
    let line = collector.redis_line.clone().unwrap();
    assert!(line.starts_with("REDISCLI_AUTH=$(cat ") && line.contains(") redis-cli -p "), "{line}");
    let port = line.rsplit(' ').next().unwrap();
    let stranger = redis::Client::open(format!("redis://127.0.0.1:{port}")).unwrap();
    let mut stranger = stranger.get_multiplexed_async_connection().await.unwrap();
    let refused = redis::cmd("PING").exec_async(&mut stranger).await.unwrap_err();
    assert_eq!(refused.code(), Some("NOAUTH"));
    assert_eq!(collector.stop().await.code(), Some(0));
    assert!(!alive(collector.redis_pid()));
}

#[tokio::test]
async fn a_redis_of_the_users_own_is_used() {
    let scratch = Scratch::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let socket = scratch.path().join("own.sock");
    let socket = socket.to_str().unwrap();
    let url = format!("redis://:pw@127.0.0.1:{port}");
    let args = ["--port", &port, "--unixsocket", socket, "--requirepass", "pw", "--maxmemory-policy", "allkeys-lru"];
    let server = redis_server(&scratch, &args, &url).await;
    for url in [url.clone(), format!("redis://default:pw@127.0.0.1:{port}/1"), format!("unix://{socket}?pass=pw&db=2")]
    {
        let mut collector = Collector::up(&scratch, &["--redis-url", &url]).await;
        assert_eq!(collector.redis_line, None);
        let log = collector.stderr();
        assert!(log.contains("set maxmemory-policy noeviction") && !log.contains("pw"), "{log}");
        assert_eq!(collector.stop().await.code(), Some(0));
    }
    assert!(alive(server.pid()), "it is not ours to stop");
    let wrong = format!("redis://:other@127.0.0.1:{port}");
    let it = finished(&scratch, ["up", "--listen", "127.0.0.1:0", "--redis-url", &wrong], &[]).await;
    assert_eq!(it.code, Some(2));
    assert!(it.stderr.contains("redis is unavailable") && !it.stderr.contains("other"), "{}", it.stderr);
}

#[tokio::test]
async fn tls_is_spoken_and_checked() {
    let scratch = Scratch::new();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args([
            "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
        ])
        .current_dir(scratch.path())
        .output();
    if !made.is_ok_and(|made| made.status.success()) {
        eprintln!("no openssl here, nothing to test with");
        return;
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let socket = scratch.path().join("own.sock");
    let (cert, key) = (scratch.path().join("cert.pem"), scratch.path().join("key.pem"));
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
    let args = ["--port", "0", "--unixsocket", socket.to_str().unwrap(), "--tls-port", &port];
    let tls = ["--tls-cert-file", cert, "--tls-key-file", key, "--tls-auth-clients", "no"];
    let url = format!("unix://{}", socket.display());
    let _server = redis_server(&scratch, &[&args[..], &tls[..]].concat(), &url).await;

    let url = format!("rediss://localhost:{port}");
    let trusting = [("SSL_CERT_FILE", cert)];
    let mut collector = Collector::up_with(&scratch, &["--redis-url", &url], &trusting).await;
    assert_eq!(collector.stop().await.code(), Some(0));
    let it = finished(&scratch, ["up", "--listen", "127.0.0.1:0", "--redis-url", &url], &[]).await;
    assert_eq!(it.code, Some(2), "a certificate that nobody vouches for");
    assert!(it.stderr.contains("certificate"), "{}", it.stderr);
}
