//! Answers: large, endless, slow, broken.

use std::{io::Write as _, time::Duration};

use flate2::{Compression, write::GzEncoder};

use super::*;

const KB: usize = 1000;

/// GET with limits of its own.
async fn get(reply: Reply, limit: usize) -> Result<Response, Error> {
    let server = Server::start(move |_| reply.clone()).await;
    let request = Request { max_body: Some(limit as u64), ..Request::get(server.url("/")) };
    local().send(request).await
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn is_too_large(result: &Result<Response, Error>) -> bool {
    matches!(result, Err(error @ Error::BodyTooLarge { .. }) if !error.may_pass())
}

#[tokio::test]
async fn a_whole_answer() {
    let reply = Reply::new("418 I'm a teapot\r\nContent-Type: Text/CSV; charset=utf-8\r\nRetry-After: 7", b"a,b");
    let answer = get(reply, 3).await.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (418, &b"a,b"[..]));
    assert_eq!((answer.content_type(), answer.retry_after), (Some("text/csv".into()), Some(Duration::from_secs(7))));
    assert_eq!(answer.outcome(), Outcome::Rejected);
}

#[tokio::test]
async fn what_is_asked() {
    let server = Server::start(|_| Reply::new("200 OK", b"[1]")).await;
    let answer = local().send(Request::post(server.url("/x?y#z"), "{}")).await.unwrap();
    assert_eq!(answer.json::<Vec<u8>>().unwrap(), [1]);
    let head = server.heads().concat().to_lowercase();
    for part in ["post /x?y http/1.1", "accept-encoding: gzip\r\n", "user-agent: collector/", "application/json"] {
        assert!(head.contains(part), "{part} is missing in {head}");
    }
    assert!(!head.contains("referer"), "{head}");
    for name in ["host", "content-length", "transfer-encoding", "accept-encoding"] {
        let mut request = Request::get(server.url("/"));
        request.headers.insert(name, "1".parse().unwrap());
        assert_eq!(rule(&local().send(request).await), Rule::Header, "{name}");
    }
    assert_eq!(server.heads().len(), 1);
}

#[tokio::test]
async fn bodies_are_read_up_to_their_limit() {
    let body = vec![b'x'; 10 * KB];
    assert_eq!(get(Reply::new("200 OK", &body), 10 * KB).await.unwrap().body.len(), 10 * KB);
    assert!(is_too_large(&get(Reply::new("200 OK", &body), 10 * KB - 1).await));
    // Its length alone is enough.
    let announced = Reply::raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n").silent();
    assert!(is_too_large(&get(announced, 10 * KB).await));
    let endless = Reply::raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").repeating(&body);
    assert!(is_too_large(&get(endless, 50 * KB).await));
    let chunk = [b"3e8\r\n", &body[..KB], b"\r\n"].concat();
    let chunked = Reply::raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").repeating(&chunk);
    assert!(is_too_large(&get(chunked, 50 * KB).await));
    // No body at all, whatever it says of its length.
    let unchanged = Reply::raw(b"HTTP/1.1 304 Not Modified\r\nContent-Encoding: gzip\r\nContent-Length: 99999\r\n\r\n");
    assert!(get(unchanged, KB).await.unwrap().body.is_empty());
}

#[tokio::test]
async fn the_operator_has_the_last_word() {
    let server = Server::start(|_| Reply::new("200 OK", &[b'x'; 2000])).await;
    let network = config::Network { max_body: config::ByteSize(1999), ..network(false, &[]) };
    let request = Request { max_body: Some(u64::MAX), ..Request::get(server.url("/")) };
    assert!(is_too_large(&client(&network, Script::silent()).send(request).await));
}

