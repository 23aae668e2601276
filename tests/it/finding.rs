//! Jobs are found by what they are, what their clients gave them, when they came and went, and what became of them.

use std::collections::BTreeSet;

use reqwest::Url;
use serde_json::{Value, json};

use crate::support::{Collector, Scratch, eventually};

impl Collector {
    /// What is answered to `GET path?query`.
    async fn query(&self, path: &str, query: &[(&str, &str)]) -> crate::support::http::Answer {
        let url = Url::parse_with_params(&format!("{}{path}", self.base), query).unwrap();
        self.get(&format!("{path}?{}", url.query().unwrap())).await
    }

    /// The ids of all pages of a list, each once.
    pub(crate) async fn found(&self, query: &[(&str, &str)]) -> BTreeSet<String> {
        let (mut found, mut cursor) = (BTreeSet::new(), None::<String>);
        loop {
            let mut query = [query, &[("limit", "7")]].concat();
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page = self.query("/execution/list", &query).await;
            assert_eq!(page.status, 200, "{}", page.text);
            for job in page.json["jobs"].as_array().unwrap() {
                assert!(found.insert(job["job_id"].as_str().unwrap().to_owned()), "twice: {job}");
            }
            cursor = page.json["cursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                return found;
            }
        }
    }

    async fn total(&self, query: &[(&str, &str)]) -> Value {
        self.query("/execution/list", &[query, &[("total", ""), ("limit", "1")]].concat()).await.json["total"].clone()
    }
}

fn set(ids: &[&String]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).clone()).collect()
}

const HOSTILE: [&str; 7] = [
    "order-7",
    "order-77",
    "a&b=c%00 +#",
    "\"],\"labels\":[\"x",
    "<script>alert(1)</script>",
    "[order-7",
    "\u{202e}ördér·💥",
];

