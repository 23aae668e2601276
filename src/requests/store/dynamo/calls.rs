//! The calls of DynamoDB that a store is made of.

use std::time::Duration;

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValue},
};
use futures_util::future::try_join_all;
use uuid::Uuid;

use super::{
    DynamoStore, REQUEST,
    item::{Item, number, pieces, record, text},
    table,
};
use crate::requests::{At, Record, RequestId, StoreError};

/// How often a change that others come before is tried.
const TRIES: usize = 50;

/// A conditional update of the item of a request.
#[derive(Default)]
pub(super) struct Update {
    pub(super) change: String,
    pub(super) condition: String,
    /// Providers by what stands for them: `#p`.
    pub(super) names: Vec<(String, String)>,
    pub(super) values: Vec<(&'static str, AttributeValue)>,
}

/// Which end of an index is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    Oldest,
    Newest,
}

impl DynamoStore {
    /// The item after the update, or nothing if its condition does not hold.
    pub(super) async fn update(&self, id: &RequestId, update: Update) -> Result<Option<Item>, StoreError> {
        let Update { change, condition, names, values } = update;
        let mut call = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(id.as_str()))
            .key("sk", text(REQUEST))
            .update_expression(change)
            .condition_expression(condition)
            .return_values(ReturnValue::AllNew);
        for (name, provider) in names {
            call = call.expression_attribute_names(name, provider);
        }
        for (name, value) in values {
            call = call.expression_attribute_values(name, value);
        }
        match call.send().await {
            Ok(output) => Ok(Some(output.attributes.unwrap_or_default())),
            Err(error)
                if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(None)
            }
            Err(error) => Err(table::failed(error)),
        }
    }

    /// The item of a request as it stands.
    pub(super) async fn item(&self, id: &RequestId) -> Result<Option<Item>, StoreError> {
        let call = self.client.get_item().table_name(&self.table).consistent_read(true);
        let output = call.key("pk", text(id.as_str())).key("sk", text(REQUEST)).send().await;
        Ok(output.map_err(table::failed)?.item)
    }

    /// Makes a change that follows from the record, again if somebody else came before.
    pub(super) async fn change(
        &self,
        id: &RequestId,
        change: impl Fn(&Record) -> Option<Update>,
    ) -> Result<Option<(Record, bool)>, StoreError> {
        for _ in 0..TRIES {
            let Some(item) = self.item(id).await? else { return Ok(None) };
            let version = item.get("recordVersion").cloned().unwrap_or_else(|| number(0));
            let before = record(id, &item)?;
            let Some(mut update) = change(&before) else { return Ok(Some((before, false))) };
            update.change = with_version(&update.change);
            update.condition = "recordVersion = :version".into();
            update.values.extend([(":version", version), (":one", number(1))]);
            if let Some(item) = self.update(id, update).await? {
                return Ok(Some((record(id, &item)?, true)));
            }
            tokio::time::sleep(Duration::from_millis(rand::random_range(1..20))).await;
        }
        Err(StoreError::Unavailable("others keep changing the request".into()))
    }

    /// Writes a result beside its record; what the record shall say of it.
    pub(super) async fn put_result(&self, id: &RequestId, result: &str) -> Result<String, StoreError> {
        let key = Uuid::now_v7().simple().to_string();
        let pieces = pieces(result);
        let puts = pieces.iter().enumerate().map(|(n, piece)| {
            let call = self.client.put_item().table_name(&self.table).item("pk", text(id.as_str()));
            call.item("sk", text(&format!("job#{key}#{n}"))).item("piece", text(piece)).send()
        });
        try_join_all(puts).await.map_err(table::failed)?;
        Ok(format!("{key}#{}", pieces.len()))
    }

    /// The first items of one part of an index.
    pub(super) async fn query(
        &self,
        index: &str,
        condition: &str,
        part: u16,
        at: At,
        limit: usize,
        first: First,
    ) -> Result<Vec<Item>, StoreError> {
        let call = self.client.query().table_name(&self.table).index_name(index).key_condition_expression(condition);
        let call = call.expression_attribute_values(":part", text(&part.to_string()));
        let call = call.expression_attribute_values(":at", number(at.0)).scan_index_forward(first == First::Oldest);
        let output = call.limit(i32::try_from(limit).unwrap_or(i32::MAX)).send().await.map_err(table::failed)?;
        Ok(output.items.unwrap_or_default())
    }

    pub(super) async fn delete(&self, id: &RequestId, sk: &str) -> Result<(), StoreError> {
        let call = self.client.delete_item().table_name(&self.table);
        call.key("pk", text(id.as_str())).key("sk", text(sk)).send().await.map_err(table::failed)?;
        Ok(())
    }
}

/// Every change counts.
pub(super) fn with_version(change: &str) -> String {
    change.replacen("SET ", "SET recordVersion = recordVersion + :one, ", 1)
}
