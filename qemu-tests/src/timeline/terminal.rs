//! A run as text: a graph like that of a history of commits, a line for each transfer.
//!
//! ```text
//!            main      anna      ben       carla
//!     66.90  │         ◀─────────┼─────────┤
//!     74.36  ◀─────────┼─────────┼─────────✕           carla ends
//!     76.89  ├━━━━━━━━━▶         │                     throw
//! ```
//!
//! A greenlet has a column while it exists; another takes it afterwards. Of the tasks of a hub there are also lines for
//! waits and wakes, and a histogram at the end.

use std::fmt::Write;

use super::lanes::{Arrow, Run};
use super::tasks::{Latencies, time};

/// Letters that a column takes.
const WIDTH: usize = 10;

/// Draws `run`.
#[must_use]
pub(super) fn draw(run: &Run) -> String {
    let mut columns: Vec<Option<usize>> = Vec::new();
    let mut text = String::new();
    if let Some(note) = run.lost_note() {
        let _infallible = writeln!(text, "{note}");
    }
    let width = width_of_times(run);
    let _infallible = writeln!(text, "{:>width$}", "µs");
    let mut steps = steps(run).into_iter().peekable();
    for arrow in &run.arrows {
        while let Some(step) = steps.next_if(|step| step.time < arrow.time) {
            step.line(run, width, &columns, &mut text);
        }
        let before = columns.clone();
        let (origin, target) = (column(&mut columns, arrow.origin), column(&mut columns, arrow.target));
        let is_new = |lane| !before.contains(&Some(lane));
        if is_new(arrow.origin) || is_new(arrow.target) {
            let head = |lane: &Option<usize>| match *lane {
                Some(lane) if is_new(lane) => cell(&run.lanes[lane].name, ' '),
                Some(_) => cell("│", ' '),
                None => cell("", ' '),
            };
            let heads: String = columns.iter().map(head).collect();
            let _infallible = writeln!(text, "{:width$}  {}", "", heads.trim_end());
        }
        let cells: String =
            (0..columns.len()).map(|at| of_line(arrow, columns[at].is_some(), at, origin, target)).collect();
        let mut notes = Vec::new();
        if arrow.is_throw {
            notes.push("throw".to_owned());
        }
        if arrow.ends {
            notes.push(format!("{} ends", run.lanes[arrow.origin].label));
        }
        let line = format!("{:width$.2}  {cells}  {}", run.micros(arrow.time), notes.join(", "));
        let _infallible = writeln!(text, "{}", line.trim_end());
        if arrow.ends {
            columns[origin] = None;
            while columns.last().is_some_and(Option::is_none) {
                columns.pop();
            }
        }
    }
    steps.for_each(|step| step.line(run, width, &columns, &mut text));
    text + &latencies(run)
}

/// Letters for each time: the longest one has a space before it. Of runs up to a second it is the same.
fn width_of_times(run: &Run) -> usize {
    let steps = steps(run).into_iter().map(|step| step.time);
    let last = run.arrows.iter().map(|arrow| arrow.time).chain(steps).max().unwrap_or(0);
    format!("{:.2}", run.micros(last)).len().max(8) + 1
}

/// A wait or a wake, as a line.
struct OfTask {
    time: u64,
    lane: usize,
    mark: &'static str,
    text: String,
}

impl OfTask {
    /// Writes the line: its mark is in the column of the task, if that has one.
    fn line(&self, run: &Run, width: usize, columns: &[Option<usize>], text: &mut String) {
        let cells: String = columns
            .iter()
            .map(|lane| match lane {
                Some(lane) if *lane == self.lane => cell(self.mark, ' '),
                Some(_) => cell("│", ' '),
                None => cell("", ' '),
            })
            .collect();
        let line = format!("{:width$.2}  {cells}  {} {}", run.micros(self.time), run.lanes[self.lane].label, self.text);
        let _infallible = writeln!(text, "{}", line.trim_end());
    }
}

/// The waits, wakes and sleeps in the time that is shown.
fn steps(run: &Run) -> Vec<OfTask> {
    let mut steps = Vec::new();
    let mut add = |time, task, mark, text: String| {
        if let (Some(lane), Some(_)) = (run.place(task), run.clip(time, time)) {
            steps.push(OfTask { time, lane, mark, text });
        }
    };
    for pause in &run.tasks.pauses {
        if let Some(what) = &pause.what {
            add(pause.from, pause.task, "◌", what.clone());
        }
    }
    for wake in &run.tasks.wakes {
        let by = match &wake.by {
            Ok(task) => run.place(*task).map_or("a task", |lane| &run.lanes[lane].label),
            Err(other) => other,
        };
        let after =
            wake.latency().map_or("and has not run".to_owned(), |latency| format!("and runs after {}", time(latency)));
        add(wake.time, wake.task, "●", format!("is woken by {by}, {after}"));
    }
    for &(task, from, to) in &run.tasks.sleeps {
        add(from, task, "○", format!("has the core, which sleeps for {}", time(to - from)));
    }
    steps.sort_by_key(|step| step.time);
    steps
}

