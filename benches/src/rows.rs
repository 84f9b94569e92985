//! The results, as one process says them to another and as `--json` writes them.

use serde::{Deserialize, Serialize};

/// One peer doing one work.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Row {
    pub(crate) operation: String,
    pub(crate) peer: String,
    /// Of one operation.
    pub(crate) median_ns: f64,
    /// Between the quartiles, as a part of the median.
    pub(crate) spread: f64,
    /// Ratios of medians, of the same process.
    pub(crate) vs_raw: Option<f64>,
    pub(crate) vs_corosensei: Option<f64>,
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

    /// Fills in the ratios: of rows that one process measured.
    pub(crate) fn compare(&mut self) {
        let medians: Vec<_> =
            self.0.iter().map(|row| (row.operation.clone(), row.peer.clone(), row.median_ns)).collect();
        for row in &mut self.0 {
            let against = |peer: &str| {
                let same = medians.iter().find(|(operation, other, _)| *operation == row.operation && other == peer)?;
                Some(row.median_ns / same.2)
            };
            (row.vs_raw, row.vs_corosensei) = (against(RAW), against(COROSENSEI));
        }
    }
}
