//! The schema of a settings struct, and what is read from it: the plain list of fields and the special places.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::date;
use crate::platform::Platform;

/// One setting, as shown in lists.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SettingField {
    /// The field.
    pub name: String,
    /// For people: `integer`, `date`, `secret`, `array of string`, `a | b`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether a task spec must have it.
    pub required: bool,
    /// What holds if it is absent; `null` if nothing does.
    pub default: Value,
    /// Its doc comment.
    pub description: String,
}

/// What a place in the settings holds besides plain JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Date,
    Secret,
}

/// The schema (2020-12) of a settings struct, unknown fields refused.
pub(in crate::platform) fn schema_of<S: JsonSchema>() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<S>().to_value();
    if let Some(root) = schema.as_object_mut() {
        // A struct without fields has none here, and would take anything.
        root.entry("properties").or_insert_with(|| json!({}));
    }
    tighten(&mut schema);
    schema
}

fn tighten(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.get("properties").is_some_and(Value::is_object) {
                object.entry("additionalProperties").or_insert(json!(false));
            }
            for (key, value) in object {
                match key.as_str() {
                    "default" => show_phrases(value),
                    // A setting may be called "default" or "properties": below these are names, not keywords.
                    "properties" | "$defs" => value.as_object_mut().into_iter().flatten().for_each(|(_, s)| tighten(s)),
                    "const" | "enum" | "examples" => {}
                    _ => tighten(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(tighten),
        _ => {}
    }
}

/// A default date is its phrase; the value it had when this was built means nothing.
fn show_phrases(default: &mut Value) {
    if let Value::Object(object) = default {
        if let (2, Some(phrase), Some(_)) = (object.len(), object.get("phrase"), object.get("value")) {
            *default = phrase.clone();
        } else {
            object.values_mut().for_each(show_phrases);
        }
    }
}

/// A schema cut down to what leads to dates and secrets, and to the tags that tell variants apart. Few settings hold
/// any, and those of every job are walked several times.
pub(in crate::platform) fn places_of(schema: &Value) -> Value {
    let mut places = schema.clone();
    cut(schema, &mut places);
    places
}

fn cut(root: &Value, schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    let mut keep = |key: &str, keep: &dyn Fn(&Value) -> bool| match object.get_mut(key) {
        Some(Value::Object(named)) => {
            named.retain(|_, schema| keep(schema));
            named.values_mut().for_each(|schema| cut(root, schema));
        }
        Some(Value::Array(branches)) => branches.iter_mut().for_each(|schema| cut(root, schema)),
        _ => {}
    };
    keep("properties", &|field| field.get("const").is_some() || leads_to_place(root, field, &mut Vec::new()));
    keep("$defs", &|_| true);
    for branches in BRANCHES {
        keep(branches, &|_| true);
    }
    for key in ["items", "additionalProperties"] {
        if object.get(key).is_some_and(|schema| leads_to_place(root, schema, &mut Vec::new())) {
            object.get_mut(key).into_iter().for_each(|schema| cut(root, schema));
        } else {
            object.remove(key);
        }
    }
}

/// Whether a date or a secret can be below. `seen` holds the references followed so far: types may contain themselves.
fn leads_to_place<'a>(root: &'a Value, schema: &'a Value, seen: &mut Vec<&'a Value>) -> bool {
    let Some(object) = schema.as_object() else { return false };
    if place(object).is_some() {
        return true;
    }
    let target = target(root, object).filter(|target| !seen.iter().any(|known| std::ptr::eq(*known, *target)));
    seen.extend(target);
    let fields = object.get("properties").and_then(Value::as_object).into_iter().flatten().map(|(_, field)| field);
    let branches = BRANCHES.iter().filter_map(|key| object.get(*key)?.as_array()).flatten();
    let others = ["items", "additionalProperties"].into_iter().filter_map(|key| object.get(key));
    target.into_iter().chain(fields).chain(branches).chain(others).any(|schema| leads_to_place(root, schema, seen))
}

/// Keywords below which schemas stand beside each other.
const BRANCHES: [&str; 3] = ["anyOf", "oneOf", "allOf"];

/// Calls `visit` at every place of `value` that `schema` says holds a date or a secret, with its JSON pointer.
/// `fill` also looks into the defaults of absent fields, and puts in those that `visit` changed.
pub(super) struct Walk<'a, F> {
    pub(super) root: &'a Value,
    pub(super) fill: bool,
    pub(super) visit: F,
}

