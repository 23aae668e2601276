//! Requests in a DynamoDB table. The queue stays in Redis, which may then be lost whole: the sweep queues again what it had.
//!
//! | `pk` | `sk` | holds |
//! |---|---|---|
//! | id of a request | `request` | `orderJson`, `createdAt`, `deadlineAt`, `totalJobs`, `remainingJobs`, `succeededJobs`, `isExpired`, `delivery`, `callbackJob`, `callbackAttempts`, `closedAt`, `deliveryLog`, `recordVersion`, `jobs` (provider → `jobStatus`, `jobId`, `writtenAt`, `details` (JSON), `answerKey`) |
//! | the same | `job#<key>#<n>` | `piece` of what a provider answered, below the 400 KB that an item may have; `answerKey` is `<key>#<how many>` |
//!
//! Index `list`: `partOf`, `createdAt`. Index `due`: `partOf`, `dueAt`. A part is one of a fixed number, by the id. Times are ms
//! since 1970 by the clock of the host. `expiresAt` (s) is for DynamoDB's own expiry, should the sweep never come by.
//!
//! Only what `dynalite` understands too is used: no transactions; whatever changes several things is one conditional update.

mod calls;
mod item;
mod table;
#[cfg(test)]
mod tests;

use std::time::Duration;

use aws_sdk_dynamodb::{Client, operation::put_item::PutItemError, types::AttributeValue};
use futures_util::future::try_join_all;

use self::{
    calls::{First, Update, with_version},
    item::{number, record, text},
};
use super::{
    Advanced, Answer, Attempt, Because, Created, LONGEST_DELIVERY, MAX_LOG, Place, RequestStore, Step, StoreError, Task,
};
use crate::{
    job::JobId,
    requests::{At, Delivery, JobStatus, Order, Record, RequestId, id::SHARDS},
};

/// What the item of a request itself is called.
const REQUEST: &str = "request";

/// Items of one part that a list reads beyond its page, for those of the same moment.
const AT_ONE_MOMENT: usize = 200;

/// Whether a provider's part has not ended, as a condition.
const IS_OPEN: &str = "jobs.#p.jobStatus <> :done AND jobs.#p.jobStatus <> :failed AND jobs.#p.jobStatus <> :expired";

/// Requests kept in DynamoDB.
#[derive(Clone, Debug)]
pub struct DynamoStore {
    client: Client,
    table: String,
}

