//! What a table looks like, as its owner states it in code, and whether the one that is there is that table.

use super::StorageError;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 without NUL, at most [`MAX_TEXT`](super::MAX_TEXT) bytes.
    Text,
    /// 64 bits, signed.
    Integer,
    /// 64 bits, finite.
    Real,
    /// True or false; SQLite has 1 and 0.
    Boolean,
    /// A moment in UTC, to the millisecond, from the year 1 on. SQLite has it as text, `2026-11-20T12:30:00.000Z`, in
    /// which order it sorts.
    Time,
    /// Any JSON; SQLite has it as text.
    Json,
}

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, at most 63 bytes.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// One table. Only the columns of the key have an index; they must not be null.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name, at most 63 bytes.
    pub name: &'static str,
    /// Its columns, at most 100. A row has one cell for each, in this order.
    pub columns: &'static [Column],
    /// The names of the columns that tell rows apart, 1 to 4, neither real nor JSON.
    pub key: &'static [&'static str],
}

/// Bytes of a name that PostgreSQL does not cut.
const MAX_NAME: usize = 63;

impl Table {
    /// Whether it is a table at all: what no type can say.
    pub(super) fn check(&self) -> Result<(), StorageError> {
        let wrong = |why: String| Err(StorageError::Definition { table: self.name, why });
        let names = || self.columns.iter().map(|column| column.name);
        if let Some(name) = names().chain([self.name]).find(|name| !is_name(name)) {
            return wrong(format!("{name:?} is not a name of 1 to {MAX_NAME} bytes"));
        }
        if self.columns.is_empty() || self.columns.len() > 100 {
            return wrong("it needs 1 to 100 columns".into());
        }
        if let Some(twice) = names().enumerate().find(|(index, name)| names().take(*index).any(|n| n == *name)) {
            return wrong(format!("there are two columns {:?}", twice.1));
        }
        if self.key.is_empty() || self.key.len() > 4 {
            return wrong("its key needs 1 to 4 columns".into());
        }
        for (index, name) in self.key.iter().enumerate() {
            match self.columns.iter().find(|column| column.name == *name) {
                None => return wrong(format!("its key names {name:?}, which is no column")),
                Some(Column { kind: Kind::Real | Kind::Json, .. }) => {
                    return wrong(format!("{name:?} is of a kind that cannot be in a key"));
                }
                Some(_) if self.key.iter().take(index).any(|known| known == name) => {
                    return wrong(format!("its key names {name:?} twice"));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// The columns of the key, in its order, each with its place in a row.
    pub(super) fn key_columns(&self) -> impl Iterator<Item = (usize, &'static Column)> {
        self.key.iter().filter_map(|name| self.columns.iter().enumerate().find(|(_, column)| column.name == *name))
    }

    /// The columns that are not in the key.
    pub(super) fn other_columns(&self) -> impl Iterator<Item = &'static Column> {
        self.columns.iter().filter(|column| !self.key.contains(&column.name))
    }
}

/// Whether a database takes this as a name, once it is quoted.
pub(super) fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len()) && !name.contains('\0')
}

/// A name as it stands in a statement.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quoted names, with commas between.
pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(quoted).collect::<Vec<_>>().join(", ")
}

/// What a row that is there already becomes: the clause behind `ON CONFLICT (…)`, the same for every database so far.
pub(super) fn on_conflict(table: &Table) -> String {
    let set: Vec<_> = table.other_columns().map(|column| format!("{0} = excluded.{0}", quoted(column.name))).collect();
    let then = if set.is_empty() { "NOTHING".into() } else { format!("UPDATE SET {}", set.join(", ")) };
    format!("ON CONFLICT ({}) DO {then}", list(table.key.iter().copied()))
}

/// A column that a database has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) name: String,
    /// Its type, in the database's words.
    pub(super) kind: String,
    /// Its place in the primary key, 1 is the first; 0 if it is not in it.
    pub(super) key: i64,
    /// Whether a row must give it a value.
    pub(super) needed: bool,
}

