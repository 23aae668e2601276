//! One request, many providers, one signed callback: whatever providers, receivers and processes do.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Scene, Scratch, eventually, http::client};

async fn scene(scratch: &Scratch, more: &str) -> Scene {
    Scene::start(scratch, &["--providers", "3"], more, &["--pool", "fetch=1x32"]).await
}

/// What became of every provider: status, answered with, attempts, code of its error.
fn summary(results: &Value) -> Vec<(String, Value, Value, Value)> {
    let of = |result: &Value| {
        let code = result["error"]["code"].clone();
        (result["status"].as_str().unwrap().to_owned(), result["httpStatus"].clone(), result["attempts"].clone(), code)
    };
    results.as_array().unwrap().iter().map(of).collect()
}

#[tokio::test]
async fn every_provider_is_asked_and_the_client_is_told_once() {
    let scratch = Scratch::new();
    let scene = scene(&scratch, "").await;
    let id = scene.request(json!({"providers": ["p2", "p0", "p1"], "parameters": {"name": "x y", "n": 7}})).await;
    let now = scene.collector.request_now(&id).await;
    let asked: Vec<&str> =
        now["jobs"].as_array().unwrap().iter().map(|job| job["provider"].as_str().unwrap()).collect();
    assert_eq!(asked, ["p2", "p0", "p1"], "it answers from the first moment, in the order of the post");
    let waited = scene.collector.get(&format!("/request?id={id}&wait=30s")).await.json;
    assert_eq!(waited["status"], "DONE");
    let told = scene.called_back(&id).await;
    assert_eq!(
        (&told["type"], &told["data"]["requestId"], &told["data"]["status"]),
        (&json!("request.finished"), &json!(id), &json!("DONE"))
    );
    let results = &told["data"]["results"];
    assert_eq!(summary(results), vec![("DONE".to_owned(), json!(200), json!(1), Value::Null); 3]);
    let value = &results[0]["result"];
    assert_eq!((&value["kind"], &value["value"]["provider"]), (&json!("json"), &json!("p2")));
    assert!(
        value["value"]["question"].as_str().unwrap().contains("name=x+y&n=7")
            || value["value"]["question"].as_str().unwrap().contains("n=7&name=x+y"),
        "{value}"
    );
    let link = scene.collector.get(&format!("/request?id={id}&provider=p2")).await;
    assert_eq!(&link.json, value, "the link leads to the same");
    let closed = scene.collector.closed(&id).await;
    assert_eq!((&closed["callback"]["state"], &closed["callback"]["attempts"]), (&json!("DELIVERED"), &json!(1)));
    assert!(closed["expiresAt"].is_string());
    assert_eq!(scene.receiver.counts(), BTreeMap::from([(format!("req_{id}"), 1)]));
}

