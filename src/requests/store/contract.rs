//! What every store must do, whatever keeps it: each is held to all of this.

use std::time::Duration;

use serde_json::{Map, json};

use super::{Advanced, Attempt, Because, Created, Place, RequestStore, Step, Task};
use crate::{
    job::{JobId, Shard},
    requests::{About, Delivery, JobStatus, Mode, Order, Provider, Record, RequestId, RequestStatus, Tally},
};

const MINUTE: Duration = Duration::from_mins(1);
const PROVIDERS: [&str; 3] = ["a", "b", "http://127.0.0.1:1/{c}?d=e"];

fn order(mode: Mode, minimum: u32) -> Order {
    let providers =
        PROVIDERS.map(|name| Provider { name: name.into(), url: "http://127.0.0.1:1/x?y=z".parse().unwrap() });
    Order {
        fingerprint: "print".into(),
        callback_url: Some("http://127.0.0.1:2/hook".parse().unwrap()),
        mode,
        minimum,
        parameters: Map::from_iter([("q".into(), json!("ä\n\"")), ("n".into(), json!(1.5))]),
        providers: providers.into(),
        deadline_ms: 600_000,
        retention_ms: 60_000,
    }
}

fn job() -> JobId {
    JobId::new(Shard(0))
}

struct Bench<'a> {
    store: &'a dyn RequestStore,
    id: RequestId,
    jobs: Vec<JobId>,
}

impl<'a> Bench<'a> {
    async fn with(store: &'a dyn RequestStore, order: &Order) -> Self {
        let (id, jobs) = (RequestId::generate(), order.providers.iter().map(|_| job()).collect::<Vec<_>>());
        assert!(matches!(store.create(&id, order, &jobs, MINUTE).await.unwrap(), Created::New(_)));
        Self { store, id, jobs }
    }

    async fn read(&self) -> Record {
        self.store.read(&self.id).await.unwrap().expect("it is there")
    }

    fn step(&self, n: usize, status: JobStatus) -> Step {
        let result = (status == JobStatus::Done).then(|| format!("\"{n}\""));
        Step { provider: PROVIDERS[n].into(), job: Some(self.jobs[n]), status, about: About::default(), result }
    }

    async fn advance(&self, n: usize, status: JobStatus) -> Advanced {
        self.store.advance(&self.id, &self.step(n, status)).await.unwrap()
    }

    /// Ends a provider's part; whether that decided the request.
    async fn ends(&self, n: usize, status: JobStatus) -> bool {
        match self.advance(n, status).await {
            Advanced::Now(record) => record.order.join().is_decided_by(status, record.tally),
            other => panic!("{other:?}"),
        }
    }
}

/// All of it, one after the other: a store may take a while to start.
pub(crate) async fn holds(store: &dyn RequestStore) {
    what_is_written_is_read(store).await;
    an_id_names_one_request(store).await;
    one_update_decides(store).await;
    many_writers_at_once_decide_once(store).await;
    what_has_ended_stays(store).await;
    who_lost_a_task_writes_nothing(store).await;
    the_rest_is_ended(store).await;
    a_deadline_ends_only_what_is_late(store).await;
    a_callback_is_one_jobs(store).await;
    nobody_to_tell_is_closed_at_once(store).await;
    results_lie_beside(store).await;
    the_list_is_the_newest_first(store).await;
    what_is_due_is_told_once(store).await;
    what_is_removed_is_gone(store).await;
}

async fn what_is_written_is_read(store: &dyn RequestStore) {
    let order = order(Mode::Quorum, 2);
    let bench = Bench::with(store, &order).await;
    let record = bench.read().await;
    assert_eq!((&record.order, record.tally, record.status()), (&order, Tally::new(3), RequestStatus::Init));
    assert_eq!((record.callback.state, record.is_expired), (Delivery::Pending, false));
    assert_eq!(record.deadline_at.0 - record.created_at.0, 600_000);
    assert!(record.now >= record.created_at);
    let about = About {
        attempts: 2,
        http_status: Some(503),
        duration_ms: Some(7),
        next_attempt_ms: Some(record.now.0 + 1000),
        error: Some(crate::requests::Fault { code: "unavailable".into(), message: "it answered 503".into() }),
        bytes: None,
    };
    let step = Step { about: about.clone(), ..bench.step(2, JobStatus::Waiting) };
    let Advanced::Now(after) = store.advance(&bench.id, &step).await.unwrap() else { panic!("it is written") };
    let read = bench.read().await;
    assert_eq!(Record { now: read.now, ..*after }, read);
    let part = &read.jobs[PROVIDERS[2]];
    assert_eq!((part.status, part.job, &part.about), (JobStatus::Waiting, bench.jobs[2], &about));
    assert_eq!((read.status(), read.tally), (RequestStatus::Running, Tally::new(3)));
    assert_eq!(store.read(&RequestId::generate()).await.unwrap(), None);
}

