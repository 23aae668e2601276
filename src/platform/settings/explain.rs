//! What a validator found, in sentences for who wrote the settings. No sentence repeats a value: it may be a secret.

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::Value;

use super::{SettingsError, schema::child};

/// Adds what `error` means to `found`; `schema` is the whole schema.
pub(super) fn explain(schema: &Value, error: &ValidationError<'_>, found: &mut Vec<SettingsError>) {
    let pointer = error.instance_path().as_str();
    let mut say = |pointer: String, detail: String| {
        let said = SettingsError { pointer, detail };
        // Several branches of a schema may find the same.
        if !found.contains(&said) {
            found.push(said);
        }
    };
    match error.kind() {
        Kind::Required { property } => {
            say(child(pointer, property.as_str().unwrap_or_default()), "is required".into());
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            let known = known(schema, error.schema_path().as_str());
            for field in unexpected {
                say(child(pointer, field), format!("is not a setting; {known}"));
            }
        }
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            if let Some(meant) = meant(pointer, context) {
                for error in meant {
                    explain(schema, error, found);
                }
            } else {
                say(pointer.to_owned(), one_of(context));
            }
        }
        kind => say(pointer.to_owned(), sentence(kind)),
    }
}

fn sentence(kind: &Kind) -> String {
    match kind {
        Kind::Type { kind } => format!("must be {}", types(kind)),
        Kind::Enum { options } => format!("must be one of {}", list(options)),
        Kind::Constant { expected_value } => format!("must be {expected_value}"),
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::Maximum { limit } => format!("must be at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("must be more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
        Kind::MinLength { limit: 1 } => "must not be empty".into(),
        Kind::MinLength { limit } => format!("must have at least {limit} characters"),
        Kind::MaxLength { limit } => format!("must have at most {limit} characters"),
        Kind::MinItems { limit } => format!("must have at least {}", items(*limit)),
        Kind::MaxItems { limit } => format!("must have at most {}", items(*limit)),
        Kind::UniqueItems => "must not have the same item twice".into(),
        Kind::MinProperties { limit } => format!("must have at least {limit} fields"),
        Kind::MaxProperties { limit } => format!("must have at most {limit} fields"),
        Kind::Pattern { pattern } => format!("must match the pattern {pattern}"),
        Kind::Format { format } if format == "uri" => "must be a URL like https://example.org/path".into(),
        Kind::Format { format } => format!("must be a {format}"),
        Kind::OneOfMultipleValid { .. } => "fits more than one of the allowed forms".into(),
        Kind::Contains => "lacks an item it must have".into(),
        other => format!("does not fit the schema ({})", other.keyword()),
    }
}

fn items(n: u64) -> String {
    if n == 1 { "1 item".into() } else { format!("{n} items") }
}

/// The branch that was meant: the only one that does not already fail at the value's own type or tag.
fn meant<'a>(pointer: &str, branches: &'a [Vec<ValidationError<'static>>]) -> Option<&'a [ValidationError<'static>]> {
    let fits = |branch: &&Vec<ValidationError<'_>>| {
        !branch.iter().any(|error| match error.kind() {
            Kind::Type { .. } | Kind::Enum { .. } => error.instance_path().as_str() == pointer,
            Kind::Constant { .. } => true,
            _ => false,
        })
    };
    let mut candidates = branches.iter().filter(fits);
    match (candidates.next(), candidates.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

fn one_of(branches: &[Vec<ValidationError<'static>>]) -> String {
    let mut forms: Vec<String> = Vec::new();
    for error in branches.iter().flatten() {
        let form = match error.kind() {
            Kind::Constant { expected_value } => expected_value.to_string(),
            Kind::Enum { options } => list(options),
            Kind::Type { kind } => types(kind),
            _ => continue,
        };
        if !forms.contains(&form) {
            forms.push(form);
        }
    }
    if forms.is_empty() {
        "fits none of the allowed forms".into()
    } else {
        format!("must be one of {}", forms.join(", "))
    }
}

fn list(options: &Value) -> String {
    let options: Vec<_> = options.as_array().into_iter().flatten().map(ToString::to_string).collect();
    options.join(", ")
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(kind) => article(&kind.to_string()),
        TypeKind::Multiple(kinds) => {
            kinds.iter().map(|kind| article(&kind.to_string())).collect::<Vec<_>>().join(" or ")
        }
    }
}

fn article(kind: &str) -> String {
    match kind {
        "null" => kind.into(),
        "integer" => "a whole number".into(),
        "array" | "object" => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}

/// The fields that the object with the unknown ones may have.
fn known(schema: &Value, path: &str) -> String {
    let object = path.rsplit_once('/').and_then(|(parent, _)| schema.pointer(parent));
    let fields = object.and_then(|object| object.get("properties")).and_then(Value::as_object);
    match fields.map(|fields| fields.keys().map(String::as_str).collect::<Vec<_>>()) {
        Some(names) if !names.is_empty() => format!("there are {}", names.join(", ")),
        _ => "there are none here".into(),
    }
}