#[tokio::test]
async fn every_way_to_fail_has_its_outcome() {
    let scratch = Scratch::new();
    let scene = scene(&scratch, "max_inline = \"64B\"").await;
    let table = [
        ("ok", "DONE", json!(200), 1, Value::Null),
        ("500,502,ok", "DONE", json!(200), 3, Value::Null),
        ("500", "FAILED", json!(500), 4, json!("unavailable")),
        ("404,ok", "DONE", json!(200), 2, Value::Null),
        ("410", "FAILED", json!(410), 1, json!("gone")),
        ("451", "FAILED", json!(451), 1, json!("refused")),
        // A polite wait costs no attempt.
        ("429:1,ok", "DONE", json!(200), 1, Value::Null),
        ("429,ok", "DONE", json!(200), 2, Value::Null),
        ("503:1,ok", "DONE", json!(200), 1, Value::Null),
        ("wrong,ok", "DONE", json!(200), 2, Value::Null),
        ("wrong", "FAILED", json!(null), 4, json!("bad_content")),
        ("reset,ok", "DONE", json!(200), 2, Value::Null),
        ("redirect", "DONE", json!(200), 1, Value::Null),
        ("slow:300", "DONE", json!(200), 1, Value::Null),
        ("endless", "FAILED", json!(null), 1, json!("body_too_large")),
        ("large:2000000", "FAILED", json!(null), 1, json!("body_too_large")),
        ("large:500000", "DONE", json!(200), 1, Value::Null),
        ("text", "DONE", json!(200), 1, Value::Null),
        ("csv", "DONE", json!(200), 1, Value::Null),
        ("ndjson", "DONE", json!(200), 1, Value::Null),
        ("bytes", "DONE", json!(200), 1, Value::Null),
    ];
    let providers: Vec<String> = table.iter().enumerate().map(|(n, row)| scene.scripted(row.0, n)).collect();
    let id = scene.request(json!({"providers": providers})).await;
    let told = scene.called_back(&id).await;
    for ((script, status, http, attempts, code), (n, got)) in
        table.iter().zip(summary(&told["data"]["results"]).into_iter().enumerate())
    {
        let wanted = ((*status).to_owned(), http.clone(), json!(attempts), code.clone());
        assert_eq!(got, wanted, "{script}: {}", told["data"]["results"][n]);
    }
    let kept = async |script: &str| {
        let n = table.iter().position(|row| row.0 == script).unwrap();
        let provider = url::form_urlencoded::byte_serialize(providers[n].as_bytes()).collect::<String>();
        scene.collector.get(&format!("/request?id={id}&provider={provider}")).await.json
    };
    assert_eq!(kept("text").await, json!({"kind": "text", "value": "p0 says hello\n"}));
    assert_eq!(kept("bytes").await, json!({"kind": "bytes", "value": "AAEC/v8="}));
    assert_eq!(kept("csv").await, json!({"kind": "csv", "value": [["provider", "number"], ["p0", "0"]]}));
    assert_eq!(kept("ndjson").await["value"].as_array().map(Vec::len), Some(2));
    assert_eq!(kept("large:500000").await["value"].as_str().map(str::len), Some(499_998));
    let large = &told["data"]["results"][16];
    assert!(large["result"].is_null(), "it is too large for a callback");
    let link = large["link"]["link"].as_str().unwrap();
    assert_eq!(scene.collector.get(link).await.status, 200, "{link}");
}

#[tokio::test]
async fn a_deadline_gives_what_there_is_and_names_who_is_missing() {
    let scratch = Scratch::new();
    let scene = scene(&scratch, "").await;
    let providers = [scene.urls[0].clone(), scene.scripted_at(1, "silent", 0), scene.scripted_at(2, "429:3600", 1)];
    let id = scene.request(json!({"providers": providers, "deadline": "1s"})).await;
    let told = scene.called_back(&id).await;
    let data = &told["data"];
    assert_eq!((&data["status"], &data["expired"]), (&json!("EXPIRED"), &json!(providers[1..])), "{told}");
    let statuses: Vec<String> = summary(&data["results"]).into_iter().map(|row| row.0).collect();
    assert_eq!(statuses, ["DONE", "EXPIRED", "EXPIRED"]);
    assert_eq!(
        (&data["results"][1]["error"]["code"], &data["results"][0]["result"]["kind"]),
        (&json!("deadline"), &json!("json"))
    );
}

#[tokio::test]
async fn every_mode_decides_as_soon_as_it_can() {
    let scratch = Scratch::new();
    let scene = scene(&scratch, "").await;
    let silent = scene.scripted("silent", 0);
    let gone = scene.scripted("410", 0);
    for (post, status, statuses) in [
        (
            json!({"providers": ["p0", "p1", silent], "mode": "quorum", "minimum": 2}),
            "DONE",
            ["DONE", "DONE", "EXPIRED"],
        ),
        (json!({"providers": ["p0", gone, silent], "mode": "all_succeeded"}), "FAILED", ["", "FAILED", "EXPIRED"]),
        (json!({"providers": ["p0", gone, "p1"], "mode": "all_finished"}), "DONE", ["DONE", "FAILED", "DONE"]),
        (json!({"providers": ["p0", "p2", "p1"], "mode": "all_succeeded"}), "DONE", ["DONE", "DONE", "DONE"]),
    ] {
        let id = scene.request(post.clone()).await;
        let told = scene.called_back(&id).await;
        assert_eq!(told["data"]["status"], status, "{post}: {told}");
        for (got, wanted) in summary(&told["data"]["results"]).iter().zip(statuses) {
            assert!(wanted.is_empty() || got.0 == wanted, "{post}: {told}");
        }
    }
}

