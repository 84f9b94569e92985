//! What is shown: a table, a file of rows, a document with plots.

mod document;
pub(crate) mod grid;
mod machine;
mod plots;
mod rivals;
mod targets;

pub(crate) use document::document;

use crate::rows::Rows;
use anyhow::{Context, Result};
use std::path::Path;

/// The table for a terminal.
pub(crate) fn table(rows: &Rows) -> String {
    let mut text = grid::nanoseconds(rows);
    text.push('\n');
    text.push_str(&targets::table(rows));
    for table in [rivals::firmware(rows), rivals::lookups(rows)] {
        text.push('\n');
        text.push_str(&table);
    }
    text
}

/// Writes the rows.
///
/// # Errors
///
/// When the file cannot be written.
pub(crate) fn json(rows: &Rows, file: &Path) -> Result<()> {
    let mut rows = rows.0.clone();
    // What has no stable meaning yet stays inside.
    rows.iter_mut().for_each(|row| row.bytes = None);
    let mut text = serde_json::to_string_pretty(&rows).context("rows are not JSON")?;
    text.push('\n');
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}
