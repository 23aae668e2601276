//! Rows of a job, page by page and as files that do no harm.

use redis::{AsyncCommands as _, aio::MultiplexedConnection};
use serde_json::{Value, json};

use crate::support::{Collector, Scratch};

/// A job that has ended, with these rows in its dataset `original`, as `src/queue/keys.rs` describes them.
async fn job_with(collector: &Collector, redis: &mut MultiplexedConnection, rows: &[String]) -> String {
    let id = collector.submit(&json!({"platform_id": "noop"})).await;
    collector.reaches(&id, "succeeded").await;
    let key = format!("{{etlas:0}}:job:{id}");
    for rows in rows.chunks(1000) {
        let _: () = redis.rpush(format!("{key}:original"), rows).await.unwrap();
    }
    let bytes: usize = rows.iter().map(String::len).sum();
    let count = json!({"lease": 1, "rows": rows.len() + 2, "kept": rows.len(), "bytes": bytes});
    let _: () = redis.hset(key, "original", count.to_string()).await.unwrap();
    id
}

#[tokio::test]
async fn pages_hold_what_was_asked_for_and_files_everything() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x1"]).await;
    let spec = json!({"platform_id": "noop", "settings": {"rows": 2500}});
    let id = collector.submit(&spec).await;
    collector.reaches(&id, "succeeded").await;
    let page = |query: &str| format!("/execution/dataset?job_id={id}&name=processed{query}");
    let mut rows: Vec<Value> = Vec::new();
    let mut next = Some(0);
    while let Some(offset) = next {
        let answer = collector.get(&page(&format!("&limit=1000&offset={offset}"))).await;
        assert_eq!((answer.status, &answer.json["offset"]), (200, &json!(offset)));
        assert_eq!((&answer.json["total"], &answer.json["truncated"]), (&json!(2500), &json!(false)));
        rows.extend(answer.json["rows"].as_array().unwrap().iter().cloned());
        next = answer.json["next_offset"].as_u64();
    }
    assert_eq!(rows, (1..=2500).map(|n| json!({ "n": n })).collect::<Vec<_>>());
    let beyond = collector.get(&page("&offset=99999")).await;
    assert_eq!((&beyond.json["rows"], beyond.json.get("next_offset")), (&json!([]), None));
    let none = collector.get(&format!("/execution/dataset?job_id={id}&name=original")).await;
    assert_eq!((&none.json["total"], &none.json["rows"]), (&json!(0), &json!([])));

    let lines = collector.get(&page("&format=jsonl")).await;
    assert_eq!(lines.text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>(), rows);
    let named = format!("attachment; filename=\"{id}.processed.jsonl\"");
    assert_eq!(lines.headers["content-disposition"], named.as_str());
    let table = collector.get(&page("&format=csv")).await;
    assert_eq!(table.text, (1..=2500).fold("n\r\n".to_owned(), |text, n| text + &format!("{n}\r\n")));
}

#[tokio::test]
async fn what_rows_say_runs_nowhere_and_large_ones_are_paged() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x1"]).await;
    let mut redis = collector.redis().await;
    let rows = [
        r#"{"name":"=HYPERLINK(\"http://evil.example\")","n":-1}"#.to_owned(),
        "{\"name\":\n\"two\\r\\nlines, \\\"quoted\\\"\",\r\"more\":[1,{\"a\":\"</script>\"}]}".to_owned(),
        r#"{"@SUM(1)":"\u0000","n":12345678901234567890}"#.to_owned(),
        "null".to_owned(),
    ];
    let id = job_with(&collector, &mut redis, &rows).await;
    let page = |query: &str| format!("/execution/dataset?job_id={id}&name=original{query}");
    let table = collector.get(&page("&format=csv")).await;
    let expected = "name,n,more,\"'@SUM(1)\",value\r\n\
                    \"'=HYPERLINK(\"\"http://evil.example\"\")\",-1,,,\r\n\
                    \"two\r\nlines, \"\"quoted\"\"\",,\"[1,{\"\"a\"\":\"\"</script>\"\"}]\",,\r\n\
                    ,12345678901234567890,,\0,\r\n\
                    ,,,,\r\n";
    assert_eq!(table.text, expected);
    let lines = collector.get(&page("&format=jsonl")).await;
    assert_eq!(lines.text.split_terminator('\n').count(), 4, "a row a line: {}", lines.text);
    let whole = collector.get(&page("")).await;
    assert_eq!(
        (&whole.json["total"], &whole.json["kept"], &whole.json["truncated"]),
        (&json!(6), &json!(4), &json!(true))
    );

    // Three rows of 3 MiB: a page of some 4 MiB holds one.
    let large: Vec<String> = (0..3).map(|n| json!({"n": n, "text": "x".repeat(3 << 20)}).to_string()).collect();
    let id = job_with(&collector, &mut redis, &large).await;
    for n in 0..3_u64 {
        let page = collector.get(&format!("/execution/dataset?job_id={id}&name=original&offset={n}")).await;
        let next = page.json["next_offset"].as_u64();
        assert_eq!((page.json["rows"][0]["n"].as_u64(), next), (Some(n), Some(n + 1).filter(|next| *next < 3)));
        assert_eq!(page.json["rows"].as_array().unwrap().len(), 1);
    }

    let many: Vec<String> = (0..=1000).map(|n| format!("{{\"k{n}\":{n}}}")).collect();
    let id = job_with(&collector, &mut redis, &many).await;
    let refused = collector.get(&format!("/execution/dataset?job_id={id}&name=original&format=csv")).await;
    assert_eq!((refused.status, &refused.json["code"]), (422, &json!("too_many_columns")));
    assert_eq!(collector.get(&format!("/execution/dataset?job_id={id}&name=original&format=jsonl")).await.status, 200);
}