impl From<(String, String, i64, bool)> for Found {
    /// From a row of what a database says of its columns, in the order of the fields.
    fn from((name, kind, key, needed): (String, String, i64, bool)) -> Self {
        Self { name, kind, key, needed }
    }
}

/// Whether the columns that a database has are those of `table`; it may have more. `word` is its type for a kind.
pub(super) fn compare(table: &Table, found: &[Found], word: fn(Kind) -> &'static str) -> Result<(), StorageError> {
    let differs = |column: &str, why: String| {
        Err(StorageError::SchemaDiffers { table: table.name, column: column.to_owned(), why })
    };
    for column in table.columns {
        let wanted = word(column.kind);
        match found.iter().find(|found| found.name == column.name) {
            None => return differs(column.name, format!("is missing (it should be {wanted})")),
            Some(found) if !found.kind.eq_ignore_ascii_case(wanted) => {
                return differs(column.name, format!("is {}, and should be {wanted}", found.kind));
            }
            Some(_) => {}
        }
    }
    for found in found {
        let place = table.key.iter().position(|name| *name == found.name).map_or(0, |index| index + 1);
        if i64::try_from(place) != Ok(found.key) {
            return differs(
                &found.name,
                format!("has another place in the primary key, which should be ({})", table.key.join(", ")),
            );
        }
        if found.needed && !table.columns.iter().any(|column| column.name == found.name) {
            return differs(&found.name, "is not one of ours, and rows without it are refused".into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Column = Column { name: "a", kind: Kind::Text };
    const B: Column = Column { name: "b", kind: Kind::Json };

    #[test]
    fn a_table_that_is_none_is_refused() {
        const GOOD: Table = Table { name: "t", columns: &[A, B], key: &["a"] };
        assert!(GOOD.check().is_ok());
        let table = [
            (Table { name: "", ..GOOD }, "is not a name"),
            (Table { columns: &[], ..GOOD }, "1 to 100 columns"),
            (Table { columns: &[A, B, A], ..GOOD }, "two columns \"a\""),
            (Table { columns: &[A, Column { name: "a\0", ..A }], ..GOOD }, "is not a name"),
            (Table { key: &[], ..GOOD }, "1 to 4 columns"),
            (Table { key: &["c"], ..GOOD }, "no column"),
            (Table { key: &["a", "a"], ..GOOD }, "twice"),
            (Table { key: &["b"], ..GOOD }, "cannot be in a key"),
        ];
        for (table, part) in table {
            let said = table.check().unwrap_err().to_string();
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn names_cannot_end_their_quotes() {
        assert_eq!(list(["a", "b\"; DROP TABLE c; --"]), "\"a\", \"b\"\"; DROP TABLE c; --\"");
    }

    #[test]
    fn another_table_of_the_same_name_is_told_apart() {
        const TABLE: Table = Table { name: "t", columns: &[A, B], key: &["a"] };
        let word = |kind| if kind == Kind::Json { "jsonb" } else { "text" };
        let found = |name: &str, kind: &str, key, needed| Found { name: name.into(), kind: kind.into(), key, needed };
        let (a, b) = (found("a", "text", 1, true), found("b", "jsonb", 0, false));
        let table = [
            (vec![a.clone(), b.clone()], None),
            (vec![b.clone(), a.clone(), found("extra", "text", 0, false)], None),
            (vec![a.clone(), found("b", "JSONB", 0, false)], None),
            (vec![a.clone()], Some("b is missing (it should be jsonb)")),
            (vec![a.clone(), found("b", "text", 0, false)], Some("b is text, and should be jsonb")),
            (vec![found("a", "text", 0, false), b.clone()], Some("a has another place in the primary key")),
            (vec![a.clone(), found("b", "jsonb", 2, true)], Some("b has another place in the primary key")),
            (vec![a, b, found("extra", "text", 0, true)], Some("extra is not one of ours")),
        ];
        for (found, part) in table {
            let said = compare(&TABLE, &found, word).map_err(|error| error.to_string());
            match part {
                None => assert_eq!(said, Ok(()), "{found:?}"),
                Some(part) => assert!(said.clone().unwrap_err().contains(part), "{said:?}"),
            }
        }
    }
}
