//! A run as one HTML file, without scripts and without external resources: the picture, and a table.

use std::fmt::Write;

use super::lanes::{Lane, Run, suggested};
use super::svg::{self, COLORS, escaped, grouped};
use super::tasks::time;

const STYLE: &str = "\
body{font:14px DejaVu Sans,Verdana,sans-serif;color:#24292f;background:#fff;margin:28px auto;max-width:1400px}\
h1{font-size:19px;margin:0 0 4px}p{color:#57606a;margin:0 0 18px}table{border-collapse:collapse;margin-top:22px}\
td,th{padding:4px 14px 4px 0;text-align:left;border-bottom:1px solid #eaeef2}th{color:#57606a;font-weight:500}\
.n{text-align:right}.bar{width:220px;height:9px;background:#d5dae0;display:inline-block;margin-right:10px}\
.bar i{display:block;height:9px}small{color:#57606a}svg{max-width:100%;height:auto}";

/// Writes the report of `run`, which is of `what`.
#[must_use]
pub(super) fn draw(run: &Run, what: &str) -> String {
    let mut html = String::new();
    let _infallible = write(&mut html, run, what);
    html
}

fn write(o: &mut String, run: &Run, what: &str) -> std::fmt::Result {
    let what = escaped(what);
    let throws = run.arrows.iter().filter(|arrow| arrow.is_throw).count();
    let ends = run.arrows.iter().filter(|arrow| arrow.ends).count();
    // Well-formed XML except for the first line.
    write!(
        o,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><title>{what}</title><style>{STYLE}</style></head><body>\n\
         <h1>{what}: {} greenlets, {} transfers, {} µs</h1>\n<p>{throws} of the transfers are errors or exits; {ends} bodies \
         ended. A nanosecond is an instruction.",
        run.lanes.len(),
        run.arrows.len(),
        grouped(run.micros(run.shown.1).round() as u64),
    )?;
    if run.is_painted {
        write!(o, " Stacks are painted, to see what was used: claims and releases take longer for it.")?;
    }
    if let Some(note) = run.lost_note() {
        write!(o, " <b class=\"lost\">{note}.</b>")?;
    }
    let head = if run.has_marks { "stack: most used" } else { "stack: most at a transfer, a lower bound" };
    writeln!(
        o,
        "</p>\n{}<table><tr><th>greenlet</th><th></th><th class=\"n\">runs</th><th class=\"n\">µs</th><th class=\"n\">%</th>\
         <th>{head}</th></tr>",
        svg::draw(run)
    )?;
    for (row, lane) in run.lanes.iter().enumerate() {
        self::row(o, run, lane, COLORS[row % COLORS.len()])?;
    }
    writeln!(o, "</table>")?;
    latencies(o, run)?;
    writeln!(o, "</body></html>")
}

/// The table of wakes by waker and task, if tasks of a hub were recorded. The picture has the histogram.
fn latencies(o: &mut String, run: &Run) -> std::fmt::Result {
    if run.tasks.is_empty() {
        return Ok(());
    }
    let (all, lost) = (run.tasks.latencies(), if run.tasks.lost { "; older ones are not shown" } else { "" });
    writeln!(
        o,
        "<table class=\"wakes\"><tr><th>woken by</th><th>task</th><th class=\"n\">times</th><th class=\"n\">from wake to run: median</th>\
         <th class=\"n\">99 %</th><th class=\"n\">longest</th></tr>"
    )?;
    let pairs = run.tasks.pairs(|key| run.task(key));
    let rows = pairs.iter().map(|((by, task), latencies)| (by.as_str(), task.as_str(), latencies));
    let last = format!("all{lost}");
    for (by, task, latencies) in rows.chain([(last.as_str(), "", &all)]) {
        let [half, most, longest] = [50, 99, 100].map(|percent| time(latencies.at(percent)));
        writeln!(
            o,
            "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{half}</td><td class=\"n\">{most}</td><td class=\"n\">{longest}</td></tr>",
            escaped(by),
            escaped(task),
            grouped(latencies.0.len() as u64),
        )?;
    }
    writeln!(o, "</table>")
}

fn row(o: &mut String, run: &Run, lane: &Lane, color: &str) -> std::fmt::Result {
    let ran: u64 = lane.stretches.iter().map(|stretch| stretch.to - stretch.from).sum();
    let share = 100.0 * ran as f64 / (run.shown.1 - run.shown.0).max(1) as f64;
    let state = if lane.died.is_some() { "ended" } else { "exists" };
    write!(
        o,
        "<tr><td>{}</td><td>{state}</td><td class=\"n\">{}</td><td class=\"n\">{:.2}</td><td class=\"n\">{share:.1}</td><td>",
        escaped(&lane.label),
        lane.stretches.len(),
        ran as f64 / 1000.0,
    )?;
    if lane.deepest > 0 {
        let used = (100.0 * f64::from(lane.deepest) / f64::from(lane.stack.max(lane.deepest))).max(1.0);
        write!(
            o,
            "<div class=\"bar\"><i style=\"width:{used:.1}%;background:{color}\"></i></div><small>{} of {}",
            grouped(lane.deepest.into()),
            grouped(lane.stack.into()),
        )?;
        // Without marks, its stack use between two transfers is not known.
        if run.has_marks && lane.died.is_some() {
            write!(o, "; {} would do", grouped(suggested(lane.deepest).into()))?;
        }
        write!(o, "</small>")?;
    }
    writeln!(o, "</td></tr>")
}

#[cfg(test)]
mod tests {
    use super::super::lanes::tests::{SHORT, trace};
    use super::super::parse::Trace;
    use super::*;

    #[test]
    fn a_size_is_suggested_where_the_use_was_measured() {
        let measured = trace(&SHORT, 5);
        let html = draw(&Run::of(&measured, 9), "<tour>");
        assert!(
            html.contains("<h1>&lt;tour&gt;: 2 greenlets, 4 transfers, 2 µs</h1>\n<p>2 of the transfers"),
            "{html}"
        );
        assert!(html.contains("<small>900 of 4,096; 1,152 would do</small>"), "{html}");
        assert!(html.contains("1 of 5 transfers are not shown"), "{html}");
        let guessed = draw(&Run::of(&Trace { has_marks: false, lost: 0, ..measured }, 9), "tour");
        assert!(!guessed.contains("would do") && guessed.contains("a lower bound") && !guessed.contains("not shown"));
    }
}
