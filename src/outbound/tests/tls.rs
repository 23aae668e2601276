//! Secure connections: whom a certificate names, and who vouches for it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::*;

/// Set for the child, which alone has another list of authorities: a process reads it once.
const PORT: &str = "OUTBOUND_TEST_TLS_PORT";

struct Directory(PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// A certificate for `localhost` that vouches for itself; false if there is no openssl.
fn certificate(dir: &Path) -> bool {
    let args = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
                -addext basicConstraints=critical,CA:FALSE -keyout key.pem -out cert.pem";
    let output = Command::new("openssl").args(args.split_whitespace()).current_dir(dir).output();
    output.is_ok_and(|output| output.status.success())
}

#[tokio::test]
async fn a_certificate_is_checked() {
    let get = async |host: &str, port: &str| local().send(Request::get(url(&format!("https://{host}:{port}/")))).await;
    if let Ok(port) = std::env::var(PORT) {
        assert_eq!(get("localhost", &port).await.unwrap().status, 200, "somebody vouches for it");
        assert_eq!(get("other.localhost", &port).await.unwrap_err().code(), "tls_failed", "it names somebody else");
        return;
    }
    let dir = Directory(std::env::temp_dir().join(format!("outbound-tls-{}", uuid::Uuid::now_v7())));
    std::fs::create_dir(&dir.0).unwrap();
    if !certificate(&dir.0) {
        eprintln!("no openssl here, nothing to test with");
        return;
    }
    let mut server = tokio::process::Command::new("openssl");
    server.args(["s_server", "-accept", "127.0.0.1:0", "-cert", "cert.pem", "-key", "key.pem", "-www"]);
    let mut server = server
        .current_dir(&dir.0)
        .kill_on_drop(true)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let port = loop {
        let line = lines.next_line().await.unwrap().expect("it says where it listens");
        if let Some(address) = line.strip_prefix("ACCEPT ") {
            break address.rsplit(':').next().unwrap().to_owned();
        }
    };
    assert_eq!(get("localhost", &port).await.unwrap_err().code(), "tls_failed", "nobody vouches for it here");
    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "outbound::tests::tls::a_certificate_is_checked"]);
    child.env(PORT, port).env("SSL_CERT_FILE", dir.0.join("cert.pem"));
    let output = child.kill_on_drop(true).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
