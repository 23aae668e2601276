//! Asking a running collector over HTTP.

use reqwest::{Body, Client, RequestBuilder, header::HeaderMap};
use serde_json::Value;

use super::{Collector, contract, eventually};

/// What came back. `json` is null if the body was something else.
#[derive(Debug)]
#[allow(dead_code, reason = "each test looks at what it is about")]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) json: Value,
}

#[allow(dead_code, reason = "each test asks for what it is about")]
impl Collector {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(client().get(format!("{}{path}", self.base))).await
    }

    /// Posts JSON text as it is.
    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        let request = client().post(format!("{}{path}", self.base));
        self.ask(request.header("content-type", "application/json").body(body)).await
    }

    /// Sends any request. Whatever the answer is, `openapi.yaml` must allow it.
    pub(crate) async fn ask(&self, request: RequestBuilder) -> Answer {
        let request = request.build().unwrap();
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let response = client().execute(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        #[expect(clippy::disallowed_methods, reason = "the answer comes from the collector under test")]
        let text = response.text().await.unwrap();
        contract::check(&method, &path, status, &headers, &text);
        let json = serde_json::from_str(&text).unwrap_or_default();
        Answer { status: status.as_u16(), headers, text, json }
    }
}

/// A client that goes nowhere but to the URL it is given.
#[allow(dead_code, reason = "for requests that `get` and `post` do not cover")]
pub(crate) fn client() -> Client {
    rustls::crypto::ring::default_provider().install_default().ok();
    Client::builder().no_proxy().build().unwrap()
}

/// What tests of jobs say again and again.
impl Collector {
    /// Submits a task spec and returns the job id.
    pub(crate) async fn submit(&self, spec: &Value) -> String {
        let answer = self.post("/execution/run", spec.to_string()).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        answer.json["job_id"].as_str().unwrap().to_owned()
    }

    /// The job as it is now.
    pub(crate) async fn job(&self, id: &str) -> Value {
        let answer = self.get(&format!("/execution/get?job_id={id}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json
    }

    /// The job with its datasets and its log.
    pub(crate) async fn full(&self, id: &str) -> Value {
        let answer = self.get(&format!("/execution/get?job_id={id}&full")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json
    }

    /// The job once it runs under this lease.
    pub(crate) async fn runs_again(&self, id: &str, lease: u64) -> Value {
        eventually(&format!("job {id} runs under lease {lease}"), async || {
            let job = self.job(id).await;
            (job["status"] == "running" && job["lease"] == lease).then_some(job)
        })
        .await
    }

    /// The job with everything once it has succeeded, through times without Redis.
    pub(crate) async fn succeeds_in_the_end(&self, id: &str) -> Value {
        eventually(&format!("job {id} succeeds"), async || {
            let answer = self.get(&format!("/execution/get?job_id={id}&full")).await;
            assert!([200, 503].contains(&answer.status), "{}", answer.text);
            (answer.json["status"] == "succeeded").then_some(answer.json)
        })
        .await
    }

    /// Asks for its end; what is answered.
    pub(crate) async fn cancel(&self, id: &str) -> Answer {
        self.post(&format!("/execution/cancel?job_id={id}"), "").await
    }

    /// The job once it has this status.
    pub(crate) async fn reaches(&self, id: &str, status: &str) -> Value {
        eventually(&format!("job {id} is {status}"), async || {
            let job = self.job(id).await;
            (job["status"] == status).then_some(job)
        })
        .await
    }
}

/// The process that runs a job, or ran it last.
pub(crate) fn pid_of(job: &Value) -> u32 {
    job["sanjer"].as_str().unwrap().rsplit(':').nth(1).unwrap().parse().unwrap()
}
