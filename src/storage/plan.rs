//! From changes in the order they happened to the least that a database has to do: a few removals, then one row a key.
//!
//! A statement that puts many rows must not name one key twice, and single rows are slow. So for each table the changes
//! are played through first: a later row replaces an earlier one, a removal takes the rows before it back, and what is
//! left is all removals followed by all rows, with the same outcome.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use super::{Cell, Change, Column, StorageError, Table};

/// Changes in one call.
pub const MAX_CHANGES: usize = 100_000;

/// Bytes of all their values.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;

/// What is to be done to one table: `removes` first, then `puts`. Both are in the order of the key, so that two writers
/// of the same rows do not wait for each other in a circle.
#[derive(Debug, PartialEq)]
pub(super) struct Work<'a> {
    pub(super) table: &'static Table,
    /// First cells of keys.
    pub(super) removes: Vec<&'a [Cell]>,
    /// Rows, no two with the same key.
    pub(super) puts: Vec<&'a [Cell]>,
}

/// Plans `changes` to `tables`, or says which of them cannot be written.
pub(super) fn plan<'a>(tables: &[&'static Table], changes: &'a [Change]) -> Result<Vec<Work<'a>>, StorageError> {
    if changes.len() > MAX_CHANGES {
        return Err(StorageError::TooMuch { what: "changes", most: MAX_CHANGES });
    }
    let mut drafts: Vec<Draft> = tables.iter().map(|table| Draft::new(table)).collect();
    let mut bytes = 0;
    for change in changes {
        let (Change::Put { table, row: cells } | Change::Remove { table, prefix: cells }) = change;
        let draft = drafts.iter_mut().find(|draft| draft.table.name == table.name);
        let Some(draft) = draft else { return Err(unfit(table, None, "is not one that was opened".into())) };
        bytes += cells.iter().map(Cell::size).sum::<usize>();
        if bytes > MAX_BYTES {
            return Err(StorageError::TooMuch { what: "bytes", most: MAX_BYTES });
        }
        match change {
            Change::Put { row, .. } => draft.put(row)?,
            Change::Remove { prefix, .. } => draft.remove(prefix)?,
        }
    }
    Ok(drafts.into_iter().map(Draft::finish).filter(|work| !work.removes.is_empty() || !work.puts.is_empty()).collect())
}

struct Draft<'a> {
    table: &'static Table,
    key: Vec<(usize, &'static Column)>,
    removes: BTreeSet<Key<'a>>,
    puts: BTreeMap<Key<'a>, &'a [Cell]>,
    removed: Vec<&'a [Cell]>,
}

impl<'a> Draft<'a> {
    fn new(table: &'static Table) -> Self {
        let key = table.key_columns().collect();
        Self { table, key, removes: BTreeSet::new(), puts: BTreeMap::new(), removed: Vec::new() }
    }

    fn put(&mut self, row: &'a [Cell]) -> Result<(), StorageError> {
        let (has, columns) = (row.len(), self.table.columns);
        if has != columns.len() {
            return Err(unfit(self.table, None, format!("has {} columns, and a row of it {has}", columns.len())));
        }
        for (cell, column) in row.iter().zip(columns) {
            let in_key = self.table.key.contains(&column.name);
            cell.fits(column, in_key).map_err(|why| unfit(self.table, Some(column), why))?;
        }
        let key = self.key.iter().filter_map(|(index, _)| row.get(*index)).map(Part).collect();
        self.puts.insert(key, row);
        Ok(())
    }

    fn remove(&mut self, prefix: &'a [Cell]) -> Result<(), StorageError> {
        let (has, most) = (prefix.len(), self.key.len());
        // Nothing at all would mean every row: rather a mistake than a wish.
        if has == 0 || has > most {
            return Err(unfit(self.table, None, format!("is removed from by 1 to {most} cells of its key, not {has}")));
        }
        for (cell, (_, column)) in prefix.iter().zip(&self.key) {
            cell.fits(column, true).map_err(|why| unfit(self.table, Some(column), why))?;
        }
        let key: Key = prefix.iter().map(Part).collect();
        let taken_back = self.puts.range(key.clone()..).map(|(known, _)| known).take_while(|k| k.starts_with(&key));
        for known in taken_back.cloned().collect::<Vec<_>>() {
            self.puts.remove(&known);
        }
        if self.removes.insert(key) {
            self.removed.push(prefix);
        }
        Ok(())
    }

    fn finish(mut self) -> Work<'a> {
        self.removed.sort_by(|a, b| a.iter().map(Part).cmp(b.iter().map(Part)));
        Work { table: self.table, removes: self.removed, puts: self.puts.into_values().collect() }
    }
}

fn unfit(table: &Table, column: Option<&Column>, why: String) -> StorageError {
    StorageError::Unfit { table: table.name, column: column.map_or("", |column| column.name), why }
}

type Key<'a> = Vec<Part<'a>>;

/// A cell of a key, which has an order. Two cells in one place are of the same kind: they were checked.
#[derive(Clone, Debug)]
struct Part<'a>(&'a Cell);

impl Ord for Part<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.0, other.0) {
            (Cell::Text(a), Cell::Text(b)) => a.cmp(b),
            (Cell::Integer(a), Cell::Integer(b)) => a.cmp(b),
            (Cell::Boolean(a), Cell::Boolean(b)) => a.cmp(b),
            // As it is written: two that differ by less are one key.
            (Cell::Time(a), Cell::Time(b)) => a.as_millisecond().cmp(&b.as_millisecond()),
            _ => Ordering::Equal,
        }
    }
}

impl PartialOrd for Part<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Part<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Part<'_> {}
