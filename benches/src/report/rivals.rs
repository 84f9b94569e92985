//! Tables about single works, a peer a line: what firmware uses instead, and lookups.

use super::grid::{figure, markdown};
use crate::entrants::{LOOKUPS_ALONE, NAMES, ROUND_TRIP_ALONE};
use crate::rows::{Row, Rows};
use crate::work::LOOKUPS;
use anyhow::{Context, Result};

/// With what the others are compared: this crate by handle.
const OURS: &str = "greenlet";

/// A round trip of what firmware uses instead, hosted.
pub(crate) fn firmware(rows: &Rows) -> String {
    let stackful = ["raw", OURS, "greenlet-up", "corosensei"];
    let mut table = vec![["peer", "a round trip, ns", "`greenlet` takes of it"].map(str::to_owned).to_vec()];
    let ours = rows.get("round-trip", OURS).map(|row| row.median_ns);
    for peer in stackful.into_iter().chain(ROUND_TRIP_ALONE) {
        let Some(row) = rows.get("round-trip", peer) else { continue };
        let ratio = ours.map_or("-".into(), |ours| format!("{:.2}", ours / row.median_ns));
        table.push(vec![peer.into(), figure(row.median_ns), ratio]);
    }
    markdown(&table)
}

/// Instructions of a round trip on bare metal: the kept counts `text`, with what ours are of the others.
///
/// # Errors
///
/// When it is no table of counts.
pub(crate) fn bare(text: &str) -> Result<String> {
    let mut lines = text.lines().filter(|line| !line.starts_with('#')).map(str::split_whitespace);
    let machines: Vec<_> = lines.next().context("no head")?.skip(1).collect();
    let mut table = vec![vec!["round trip".to_owned()]];
    let ours_of = machines.iter().map(|machine| format!("`by_handle` takes of it, {machine}"));
    table[0].extend(machines.iter().map(|&machine| machine.to_owned()).chain(ours_of));
    let mut ours = Vec::new();
    for mut line in lines {
        let name = line.next().context("an empty line")?;
        let counts =
            line.map(str::parse).collect::<Result<Vec<f64>, _>>().with_context(|| format!("{name}: no counts"))?;
        if ours.is_empty() {
            ours.clone_from(&counts);
        }
        let ratios = ours.iter().zip(&counts).map(|(ours, count)| format!("{:.2}", ours / count));
        let counts = counts.iter().map(f64::to_string);
        table.push(std::iter::once(format!("`{name}`")).chain(counts).chain(ratios).collect());
    }
    Ok(markdown(&table))
}

/// A lookup, and in parentheses the ratio to the state machine that is written by hand.
pub(crate) fn lookups(rows: &Rows) -> String {
    let mut table = vec![vec!["peer".to_owned()]];
    table[0].extend(LOOKUPS.iter().map(|work| format!("{} in progress", work.lanes().unwrap_or_default())));
    let peers = NAMES.into_iter().filter(|name| !LOOKUPS_ALONE.contains(name));
    for peer in LOOKUPS_ALONE.into_iter().chain(peers) {
        let found = LOOKUPS.map(|work| rows.get(&work.to_string(), peer));
        if found.iter().any(Option::is_some) {
            table.push(std::iter::once(peer.to_owned()).chain(found.map(cell)).collect());
        }
    }
    markdown(&table)
}

fn cell(row: Option<&Row>) -> String {
    let ratio = |row: &Row| row.vs_machine.map(|ratio| format!(" ({ratio:.2})")).unwrap_or_default();
    row.map_or("-".into(), |row| format!("{} ns{}", figure(row.median_ns), ratio(row)))
}

#[cfg(test)]
mod tests {
    use super::bare;

    #[test]
    fn counts_stand_beside_their_ratios() {
        let text = "# a note\noperation  aarch64  x86_64\nby_handle  50  60\nembassy  200  120\n";
        let table = bare(text).unwrap();
        let line = table.lines().last().unwrap();
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells, ["`embassy`", "200", "120", "0.25", "0.50"]);
        assert!(bare("").is_err());
        assert!(bare("operation  aarch64\nby_handle  many\n").is_err());
    }
}
