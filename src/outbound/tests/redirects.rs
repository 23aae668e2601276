//! Redirects are new calls.

use reqwest::header::{self, HeaderValue};

use super::*;

fn to(location: &str) -> Reply {
    Reply::new(&format!("302 Found\r\nLocation: {location}"), b"over there")
}

#[tokio::test]
async fn each_hop_is_judged() {
    for (location, expected) in [
        ("http://169.254.169.254/latest/meta-data/", Rule::Metadata),
        ("http://[::ffff:a9fe:a9fe]/", Rule::Metadata),
        ("http://10.0.0.1/", Rule::Private),
        ("//10.0.0.1/", Rule::Private),
        ("http://0x7f.0.0.2/", Rule::Loopback),
        ("http://localhost:9000/", Rule::Localhost),
        ("http://user:pw@8.8.8.8/", Rule::Userinfo),
        ("http://8.8.8.8:25/", Rule::Port),
        ("file:///etc/passwd", Rule::Scheme),
        ("http://[::1", Rule::Url),
        ("http://inner.example/", Rule::Private),
    ] {
        let server = Server::start(move |_| to(location)).await;
        let names = Script::new(&[&["10.0.0.7"]]);
        let mut network = network(true, &["127.0.0.1/32"]);
        // localhost means 127.0.0.1 here, which is allowed: take it for a name of this machine all the same.
        if expected == Rule::Localhost {
            network.allow.0.clear();
            let policy = Policy::new(&network);
            assert_eq!(policy.redirect(&url("http://8.8.8.8"), location).unwrap_err().rule, expected);
            continue;
        }
        let result = client(&network, names).send(Request::get(server.url("/"))).await;
        assert_eq!(rule(&result), expected, "{location}");
        assert_eq!(server.heads().len(), 1);
    }
}

#[tokio::test]
async fn three_are_followed() {
    let server = Server::start(|head| match head.split(' ').nth(1) {
        Some("/3") => to("2"),
        Some("/2") => to("/1"),
        Some("/1") => Reply::new("307 Temporary Redirect\r\nLocation: ?end", b""),
        Some("/1?end") => Reply::new("200 OK", b"end"),
        _ => to("/4"),
    })
    .await;
    let answer = local().send(Request::get(server.url("/3"))).await.unwrap();
    assert_eq!((&answer.body[..], answer.url.as_str()), (&b"end"[..], server.url("/1?end").as_str()));
    assert_eq!(rule(&local().send(Request::get(server.url("/4"))).await), Rule::Redirects);
    assert_eq!(server.heads().len(), 8, "four calls each, no more");
}

#[tokio::test]
async fn what_is_not_followed_is_the_answer() {
    let server = Server::start(|_| to("/elsewhere")).await;
    let returned = Request { redirects: Redirects::Returned, ..Request::get(server.url("/")) };
    for request in [returned, Request::post(server.url("/"), "{}")] {
        let answer = local().send(request).await.unwrap();
        assert_eq!((answer.outcome(), &answer.body[..]), (Outcome::Redirect, &b"over there"[..]));
    }
    let nowhere = Server::start(|_| Reply::new("302 Found", b"")).await;
    let answer = local().send(Request::get(nowhere.url("/"))).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.outcome()), (302, Outcome::Redirect));
}

#[tokio::test]
async fn secrets_stay_with_whom_they_were_meant_for() {
    let other = Server::start(|_| Reply::new("200 OK", b"")).await;
    let elsewhere = other.url("/stolen").to_string();
    let server = Server::start(move |head| to(if head.contains("GET /own ") { &elsewhere } else { "/own" })).await;
    let mut request = Request::get(server.url("/"));
    for (name, value) in [("authorization", "Bearer s3"), ("cookie", "s3"), ("x-api-key", "s3"), ("accept", "text/csv")]
    {
        request.headers.insert(name.parse::<header::HeaderName>().unwrap(), HeaderValue::from_static(value));
    }
    local().send(request).await.unwrap();
    let own = server.heads();
    assert!(own.len() == 2 && own.iter().all(|head| head.matches("s3").count() == 3), "{own:?}");
    let stolen = other.heads().concat();
    assert!(stolen.contains("accept: text/csv") && !stolen.contains("s3"), "{stolen}");
}

#[test]
fn https_is_not_given_up() {
    let policy = Policy::new(&network(true, &[]));
    let from = |scheme: &str| url(&format!("{scheme}://8.8.8.8/"));
    assert_eq!(policy.redirect(&from("https"), "http://8.8.8.8/").unwrap_err().rule, Rule::Downgrade);
    assert!(policy.redirect(&from("https"), "/x").is_ok_and(|to| to.as_str() == "https://8.8.8.8/x"));
    assert!(policy.redirect(&from("http"), "https://8.8.8.8/").is_ok());
}
