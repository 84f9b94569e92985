//! What this crate sets itself as targets, and what was measured.

use super::grid::markdown;
use crate::peer::SMALL;
use crate::rows::Rows;

/// The ways to use this crate: back by a handle and by `up`, with checks and without.
const WAYS: [&str; 4] = ["greenlet", "greenlet-up", "greenlet-unchecked", "greenlet-up-unchecked"];

/// What is compared, and with what it may be at most.
struct Target {
    about: &'static str,
    most: f64,
    measured: fn(&Rows, &str) -> Option<f64>,
    /// Of the images of a program, where they differ.
    range: fn(&Rows, &str) -> Option<[f64; 2]>,
}

impl Target {
    const fn new(about: &'static str, most: f64, measured: fn(&Rows, &str) -> Option<f64>) -> Self {
        Self { about, most, measured, range: |_, _| None }
    }
}

const TARGETS: [Target; 12] = [
    Target::new("round trip, one target, `usize`; of corosensei", 1.05, |rows, way| {
        rows.get("round-trip", way)?.vs_corosensei
    }),
    Target::new("the same; of raw assembly", 1.25, |rows, way| rows.get("round-trip", way)?.vs_raw),
    Target {
        about: "8 call sites, one body; of corosensei",
        most: 1.0,
        measured: |rows, way| rows.get("sites-8", way)?.vs_corosensei,
        range: |rows, way| rows.get("sites-8", way)?.vs_corosensei_range,
    },
    Target {
        about: "8 call sites, 8 bodies; of corosensei",
        most: 1.0,
        measured: |rows, way| rows.get("bodies-8", way)?.vs_corosensei,
        range: |rows, way| rows.get("bodies-8", way)?.vs_corosensei_range,
    },
    Target::new("1,000 targets at random; of raw assembly", 1.1, |rows, way| rows.get("random-1000", way)?.vs_raw),
    Target::new("lookups, 16 in progress; of a state machine by hand", 1.2, |rows, way| {
        rows.get("lookup-16", way)?.vs_machine
    }),
    Target::new("64-byte value; of a round trip", 1.35, |rows, way| of_trip(rows, "value-64", way)),
    Target::new("create, run, finish; of corosensei's scoped call", 2.6, |rows, way| {
        rows.get("create-run-finish", way)?.vs_corosensei
    }),
    Target::new("throw through 5 frames, caught; in round trips", 10.0, |rows, way| of_trip(rows, "throw-5", way)),
    Target::new("10^6 alive, 1,088 bytes each; GiB", 1.2, |rows, way| {
        gibibytes(rows.get("scale-1000000", way)?.bytes?)
    }),
    Target::new("a switch among 10^6; of raw assembly", 1.2, |rows, way| rows.get("scale-1000000", way)?.vs_raw),
    Target::new("a switch among 10^3; of raw assembly", 1.2, |rows, way| rows.get("scale-1000", way)?.vs_raw),
];

/// What 10^6 small stacks take, each with so many bytes; `None` if that is less than the stacks, which were in memory
/// before: those of the peer that went first in the same process.
fn gibibytes(bytes: f64) -> Option<f64> {
    (bytes >= SMALL as f64).then_some(bytes * 1e6 / f64::from(1 << 30))
}

fn of_trip(rows: &Rows, operation: &str, way: &str) -> Option<f64> {
    Some(rows.get(operation, way)?.median_ns / rows.get("round-trip", way)?.median_ns)
}

/// A line a target; what misses it is marked.
pub(crate) fn table(rows: &Rows) -> String {
    let mut table = vec![vec!["what; in what".to_owned(), "at most".to_owned()]];
    table[0].extend(["by handle", "by `up`", "by handle, unchecked", "by `up`, unchecked"].map(str::to_owned));
    for target in &TARGETS {
        let figures = WAYS.map(|way| {
            let Some(figure) = (target.measured)(rows, way) else { return "-".into() };
            let range = (target.range)(rows, way).map(|[low, high]| format!(" ({low:.2} to {high:.2})"));
            let missed = if figure <= target.most { "" } else { " missed" };
            format!("{figure:.2}{}{missed}", range.unwrap_or_default())
        });
        let mut line = vec![target.about.to_owned(), format!("{:.2}", target.most)];
        line.extend(figures);
        table.push(line);
    }
    markdown(&table)
}
