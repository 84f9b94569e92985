//! `docs/performance.md`: a text with places for figures.

use super::{grid, machine, plots, rivals, targets};
use crate::rows::Rows;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;

/// The words of the document. Change them there, not in what is made of them.
const WORDS: &str = include_str!("../../performance.md.in");

/// Writes the document and its plots into a folder.
///
/// # Errors
///
/// When a file cannot be written, or the words name a place that nothing fills.
pub(crate) fn document(rows: &Rows, folder: &Path) -> Result<()> {
    let plots = folder.join("performance");
    fs::create_dir_all(&plots).with_context(|| format!("cannot make {}", plots.display()))?;
    plots::draw(rows, &plots)?;
    let counts = folder.join("../qemu-tests/operations/count.stackless");
    let counts = fs::read_to_string(&counts).with_context(|| format!("cannot read {}", counts.display()))?;
    let text = fill(WORDS, rows, &counts)?;
    let file = folder.join("performance.md");
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    println!("written: {}", file.display());
    Ok(())
}

/// Fills the places; `counts` are the kept instructions of the guest `stackless`.
fn fill(words: &str, rows: &Rows, counts: &str) -> Result<String> {
    let text = words
        .replace("@machine@", &machine::describe())
        .replace("@targets@\n", &targets::table(rows))
        .replace("@places@\n", &grid::places(rows))
        .replace("@firmware@\n", &rivals::firmware(rows))
        .replace("@bare@\n", &rivals::bare(counts)?)
        .replace("@lookups@\n", &rivals::lookups(rows))
        .replace("@ratios@\n", &grid::ratios(rows))
        .replace("@nanoseconds@\n", &grid::nanoseconds(rows))
        .replace("@bytes@\n", &grid::bytes(rows));
    ensure!(!text.contains('@'), "performance.md.in names a place that the report does not fill");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{WORDS, fill};
    use crate::rows::{Row, Rows};

    const COUNTS: &str = include_str!("../../../qemu-tests/operations/count.stackless");

    #[test]
    fn every_place_is_filled() {
        let row = |peer: &str, median_ns| Row {
            operation: "round-trip".into(),
            peer: peer.into(),
            median_ns,
            spread: 0.1,
            vs_raw: None,
            vs_corosensei: None,
            vs_machine: None,
            ns_range: None,
            vs_corosensei_range: None,
            bytes: None,
        };
        let mut rows = Rows(vec![row("raw", 2.0), row("corosensei", 4.0), row("greenlet", 5.0)]);
        rows.compare();
        let text = fill(WORDS, &rows, COUNTS).unwrap();
        assert!(text.contains("| 1.05    | 1.25 missed |"), "{text}"); // of corosensei
        assert!(text.contains("| 1.25    | 2.50 missed |"), "{text}"); // of raw assembly
        assert!(fill("@missing@", &rows, COUNTS).is_err());
    }
}
