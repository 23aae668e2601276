//! Sentinels and a Cluster that are reached over TLS.

use std::process::Command;

use serde_json::json;

use crate::{
    servers::{PASSWORD, SENTINEL_PASSWORD, Server, free_port},
    support::{Collector, Scratch, eventually, finished},
};

/// A certificate that vouches for itself, and its key, as a server's arguments and a client's environment.
struct Certificate {
    args: Vec<String>,
    file: String,
}

impl Certificate {
    fn new(scratch: &Scratch) -> Self {
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", "key.pem", "-out", "cert.pem"])
            .current_dir(scratch.path())
            .output()
            .expect("openssl is missing: apt-get install openssl");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let path = |name: &str| scratch.path().join(name).to_str().unwrap().to_owned();
        let (file, key) = (path("cert.pem"), path("key.pem"));
        let args = ["--tls-cert-file", &file, "--tls-key-file", &key, "--tls-ca-cert-file", &file];
        let args = [&args[..], &["--tls-auth-clients", "no"]].concat();
        Self { args: args.into_iter().map(str::to_owned).collect(), file }
    }

    /// Arguments of a server that listens there over TLS too.
    fn server<'a>(&'a self, port: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let args: Vec<_> = self.args.iter().map(String::as_str).collect();
        [&["--tls-port", port], &args[..], more].concat()
    }
}

/// Jobs run for who believes the certificate; nobody else gets in.
async fn works(scratch: &Scratch, url: &str, certificate: &Certificate) {
    let args = ["--redis-url", url, "--pool", "light=1x4"];
    let env = [("SSL_CERT_FILE", certificate.file.as_str()), ("COLLECTOR_QUEUE__SHARDS", "2")];
    let mut collector = Collector::up_with(scratch, &args, &env).await;
    for _ in 0..8 {
        let id = collector.submit(&json!({"platform_id": "noop"})).await;
        collector.reaches(&id, "succeeded").await;
    }
    assert_eq!(collector.stop().await.code(), Some(0), "{}", collector.stderr());
    let it = finished(scratch, ["up", "--listen", "127.0.0.1:0", "--redis-url", url], &[]).await;
    assert_eq!(it.code, Some(2));
    assert!(it.stderr.contains("certificate"), "{}", it.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_reached_over_tls() {
    let scratch = Scratch::new();
    let (certificate, port) = (Certificate::new(&scratch), free_port().to_string());
    let more = ["--cluster-enabled", "yes", "--tls-cluster", "yes"];
    let server = Server::start(&scratch, &certificate.server(&port, &more)).await;
    server.ask::<()>("CLUSTER ADDSLOTSRANGE 0 16383").await.unwrap();
    eventually("the cluster is whole", async || {
        let info: String = server.ask("CLUSTER INFO").await?;
        info.contains("cluster_state:ok").then_some(())
    })
    .await;
    works(&scratch, &format!("rediss+cluster://:{PASSWORD}@127.0.0.1:{port}"), &certificate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_are_reached_over_tls() {
    let scratch = Scratch::new();
    let (certificate, port) = (Certificate::new(&scratch), free_port().to_string());
    let _primary = Server::start(&scratch, &certificate.server(&port, &["--tls-replication", "yes"])).await;
    let own = free_port().to_string();
    let lines: Vec<_> = certificate.args.chunks_exact(2).map(|pair| pair.join(" ").replace("--", "")).collect();
    let lines = format!(
        "tls-port {own}\ntls-replication yes\n{}\nsentinel monitor jobs 127.0.0.1 {port} 1\nsentinel auth-pass jobs {PASSWORD}",
        lines.join("\n")
    );
    let _sentinel = Server::sentinel(&scratch, &lines).await;
    let url = format!("rediss+sentinel://:{PASSWORD}@127.0.0.1:{own}/jobs?sentinel_pass={SENTINEL_PASSWORD}");
    works(&scratch, &url, &certificate).await;
}
