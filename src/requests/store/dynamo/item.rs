//! A request as an item of DynamoDB.

use std::{collections::HashMap, str::FromStr, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use super::{LONGEST_DELIVERY, REQUEST, StoreError};
use crate::{
    job::JobId,
    requests::{At, Callback, Delivery, JobStatus, Order, ProviderJob, Record, RequestId, Tally},
};

/// An item, or a part of one.
pub(super) type Item = HashMap<String, AttributeValue>;

/// Bytes of a piece of a result: an item may have 400 KB, its names included.
const PIECE: usize = 350_000;

/// Now, by the clock of this host.
pub(super) fn now() -> At {
    At(u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0))
}

pub(super) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub(super) fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(super) fn encoded<T: Serialize>(id: &RequestId, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Damaged { id: id.clone(), field: error.to_string() })
}

/// The item of a new request.
pub(super) fn new(
    id: &RequestId,
    order: &Order,
    jobs: &[JobId],
    now: At,
    within: Duration,
) -> Result<Item, StoreError> {
    let part = |job: &JobId| {
        AttributeValue::M(HashMap::from([
            ("jobStatus".to_owned(), text(JobStatus::Init.as_str())),
            ("jobId".to_owned(), text(&job.to_string())),
            ("writtenAt".to_owned(), number(now.0)),
            ("details".to_owned(), text("{}")),
        ]))
    };
    let parts = order.providers.iter().zip(jobs).map(|(provider, job)| (provider.name.clone(), part(job)));
    let total = order.providers.len() as u64;
    let deadline = now.plus(Duration::from_millis(order.deadline_ms));
    let kept = deadline.plus(LONGEST_DELIVERY).plus(Duration::from_millis(order.retention_ms));
    let delivery = if order.callback_url.is_some() { Delivery::Pending } else { Delivery::None };
    let fields = [
        ("pk", text(id.as_str())),
        ("sk", text(REQUEST)),
        ("partOf", text(&id.shard().0.to_string())),
        ("orderJson", text(&encoded(id, order)?)),
        ("createdAt", number(now.0)),
        ("deadlineAt", number(deadline.0)),
        ("dueAt", number(now.plus(within).min(deadline).0)),
        ("expiresAt", number(kept.0 / 1000)),
        ("totalJobs", number(total)),
        ("remainingJobs", number(total)),
        ("succeededJobs", number(0)),
        ("delivery", text(delivery.as_str())),
        ("callbackAttempts", number(0)),
        ("recordVersion", number(0)),
        ("jobs", AttributeValue::M(parts.collect())),
    ];
    Ok(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Reads the item of a request.
pub(super) fn record(id: &RequestId, item: &Item) -> Result<Record, StoreError> {
    let fields = Fields { id, item };
    let order: Order = fields.json("orderJson")?;
    let Some(AttributeValue::M(parts)) = item.get("jobs") else { return Err(fields.damaged("jobs")) };
    let job = |(name, part): (&String, &AttributeValue)| {
        let AttributeValue::M(part) = part else { return Err(fields.damaged(name)) };
        let part = Fields { id, item: part };
        let status = part.parsed("jobStatus")?;
        let (job, at) = (part.parsed("jobId")?, At(part.parsed("writtenAt")?));
        Ok((name.clone(), ProviderJob { status, job, at, about: part.json("details")? }))
    };
    let jobs = parts.iter().map(job).collect::<Result<_, _>>()?;
    let lines = match item.get("deliveryLog") {
        Some(AttributeValue::L(lines)) => lines.as_slice(),
        _ => &[],
    };
    let line = |line: &AttributeValue| {
        let line = line.as_s().ok().and_then(|line| serde_json::from_str(line).ok());
        line.ok_or_else(|| fields.damaged("deliveryLog"))
    };
    Ok(Record {
        id: id.clone(),
        created_at: At(fields.parsed("createdAt")?),
        deadline_at: At(fields.parsed("deadlineAt")?),
        tally: Tally {
            total: fields.parsed("totalJobs")?,
            remaining: fields.parsed("remainingJobs")?,
            succeeded: fields.parsed("succeededJobs")?,
        },
        is_expired: item.contains_key("isExpired"),
        callback: Callback {
            state: fields.parsed("delivery")?,
            job: fields.optional("callbackJob")?,
            attempts: fields.parsed("callbackAttempts")?,
            log: lines.iter().map(line).collect::<Result<_, _>>()?,
            closed_at: fields.optional("closedAt")?.map(At),
        },
        order,
        jobs,
        now: now(),
    })
}

/// Whose item it is.
pub(super) fn id_of(item: &Item) -> Option<RequestId> {
    item.get("pk")?.as_s().ok()?.parse().ok()
}

/// A time of an item.
pub(super) fn at(item: &Item, field: &str) -> Option<At> {
    Some(At(item.get(field)?.as_n().ok()?.parse().ok()?))
}

/// What the record says of the pieces of what a provider answered.
pub(super) fn answer_of(item: &Item, provider: &str) -> Option<String> {
    let part = item.get("jobs")?.as_m().ok()?.get(provider)?.as_m().ok()?;
    Some(part.get("answerKey")?.as_s().ok()?.clone())
}

/// The sort keys of these pieces.
pub(super) fn keys_of(kept: &str) -> Vec<String> {
    let (key, count) = kept.split_once('#').unwrap_or((kept, "0"));
    (0..count.parse().unwrap_or(0_u32)).map(|n| format!("job#{key}#{n}")).collect()
}

/// A text in pieces that fit into an item, one at least.
pub(super) fn pieces(mut rest: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    loop {
        let (piece, behind) = rest.split_at(rest.floor_char_boundary(PIECE));
        pieces.push(piece);
        rest = behind;
        if rest.is_empty() {
            return pieces;
        }
    }
}

/// An item, or a part of one, while it is being read.
struct Fields<'a> {
    id: &'a RequestId,
    item: &'a Item,
}

impl Fields<'_> {
    fn damaged(&self, field: &str) -> StoreError {
        StoreError::Damaged { id: self.id.clone(), field: field.to_owned() }
    }

    fn optional<T: FromStr>(&self, field: &str) -> Result<Option<T>, StoreError> {
        let text = match self.item.get(field) {
            None => return Ok(None),
            Some(AttributeValue::S(text) | AttributeValue::N(text)) => text,
            Some(_) => return Err(self.damaged(field)),
        };
        text.parse().map(Some).map_err(|_| self.damaged(field))
    }

    fn parsed<T: FromStr>(&self, field: &str) -> Result<T, StoreError> {
        self.optional(field)?.ok_or_else(|| self.damaged(field))
    }

    fn json<T: DeserializeOwned>(&self, field: &str) -> Result<T, StoreError> {
        let text = self.item.get(field).and_then(|value| value.as_s().ok()).ok_or_else(|| self.damaged(field))?;
        serde_json::from_str(text).map_err(|_| self.damaged(field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_its_characters() {
        for (text, lengths) in [
            (String::new(), vec![0]),
            ("x".repeat(PIECE), vec![PIECE]),
            ("x".repeat(PIECE + 1), vec![PIECE, 1]),
            ("é".repeat(PIECE), vec![PIECE, PIECE]),
            (format!("x{}", "é".repeat(PIECE / 2)), vec![PIECE - 1, 2]),
        ] {
            let pieces = pieces(&text);
            assert_eq!(pieces.iter().map(|piece| piece.len()).collect::<Vec<_>>(), lengths);
            assert_eq!(pieces.concat(), text);
        }
        assert_eq!(keys_of("k#2"), ["job#k#0", "job#k#1"]);
        assert_eq!(keys_of("k"), Vec::<String>::new());
    }
}