async fn an_id_names_one_request(store: &dyn RequestStore) {
    let order = order(Mode::AllFinished, 0);
    let bench = Bench::with(store, &order).await;
    let other = Order { fingerprint: "other".into(), ..order };
    let again = store.create(&bench.id, &other, &bench.jobs, MINUTE).await.unwrap();
    assert_eq!(again, Created::Known { fingerprint: "print".into() });
    assert_eq!(bench.read().await.order.fingerprint, "print");
}

async fn one_update_decides(store: &dyn RequestStore) {
    use JobStatus::{Done, Failed};

    for (mode, minimum, ends, deciding, status) in [
        (Mode::AllFinished, 0, [Done, Failed, Done], 2, RequestStatus::Done),
        (Mode::AllSucceeded, 0, [Done, Done, Done], 2, RequestStatus::Done),
        (Mode::AllSucceeded, 0, [Done, Failed, Done], 1, RequestStatus::Failed),
        (Mode::Quorum, 2, [Done, Done, Failed], 1, RequestStatus::Done),
        (Mode::Quorum, 2, [Failed, Done, Done], 2, RequestStatus::Done),
        (Mode::Quorum, 2, [Failed, Failed, Done], 1, RequestStatus::Failed),
    ] {
        let bench = Bench::with(store, &order(mode, minimum)).await;
        let mut decided = Vec::new();
        for (n, end) in ends.into_iter().enumerate() {
            if bench.ends(n, end).await {
                decided.push(n);
            }
        }
        assert_eq!((decided, bench.read().await.status()), (vec![deciding], status), "{mode:?} {ends:?}");
    }
}