#[tokio::test]
async fn an_id_or_a_key_is_one_request() {
    let scratch = Scratch::new();
    let scene = scene(&scratch, "").await;
    let post = json!({"providers": ["p0"]}).to_string();
    let by_key = |body: &str| {
        let request =
            client().post(format!("{}/request", scene.collector.base)).header("content-type", "application/json");
        scene.collector.ask(request.header("idempotency-key", "k1").body(body.to_owned()))
    };
    let first = scene.collector.post("/request?id=order-7", post.clone()).await;
    assert_eq!((first.status, &first.json), (202, &json!({"requestId": "order-7"})));
    let again = scene.collector.post("/request?id=order-7", post.clone()).await;
    assert_eq!((again.status, &again.headers["idempotent-replayed"]), (202, &"true".parse().unwrap()));
    let other = scene.collector.post("/request?id=order-7", json!({"providers": ["p1"]}).to_string()).await;
    assert_eq!(other.status, 422);
    let (one, two) = (by_key(&post).await, by_key(&post).await);
    assert_eq!((one.status, &one.json), (202, &two.json));
    assert!(one.headers.get("idempotent-replayed").is_none() && two.headers.contains_key("idempotent-replayed"));
    assert_eq!(by_key(&json!({"providers": ["p1"]}).to_string()).await.status, 422);
    let all = scene.collector.get("/request/list").await.json;
    assert_eq!(all["requests"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn what_is_wrong_is_said_in_the_shape_of_the_path() {
    let scratch = Scratch::new();
    let scene = scene(&scratch, "").await;
    let hook = scene.receiver.url.as_str();
    for (path, body, status) in [
        ("/request", "{", 400),
        ("/request?x=1", "{}", 400),
        ("/request?id=a.b", "{}", 400),
        ("/request", "{}", 422),
        ("/request", r#"{"providers": ["nobody"]}"#, 422),
        ("/request", r#"{"providers": ["p0"], "callbackUrl": "http://10.0.0.1/"}"#, 422),
        ("/request", r#"{"providers": ["p0"], "callbackUrl": "http://169.254.169.254/latest"}"#, 422),
        ("/request", r#"{"providers": ["p0"], "callbackUrl": "ftp://127.0.0.1/"}"#, 422),
        ("/request", r#"{"providers": ["http://example.org/"]}"#, 422),
        ("/request/redeliver", "", 400),
        ("/request/redeliver?id=none", "", 404),
    ] {
        let answer = scene.collector.post(path, body).await;
        assert_eq!(answer.status, status, "{path} {body}: {}", answer.text);
        assert_eq!(answer.json.as_object().unwrap().keys().collect::<Vec<_>>(), ["error"]);
    }
    for (path, status) in [
        ("/request", 400),
        ("/request?id=none", 404),
        ("/request?id=none&provider=p0", 404),
        ("/request?id=a&wait=61s", 400),
        ("/request?id=a&wait=soon", 400),
        ("/request/list?limit=0", 400),
        ("/request/list?cursor=x", 400),
    ] {
        let answer = scene.collector.get(path).await;
        assert_eq!((answer.status, answer.json["error"].is_string()), (status, true), "{path}: {}", answer.text);
    }
    let gone = scene.collector.ask(client().delete(format!("{}/request", scene.collector.base))).await;
    assert_eq!(gone.status, 405);
    assert_eq!(scene.collector.get("/request/list").await.json, json!({"requests": []}), "nothing was stored");
    let only_named = Scratch::new();
    let other =
        Scene::start(&only_named, &["--providers", "1"], "callback_to = \"named\"", &["--pool", "fetch=1x8"]).await;
    let refused = other.collector.post("/request", json!({"providers": ["p0"], "callbackUrl": hook}).to_string()).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    other.called_back(&other.request(json!({"providers": ["p0"]})).await).await;
}

#[tokio::test]
async fn a_worker_from_outside_may_end_a_part_once() {
    let scratch = Scratch::new();
    let scene = scene(&scratch, "").await;
    let silent = scene.scripted("silent", 0);
    let id = scene.request(json!({"providers": ["p0", silent]})).await;
    let put = async |body: Value| {
        let request = client().request(Method::PUT, format!("{}/request?id={id}", scene.collector.base));
        scene.collector.ask(request.header("content-type", "application/json").body(body.to_string())).await
    };
    for (body, status) in [
        (json!({"provider": silent, "status": "WAITING"}), 422),
        (json!({"provider": silent, "status": "FAILED", "result": 1}), 422),
        (json!({"provider": silent}), 422),
        (json!({"provider": "nobody", "status": "DONE"}), 404),
        (json!({"provider": silent, "status": "RUNNING"}), 200),
        (json!({"provider": silent, "status": "DONE", "result": {"by": "hand"}, "httpStatus": 200}), 200),
        (json!({"provider": silent, "status": "DONE", "result": "late"}), 200),
        (json!({"provider": silent, "status": "FAILED", "error": "late"}), 409),
    ] {
        let answer = put(body.clone()).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
    }
    let told = scene.called_back(&id).await;
    assert_eq!(told["data"]["status"], "DONE");
    assert_eq!(told["data"]["results"][1]["result"], json!({"kind": "json", "value": {"by": "hand"}}));
    scene.collector.closed(&id).await;
    assert_eq!(scene.receiver.counts().values().copied().collect::<Vec<_>>(), [1]);
}

#[tokio::test]
async fn a_callback_is_tried_by_its_schedule_under_one_id() {
    let scratch = Scratch::new();
    let scene = scene(&scratch, "").await;
    for (answers, state, attempts) in
        [(&[500, 503, 200][..], "DELIVERED", 3), (&[404, 302, 500], "UNDELIVERED", 3), (&[500, 410], "GONE", 2)]
    {
        scene.receiver.answers(answers);
        let id = scene.request(json!({"providers": ["p0"]})).await;
        let closed = scene.collector.closed(&id).await;
        let callback = &closed["callback"];
        assert_eq!((&callback["state"], &callback["attempts"]), (&json!(state), &json!(attempts)), "{closed}");
        let statuses: Vec<&Value> =
            callback["deliveries"].as_array().unwrap().iter().map(|one| &one["httpStatus"]).collect();
        assert_eq!(json!(statuses), json!(answers));
        let bodies = scene.receiver.told(&format!("req_{id}"));
        assert_eq!(bodies.len(), attempts);
        assert!(bodies.iter().all(|body| *body == bodies[0]), "the same body every time");

        let redelivered = scene.collector.post(&format!("/request/redeliver?id={id}"), "").await;
        assert_eq!(redelivered.status, 202, "{}", redelivered.text);
        eventually("it is delivered once more", async || {
            (scene.receiver.told(&format!("req_{id}")).len() == attempts + 1).then_some(())
        })
        .await;
        assert_eq!(scene.collector.closed(&id).await["callback"]["state"], "DELIVERED");
    }
    let quiet = scene.collector.request(&json!({"providers": ["p0"]})).await;
    assert_eq!(scene.collector.closed(&quiet).await["callback"]["state"], "NONE");
    assert_eq!(scene.collector.post(&format!("/request/redeliver?id={quiet}"), "").await.status, 409);
    let open = scene.request(json!({"providers": [scene.scripted("silent", 9)]})).await;
    assert_eq!(scene.collector.post(&format!("/request/redeliver?id={open}"), "").await.status, 409);
}

#[tokio::test]
async fn pages_of_the_list_have_no_gaps() {
    let scratch = Scratch::new();
    let scene = scene(&scratch, "").await;
    let mut made = Vec::new();
    for _ in 0..25 {
        made.push(scene.collector.request(&json!({"providers": ["p0"]})).await);
    }
    made.reverse();
    for limit in [4, 25, 200] {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = scene.collector.get(&format!("/request/list?limit={limit}{cursor}")).await.json;
            found.extend(
                page["requests"].as_array().unwrap().iter().map(|one| one["requestId"].as_str().unwrap().to_owned()),
            );
            let Some(next) = page["cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        let newest_first = found.iter().collect::<std::collections::BTreeSet<_>>();
        assert_eq!((found.len(), newest_first.len()), (25, 25), "pages of {limit}");
        assert!(made.iter().all(|id| found.contains(id)));
    }
}

#[tokio::test]
async fn one_fetch_is_a_job_like_any_other() {
    let scratch = Scratch::new();
    let scene = scene(&scratch, "").await;
    for (provider, kind) in [("p1".to_owned(), "json"), (scene.scripted("500,429:1,csv", 0), "csv")] {
        let spec = json!({"platform_id": "provider_fetch", "settings": {"provider": provider, "parameters": {"q": 1}}});
        let id = scene.collector.submit(&spec).await;
        let job = scene.collector.reaches(&id, "succeeded").await;
        assert_eq!((&job["result"]["status"], &job["result"]["content"]["kind"]), (&json!("DONE"), &json!(kind)));
    }
    let providers = scene.collector.get("/providers/get").await.json;
    assert_eq!(providers["providers"].as_array().map(Vec::len), Some(3));
    assert_eq!(
        (&providers["providers"][1]["name"], &providers["providers"][1]["breaker"]),
        (&json!("p1"), &json!("closed"))
    );
}
