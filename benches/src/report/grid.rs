//! Tables: a work a line, a peer a column.

use crate::entrants::{LOOKUPS_ALONE, NAMES, ROUND_TRIP_ALONE};
use crate::rows::{RAW, Row, Rows};
use crate::work::{SCALES, WORKS, Work};

/// Medians, and how far the middle half of the samples spreads.
pub(crate) fn nanoseconds(rows: &Rows) -> String {
    grid(rows, &works(), &|row| format!("{} ±{:.0}%", figure(row.median_ns), row.spread * 50.0))
}

/// Medians as ratios to raw assembly; where that cannot do the work, nanoseconds.
pub(crate) fn ratios(rows: &Rows) -> String {
    grid(rows, &WORKS, &|row| match row.vs_raw {
        Some(_) if row.peer == RAW => format!("{} ns", figure(row.median_ns)),
        Some(ratio) => format!("{ratio:.2}"),
        None => format!("{} ns", figure(row.median_ns)),
    })
}

/// Medians, and the range of the medians of images: of the works in which that is large.
pub(crate) fn places(rows: &Rows) -> String {
    let works = [Work::RoundTrip, Work::Sites4, Work::Sites8, Work::Bodies8, Work::Depth(1)];
    grid(rows, &works, &|row| match row.ns_range {
        Some([low, high]) => format!("{} ({} to {})", figure(row.median_ns), figure(low), figure(high)),
        None => figure(row.median_ns),
    })
}

/// What a partner takes of memory, by how many there are.
pub(crate) fn bytes(rows: &Rows) -> String {
    grid(rows, &scales(), &|row| row.bytes.map_or("-".into(), |bytes| format!("{bytes:.0}")))
}

fn works() -> Vec<Work> {
    WORKS.into_iter().chain(scales()).collect()
}

fn scales() -> Vec<Work> {
    SCALES.iter().map(|&alive| Work::Scale(alive)).collect()
}

/// Three digits, more where there are more before the point.
pub(crate) fn figure(value: f64) -> String {
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.digits$}")
}

/// Without peers that do one work alone, which have tables of their own.
fn grid(rows: &Rows, works: &[Work], cell: &dyn Fn(&Row) -> String) -> String {
    let alone = |name: &&&str| LOOKUPS_ALONE.contains(*name) || ROUND_TRIP_ALONE.contains(*name);
    let names = NAMES.iter().filter(|name| rows.0.iter().any(|row| row.peer == **name));
    let names: Vec<_> = names.filter(|name| !alone(name)).collect();
    let mut table = vec![vec!["operation".to_owned()]];
    table[0].extend(names.iter().map(|name| name.to_string()));
    for work in works {
        let operation = work.to_string();
        let found: Vec<_> = names.iter().map(|name| rows.get(&operation, name)).collect();
        if found.iter().any(Option::is_some) {
            let cells = found.iter().map(|row| row.map_or("-".into(), cell));
            table.push(std::iter::once(operation).chain(cells).collect());
        }
    }
    markdown(&table)
}

/// A table as Markdown that reads well in a terminal, too. The first line is the head.
pub(crate) fn markdown(table: &[Vec<String>]) -> String {
    let width = |column: usize| table.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<_> = (0..table[0].len()).map(width).collect();
    let mut text = String::new();
    for (number, line) in table.iter().enumerate() {
        let cells: Vec<_> = line.iter().zip(&widths).map(|(cell, &width)| format!(" {cell:width$} ")).collect();
        text += &format!("|{}|\n", cells.join("|"));
        if number == 0 {
            let rules: Vec<_> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
            text += &format!("|{}|\n", rules.join("|"));
        }
    }
    text
}
