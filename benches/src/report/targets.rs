//! What this crate sets itself as targets, and what was measured.

use super::grid::markdown;
use crate::rows::Rows;

/// The ways to use this crate: back by a handle and by `up`, with checks and without.
const WAYS: [&str; 4] = ["greenlet", "greenlet-up", "greenlet-unchecked", "greenlet-up-unchecked"];

/// What is compared, and with what it may be at most.
struct Target {
    about: &'static str,
    most: f64,
    measured: fn(&Rows, &str) -> Option<f64>,
}

const TARGETS: [Target; 10] = [
    Target {
        about: "round trip, one target, `usize`; of corosensei",
        most: 1.0,
        measured: |rows, way| rows.get("round-trip", way)?.vs_corosensei,
    },
    Target {
        about: "the same; of raw assembly",
        most: 1.25,
        measured: |rows, way| rows.get("round-trip", way)?.vs_raw,
    },
    Target {
        about: "8 call sites, 8 targets; of corosensei",
        most: 1.0,
        measured: |rows, way| rows.get("sites-8", way)?.vs_corosensei,
    },
    Target {
        about: "1,000 targets at random; of raw assembly",
        most: 1.1,
        measured: |rows, way| rows.get("random-1000", way)?.vs_raw,
    },
    Target { about: "64-byte value; of a round trip", most: 2.0, measured: |rows, way| of_trip(rows, "value-64", way) },
    Target {
        about: "create, run, finish; of corosensei's scoped call",
        most: 0.9,
        measured: |rows, way| rows.get("create-run-finish", way)?.vs_corosensei,
    },
    Target {
        about: "throw through 5 frames, caught; in round trips",
        most: 10.0,
        measured: |rows, way| of_trip(rows, "throw-5", way),
    },
    Target {
        about: "10^6 alive, 1 KiB each; GiB",
        most: 1.2,
        measured: |rows, way| gibibytes(rows.get("scale-1000000", way)?.bytes?),
    },
    Target {
        about: "a switch among 10^6; of raw assembly",
        most: 1.2,
        measured: |rows, way| rows.get("scale-1000000", way)?.vs_raw,
    },
    Target {
        about: "a switch among 10^3; of raw assembly",
        most: 1.2,
        measured: |rows, way| rows.get("scale-1000", way)?.vs_raw,
    },
];

/// What 10^6 stacks of 1 KiB take, each with so many bytes; `None` if that is less than the stacks, which were in memory before: those
/// of the peer that went first in the same process.
fn gibibytes(bytes: f64) -> Option<f64> {
    (bytes >= 1024.0).then_some(bytes * 1e6 / f64::from(1 << 30))
}

fn of_trip(rows: &Rows, operation: &str, way: &str) -> Option<f64> {
    Some(rows.get(operation, way)?.median_ns / rows.get("round-trip", way)?.median_ns)
}

/// A line a target; what misses it is marked.
pub(crate) fn table(rows: &Rows) -> String {
    let mut table = vec![vec!["what; in what".to_owned(), "at most".to_owned()]];
    table[0].extend(["by handle", "by `up`", "by handle, unchecked", "by `up`, unchecked"].map(str::to_owned));
    for target in &TARGETS {
        let figures = WAYS.map(|way| match (target.measured)(rows, way) {
            Some(figure) if figure <= target.most => format!("{figure:.2}"),
            Some(figure) => format!("{figure:.2} missed"),
            None => "-".into(),
        });
        let mut line = vec![target.about.to_owned(), format!("{:.2}", target.most)];
        line.extend(figures);
        table.push(line);
    }
    markdown(&table)
}
