//! Rows of any JSON as a table (RFC 4180) that a spreadsheet opens without running what stands in it.

use std::{collections::HashMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::csv::field;

/// Columns that a table may have, and the bytes of all their names.
const MAX: (usize, usize) = (1000, 1 << 20);
/// The column of rows that are no objects.
const VALUE: &str = "value";

/// The columns, in the order in which their names appeared.
#[derive(Debug, Default)]
pub(super) struct Columns {
    names: Vec<String>,
    places: HashMap<String, usize>,
    bytes: usize,
}

/// The keys of an object, in their order; its values may be whatever they are.
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Keys;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Keys, A::Error> {
        let mut names = Vec::new();
        while let Some((name, IgnoredAny)) = object.next_entry()? {
            names.push(name);
        }
        Ok(Keys(names))
    }
}

/// There are too many.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooMany;

impl Columns {
    /// Takes note of a row's keys.
    pub(super) fn see(&mut self, row: &str) -> Result<(), TooMany> {
        match serde_json::from_str::<Keys>(row) {
            Ok(Keys(names)) => names.into_iter().try_for_each(|name| self.add(name)),
            Err(_) => self.add(VALUE.to_owned()),
        }
    }

    fn add(&mut self, name: String) -> Result<(), TooMany> {
        if self.places.contains_key(&name) {
            return Ok(());
        }
        self.bytes += name.len();
        if self.names.len() == MAX.0 || self.bytes > MAX.1 {
            return Err(TooMany);
        }
        self.places.insert(name.clone(), self.names.len());
        self.names.push(name);
        Ok(())
    }

    /// The first line.
    pub(super) fn head(&self) -> String {
        line(self.names.iter().map(|name| field(name)))
    }

    /// A row's line.
    pub(super) fn line(&self, row: &str) -> String {
        let mut cells = vec![String::new(); self.names.len()];
        let mut put = |name: &str, text: &str| {
            if let Some(cell) = self.places.get(name).and_then(|place| cells.get_mut(*place)) {
                *cell = shown(text);
            }
        };
        // As they were written: a number keeps all its digits.
        match serde_json::from_str::<HashMap<String, &RawValue>>(row) {
            Ok(object) => object.iter().for_each(|(name, value)| put(name, value.get())),
            Err(_) => put(VALUE, row),
        }
        line(cells)
    }
}

fn line(cells: impl IntoIterator<Item = String>) -> String {
    cells.into_iter().collect::<Vec<_>>().join(",") + "\r\n"
}

/// A value as a cell: a text as it is, nothing for null, everything else as JSON.
fn shown(json: &str) -> String {
    let json = json.trim();
    match json.as_bytes().first() {
        Some(b'"') => serde_json::from_str::<String>(json).map_or_else(|_| field(json), |text| field(&text)),
        // What begins like a number is one, and no formula.
        Some(b'-' | b'0'..=b'9') => json.to_owned(),
        _ if json == "null" => String::new(),
        _ => field(json),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[&str]) -> String {
        let mut columns = Columns::default();
        for row in rows {
            columns.see(row).unwrap();
        }
        rows.iter().fold(columns.head(), |text, row| text + &columns.line(row))
    }

    #[test]
    fn rows_of_any_kind_make_a_table() {
        for (rows, expected) in [
            (&[][..], "\r\n"),
            (&[r#"{"b":1,"a":"x"}"#, r#"{"c":null,"a":true}"#], "b,a,c\r\n1,x,\r\n,true,\r\n"),
            (
                &["7", r#"["a",1]"#, r#"{"n":2}"#, r#""=1""#],
                "value,n\r\n7,\r\n\"[\"\"a\"\",1]\",\r\n,2\r\n\"'=1\",\r\n",
            ),
            (&[r#"{"n":-12345678901234567890.10}"#], "n\r\n-12345678901234567890.10\r\n"),
            (&[r#"{"=cmd|' /c calc'!A0":"@SUM(A1)"}"#], "\"'=cmd|' /c calc'!A0\"\r\n\"'@SUM(A1)\"\r\n"),
            (
                &[r#"{"a":"-1+1"}"#, r#"{"a":"\t=1"}"#, r#"{"a":"\r\n"}"#],
                "a\r\n\"'-1+1\"\r\n\"'\t=1\"\r\n\"'\r\n\"\r\n",
            ),
            (
                &[r#"{"a":"say \"x\", twice"}"#, r#"{"a":{"b":"=1"}}"#],
                "a\r\n\"say \"\"x\"\", twice\"\r\n\"{\"\"b\"\":\"\"=1\"\"}\"\r\n",
            ),
            (&[r#"{"b":1e400,"a":-0}"#], "b,a\r\n1e400,-0\r\n"),
            (&[r#"{"a":""}"#, r#"{"a":"é\u0000"}"#], "a\r\n\r\né\0\r\n"),
        ] {
            assert_eq!(table(rows), expected, "{rows:?}");
        }
    }

    #[test]
    fn columns_are_bounded() {
        let mut columns = Columns::default();
        let all = (0..=MAX.0).map(|n| columns.see(&format!("{{\"c{n}\":1}}"))).collect::<Vec<_>>();
        assert_eq!(all.iter().position(Result::is_err), Some(MAX.0));
        let long = format!("{{\"{}\":1}}", "x".repeat(MAX.1 + 1));
        assert_eq!(Columns::default().see(&long), Err(TooMany));
    }
}