/// The latencies of the tasks of a hub: a line for each pair of a waker and a task, and a histogram of all.
fn latencies(run: &Run) -> String {
    let all = run.tasks.latencies();
    if all.0.is_empty() {
        return String::new();
    }
    let mut text = format!("\nfrom wake to run, {} times: {}\n", all.0.len(), all.summary());
    if run.tasks.lost {
        text += "older wakes are not shown: the last ones are kept\n";
    }
    for ((by, task), latencies) in run.tasks.pairs(|key| run.task(key)) {
        let Latencies(times) = &latencies;
        let _infallible =
            writeln!(text, "  {by:<14} wakes {task:<14} {:>7} times, {}", times.len(), latencies.summary());
    }
    let histogram = all.histogram();
    let most = histogram.iter().map(|(_, count)| *count).max().unwrap_or(1);
    for (below, count) in histogram {
        let bar = "█".repeat((count * 50).div_ceil(most));
        let _infallible = writeln!(text, "  below {:>9}  {count:>7} {bar}", time(below));
    }
    text
}

/// The column of a lane: the one that it has, or else the first free one, which it gets.
fn column(columns: &mut Vec<Option<usize>>, lane: usize) -> usize {
    let place =
        columns.iter().position(|&there| there == Some(lane)).or_else(|| columns.iter().position(Option::is_none));
    let place = place.unwrap_or_else(|| {
        columns.push(None);
        columns.len() - 1
    });
    columns[place] = Some(lane);
    place
}

/// The cell in column `at` of the line of `arrow`, which goes from column `origin` to column `target`. `exists`:
/// whether a greenlet has that column.
fn of_line(arrow: &Arrow, exists: bool, at: usize, origin: usize, target: usize) -> String {
    let dash = if arrow.is_throw { '━' } else { '─' };
    let goes_right = target > origin;
    if origin == target && at == origin {
        return cell("↺", ' ');
    }
    if at == origin {
        let end = if goes_right { "├" } else { "┤" };
        return cell(if arrow.ends { "✕" } else { end }, if goes_right { dash } else { ' ' });
    }
    if at == target {
        return if goes_right { cell("▶", ' ') } else { cell("◀", dash) };
    }
    if at > origin.min(target) && at < origin.max(target) {
        return cell(
            if !exists {
                ""
            } else if arrow.is_throw {
                "┿"
            } else {
                "┼"
            },
            dash,
        );
    }
    cell(if exists { "│" } else { "" }, ' ')
}

/// A cell that begins with `text`, shortened if it is too long, and filled up.
fn cell(text: &str, fill: char) -> String {
    let printable = text.chars().map(|letter| if letter.is_control() { '?' } else { letter });
    let begun: String = printable.take(WIDTH - 1).collect();
    let missing = WIDTH - begun.chars().count();
    begun + &String::from(fill).repeat(missing)
}

#[cfg(test)]
mod tests {
    use super::super::lanes::tests::{SHORT, trace};
    use super::*;

    #[test]
    fn each_transfer_has_a_line() {
        let text = draw(&Run::of(&trace(&SHORT, 4), 9));
        let expected = "       µs
           main      a
     0.05  ├─────────▶
     0.55  ◀─────────┤
     1.05  ├━━━━━━━━━▶           throw
     2.05  ◀━━━━━━━━━✕           throw, a ends
";
        assert_eq!(text, expected);
    }

    #[test]
    fn times_of_minutes_have_their_columns() {
        let records = ["0 switch 0 main suspended 0 0 1 - a", "900000000000 switch 0 1 dead 1 64 main a -"];
        let text = draw(&Run::of(&trace(&records, 2), 9));
        let expected = "           µs
               main      a
         0.00  ├─────────▶
 900000000.00  ◀─────────✕           a ends
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_column_is_taken_again_and_crossed() {
        let records = [
            "1000 switch 0 main suspended 0 0 1 - one",
            "2000 switch 0 1 suspended 1 64 2 one two",
            "3000 switch 0 2 suspended 1 64 main two -",
            "4000 switch 0 main running 0 0 main - -",
            "5000 switch 0 main suspended 0 0 1 - one",
            "6000 switch 0 1 dead 1 64 main one -",
            "7000 switch 0 main suspended 0 0 3 - a_very_long_name",
            "8000 switch 0 3 suspended 1 64 2 a_very_long_name two",
            "9000 switch 0 2 dead 1 64 main two -",
        ];
        let text = draw(&Run::of(&trace(&records, 12), 99));
        let expected = "3 of 12 transfers are not shown: the last ones are kept
       µs
           main      one
     0.20  ├─────────▶
           │         │         two
     1.20  │         ├─────────▶
     2.20  ◀─────────┼─────────┤
     3.20  ↺         │         │
     4.20  ├─────────▶         │
     5.20  ◀─────────✕         │           one ends
           │         a_very_lo │
     6.20  ├─────────▶         │
     7.20  │         ├─────────▶
     8.20  ◀─────────┼─────────✕           two ends
";
        assert_eq!(text, expected);
    }
}
