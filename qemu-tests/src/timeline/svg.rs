//! A run as a picture: a lane for each greenlet, with bars where it runs, arrows for transfers, and its stack.
//!
//! Without scripts and styles, so that it can be part of a document.

use std::fmt::Write;

use super::lanes::{Lane, Run};
use super::tasks::time;

/// Colors of lanes, repeated.
pub(super) const COLORS: [&str; 8] =
    ["#3b6ea8", "#4f9d69", "#b07d2b", "#7d5ba6", "#2f8f9d", "#a8577e", "#6b7d3a", "#8a6d5b"];
/// Errors, exits.
const RED: &str = "#c8452f";
const GREY: &str = "#8b949e";
const FAINT: &str = "#d5dae0";
/// Of the tasks of a hub: wakes, and the time until they run.
const ORANGE: &str = "#d9822b";

/// The picture, in pixels.
const WIDTH: f64 = 1400.0;
const TOP: usize = 46;
const LANE: usize = 26;
const FOOT: usize = 34;
/// The histogram of latencies, if there is one.
const HISTOGRAM: usize = 130;
/// Between the end of the lanes and the right edge: stacks.
const RIGHT: f64 = 214.0;
/// The whole of a stack.
const STACK: f64 = 110.0;
/// The average width of a letter, from which the room for names is computed.
const LETTER: f64 = 7.4;
/// Letters of a name that are shown.
const MOST_LETTERS: usize = 24;

/// Draws `run`.
#[must_use]
pub(super) fn draw(run: &Run) -> String {
    let shown = |lane: &Lane| lane.label.chars().count().min(MOST_LETTERS);
    let longest = run.lanes.iter().map(shown).max().unwrap_or(0);
    let picture = Picture { run, left: (longest as f64).mul_add(LETTER, 30.0).max(118.0) };
    let mut svg = String::new();
    let _infallible = picture.write(&mut svg);
    svg
}

struct Picture<'a> {
    run: &'a Run,
    /// Where the lanes begin.
    left: f64,
}