#[tokio::test]
async fn packed_bodies_are_limited_twice() {
    let text = b"a small text, packed".repeat(10);
    for encoding in ["gzip", "GZip", "x-gzip"] {
        let answer =
            get(Reply::new(&format!("200 OK\r\nContent-Encoding: {encoding}"), &gzip(&text)), KB).await.unwrap();
        assert_eq!(&answer.body[..], text, "{encoding}");
    }
    let packed = |body: &[u8]| Reply::new("200 OK\r\nContent-Encoding: gzip", body);
    let bomb = gzip(&vec![0; 100_000 * KB]);
    assert!(bomb.len() < 200 * KB);
    assert!(is_too_large(&get(packed(&bomb), 200 * KB).await), "large once it is unpacked");
    // Blocks that hold nothing: the body never grows, and never ends.
    let header = gzip(b"")[..10].to_vec();
    let head = [&b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"[..], &header].concat();
    let nothing = Reply::raw(&head).repeating(&[0, 0, 0, 0xff, 0xff].repeat(100));
    assert!(is_too_large(&get(nothing, 50 * KB).await), "large as it is sent");

    let half = gzip(&text);
    for broken in [&half[..half.len() / 2], &b"no gzip at all"[..]] {
        let error = get(packed(broken), KB).await.unwrap_err();
        assert!(matches!(error, Error::Gzip(_)), "{error:?}");
    }
    for encoding in ["br", "deflate", "gzip, gzip", "gzip\r\nContent-Encoding: gzip"] {
        let error = get(Reply::new(&format!("200 OK\r\nContent-Encoding: {encoding}"), &text), KB).await.unwrap_err();
        assert!(matches!(error, Error::Encoding(_)), "{error:?}");
    }
}

#[tokio::test]
async fn one_timeout_for_all_of_it() {
    let head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    for (what, reply) in [
        ("no answer", Reply::raw(b"").silent()),
        ("half a head", Reply::raw(&head[..20]).silent()),
        ("a slow head", Reply::raw(&head[..head.len() - 2]).trickling()),
        ("no body", Reply::raw(head).silent()),
        ("a slow body", Reply::raw(head).trickling()),
        ("a slow redirect", Reply::raw(b"HTTP/1.1 302 Found\r\nLocation: /\r\nX: ").trickling()),
    ] {
        let server = Server::start(move |_| reply.clone()).await;
        let patience = Duration::from_millis(150);
        let request = Request { timeout: Some(patience), ..Request::get(server.url("/")) };
        let error = local().send(request).await.unwrap_err();
        assert!(
            matches!(error, Error::Timeout { after } if after == patience) && error.may_pass(),
            "{what}: {error:?}"
        );
    }
}

#[tokio::test]
async fn what_is_no_answer() {
    let (many, most) = ("X: 1\r\n".repeat(101), "X: 1\r\n".repeat(99));
    assert!(get(Reply::raw(format!("HTTP/1.1 204 No Content\r\n{most}\r\n").as_bytes()), KB).await.is_ok());
    for (reply, code) in [
        (Reply::raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "not_http"),
        (Reply::raw(format!("HTTP/1.1 200 OK\r\n{many}\r\n").as_bytes()), "not_http"),
        (Reply::raw(b"HTTP/1.1 200 OK\r\nX: ").repeating(&[b'x'; 1000]), "not_http"),
        (Reply::raw(b"HTTP/1.1 200 OK\r\n").repeating(b"X: 1\r\n"), "not_http"),
        (Reply::raw(b""), "connection_lost"),
        (Reply::raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), "connection_lost"),
        (Reply::raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha"), "connection_lost"),
    ] {
        let error = get(reply, KB).await.unwrap_err();
        assert!(error.code() == code && error.may_pass(), "{error:?} is not {code}");
    }
}

#[tokio::test]
async fn nobody_there() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = local().send(Request::get(url(&format!("http://{closed}/?token=s3")))).await.unwrap_err();
    assert!(error.code() == "connection_failed" && error.may_pass(), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("s3"), "{error:?}");
    // Who speaks first, and not TLS.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let secure = url(&format!("https://{}/", listener.local_addr().unwrap()));
    let talk = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"220 mail.example ESMTP\r\n").await.unwrap();
        stream
    };
    let client = local();
    let (answer, _stream) = tokio::join!(client.send(Request::get(secure)), talk);
    assert_eq!(answer.unwrap_err().code(), "tls_failed");
}

/// The proxies of the environment would see, and choose, where calls go. A test cannot set its own environment, so it
/// runs once more as its own child.
#[tokio::test]
async fn proxies_of_the_environment_are_ignored() {
    const TARGET: &str = "OUTBOUND_TEST_TARGET";
    if let Ok(target) = std::env::var(TARGET) {
        local().send(Request::get(url(&target))).await.unwrap();
        return;
    }
    let server = Server::start(|_| Reply::new("200 OK", b"direct")).await;
    let proxy = Server::start(|_| Reply::new("200 OK", b"by proxy")).await;
    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "outbound::tests::answers::proxies_of_the_environment_are_ignored"]);
    child.env(TARGET, server.url("/").as_str()).env_remove("NO_PROXY").env_remove("no_proxy");
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
        child.env(name, format!("http://{}", proxy.address));
    }
    let output = child.kill_on_drop(true).output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!((server.heads().len(), proxy.heads().len()), (1, 0));
}
