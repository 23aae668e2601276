//! Posts a second over HTTP: the real route, and one that only answers 202.

use std::{net::SocketAddr, time::Instant};

use axum::{Json, Router, body::Bytes, http::StatusCode, routing::post};
use tokio::{net::TcpListener, task::JoinSet};

/// Connections that post at once.
const CONNECTIONS: u64 = 256;

/// Posts `body` `posts` times to `address` over many connections; returns posts per second.
pub(super) async fn posts_per_s(address: SocketAddr, body: &str, posts: u64) -> anyhow::Result<f64> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("http://{address}/execution/run");
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (client, url, body) = (client.clone(), url.clone(), body.to_owned());
        tasks.spawn(async move {
            for _ in 0..posts.div_ceil(CONNECTIONS) {
                let request = client.post(&url).header("content-type", "application/json").body(body.clone());
                request.send().await?.error_for_status()?;
            }
            Ok::<(), reqwest::Error>(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Ok((posts.div_ceil(CONNECTIONS) * CONNECTIONS) as f64 / started.elapsed().as_secs_f64())
}

/// Starts a route that takes a body and answers 202 without doing anything.
pub(super) async fn bare_route() -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let answer = async |_: Bytes| (StatusCode::ACCEPTED, Json(serde_json::json!({"job_id": ""})));
    let router = Router::new().route("/execution/run", post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}