impl RequestStore for DynamoStore {
    fn create<'a>(
        &'a self,
        id: &'a RequestId,
        order: &'a Order,
        jobs: &'a [JobId],
        within: Duration,
    ) -> Answer<'a, Created> {
        Box::pin(async move {
            let now = item::now();
            let item = item::new(id, order, jobs, now, within)?;
            let call = self.client.put_item().table_name(&self.table).set_item(Some(item.clone()));
            match call.condition_expression("attribute_not_exists(pk)").send().await {
                Ok(_) => Ok(Created::New(Box::new(record(id, &item)?))),
                Err(error)
                    if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) =>
                {
                    let known = self.read(id).await?;
                    let gone = || StoreError::Unavailable("it was deleted meanwhile".into());
                    Ok(Created::Known { fingerprint: known.ok_or_else(gone)?.order.fingerprint })
                }
                Err(error) => Err(table::failed(error)),
            }
        })
    }

    fn read<'a>(&'a self, id: &'a RequestId) -> Answer<'a, Option<Record>> {
        Box::pin(async move { self.item(id).await?.map(|item| record(id, &item)).transpose() })
    }

    fn advance<'a>(&'a self, id: &'a RequestId, step: &'a Step) -> Answer<'a, Advanced> {
        Box::pin(async move {
            let kept = match &step.result {
                Some(result) => Some(self.put_result(id, result).await?),
                None => None,
            };
            let mut update = Update {
                change: "SET jobs.#p.jobStatus = :status, jobs.#p.writtenAt = :at, jobs.#p.details = :about".into(),
                condition: format!("attribute_exists(jobs.#p) AND {IS_OPEN}"),
                names: vec![("#p".into(), step.provider.clone())],
                values: vec![
                    (":status", text(step.status.as_str())),
                    (":at", number(item::now().0)),
                    (":about", text(&item::encoded(id, &step.about)?)),
                    (":done", text(JobStatus::Done.as_str())),
                    (":failed", text(JobStatus::Failed.as_str())),
                    (":expired", text(JobStatus::Expired.as_str())),
                    (":one", number(1)),
                ],
            };
            if let Some(kept) = &kept {
                update.change.push_str(", jobs.#p.answerKey = :answer");
                update.values.push((":answer", text(kept)));
            }
            if let Some(job) = step.job {
                update.condition.push_str(" AND jobs.#p.jobId = :job");
                update.values.push((":job", text(&job.to_string())));
            }
            if step.status.is_over() {
                update.change.push_str(", remainingJobs = remainingJobs - :one");
            }
            if step.status == JobStatus::Done {
                update.change.push_str(", succeededJobs = succeededJobs + :one");
            }
            update.change = with_version(&update.change);
            if let Some(item) = self.update(id, update).await? {
                return Ok(Advanced::Now(Box::new(record(id, &item)?)));
            }
            if let Some(kept) = kept {
                for sk in item::keys_of(&kept) {
                    self.delete(id, &sk).await?;
                }
            }
            let Some(record) = self.read(id).await? else { return Ok(Advanced::Unknown) };
            Ok(match record.jobs.get(&step.provider).map(|part| part.status.is_over()) {
                None => Advanced::Unknown,
                Some(true) => Advanced::Over(Box::new(record)),
                Some(false) => Advanced::Superseded,
            })
        })
    }

    fn result<'a>(&'a self, id: &'a RequestId, provider: &'a str) -> Answer<'a, Option<String>> {
        Box::pin(async move {
            let Some(item) = self.item(id).await? else { return Ok(None) };
            let Some(kept) = item::answer_of(&item, provider) else { return Ok(None) };
            let gets = item::keys_of(&kept).into_iter().map(|sk| {
                let call = self.client.get_item().table_name(&self.table).consistent_read(true);
                call.key("pk", text(id.as_str())).key("sk", text(&sk)).send()
            });
            let pieces = try_join_all(gets).await.map_err(table::failed)?;
            let texts = pieces.into_iter().map(|piece| match piece.item?.remove("piece")? {
                AttributeValue::S(text) => Some(text),
                _ => None,
            });
            Ok(texts.collect())
        })
    }

    fn settle<'a>(&'a self, id: &'a RequestId, because: Because) -> Answer<'a, Option<Record>> {
        Box::pin(async move {
            let settled = self.change(id, |record| settling(record, because)).await?;
            Ok(settled.map(|(record, _)| record))
        })
    }

    fn assign<'a>(&'a self, id: &'a RequestId, task: Task<'a>, from: Option<JobId>, to: JobId) -> Answer<'a, bool> {
        Box::pin(async move {
            let changed = self.change(id, |record| {
                let values = vec![(":to", text(&to.to_string()))];
                let (is_free, names, change) = match task {
                    Task::Fetch(provider) => {
                        let part = record.jobs.get(provider)?;
                        let is_free = !part.status.is_over() && Some(part.job) == from;
                        (is_free, vec![("#p".to_owned(), provider.to_owned())], "SET jobs.#p.jobId = :to")
                    }
                    Task::Callback => {
                        let callback = &record.callback;
                        let is_free = callback.state == Delivery::Pending && callback.job == from;
                        (is_free, Vec::new(), "SET callbackJob = :to")
                    }
                };
                is_free.then(|| Update { change: change.into(), names, values, ..Update::default() })
            });
            Ok(changed.await?.is_some_and(|(_, changed)| changed))
        })
    }

    fn record<'a>(&'a self, id: &'a RequestId, attempt: &'a Attempt) -> Answer<'a, bool> {
        Box::pin(async move {
            let changed = self.change(id, |record| {
                let callback = &record.callback;
                if callback.state != Delivery::Pending || callback.job != Some(attempt.job) {
                    return None;
                }
                let skip = (callback.log.len() + 1).saturating_sub(MAX_LOG);
                let lines = callback.log.iter().skip(skip).chain([&attempt.line]);
                let log = lines.map(|line| text(&line.to_string())).collect();
                let mut change =
                    "SET delivery = :state, deliveryLog = :log, callbackAttempts = callbackAttempts + :one".to_owned();
                let mut values = vec![(":state", text(attempt.state.as_str())), (":log", AttributeValue::L(log))];
                if attempt.state != Delivery::Pending {
                    change.push_str(", closedAt = :now, dueAt = :now");
                    values.push((":now", number(record.now.0)));
                }
                Some(Update { change, values, ..Update::default() })
            });
            Ok(changed.await?.is_some_and(|(_, changed)| changed))
        })
    }

    fn reopen<'a>(&'a self, id: &'a RequestId) -> Answer<'a, Option<Record>> {
        Box::pin(async move {
            let changed = self.change(id, |record| {
                let change = "SET delivery = :pending, callbackAttempts = :none REMOVE closedAt".to_owned();
                let values = vec![(":pending", text(Delivery::Pending.as_str())), (":none", number(0))];
                (record.callback.state != Delivery::None).then(|| Update { change, values, ..Update::default() })
            });
            Ok(changed.await?.and_then(|(record, changed)| changed.then_some(record)))
        })
    }

    fn due(&self, limit: usize, lease: Duration) -> Answer<'_, Vec<RequestId>> {
        Box::pin(async move {
            let mut due = Vec::new();
            for part in 0..SHARDS {
                let rest = limit.saturating_sub(due.len());
                if rest == 0 {
                    break;
                }
                let now = item::now();
                let found =
                    self.query("due", "partOf = :part AND dueAt <= :at", part, now, rest, First::Oldest).await?;
                for item in found {
                    let (Some(id), Some(seen)) = (item::id_of(&item), item.get("dueAt").cloned()) else { continue };
                    let update = Update {
                        change: "SET dueAt = :next".into(),
                        condition: "dueAt = :seen".into(),
                        values: vec![(":next", number(now.plus(lease).0)), (":seen", seen)],
                        ..Update::default()
                    };
                    if self.update(&id, update).await?.is_some() {
                        due.push(id);
                    }
                }
            }
            Ok(due)
        })
    }

    fn postpone<'a>(&'a self, id: &'a RequestId, until: At) -> Answer<'a, ()> {
        Box::pin(async move {
            let update = Update {
                change: "SET dueAt = :next".into(),
                condition: "attribute_exists(pk)".into(),
                values: vec![(":next", number(until.0))],
                ..Update::default()
            };
            self.update(id, update).await?;
            Ok(())
        })
    }

    fn list<'a>(&'a self, after: Option<&'a Place>, limit: usize) -> Answer<'a, Vec<Place>> {
        Box::pin(async move {
            let from = after.map_or(At(9_999_999_999_999), |place| place.created_at);
            let most = limit.saturating_add(AT_ONE_MOMENT);
            let condition = "partOf = :part AND createdAt <= :at";
            let parts = (0..SHARDS).map(|part| self.query("list", condition, part, from, most, First::Newest));
            let found = try_join_all(parts).await?;
            let places = found
                .into_iter()
                .flatten()
                .filter_map(|item| Some(Place { created_at: item::at(&item, "createdAt")?, id: item::id_of(&item)? }));
            Ok(Place::newest(places.collect(), after, limit))
        })
    }

    fn remove<'a>(&'a self, id: &'a RequestId) -> Answer<'a, ()> {
        Box::pin(async move {
            loop {
                let call = self.client.query().table_name(&self.table).key_condition_expression("pk = :id");
                let call = call.expression_attribute_values(":id", text(id.as_str())).projection_expression("pk, sk");
                let items = call.limit(100).send().await.map_err(table::failed)?.items.unwrap_or_default();
                if items.is_empty() {
                    return Ok(());
                }
                for item in items {
                    if let Some(AttributeValue::S(sk)) = item.get("sk") {
                        self.delete(id, sk).await?;
                    }
                }
            }
        })
    }
}

