//! Hosts share nothing but Redis: work is spread over them, and a lost one loses nothing.

use std::{collections::HashSet, process::Command};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Collector, Scratch, children, eventually, redis_on_a_socket, redis_server, signal};

/// A free TCP port of a moment ago.
fn free_port() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

/// The process that ran a job: `host:pid:start`.
fn pid_of(job: &Value) -> Option<u32> {
    job["sanjer"].as_str()?.rsplit(':').nth(1)?.parse().ok()
}

#[tokio::test]
async fn two_share_the_work_and_one_finishes_it() {
    let redis = Scratch::new();
    let (_server, url) = redis_on_a_socket(&redis).await;
    let key = redis.path().join("shared.key");
    let env = [("COLLECTOR_SECRETS__KEY_FILE", key.to_str().unwrap()), ("COLLECTOR_QUEUE__LEASE", "2s")];
    let args = ["--redis-url", &url, "--pool", "light=1x2"];
    let (one, two) = (Scratch::new(), Scratch::new());
    let mut first = Collector::up_with(&one, &args, &env).await;
    let second = Collector::up_with(&two, &args, &env).await;
    let mut ids = Vec::new();
    for _ in 0..24 {
        ids.push(second.submit(&json!({"platform_id": "noop", "settings": {"sleep_ms": 300}})).await);
    }
    let (on_first, on_second) = (children(first.pid()), children(second.pid()));
    let mut ran = HashSet::new();
    let interrupted = eventually("both hosts run jobs, the first one now", async || {
        let mut running = Vec::new();
        for id in &ids {
            let job = second.job(id).await;
            let pid = pid_of(&job);
            ran.extend(pid);
            running
                .extend((job["status"] == "running" && pid.is_some_and(|pid| on_first.contains(&pid))).then_some(id));
        }
        let both = [&on_first, &on_second].iter().all(|host| host.iter().any(|pid| ran.contains(pid)));
        running.first().filter(|_| both).map(|id| (*id).clone())
    })
    .await;

    // The whole host at once: nobody is left to hand anything back. The stop makes sure that no sanjer gets to.
    for pid in &on_first {
        signal(*pid, Signal::STOP);
    }
    let held = second.job(&interrupted).await;
    first.kill().await;
    for pid in &on_first {
        signal(*pid, Signal::KILL);
    }
    for id in &ids {
        let job = second.reaches(id, "succeeded").await;
        assert_eq!(job["attempt"], 1, "a lost host costs no attempt: {job}");
        assert!(pid_of(&job).is_some_and(|pid| on_first.contains(&pid) || on_second.contains(&pid)), "{job}");
    }
    if held["status"] == "running" {
        let job = second.job(&interrupted).await;
        assert!(pid_of(&job).is_some_and(|pid| on_second.contains(&pid)), "the other host ran it: {job}");
        assert_eq!(job["lease"], 2, "{job}");
        assert!(second.stderr().contains("lease ran out"), "{}", second.stderr());
    }
}

#[tokio::test]
async fn sanjers_alone_work_over_the_network() {
    let scratch = Scratch::new();
    let port = free_port();
    let url = format!("redis://:pw@127.0.0.1:{port}");
    let args = ["--port", &port, "--bind", "127.0.0.1", "--requirepass", "pw"];
    let _server = redis_server(&scratch, &args, &url).await;
    let api = Collector::start(&scratch, &["api", "--listen", "127.0.0.1:0", "--redis-url", &url], &[]).await;
    let secret = json!({"platform_id": "noop", "settings": {"secret": "hush"}});
    let id = api.submit(&secret).await;
    assert_eq!(api.job(&id).await["status"], "queued", "nobody is there to run it");
    let other = json!({"platform_id": "enr_crawl"});
    let other = api.submit(&other).await;

    let mut sanjer = Collector::silent(&scratch, &["sanjer", "--redis-url", &url, "--pool", "light"], &[]);
    let job = api.reaches(&id, "succeeded").await;
    assert_eq!(job["result"]["secret_length"], 4, "{job}");
    assert!(pid_of(&job).is_some_and(|pid| children(sanjer.pid()).contains(&pid)), "{job}");
    assert_eq!(api.job(&other).await["status"], "queued", "it serves the pools that it was told to");
    assert_eq!(sanjer.stop().await.code(), Some(0), "{}", sanjer.stderr());
}

#[tokio::test]
async fn everything_works_over_tls() {
    let scratch = Scratch::new();
    if !certificates(&scratch) {
        eprintln!("no openssl here, nothing to test with");
        return;
    }
    let port = free_port();
    let path = |name: &str| scratch.path().join(name).to_str().unwrap().to_owned();
    let (cert, key, authority) = (path("server.pem"), path("server.key"), path("authority.pem"));
    let args = ["--port", "0", "--unixsocket", "r.sock", "--bind", "127.0.0.1", "--requirepass", "pw"];
    let tls = ["--tls-port", &port, "--tls-cert-file", &cert, "--tls-key-file", &key, "--tls-auth-clients", "no"];
    let socket = format!("unix://{}?pass=pw", path("r.sock"));
    let _server = redis_server(&scratch, &[&args[..], &tls[..]].concat(), &socket).await;

    let url = format!("rediss://:pw@localhost:{port}");
    let env = [("SSL_CERT_FILE", authority.as_str())];
    let mut collector = Collector::up_with(&scratch, &["--redis-url", &url, "--pool", "light=1x2"], &env).await;
    let by_up = collector.submit(&json!({"platform_id": "noop"})).await;
    collector.reaches(&by_up, "succeeded").await;
    let args = ["sanjer", "--data-dir", "data", "--redis-url", &url, "--pool", "heavy=1x1"];
    let mut sanjer = Collector::silent(&scratch, &args, &env);
    let crawl = collector.submit(&json!({"platform_id": "enr_crawl"})).await;
    // It runs, and is told that the network's real bootnodes are out of bounds.
    let job = collector.reaches(&crawl, "failed").await;
    assert!(pid_of(&job).is_some_and(|pid| children(sanjer.pid()).contains(&pid)), "{job}");
    for it in [&mut collector, &mut sanjer] {
        assert_eq!(it.stop().await.code(), Some(0), "{}", it.stderr());
    }
}

/// An authority and a certificate for `localhost` that it has signed; false if there is no openssl.
fn certificates(scratch: &Scratch) -> bool {
    let openssl = |args: &[&str]| {
        let output = Command::new("openssl").args(args).current_dir(scratch.path()).output();
        output.is_ok_and(|output| output.status.success())
    };
    scratch.write("ext", "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=critical,CA:FALSE\n");
    let new = ["req", "-newkey", "rsa:2048", "-nodes", "-days", "2"];
    let authority = ["-x509", "-subj", "/CN=authority", "-keyout", "authority.key", "-out", "authority.pem"];
    let request = ["-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"];
    let sign = ["x509", "-req", "-in", "server.csr", "-days", "2", "-extfile", "ext", "-out", "server.pem"];
    let by = ["-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial"];
    openssl(&[&new[..], &authority[..]].concat())
        && openssl(&[&new[..4], &request[..]].concat())
        && openssl(&[&sign[..], &by[..]].concat())
}