#[tokio::test]
async fn jobs_are_found_by_what_their_clients_gave_them() {
    let scratch = Scratch::new();
    let env = [("COLLECTOR_QUEUE__SHARDS", "3")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x8"], &env).await;
    let mut jobs = Vec::new();
    for (n, client) in HOSTILE.iter().cycle().take(21).enumerate() {
        let label = ["a", "a:b", "a.b/c=d_e-f"][n % 3];
        let options = json!({"labels": [label, "all"]});
        jobs.push((
            *client,
            label,
            collector.submit(&json!({"_id": client, "platform_id": "noop", "options": options})).await,
        ));
    }
    for (_, label, id) in &jobs {
        assert_eq!(collector.reaches(id, "succeeded").await["labels"], json!([label, "all"]));
    }
    for client in HOSTILE {
        let ids = set(&jobs.iter().filter(|job| job.0 == client).map(|job| &job.2).collect::<Vec<_>>());
        assert_eq!(collector.found(&[("_id", client)]).await, ids, "{client}");
        assert_eq!(collector.total(&[("_id", client)]).await, json!({"count": 3, "exact": true}));
        let hits = collector.query("/execution/search", &[("q", client)]).await;
        assert_eq!(hits.json["hits"][0], json!({"kind": "_id", "value": client, "count": 3}), "{}", hits.text);
        let both =
            set(&jobs.iter().filter(|job| job.0 == client && job.1 == "a:b").map(|job| &job.2).collect::<Vec<_>>());
        assert_eq!(collector.found(&[("_id", client), ("label", "a:b"), ("status", "succeeded")]).await, both);
    }
    assert_eq!(collector.found(&[("label", "all")]).await.len(), 21);
    assert_eq!(collector.total(&[("label", "a")]).await, json!({"count": 7, "exact": true}));
    assert_eq!(collector.found(&[("_id", "order")]).await.len(), 0, "a beginning is no match");

    let old = collector.submit(&json!({"platform_id": "noop", "options": {"delay_s": 600, "labels": ["kept"]}})).await;
    collector.cancel(&old).await;
    let again = collector.post(&format!("/execution/retry?job_id={old}"), "").await.json["job_id"].clone();
    let kept = collector.found(&[("label", "kept")]).await;
    assert_eq!(kept, set(&[&old, &again.as_str().unwrap().to_owned()]), "a retry keeps its labels");
}

#[tokio::test]
async fn jobs_are_found_by_what_became_of_them_and_when() {
    let scratch = Scratch::new();
    let env = [("COLLECTOR_QUEUE__SHARDS", "3")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x8", "--pool", "heavy=1x1"], &env).await;
    let run = async |settings: Value, options: Value, status: &str| {
        let spec = json!({"platform_id": "noop", "settings": settings, "options": options});
        let id = collector.submit(&spec).await;
        (id.clone(), collector.reaches(&id, status).await)
    };
    let (fatal, _) = run(json!({"fail_with": "fatal"}), json!({}), "failed").await;
    let (panics, _) = run(json!({"fail_with": "panic"}), json!({"labels": ["x"]}), "failed").await;
    let (late, _) = run(json!({"sleep_ms": 60_000}), json!({"timeout_s": 1}), "timed_out").await;
    let (retrying, _) = run(json!({"fail_with": "transient"}), json!({"base_s": 80_000}), "retrying").await;
    let (done, middle) = run(json!({}), json!({}), "succeeded").await;
    let (last, _) = run(json!({"fail_with": "fatal"}), json!({"retention_s": 600, "labels": ["x"]}), "failed").await;
    let later = collector.submit(&json!({"platform_id": "noop", "options": {"delay_s": 600}})).await;

    let (created, finished) = (middle["created_at"].as_str().unwrap(), middle["finished_at"].as_str().unwrap());
    for (query, ids) in [
        (&[("error", "asked_to_fail")][..], &[&fatal, &last][..]),
        (&[("error", "asked_to_fail"), ("status", "failed"), ("platform", "noop")], &[&fatal, &last]),
        (&[("error", "asked_to_fail"), ("status", "retrying")], &[&retrying]),
        (&[("error", "panicked")], &[&panics]),
        (&[("error", "none")], &[]),
        (&[("label", "x"), ("error", "asked_to_fail")], &[&last]),
        (&[("status", "timed_out")], &[&late]),
        (&[("status", "scheduled")], &[&later]),
        (&[("pool", "light"), ("status", "failed")], &[&fatal, &panics, &last]),
        (&[("pool", "heavy")], &[]),
        (&[("platform", "node_status")], &[]),
        (&[("created_from", created)], &[&done, &last, &later]),
        (&[("created_to", created)], &[&fatal, &panics, &late, &retrying]),
        (&[("created_from", created), ("created_to", created)], &[]),
        (&[("finished_from", finished)], &[&done, &last]),
        (&[("finished_to", finished)], &[&fatal, &panics, &late]),
        (&[("finished_from", finished), ("status", "failed")], &[&last]),
        (&[("finished_to", finished), ("label", "x"), ("created_to", created)], &[&panics]),
        (&[("finished_from", "2100-01-01T00:00:00Z")], &[]),
        (&[("finished_from", finished), ("status", "queued")], &[]),
    ] {
        assert_eq!(collector.found(query).await, set(ids), "{query:?}");
        assert_eq!(collector.total(query).await, json!({"count": ids.len(), "exact": true}), "{query:?}");
    }

    let failures = collector.get("/failures/get").await;
    let groups: BTreeSet<(&str, &str, u64)> = failures.json["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| {
            (group["code"].as_str().unwrap(), group["status"].as_str().unwrap(), group["count"].as_u64().unwrap())
        })
        .collect();
    let late_code = collector.job(&late).await["error"]["code"].as_str().unwrap().to_owned();
    let expected = BTreeSet::from([
        ("asked_to_fail", "failed", 2),
        ("panicked", "failed", 1),
        (late_code.as_str(), "timed_out", 1),
    ]);
    assert_eq!(groups, expected, "{}", failures.text);
    assert_eq!(failures.json["groups"][0]["latest"]["job_id"], json!(last), "{}", failures.text);

    let hits = collector.query("/execution/search", &[("q", &fatal[..13])]).await;
    assert!(
        hits.json["hits"].as_array().unwrap().iter().any(|hit| hit["job"]["job_id"] == json!(fatal)),
        "{}",
        hits.text
    );
    let hits = collector.query("/execution/search", &[("q", " asked_to ")]).await;
    assert_eq!(hits.json["hits"], json!([{"kind": "error", "value": "asked_to_fail", "count": 2}]));
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x1"]).await;
    for query in [
        &[("label", "A")][..],
        &[("label", "")],
        &[("label", "a\u{0}b")],
        &[("pool", "a:b")],
        &[("platform", "a\u{0}")],
        &[("_id", "")],
        &[("_id", "a\nb")],
        &[("error", "a b")],
        &[("error", "")],
        &[("created_from", "yesterday")],
        &[("finished_to", "2026-01-31")],
        &[("total", "7")],
        &[("labels", "a")],
    ] {
        let answer = collector.query("/execution/list", query).await;
        assert_eq!(
            (answer.status, answer.json["code"].as_str()),
            (400, Some("bad_query")),
            "{query:?} {}",
            answer.text
        );
    }
    for word in ["", " ", "a\u{0}"] {
        assert_eq!(collector.query("/execution/search", &[("q", word)]).await.status, 400, "{word:?}");
    }
    assert_eq!(collector.get("/execution/search").await.status, 400);
    assert_eq!(collector.get("/failures/get?x").await.status, 400);
    collector.submit(&json!({"platform_id": "noop"})).await;
    collector.submit(&json!({"platform_id": "noop"})).await;
    let page = collector.query("/execution/list", &[("limit", "1"), ("platform", "noop")]).await;
    let cursor = page.json["cursor"].as_str().unwrap();
    let other = collector.query("/execution/list", &[("limit", "1"), ("cursor", cursor)]).await;
    assert_eq!((other.status, other.json["code"].as_str()), (400, Some("bad_cursor")), "{}", other.text);
}

#[tokio::test]
async fn jobs_whose_time_is_over_leave_no_key() {
    let scratch = Scratch::new();
    let env = [
        ("COLLECTOR_JOBS__RETENTION", "1s"),
        ("COLLECTOR_JOBS__RETENTION_FAILED", "1s"),
        ("COLLECTOR_QUEUE__SHARDS", "2"),
    ];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x8"], &env).await;
    let mut waiting = Vec::new();
    for n in 0..60 {
        let (how, own) = (["fatal", "panic", "settings"][n % 3], if n % 4 == 0 { 2 } else { 1 });
        let labels = [format!("l{n}"), "all".to_owned()];
        let mut options = json!({"labels": labels, "queue_ttl_s": 600});
        if n % 2 == 0 {
            options["retention_s"] = own.into();
        }
        let settings = if n % 5 == 0 { json!({}) } else { json!({"fail_with": how, "log_lines": 1, "rows": 1}) };
        if n % 7 == 0 {
            options["delay_s"] = 600.into();
        }
        let id = collector
            .submit(
                &json!({"_id": format!("client {n}"), "platform_id": "noop", "settings": settings, "options": options}),
            )
            .await;
        if n % 7 == 0 {
            waiting.push(id);
        }
    }
    for id in waiting {
        assert_eq!(collector.cancel(&id).await.status, 200);
    }
    let mut redis = collector.redis().await;
    // What belongs to the collector itself, to sanjers, and the names of platforms that ever ran.
    let fixed = ["events", "platforms", "sanjers", "counters", "meta", "tombstones"];
    eventually("every key of a job is gone", async || {
        let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut redis).await.unwrap();
        let left = keys.iter().filter_map(|key| key.split_once("}:")).filter(|(_, name)| {
            !fixed.contains(name)
                && !["hungry:", "sanjer:", "history", "totals", "supervisors"].iter().any(|kind| name.starts_with(kind))
        });
        (left.count() == 0).then_some(())
    })
    .await;
    assert_eq!(collector.get("/failures/get").await.json, json!({"groups": [], "truncated": false}));
    assert_eq!(collector.get("/execution/search?q=client").await.json, json!({"hits": []}));
}

