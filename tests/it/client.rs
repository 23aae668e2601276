//! `collector client`: what everybody does who integrates.

use serde_json::{Value, json};

use crate::support::{Collector, Scene, Scratch, eventually, finished, http::client};

/// Sends a request to the client; its status and its JSON.
async fn ask(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    #[expect(clippy::disallowed_methods, reason = "the answer comes from the client under test")]
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

#[tokio::test]
async fn a_retrieval_is_asked_for_received_and_read() {
    let scratch = Scratch::new();
    let scene = Scene::start(&scratch, &["--providers", "2"], "", &["--pool", "fetch=1x16"]).await;
    let ours = ["client", "--listen", "127.0.0.1:0", "--api", &scene.collector.base, "--data-dir", "data"];
    let ours = Collector::start(&scratch, &ours, &[]).await;
    let url = |path: &str| format!("{}{path}", ours.base);
    let retrieve = async |post: Value| ask(client().post(url("/retrieve")).body(post.to_string())).await;
    let (status, asked) = retrieve(json!({"providers": ["p0", "p1"]})).await;
    assert_eq!(status, 202, "{asked}");
    let id = asked["retrievalId"].as_str().unwrap();
    let (status, read) = ask(client().get(url(&format!("/retrieval?id={id}&wait=30s")))).await;
    assert_eq!((status, &read["status"]), (200, &json!("RECEIVED")), "{read}");
    assert_eq!(read["result"]["data"]["results"].as_array().map(Vec::len), Some(2));
    let (status, told) = ask(client().get(url(&format!("/retrieval/events?id={id}")))).await;
    assert!(status == 200 && told.as_str().unwrap().starts_with("event: finished\ndata: {"), "{told}");

    // The same callback once more counts as a repetition.
    scene.collector.closed(id).await;
    assert_eq!(scene.collector.post(&format!("/request/redeliver?id={id}"), "").await.status, 202);
    let counts = async || ask(client().get(url("/stats"))).await.1;
    eventually("it comes again", async || (counts().await["repeated"] == 1).then_some(())).await;
    // And one that somebody else made up is not believed.
    let forged = client().post(url("/callback")).header("webhook-id", format!("req_{id}"));
    let now = jiff::Timestamp::now().as_second();
    let forged = forged.header("webhook-timestamp", now).header("webhook-signature", "v1,AAAA").body("{}");
    let (status, refused) = ask(forged).await;
    assert_eq!((status, refused["error"].is_string()), (401, true));
    assert_eq!(counts().await, json!({"asked": 1, "received": 1, "repeated": 1, "refused": 1}));

    for (post, status) in [(json!({"providers": ["nobody"]}), 422), (json!([]), 400)] {
        let (got, answer) = retrieve(post.clone()).await;
        assert_eq!((got, answer["error"].is_string()), (status, true), "{post}: {answer}");
    }
    for (path, status) in [("/retrieval?id=none", 404), ("/retrieval", 400), ("/nowhere", 404)] {
        assert_eq!(ask(client().get(url(path))).await.0, status, "{path}");
    }
    let secret = finished(&scratch, ["client", "secret", &url("/callback"), "--data-dir", "data"], &[]).await;
    assert!(secret.stdout.starts_with("whsec_"), "{}", secret.stderr);
}

#[tokio::test]
async fn whoever_waits_is_told_when_it_comes() {
    let scratch = Scratch::new();
    let scene = Scene::start(&scratch, &["--providers", "1"], "", &["--pool", "fetch=1x16"]).await;
    let ours = ["client", "--listen", "127.0.0.1:0", "--api", &scene.collector.base, "--data-dir", "data"];
    let ours = Collector::start(&scratch, &ours, &[]).await;
    let post = json!({"providers": [scene.scripted("slow:700", 0)]}).to_string();
    let (_, asked) = ask(client().post(format!("{}/retrieve", ours.base)).body(post)).await;
    let id = asked["retrievalId"].as_str().unwrap();
    let (_, pending) = ask(client().get(format!("{}/retrieval?id={id}", ours.base))).await;
    assert_eq!(pending, json!({"retrievalId": id, "status": "PENDING"}));
    let (_, told) = ask(client().get(format!("{}/retrieval/events?id={id}", ours.base))).await;
    let told = told.as_str().unwrap();
    assert!(told.starts_with("event: pending\n") && told.contains("\nevent: finished\ndata: {"), "{told}");
}