impl Picture<'_> {
    fn height(&self) -> usize {
        TOP + self.run.lanes.len() * LANE + FOOT + self.histogram_height()
    }

    fn histogram_height(&self) -> usize {
        if self.run.tasks.is_empty() { 0 } else { HISTOGRAM }
    }

    /// Where the lanes and the legend end.
    fn foot(&self) -> usize {
        self.height() - self.histogram_height()
    }

    fn x(&self, time: u64) -> f64 {
        let (from, to) = self.run.shown;
        let part = (time - from) as f64 / (to - from).max(1) as f64;
        part.mul_add(WIDTH - RIGHT - self.left, self.left)
    }

    fn write(&self, o: &mut String) -> std::fmt::Result {
        let height = self.height();
        write!(
            o,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
             font-family=\"DejaVu Sans, Verdana, sans-serif\" font-size=\"11.5\" \
             style=\"max-width:100%;height:auto\" fill=\"#24292f\">\n<defs>"
        )?;
        for (id, color) in [("a", GREY), ("t", RED)] {
            write!(
                o,
                "<marker id=\"{id}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"6\" markerHeight=\"6\" \
                 orient=\"auto\"><path d=\"M0 .6 8 4 0 7.4z\" fill=\"{color}\"/></marker>"
            )?;
        }
        writeln!(o, "</defs>\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>")?;
        self.scale(o)?;
        for (row, lane) in self.run.lanes.iter().enumerate() {
            self.lane(o, row, lane)?;
        }
        self.arrows(o, false)?;
        self.arrows(o, true)?;
        self.tasks(o)?;
        self.legend(o)?;
        self.histogram(o)?;
        writeln!(o, "</svg>")
    }

    /// Ticks of time, and the head of the stacks.
    fn scale(&self, o: &mut String) -> std::fmt::Result {
        let (from, to) = self.run.shown;
        let step = round((to - from) / 8);
        let (unit, name) = self.run.unit();
        let (text, bottom) = (TOP - 12, self.foot() - FOOT + 4);
        writeln!(o, "<g fill=\"#6e7781\" stroke-width=\"0\" text-anchor=\"middle\">")?;
        for tick in (0..=(to - from) / step).map(|index| from + index * step) {
            let (x, label) = (self.x(tick), (tick - from) as f64 / unit);
            writeln!(
                o,
                "<rect x=\"{x:.1}\" y=\"{}\" width=\"1\" height=\"{}\" fill=\"#eef1f4\"/><text x=\"{x:.1}\" y=\"{text}\">{label} {name}</text>",
                TOP - 6,
                bottom - TOP,
            )?;
        }
        let what = if self.run.has_marks { "stack: most used" } else { "stack: most at a transfer" };
        writeln!(o, "</g>\n<text x=\"{:.0}\" y=\"{text}\" fill=\"#6e7781\">{what}</text>", WIDTH - RIGHT + 34.0)
    }

    fn lane(&self, o: &mut String, row: usize, lane: &Lane) -> std::fmt::Result {
        let (y, color) = (TOP + row * LANE, COLORS[row % COLORS.len()]);
        if row % 2 == 1 {
            writeln!(o, "<rect y=\"{y}\" width=\"{WIDTH}\" height=\"{LANE}\" fill=\"#f8f9fb\"/>")?;
        }
        let (label, end) = (shortened(&lane.label), lane.died.unwrap_or(self.run.shown.1));
        let (base, bar) = (y + 17, y + 5);
        writeln!(
            o,
            "<g class=\"lane\" fill=\"{color}\"><text x=\"{:.0}\" y=\"{base}\" text-anchor=\"end\" font-weight=\"600\" \
             fill=\"#24292f\">{label}</text>",
            self.left - 12.0
        )?;
        let (x, width) = (self.x(lane.born), self.x(end) - self.x(lane.born));
        writeln!(
            o,
            "<rect x=\"{x:.1}\" y=\"{}\" width=\"{width:.1}\" height=\"3\" fill-opacity=\".35\"/>",
            y + LANE / 2 - 1
        )?;
        for stretch in &lane.stretches {
            let (x, took) = (self.x(stretch.from), stretch.to - stretch.from);
            let width = (self.x(stretch.to) - x).max(1.6);
            writeln!(
                o,
                "<rect x=\"{x:.1}\" y=\"{bar}\" width=\"{width:.1}\" height=\"{}\" rx=\"2\"><title>{took} ns</title></rect>",
                LANE - 10
            )?;
        }
        if let Some(died) = lane.died {
            writeln!(
                o,
                "<text x=\"{:.1}\" y=\"{base}\" fill=\"#57606a\" font-size=\"13\">✕</text>",
                self.x(died) + 5.0
            )?;
        }
        if lane.deepest > 0 {
            let (x, height) = (WIDTH - RIGHT + 34.0, LANE - 14);
            let used = (STACK * f64::from(lane.deepest) / f64::from(lane.stack.max(lane.deepest))).max(2.0);
            write!(o, "<rect x=\"{x:.0}\" y=\"{}\" width=\"{STACK}\" height=\"{height}\" fill=\"{FAINT}\"/>", y + 7)?;
            write!(o, "<rect x=\"{x:.0}\" y=\"{}\" width=\"{used:.1}\" height=\"{height}\"/>", y + 7)?;
            writeln!(
                o,
                "<text x=\"{:.0}\" y=\"{base}\" fill=\"#57606a\" font-size=\"10.5\">{}</text>",
                x + STACK + 8.0,
                grouped(lane.deepest.into())
            )?;
        }
        writeln!(o, "</g>")
    }

    /// The transfers that are throws, or those that are not: a path for each.
    fn arrows(&self, o: &mut String, throws: bool) -> std::fmt::Result {
        let (class, color, width, mark) = if throws { ("throws", RED, 1.6, "t") } else { ("switches", GREY, 0.9, "a") };
        writeln!(o, "<g class=\"{class}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\">")?;
        for arrow in self.run.arrows.iter().filter(|arrow| arrow.is_throw == throws) {
            let middle = |lane: usize| TOP + lane * LANE + LANE / 2;
            let (x, from, to) = (self.x(arrow.time), middle(arrow.origin), middle(arrow.target));
            match arrow.origin.cmp(&arrow.target) {
                // To itself: an eye above the lane.
                std::cmp::Ordering::Equal => writeln!(o, "<path d=\"M{x:.1} {}a4 4 0 1 1 .1 0\"/>", from - 8)?,
                order => {
                    let (from, to) = if order.is_lt() { (from + 8, to - 9) } else { (from - 8, to + 9) };
                    writeln!(o, "<path d=\"M{x:.1} {from}V{to}\" marker-end=\"url(#{mark})\"/>")?;
                }
            }
        }
        writeln!(o, "</g>")
    }

    /// The waits and wakes of tasks: a line from a wake to the run, an arrow from the task that woke, or a triangle for
    /// another waker; white where the core slept.
    fn tasks(&self, o: &mut String) -> std::fmt::Result {
        let run = self.run;
        if run.tasks.is_empty() {
            return Ok(());
        }
        let middle = |lane: usize| TOP + lane * LANE + LANE / 2;
        writeln!(o, "<g class=\"sleeps\" fill=\"#fff\" fill-opacity=\".75\">")?;
        for &(task, from, to) in &run.tasks.sleeps {
            let (Some(lane), Some((from, to))) = (run.place(task), run.clip(from, to)) else { continue };
            let (x, end, y) = (self.x(from), self.x(to), middle(lane) - 6);
            let width = end - x;
            writeln!(
                o,
                "<rect x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"12\"><title>the core sleeps</title></rect>"
            )?;
        }
        writeln!(o, "</g>\n<g class=\"waits\" fill=\"{ORANGE}\">")?;
        for pause in &run.tasks.pauses {
            let (Some(lane), Some((from, to))) = (run.place(pause.task), run.clip(pause.from, pause.to)) else {
                continue;
            };
            let (x, y) = (self.x(from), middle(lane));
            let width = (self.x(to) - x).max(0.8);
            let title = format!("{}, {}", pause.what.as_deref().unwrap_or("ready"), time(pause.to.min(to) - from));
            // A wait is as faint as the line of a greenlet that exists; it only has a text.
            let (opacity, y, height) = if pause.what.is_some() { ("0", y - 6, 12) } else { ("1", y - 1, 3) };
            writeln!(
                o,
                "<rect x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"{height}\" fill-opacity=\"{opacity}\"><title>{}</title></rect>",
                escaped(&title)
            )?;
        }
        writeln!(o, "</g>\n<g class=\"wakes\" fill=\"{ORANGE}\" stroke=\"{ORANGE}\" stroke-width=\".9\">")?;
        for wake in &run.tasks.wakes {
            let (Some(lane), Some(_)) = (run.place(wake.task), run.clip(wake.time, wake.time)) else { continue };
            let (x, to) = (self.x(wake.time), middle(lane));
            match &wake.by {
                Ok(waker) => {
                    let Some(from) = run.place(*waker).map(middle) else { continue };
                    writeln!(o, "<path d=\"M{x:.1} {from}V{to}\" stroke-dasharray=\"2 2\"/>")?;
                }
                Err(by) => writeln!(
                    o,
                    "<path d=\"M{:.1} {}h5l-2.5 5z\"><title>woken by {}</title></path>",
                    x - 2.5,
                    to - 12,
                    escaped(by)
                )?,
            }
        }
        writeln!(o, "</g>")
    }

    /// The latencies from wake to run, below the lanes: a bar for each power of two.
    fn histogram(&self, o: &mut String) -> std::fmt::Result {
        let all = self.run.tasks.latencies();
        let bars = all.histogram();
        let Some(most) = bars.iter().map(|(_, count)| *count).max() else { return Ok(()) };
        let (top, bottom) = (self.foot() + 22, self.height() - 22);
        writeln!(
            o,
            "<g class=\"histogram\" fill=\"#57606a\" font-size=\"10.5\"><text x=\"{:.0}\" y=\"{}\">from wake to run, {} times: {}</text>",
            self.left,
            top - 6,
            grouped(all.0.len() as u64),
            all.summary()
        )?;
        for (index, (below, count)) in bars.iter().enumerate() {
            // At most 64 powers of two.
            let width = ((WIDTH - RIGHT - self.left) / bars.len() as f64).min(72.0);
            let x = (index as f64).mul_add(width, self.left);
            let height = (bottom - top - 14) as f64 * *count as f64 / most as f64;
            let y = bottom as f64 - height;
            writeln!(
                o,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{height:.1}\" fill=\"{ORANGE}\"><title>{count} below {}</title></rect>",
                width - 4.0,
                time(*below)
            )?;
            if width >= 60.0 {
                writeln!(o, "<text x=\"{x:.1}\" y=\"{}\">&lt; {}</text>", bottom + 14, time(*below))?;
            }
        }
        writeln!(o, "</g>")
    }

    fn legend(&self, o: &mut String) -> std::fmt::Result {
        let (x, y) = (self.left, self.foot() - 10);
        let (bar, line, blue) = (y - 9, y - 4, COLORS[0]);
        let at = |offset: u32| x + f64::from(offset);
        writeln!(
            o,
            "<g fill=\"#57606a\"><rect x=\"{x:.0}\" y=\"{bar}\" width=\"18\" height=\"9\" rx=\"2\" fill=\"{blue}\"/>\
             <text x=\"{:.0}\" y=\"{y}\">runs</text>\
             <rect x=\"{:.0}\" y=\"{}\" width=\"22\" height=\"3\" fill=\"{blue}\" fill-opacity=\".35\"/>\
             <text x=\"{:.0}\" y=\"{y}\">exists</text>\
             <path d=\"M{:.0} {line}h22\" stroke=\"{GREY}\" marker-end=\"url(#a)\"/><text x=\"{:.0}\" y=\"{y}\">switch</text>\
             <path d=\"M{:.0} {line}h22\" stroke=\"{RED}\" stroke-width=\"1.6\" marker-end=\"url(#t)\"/>\
             <text x=\"{:.0}\" y=\"{y}\">error or exit</text>\
             <text x=\"{:.0}\" y=\"{y}\">✕ its body has ended</text>",
            at(24),
            at(72),
            y - 6,
            at(100),
            at(160),
            at(190),
            at(248),
            at(278),
            at(376),
        )?;
        if !self.run.tasks.is_empty() {
            write!(
                o,
                "<rect x=\"{:.0}\" y=\"{}\" width=\"22\" height=\"3\" fill=\"{ORANGE}\"/><text x=\"{:.0}\" y=\"{y}\">woken, and not yet run</text>",
                at(536),
                y - 6,
                at(564)
            )?;
        }
        if let Some(note) = self.run.lost_note() {
            let place = if self.run.tasks.is_empty() { 536 } else { 720 };
            write!(o, "<text class=\"lost\" x=\"{:.0}\" y=\"{y}\" fill=\"{RED}\">{note}</text>", at(place))?;
        }
        writeln!(o, "</g>")
    }
}