#[tokio::test]
async fn where_it_is_read_only_nothing_is_changed() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x4"]).await;
    let id = collector.submit(&json!({"platform_id": "noop", "options": {"delay_s": 600}})).await;
    let url = collector.redis_url();
    let key = scratch.path().join("data/secret.key");
    let env = [("COLLECTOR_API__READ_ONLY", "true"), ("COLLECTOR_SECRETS__KEY_FILE", key.to_str().unwrap())];
    let shows = Collector::start(&scratch, &["api", "--listen", "127.0.0.1:0", "--redis-url", &url], &env).await;
    let cancel = json!({"action": "cancel", "filter": {}});
    for (path, body) in [
        ("/execution/run".to_owned(), json!({"platform_id": "noop"})),
        (format!("/execution/cancel?job_id={id}"), json!({})),
        (format!("/execution/retry?job_id={id}"), json!({})),
        ("/execution/bulk".to_owned(), cancel),
        ("/sanjers/quiet?sanjer=x".to_owned(), json!({})),
        ("/sanjers/resume?sanjer=x".to_owned(), json!({})),
        ("/sanjers/recycle?sanjer=x".to_owned(), json!({})),
    ] {
        let answer = shows.post(&path, body.to_string()).await;
        assert_eq!((answer.status, answer.json["code"].as_str()), (403, Some("read_only")), "{path} {}", answer.text);
    }
    for path in ["/request", "/request/redeliver?id=x"] {
        let answer = shows.post(path, "{}").await;
        assert_eq!((answer.status, answer.json["error"].is_string()), (403, true), "{path} {}", answer.text);
    }
    for (api, is_read_only) in [(&shows, true), (&collector, false)] {
        assert_eq!(api.get("/system/get").await.json["read_only"], is_read_only);
    }
    assert_eq!(shows.job(&id).await["status"], "scheduled");
    assert_eq!(shows.post("/system/alive", "").await.status, 200);
    assert_eq!(shows.post("/system/check_url", r#"{"url": "http://localhost"}"#).await.status, 200);
    let count = json!({"action": "cancel", "filter": {}, "dry_run": true});
    assert_eq!(shows.post("/execution/bulk", count.to_string()).await.json, json!({"matching": 1, "exact": true}));
    assert_eq!(shows.get("/execution/run").await.status, 405);
    assert_eq!(collector.cancel(&id).await.status, 200, "the other one changes what it is asked to");
}