/// What ends those who have not ended, if that is so.
fn settling(record: &Record, because: Because) -> Option<Update> {
    if because == Because::Late && !record.is_late() {
        return None;
    }
    let open = record.jobs.iter().filter(|(_, part)| !part.status.is_over()).map(|(name, _)| name.clone());
    let names: Vec<(String, String)> = open.enumerate().map(|(n, name)| (format!("#p{n}"), name)).collect();
    let closes = record.callback.state == Delivery::None && record.callback.closed_at.is_none();
    if names.is_empty() && !closes {
        return None;
    }
    let mut change = "SET remainingJobs = remainingJobs - :ended".to_owned();
    let mut values = vec![(":ended", number(names.len() as u64)), (":now", number(record.now.0))];
    for (name, _) in &names {
        change.push_str(", jobs.");
        change.push_str(name);
        change.push_str(".jobStatus = :expired, jobs.");
        change.push_str(name);
        change.push_str(".writtenAt = :now");
    }
    if !names.is_empty() {
        values.push((":expired", text(JobStatus::Expired.as_str())));
    }
    if because == Because::Late && !names.is_empty() {
        change.push_str(", isExpired = :yes");
        values.push((":yes", AttributeValue::Bool(true)));
    }
    if closes {
        change.push_str(", closedAt = :now, dueAt = :now");
    }
    Some(Update { change, names, values, ..Update::default() })
}
