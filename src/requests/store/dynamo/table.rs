//! The table: reached, and made if it is missing.

use std::time::Duration;

use aws_config::{
    BehaviorVersion,
    environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider},
    meta::{credentials::CredentialsProviderChain, region::RegionProviderChain},
};
use aws_sdk_dynamodb::{
    Client,
    config::Credentials,
    error::{ProvideErrorMetadata, SdkError},
    operation::{create_table::CreateTableError, describe_table::DescribeTableError},
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
        ScalarAttributeType, TableStatus, TimeToLiveSpecification,
    },
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use tokio::time::{Instant, sleep};

use super::{DynamoStore, StoreError};
use crate::config;

/// How long a new table may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// Region and credentials at a DynamoDB of one's own, if the environment names none: they must be there, whatever they are.
const OWN: &str = "local";

impl DynamoStore {
    /// The table of this configuration; credentials and region as every program for AWS finds them.
    pub async fn open(requests: &config::Requests) -> Result<Self, StoreError> {
        let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http);
        if !requests.dynamodb_url.is_empty() {
            // Not AWS: there are no roles and no regions to ask anybody about.
            let region = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new()).or_else(OWN);
            let own = Credentials::builder().access_key_id(OWN).secret_access_key(OWN).provider_name(OWN).build();
            let credentials =
                CredentialsProviderChain::first_try("environment", EnvironmentVariableCredentialsProvider::new());
            loader = loader.endpoint_url(&requests.dynamodb_url).region(region);
            loader = loader.credentials_provider(credentials.or_else("own", own));
        }
        let store = Self { client: Client::new(&loader.load().await), table: requests.table.clone() };
        store.make().await?;
        Ok(store)
    }

    /// Makes the table, unless it is there, and waits until it can be used.
    async fn make(&self) -> Result<(), StoreError> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.client.describe_table().table_name(&self.table).send().await {
                Ok(output) => {
                    let status = output.table.and_then(|table| table.table_status);
                    if matches!(status, Some(TableStatus::Active | TableStatus::Updating)) {
                        return Ok(());
                    }
                }
                Err(error)
                    if error.as_service_error().is_some_and(DescribeTableError::is_resource_not_found_exception) =>
                {
                    self.create_table().await?;
                }
                Err(error) => return Err(failed(error)),
            }
            if Instant::now() >= until {
                return Err(StoreError::Unavailable(format!("the table {} does not become active", self.table)));
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn create_table(&self) -> Result<(), StoreError> {
        let mut call = self.client.create_table().table_name(&self.table).billing_mode(BillingMode::PayPerRequest);
        let (hash, range) = (KeyType::Hash, KeyType::Range);
        for (name, kind) in [
            ("pk", ScalarAttributeType::S),
            ("sk", ScalarAttributeType::S),
            ("partOf", ScalarAttributeType::S),
            ("createdAt", ScalarAttributeType::N),
            ("dueAt", ScalarAttributeType::N),
        ] {
            call = call.attribute_definitions(built(
                AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build(),
            )?);
        }
        call = call.key_schema(key("pk", hash.clone())?).key_schema(key("sk", range.clone())?);
        for (index, sort) in [("list", "createdAt"), ("due", "dueAt")] {
            let only_keys = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
            let index = GlobalSecondaryIndex::builder().index_name(index).projection(only_keys);
            let index = index.key_schema(key("partOf", hash.clone())?).key_schema(key(sort, range.clone())?);
            call = call.global_secondary_indexes(built(index.build())?);
        }
        match call.send().await {
            Ok(_) => {}
            // Another host makes it.
            Err(error) if error.as_service_error().is_some_and(CreateTableError::is_resource_in_use_exception) => {
                return Ok(());
            }
            Err(error) => return Err(failed(error)),
        }
        let expiry = built(TimeToLiveSpecification::builder().attribute_name("expiresAt").enabled(true).build())?;
        let call = self.client.update_time_to_live().table_name(&self.table).time_to_live_specification(expiry);
        if let Err(error) = call.send().await {
            // The sweep deletes what is over; this is only the backstop, which not every DynamoDB has.
            tracing::info!(error = %failed(error), "the table does not expire items by itself");
        }
        Ok(())
    }
}

fn key(name: &str, kind: KeyType) -> Result<KeySchemaElement, StoreError> {
    built(KeySchemaElement::builder().attribute_name(name).key_type(kind).build())
}

fn built<T>(built: Result<T, aws_sdk_dynamodb::error::BuildError>) -> Result<T, StoreError> {
    built.map_err(|error| StoreError::Refused(error.to_string()))
}

/// Codes of answers that say: not now.
const NOT_NOW: [&str; 5] = [
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
    "InternalServerError",
    "LimitExceededException",
];

/// What the error of a call is to us.
#[expect(clippy::needless_pass_by_value, reason = "so that map_err takes it")]
pub(super) fn failed<E: ProvideErrorMetadata + std::error::Error + 'static>(error: SdkError<E>) -> StoreError {
    match &error {
        SdkError::ServiceError(service) => {
            let (code, message) = (error.code().unwrap_or("unknown"), error.message().unwrap_or_default());
            let text = format!("{code}: {message}");
            if NOT_NOW.contains(&code) || service.raw().status().is_server_error() {
                StoreError::Unavailable(text)
            } else {
                StoreError::Refused(text)
            }
        }
        SdkError::ConstructionFailure(_) => StoreError::Refused(innermost(&error)),
        _ => StoreError::Unavailable(innermost(&error)),
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.last().map_or_else(|| error.to_string(), ToString::to_string)
}