impl<F: FnMut(Place, &mut Value, &str)> Walk<'_, F> {
    pub(super) fn walk(&mut self, schema: &Value, value: &mut Value, pointer: &str) {
        let Some(schema) = schema.as_object() else { return };
        if let Some(place) = place(schema) {
            (self.visit)(place, value, pointer);
        }
        if let Some(target) = target(self.root, schema) {
            self.walk(target, value, pointer);
        }
        for keyword in BRANCHES {
            let branches = schema.get(keyword).and_then(Value::as_array).into_iter().flatten();
            // Collected first: a visit changes the value, not which branch it is.
            let meant: Vec<&Value> = branches.filter(|branch| could_be(self.root, branch, value)).collect();
            for branch in meant {
                self.walk(branch, value, pointer);
            }
        }
        match value {
            Value::Array(items) => {
                let Some(schema) = schema.get("items") else { return };
                for (index, item) in items.iter_mut().enumerate() {
                    self.walk(schema, item, &format!("{pointer}/{index}"));
                }
            }
            Value::Object(object) => self.fields(schema, object, pointer),
            _ => {}
        }
    }

    fn fields(&mut self, schema: &Map<String, Value>, object: &mut Map<String, Value>, pointer: &str) {
        let known = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties").unwrap_or(&Value::Null);
        for (key, value) in object.iter_mut() {
            let schema = known.and_then(|known| known.get(key)).unwrap_or(others);
            if schema.is_object() {
                self.walk(schema, value, &child(pointer, key));
            }
        }
        if !self.fill {
            return;
        }
        for (key, schema) in known.into_iter().flatten() {
            let Some(default) = schema.get("default").filter(|_| !object.contains_key(key)) else { continue };
            let mut filled = default.clone();
            self.walk(schema, &mut filled, &child(pointer, key));
            if filled != *default {
                object.insert(key.clone(), filled);
            }
        }
    }
}

fn place(schema: &Map<String, Value>) -> Option<Place> {
    if schema.get("format").and_then(Value::as_str) == Some(date::FORMAT) {
        Some(Place::Date)
    } else if schema.get("writeOnly") == Some(&Value::Bool(true)) {
        Some(Place::Secret)
    } else {
        None
    }
}

/// Where a `$ref` leads.
fn target<'a>(root: &'a Value, schema: &Map<String, Value>) -> Option<&'a Value> {
    root.pointer(schema.get("$ref")?.as_str()?.strip_prefix('#')?)
}

/// Whether this branch is not another variant of a tagged enum than the one `value` names.
fn could_be(root: &Value, branch: &Value, value: &Value) -> bool {
    let Some(mut branch) = branch.as_object() else { return true };
    if let Some(target) = target(root, branch).and_then(Value::as_object) {
        branch = target;
    }
    let mut fields = branch.get("properties").and_then(Value::as_object).into_iter().flatten();
    fields.all(|(key, schema)| match (schema.get("const"), value.get(key)) {
        (Some(tag), Some(said)) => tag == said,
        _ => true,
    })
}

/// The JSON pointer of a field.
pub(super) fn child(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

impl Platform {
    /// The JSON Schema (2020-12) of its settings.
    pub fn schema(&self) -> &Value {
        &self.schema
    }

    /// Its settings as a plain list, the required ones first.
    pub fn setting_list(&self) -> Vec<SettingField> {
        let required = self.schema.get("required").and_then(Value::as_array);
        let properties = self.schema.get("properties").and_then(Value::as_object);
        let mut fields: Vec<_> = properties
            .into_iter()
            .flatten()
            .map(|(name, schema)| SettingField {
                name: name.clone(),
                kind: kind(&self.schema, schema),
                required: required.is_some_and(|names| names.iter().any(|n| n == name)),
                default: schema.get("default").cloned().unwrap_or_default(),
                description: text(schema, "description").to_owned(),
            })
            .collect();
        fields.sort_by_key(|field| !field.required);
        fields
    }
}

fn text<'a>(schema: &'a Value, key: &str) -> &'a str {
    schema.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn kind(root: &Value, schema: &Value) -> String {
    let Some(object) = schema.as_object() else { return "any".into() };
    match place(object) {
        Some(Place::Date) => return "date".into(),
        Some(Place::Secret) => return "secret".into(),
        None => {}
    }
    if let Some(target) = target(root, object) {
        return kind(root, target);
    }
    let list = |key: &str| object.get(key).and_then(Value::as_array);
    if let Some(constant) = object.get("const") {
        return constant.as_str().map_or_else(|| constant.to_string(), str::to_owned);
    }
    if let Some(options) = list("enum") {
        let options = options.iter().filter(|option| !option.is_null());
        return options
            .map(|o| o.as_str().map_or_else(|| o.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(" | ");
    }
    if let Some(branches) = list("anyOf").or_else(|| list("oneOf")) {
        let kinds = branches.iter().map(|branch| kind(root, branch)).filter(|kind| kind != "null");
        return kinds.collect::<Vec<_>>().join(" | ");
    }
    let kinds: Vec<&str> = match object.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect(),
        _ => vec!["any"],
    };
    match (kinds.as_slice(), object.get("items")) {
        (["array"], Some(items)) => format!("array of {}", kind(root, items)),
        _ => kinds.join(" | "),
    }
}
