//! The results, as one process says them to another and as `--json` writes them.

use crate::entrants::MACHINE;
use crate::stats::summarize;
use serde::{Deserialize, Serialize};

/// What a process has measured of one peer doing one work.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Measured {
    pub(crate) operation: String,
    pub(crate) peer: String,
    /// Of one operation, a sample each.
    pub(crate) nanoseconds: Vec<f64>,
    /// Memory of one partner, where it was measured.
    pub(crate) bytes: Option<f64>,
}

/// One peer doing one work.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Row {
    pub(crate) operation: String,
    pub(crate) peer: String,
    /// Of one operation.
    pub(crate) median_ns: f64,
    /// Between the quartiles, as a part of the median.
    pub(crate) spread: f64,
    /// Ratios of medians, of the same processes.
    pub(crate) vs_raw: Option<f64>,
    pub(crate) vs_corosensei: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) vs_machine: Option<f64>,
    /// The least and the largest median of an image, and of its ratio to corosensei there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) ns_range: Option<[f64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) vs_corosensei_range: Option<[f64; 2]>,
    /// Memory of one partner, where it was measured.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) bytes: Option<f64>,
}

/// The peers that others are compared with.
pub(crate) const RAW: &str = "raw";
pub(crate) const COROSENSEI: &str = "corosensei";

/// All of a run.
#[derive(Debug, Default)]
pub(crate) struct Rows(pub(crate) Vec<Row>);

impl Rows {
    pub(crate) fn get(&self, operation: &str, peer: &str) -> Option<&Row> {
        self.0.iter().find(|row| row.operation == operation && row.peer == peer)
    }

    /// Summarizes what processes have measured that did the same works for the same peers, each with another image of a
    /// program.
    pub(crate) fn of(processes: Vec<Vec<Measured>>) -> Self {
        let images: Vec<_> = processes.iter().map(|measured| Self::pooled(measured.clone())).collect();
        let mut rows = Self::pooled(processes.into_iter().flatten());
        for row in &mut rows.0 {
            let same: Vec<_> = images.iter().filter_map(|image| image.get(&row.operation, &row.peer)).collect();
            row.ns_range = range(same.iter().map(|row| row.median_ns));
            row.vs_corosensei_range = range(same.iter().filter_map(|row| row.vs_corosensei));
        }
        rows
    }

    /// All samples of a work of a peer as one series, with the ratios to one another.
    fn pooled(measured: impl IntoIterator<Item = Measured>) -> Self {
        let mut all: Vec<Measured> = Vec::new();
        for measured in measured {
            match all.iter_mut().find(|same| same.operation == measured.operation && same.peer == measured.peer) {
                Some(same) => same.nanoseconds.extend(measured.nanoseconds),
                None => all.push(measured),
            }
        }
        let mut rows = Self(all.into_iter().filter_map(Row::of).collect());
        rows.compare();
        rows
    }

    /// Fills in the ratios to one another.
    pub(crate) fn compare(&mut self) {
        let medians: Vec<_> =
            self.0.iter().map(|row| (row.operation.clone(), row.peer.clone(), row.median_ns)).collect();
        for row in &mut self.0 {
            let against = |peer: &str| {
                let same = medians.iter().find(|(operation, other, _)| *operation == row.operation && other == peer)?;
                Some(row.median_ns / same.2)
            };
            (row.vs_raw, row.vs_corosensei, row.vs_machine) = (against(RAW), against(COROSENSEI), against(MACHINE));
        }
    }
}

/// The least and the largest of several figures; `None` if there are not several.
fn range(figures: impl Iterator<Item = f64>) -> Option<[f64; 2]> {
    let figures: Vec<_> = figures.collect();
    let (low, high) = (figures.iter().copied().reduce(f64::min)?, figures.iter().copied().reduce(f64::max)?);
    (figures.len() > 1).then_some([low, high])
}

impl Row {
    /// Without ratios; `None` without samples.
    fn of(mut measured: Measured) -> Option<Self> {
        let summary = summarize(&mut measured.nanoseconds)?;
        Some(Self {
            operation: measured.operation,
            peer: measured.peer,
            median_ns: summary.median,
            spread: summary.spread,
            vs_raw: None,
            vs_corosensei: None,
            vs_machine: None,
            ns_range: None,
            vs_corosensei_range: None,
            bytes: measured.bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Measured, Rows};

    fn measured(peer: &str, nanoseconds: &[f64]) -> Measured {
        Measured { operation: "switch".into(), peer: peer.into(), nanoseconds: nanoseconds.into(), bytes: None }
    }

    #[test]
    fn samples_of_several_processes_are_one_series() {
        let first = vec![measured("raw", &[1.0, 2.0]), measured("greenlet", &[3.0, 3.0])];
        let second = vec![measured("raw", &[3.0]), measured("greenlet", &[9.0])];
        let rows = Rows::of(vec![first, second]);
        let (raw, greenlet) = (rows.get("switch", "raw").unwrap(), rows.get("switch", "greenlet").unwrap());
        assert_eq!((raw.median_ns, raw.spread, raw.vs_raw), (2.0, 0.5, Some(1.0)));
        assert_eq!((greenlet.median_ns, greenlet.vs_raw, greenlet.vs_corosensei), (3.0, Some(1.5), None));
    }

    #[test]
    fn a_ratio_of_an_image_is_to_the_same_image() {
        let image =
            |corosensei, greenlet| vec![measured("corosensei", &[corosensei]), measured("greenlet", &[greenlet])];
        let rows = Rows::of(vec![image(2.0, 3.0), image(4.0, 4.0), image(3.0, 3.6)]);
        let row = rows.get("switch", "greenlet").unwrap();
        assert_eq!((row.median_ns, row.ns_range), (3.6, Some([3.0, 4.0])));
        assert_eq!((row.vs_corosensei, row.vs_corosensei_range), (Some(3.6 / 3.0), Some([1.0, 1.5])));
        let one = Rows::of(vec![image(2.0, 3.0)]);
        assert_eq!(one.get("switch", "greenlet").unwrap().ns_range, None);
    }
}