/// The next number above `step` of those that begin with 1, 2 or 5, and have zeros.
fn round(step: u64) -> u64 {
    let mut power = 1;
    while power * 10 <= step {
        power *= 10;
    }
    [1, 2, 5, 10].map(|digit| digit * power).into_iter().find(|&rounded| rounded >= step).unwrap_or(1)
}

/// A label for a picture: shortened if it is too long, and escaped for XML.
fn shortened(label: &str) -> String {
    if label.chars().count() <= MOST_LETTERS {
        return escaped(label);
    }
    escaped(&label.chars().take(MOST_LETTERS - 1).collect::<String>()) + "…"
}

/// `text`, escaped for XML. Most control characters are replaced, because XML cannot contain them in any form.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '&' => escaped += "&amp;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            letter if letter.is_control() => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// A number with commas between groups of three digits.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::super::lanes::tests::{SHORT, trace};
    use super::*;

    #[test]
    fn a_name_is_text_and_no_markup() {
        let evil = ["1 switch 0 main suspended 0 0 7 - </svg>&\"'\\u{1}\\u{ffff}", "9 switch 0 7 dead 1 8 main - -"];
        let svg = draw(&Run::of(&trace(&evil, 2), 9));
        assert!(svg.contains(">&lt;/svg&gt;&amp;&quot;&#39;\u{fffd}\u{fffd}</text>"), "{svg}");
    }

    #[test]
    fn numbers_and_ticks_are_round() {
        assert_eq!([0, 7, 999, 1000, 1_234_567].map(grouped), ["0", "7", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 1, 3, 10, 11, 51, 1000].map(round), [1, 1, 5, 10, 20, 100, 1000]);
    }

    #[test]
    fn what_is_lost_is_said() {
        let (all, some) = (Run::of(&trace(&SHORT, 4), 9), Run::of(&trace(&SHORT, 40), 9));
        assert!(!draw(&all).contains("lost"));
        assert!(draw(&some).contains(">36 of 40 transfers are not shown"));
    }

    /// Nothing is outside of the picture, even for long names and short runs.
    #[test]
    fn coordinates_are_in_the_picture() {
        let long = format!("5 switch 0 main suspended 0 0 7 - {}", "x".repeat(300));
        let svg = draw(&Run::of(&trace(&[&long], 1), 9));
        let ends = svg.split("x=\"").skip(1).map(|rest| rest.split('"').next().unwrap().parse::<f64>());
        assert!(ends.flatten().all(|x| (0.0..=WIDTH).contains(&x)), "{svg}");
        assert!(svg.contains(&format!("{}…<", "x".repeat(23))), "{svg}");
    }
}