async fn many_writers_at_once_decide_once(store: &dyn RequestStore) {
    let bench = Bench::with(store, &order(Mode::AllFinished, 0)).await;
    let steps: Vec<Step> = (0..12).map(|n| bench.step(n % 3, JobStatus::Done)).collect();
    let writers = steps.iter().map(|step| store.advance(&bench.id, step));
    let answers = futures_util::future::join_all(writers).await;
    let (mut written, mut deciders) = (0, 0);
    for answer in answers {
        match answer.unwrap() {
            Advanced::Now(record) => {
                written += 1;
                deciders += u32::from(record.order.join().is_decided_by(JobStatus::Done, record.tally));
            }
            Advanced::Over(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((written, deciders), (3, 1));
    assert_eq!(bench.read().await.tally, Tally { total: 3, remaining: 0, succeeded: 3 });
}

async fn what_has_ended_stays(store: &dyn RequestStore) {
    let bench = Bench::with(store, &order(Mode::AllFinished, 0)).await;
    assert!(!bench.ends(0, JobStatus::Done).await);
    for status in [JobStatus::Running, JobStatus::Waiting, JobStatus::Done, JobStatus::Failed] {
        let Advanced::Over(record) = bench.advance(0, status).await else { panic!("{status} was written") };
        assert_eq!(record.jobs["a"].status, JobStatus::Done);
        assert_eq!(record.tally, Tally { total: 3, remaining: 2, succeeded: 1 });
    }
    let unknown = Step { provider: "nobody".into(), ..bench.step(0, JobStatus::Done) };
    assert_eq!(store.advance(&bench.id, &unknown).await.unwrap(), Advanced::Unknown);
    assert_eq!(store.advance(&RequestId::generate(), &unknown).await.unwrap(), Advanced::Unknown);
}

async fn who_lost_a_task_writes_nothing(store: &dyn RequestStore) {
    let bench = Bench::with(store, &order(Mode::AllFinished, 0)).await;
    let (old, new, late) = (bench.jobs[0], job(), job());
    assert!(store.assign(&bench.id, Task::Fetch("a"), Some(old), new).await.unwrap());
    assert!(!store.assign(&bench.id, Task::Fetch("a"), Some(old), late).await.unwrap(), "one takes it over");
    assert_eq!(bench.advance(0, JobStatus::Done).await, Advanced::Superseded);
    let step = Step { job: Some(new), ..bench.step(0, JobStatus::Running) };
    assert!(matches!(store.advance(&bench.id, &step).await.unwrap(), Advanced::Now(_)));
    // Who is not a job of ours is not fenced by one.
    let outside = Step { job: None, ..bench.step(0, JobStatus::Done) };
    assert!(matches!(store.advance(&bench.id, &outside).await.unwrap(), Advanced::Now(_)));
    assert!(!store.assign(&bench.id, Task::Fetch("a"), Some(new), late).await.unwrap(), "there is nothing left to do");
    assert!(!store.assign(&bench.id, Task::Fetch("nobody"), Some(new), late).await.unwrap());
}

async fn the_rest_is_ended(store: &dyn RequestStore) {
    let bench = Bench::with(store, &order(Mode::Quorum, 1)).await;
    assert!(bench.ends(1, JobStatus::Done).await);
    for _ in 0..2 {
        let record = store.settle(&bench.id, Because::Decided).await.unwrap().unwrap();
        assert_eq!(record.tally, Tally { total: 3, remaining: 0, succeeded: 1 });
        assert_eq!((record.jobs["a"].status, record.jobs["b"].status), (JobStatus::Expired, JobStatus::Done));
        assert_eq!((record.status(), record.is_expired), (RequestStatus::Done, false));
    }
    assert!(matches!(bench.advance(0, JobStatus::Done).await, Advanced::Over(_)));
    assert_eq!(store.settle(&RequestId::generate(), Because::Decided).await.unwrap(), None);
}

async fn a_deadline_ends_only_what_is_late(store: &dyn RequestStore) {
    let bench = Bench::with(store, &order(Mode::AllFinished, 0)).await;
    let record = store.settle(&bench.id, Because::Late).await.unwrap().unwrap();
    assert_eq!((record.status(), record.tally), (RequestStatus::Init, Tally::new(3)), "its time is not over");

    let bench = Bench::with(store, &Order { deadline_ms: 0, ..order(Mode::AllSucceeded, 0) }).await;
    assert!(!bench.ends(0, JobStatus::Done).await);
    let record = store.settle(&bench.id, Because::Late).await.unwrap().unwrap();
    assert_eq!((record.status(), record.is_expired), (RequestStatus::Expired, true));
    assert_eq!((record.jobs["a"].status, record.jobs["b"].status), (JobStatus::Done, JobStatus::Expired));
    assert_eq!(record.tally, Tally { total: 3, remaining: 0, succeeded: 1 });
}

async fn a_callback_is_one_jobs(store: &dyn RequestStore) {
    let bench = Bench::with(store, &order(Mode::AllFinished, 0)).await;
    let (first, second) = (job(), job());
    assert!(store.assign(&bench.id, Task::Callback, None, first).await.unwrap());
    assert!(!store.assign(&bench.id, Task::Callback, None, second).await.unwrap(), "one owns it");
    let attempt = |job, state, n: u32| Attempt { job, state, line: json!({"attempt": n}) };
    for n in 1..=25 {
        assert!(store.record(&bench.id, &attempt(first, Delivery::Pending, n)).await.unwrap());
    }
    assert!(!store.record(&bench.id, &attempt(second, Delivery::Delivered, 26)).await.unwrap(), "another's");
    assert!(store.assign(&bench.id, Task::Callback, Some(first), second).await.unwrap());
    assert!(!store.record(&bench.id, &attempt(first, Delivery::Delivered, 26)).await.unwrap(), "it lost it");
    assert!(store.record(&bench.id, &attempt(second, Delivery::Undelivered, 26)).await.unwrap());
    assert!(!store.record(&bench.id, &attempt(second, Delivery::Delivered, 27)).await.unwrap(), "it is closed");
    let record = bench.read().await;
    assert_eq!((record.callback.state, record.callback.attempts), (Delivery::Undelivered, 26));
    let log: Vec<u64> = record.callback.log.iter().map(|line| line["attempt"].as_u64().unwrap()).collect();
    assert_eq!(log, (7..=26).collect::<Vec<_>>());
    let closed_at = record.callback.closed_at.expect("it is closed");
    assert_eq!(record.expires_at().map(|at| at.0), Some(closed_at.0 + 60_000));
    assert!(!store.assign(&bench.id, Task::Callback, Some(second), first).await.unwrap());

    let record = store.reopen(&bench.id).await.unwrap().expect("it has somebody to tell");
    assert_eq!((record.callback.state, record.callback.attempts), (Delivery::Pending, 0));
    assert_eq!((record.callback.job, record.callback.closed_at), (Some(second), None));
    assert!(store.record(&bench.id, &attempt(second, Delivery::Delivered, 1)).await.unwrap());
    assert_eq!(store.reopen(&RequestId::generate()).await.unwrap(), None);
}

async fn nobody_to_tell_is_closed_at_once(store: &dyn RequestStore) {
    let bench = Bench::with(store, &Order { callback_url: None, ..order(Mode::Quorum, 1) }).await;
    assert!(bench.ends(0, JobStatus::Done).await);
    let record = store.settle(&bench.id, Because::Decided).await.unwrap().unwrap();
    let closed_at = record.callback.closed_at;
    assert!(closed_at.is_some() && record.callback.state == Delivery::None);
    assert_eq!(store.settle(&bench.id, Because::Decided).await.unwrap().unwrap().callback.closed_at, closed_at);
    assert!(!store.assign(&bench.id, Task::Callback, None, job()).await.unwrap());
    assert_eq!(store.reopen(&bench.id).await.unwrap(), None);
}

async fn results_lie_beside(store: &dyn RequestStore) {
    let bench = Bench::with(store, &order(Mode::AllFinished, 0)).await;
    // More than an item of DynamoDB may have, and characters of several bytes where it may be cut.
    let large = json!("é".repeat(500_000)).to_string();
    let step = Step { result: Some(large.clone()), ..bench.step(0, JobStatus::Done) };
    assert!(matches!(store.advance(&bench.id, &step).await.unwrap(), Advanced::Now(_)));
    bench.advance(2, JobStatus::Done).await;
    assert!(store.result(&bench.id, "a").await.unwrap() == Some(large));
    assert_eq!(store.result(&bench.id, PROVIDERS[2]).await.unwrap().as_deref(), Some("\"2\""));
    assert_eq!(store.result(&bench.id, "b").await.unwrap(), None);
    // Who came late has not replaced it.
    let late = Step { result: Some("\"late\"".into()), ..bench.step(2, JobStatus::Done) };
    assert!(matches!(store.advance(&bench.id, &late).await.unwrap(), Advanced::Over(_)));
    assert_eq!(store.result(&bench.id, PROVIDERS[2]).await.unwrap().as_deref(), Some("\"2\""));
}

async fn the_list_is_the_newest_first(store: &dyn RequestStore) {
    let mut made = Vec::new();
    for _ in 0..25 {
        made.push(Bench::with(store, &order(Mode::AllFinished, 0)).await.id);
    }
    for limit in [1, 7, 100] {
        let (mut found, mut after) = (Vec::<Place>::new(), None);
        loop {
            let page = store.list(after.as_ref(), limit).await.unwrap();
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some(last.clone());
            found.extend(page);
        }
        let mut sorted = found.clone();
        sorted.sort_by(|a, b| b.created_at.cmp(&a.created_at).then(a.id.cmp(&b.id)));
        assert_eq!(found, sorted, "pages of {limit}");
        sorted.dedup();
        assert_eq!(found.len(), sorted.len(), "none twice, pages of {limit}");
        for id in &made {
            assert!(found.iter().any(|place| place.id == *id), "{id} is missing, pages of {limit}");
        }
    }
}

async fn what_is_due_is_told_once(store: &dyn RequestStore) {
    let (id, order) = (RequestId::generate(), order(Mode::AllFinished, 0));
    let jobs: Vec<JobId> = order.providers.iter().map(|_| job()).collect();
    store.create(&id, &order, &jobs, Duration::ZERO).await.unwrap();
    let due = async || store.due(1000, MINUTE).await.unwrap().contains(&id);
    assert!(due().await, "its time is there at once");
    assert!(!due().await, "somebody looks after it");
    let now = store.read(&id).await.unwrap().unwrap().now;
    store.postpone(&id, now).await.unwrap();
    assert!(due().await);
    store.postpone(&id, now.plus(MINUTE)).await.unwrap();
    assert!(!due().await);
    store.remove(&id).await.unwrap();
    store.postpone(&id, now).await.unwrap();
    assert!(!due().await, "what is gone does not come back");
}

async fn what_is_removed_is_gone(store: &dyn RequestStore) {
    let bench = Bench::with(store, &order(Mode::AllFinished, 0)).await;
    bench.advance(0, JobStatus::Done).await;
    for _ in 0..2 {
        store.remove(&bench.id).await.unwrap();
        assert_eq!(store.read(&bench.id).await.unwrap(), None);
        assert_eq!(store.result(&bench.id, "a").await.unwrap(), None);
    }
    let listed = store.list(None, 1000).await.unwrap();
    assert!(!listed.iter().any(|place| place.id == bench.id));
    let again = store.create(&bench.id, &order(Mode::AllFinished, 0), &bench.jobs, MINUTE).await.unwrap();
    assert!(matches!(again, Created::New(_)));
}
