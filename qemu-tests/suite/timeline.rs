//! Timelines of the tour and of a hub, on each instruction set: each format is written, read by a parser of its own,
//! and compared with the counts of the guest. Chromium lays out the report, and the layout is checked.

use std::collections::BTreeSet;
use std::fs;

use libtest_mimic::Failed;
use qemu_tests::compile::Profile;
use qemu_tests::guests::{self, Guest};
use qemu_tests::machine::{Machine, ONE_OF_EACH};
use qemu_tests::timeline::parse::{Key, Step, Trace, What};
use qemu_tests::timeline::{self, Wanted};
use qemu_tests::tools::Needs;
use qemu_tests::{places, transcript, verdict};
use roxmltree::{Document, Node};
use serde_json::Value;

use crate::{Case, browser, builds};

/// Checks the layout for faults: text outside of the picture or over other text, a bar over the name of its lane, an
/// arrow without length.
const LOOK: &str = r#"<script>
const svg = document.querySelector("svg"), size = svg.viewBox.baseVal, wrong = [];
const texts = [...svg.querySelectorAll("text")].map(text => ({says: text.textContent, box: text.getBBox()}));
for (const {says, box} of texts)
    if (box.width <= 0 || box.x < 0 || box.y < 0 || box.x + box.width > size.width || box.y + box.height > size.height)
        wrong.push("not in the picture: " + says);
texts.forEach(({says, box}, index) => texts.slice(index + 1).forEach(other => {
    const apart = (a, b, side, length) => a[side] + a[length] <= b[side] || b[side] + b[length] <= a[side];
    if (!apart(box, other.box, "x", "width") && !apart(box, other.box, "y", "height"))
        wrong.push(says + " is upon " + other.says);
}));
for (const lane of svg.querySelectorAll(".lane")) {
    const name = lane.querySelector("text").getBBox();
    for (const bar of lane.querySelectorAll("rect"))
        if (bar.getBBox().x < name.x + name.width) wrong.push("a bar upon " + lane.querySelector("text").textContent);
}
for (const arrow of svg.querySelectorAll(".switches path, .throws path"))
    if (arrow.getTotalLength() < 8) wrong.push("no arrow: " + arrow.getAttribute("d"));
document.body.innerHTML = "<pre>" + JSON.stringify({wrong, texts: texts.length,
    lanes: svg.querySelectorAll(".lane").length}).replaceAll("<", "\\u003c") + "</pre>";
</script>"#;

pub(crate) fn cases() -> Vec<Case> {
    let case = |machine: &'static Machine| {
        let mut needs = Needs::default();
        needs.machine(machine);
        Case::new(format!("timeline::{machine}"), needs, move || {
            of_the_tour(machine)?;
            of_a_hub(machine)
        })
    };
    // A build of its own for each. The second one tests in addition the channel of the other board.
    let [first, second] = ONE_OF_EACH.map(case);
    let mut needs = Needs::default();
    needs.machine(ONE_OF_EACH[0]);
    let cores = Case::new("timeline::of_several_cores".to_owned(), needs, of_several_cores);
    let mut needs = Needs::default();
    needs.machine(ONE_OF_EACH[0]);
    browser::needed(&mut needs);
    let looked_at = Case::new("timeline::in_a_browser".to_owned(), needs, || in_a_browser(ONE_OF_EACH[0]));
    let looked_at = looked_at.usual_if(browser::is_installed());
    vec![first, second.when_asked_for(), cores.when_asked_for(), looked_at]
}

/// Boots a guest with a tree on each of four cores: each has its lanes, and nothing is lost or taken for another's.
fn of_several_cores() -> Result<(), Failed> {
    const CORES: usize = 4;
    let survey = guests::survey(&places::guest_sources())?.guests;
    let ring = survey.iter().find(|guest| guest.name == "hub_ring").ok_or("there is no guest `hub_ring`")?;
    let trace = recorded(ONE_OF_EACH[0], ring)?;
    let folder = places::built()?.join("timelines");
    fs::create_dir_all(&folder)?;
    let (svg, perfetto) = (folder.join("cores.svg"), folder.join("cores.json"));
    let wanted = Wanted { terminal: true, svg: Some(svg.clone()), report: None, perfetto: Some(perfetto.clone()) };
    let said = wanted.make(&trace, None, "cores")?;
    // Main of each core starts one task, which ends.
    let expected = Expected { lanes: 2 * CORES, transfers: 2 * CORES, throws: 0, ends: CORES };
    in_the_terminal(&said)?.must_be(&expected, "the graph in the terminal")?;
    let picture = fs::read_to_string(svg)?;
    in_xml(&picture)?.must_be(&expected, "the picture")?;
    if let Some(core) = (0..CORES).find(|core| !picture.contains(&format!(">main of core {core}<"))) {
        return Err(format!("no lane of main of core {core}").into());
    }
    let json: Value = serde_json::from_str(&fs::read_to_string(perfetto)?)?;
    let threads = json["traceEvents"].as_array().ok_or("no events")?;
    let of_main = |event: &&Value| event["args"]["name"].as_str().is_some_and(|name| name.starts_with("main of core "));
    if threads.iter().filter(of_main).count() != CORES {
        return Err("Perfetto's trace has not one main of each core".into());
    }
    Ok(())
}

/// Boots the tour with recording, makes all formats, and checks them.
fn of_the_tour(machine: &'static Machine) -> Result<(), Failed> {
    let survey = guests::survey(&places::guest_sources())?.guests;
    let tour = survey.iter().find(|guest| guest.name == "tour").ok_or("there is no guest `tour`")?;
    let trace = recorded(machine, tour)?;
    let folder = places::built()?.join("timelines").join(machine.name);
    fs::create_dir_all(&folder)?;
    let file = |name: &str| folder.join(name);
    let wanted = Wanted {
        terminal: true,
        svg: Some(file("tour.svg")),
        report: Some(file("tour.html")),
        perfetto: Some(file("tour.json")),
    };
    let said = wanted.make(&trace, None, "tour")?;

    let keys: BTreeSet<Key> = trace.records.iter().flat_map(|record| [record.origin.key, record.target.key]).collect();
    let throws = trace.records.iter().filter(|record| record.is_throw).count();
    let ends = trace.records.iter().filter(|record| record.ends).count();
    let expected = Expected { lanes: keys.len(), transfers: trace.records.len(), throws, ends };
    // The tour's own story: it creates so many, and all of them end.
    expected.must_be(&Expected { lanes: 15, transfers: 66, throws: 8, ends: 14 }, "the trace")?;
    in_the_terminal(&said)?.must_be(&expected, "the graph in the terminal")?;
    let svg = fs::read_to_string(file("tour.svg"))?;
    in_xml(&svg)?.must_be(&expected, "the picture")?;
    let html = fs::read_to_string(file("tour.html"))?;
    let page = html.strip_prefix("<!doctype html>\n").ok_or("the report does not begin as a page does")?;
    in_xml(page)?.must_be(&expected, "the report")?;
    if ["src=", "href=", "<script", "@import"].iter().any(|outside| page.contains(outside)) {
        return Err("the report is not self-contained".into());
    }
    in_json(&serde_json::from_str(&fs::read_to_string(file("tour.json"))?)?)?.must_be(&expected, "Perfetto's trace")?;
    Ok(())
}

/// Boots the hub's guest with recording: each format has its waits, its wakes and their latencies, and whom an
/// interrupt woke.
fn of_a_hub(machine: &'static Machine) -> Result<(), Failed> {
    let survey = guests::survey(&places::guest_sources())?.guests;
    let hub = survey.iter().find(|guest| guest.name == "hub").ok_or("there is no guest `hub`")?;
    let trace = recorded(machine, hub)?;
    let folder = places::built()?.join("timelines").join(machine.name);
    let [svg, report, perfetto] = ["hub.svg", "hub.html", "hub.json"].map(|name| folder.join(name));
    let wanted = Wanted {
        terminal: true,
        svg: Some(svg.clone()),
        report: Some(report.clone()),
        perfetto: Some(perfetto.clone()),
    };
    let said = wanted.make(&trace, None, "hub")?;

    // The handler uses the waker of most of 429 tasks, of which some have not waited yet, and that of main.
    let by_interrupt: BTreeSet<Key> =
        trace.steps.iter().filter(|step| is_by_interrupt(step)).map(|step| step.task.key).collect();
    let woken = by_interrupt.len();
    if trace.lost_steps || woken < 200 || !by_interrupt.iter().any(|key| key.id.is_none()) {
        return Err(format!("interrupts woke {woken} tasks, {} steps", trace.steps.len()).into());
    }
    let runs: BTreeSet<Key> =
        trace.steps.iter().filter(|step| step.what == What::Runs).map(|step| step.task.key).collect();
    let wakes = || said.lines().filter(|line| line.contains(" is woken by ") && line.contains(", and runs after "));
    let words = [
        "one #2 sleeps",
        "two #3 is woken by the timer, and runs after",
        "main is woken by three, and",
        "which sleeps for",
    ];
    let words =
        words.iter().chain(&["waits for the lock lock", "waits to receive from requests", "from wake to run, "]);
    if let Some(missing) = words.copied().find(|words| !said.contains(*words)) {
        return Err(format!("the graph in the terminal lacks {missing:?}").into());
    }
    if wakes().count() < runs.len() || wakes().filter(|line| line.contains("by interrupt ")).count() < woken {
        return Err(format!("of {} tasks the graph has {} wakes", runs.len(), wakes().count()).into());
    }
    let (svg, html) = (fs::read_to_string(svg)?, fs::read_to_string(report)?);
    let page = html.strip_prefix("<!doctype html>\n").ok_or("the report does not begin as a page does")?;
    for text in [svg.as_str(), page] {
        let document = Document::parse(text)?;
        let of = |class: &str, tag: &str| {
            let group = document.descendants().find(|node| node.attribute("class") == Some(class));
            group.map_or(0, |group| group.children().filter(|node| node.tag_name().name() == tag).count())
        };
        let drawn = [of("waits", "rect"), of("wakes", "path"), of("sleeps", "rect"), of("histogram", "rect")];
        if drawn[..2].iter().any(|&count| count < 60) || drawn.contains(&0) {
            return Err(format!("the picture has {drawn:?} waits, wakes, sleeps and bars").into());
        }
    }
    if page.split("<table class=\"wakes\">").nth(1).is_none_or(|table| !table.contains("<td>interrupt ")) {
        return Err("the report does not say whom an interrupt woke".into());
    }
    let json: Value = serde_json::from_str(&fs::read_to_string(perfetto)?)?;
    let events = json["traceEvents"].as_array().ok_or("no events")?;
    let with = |phase: &str, begin: &str| {
        events
            .iter()
            .filter(|event| event["ph"] == phase && event["name"].as_str().is_some_and(|name| name.starts_with(begin)))
            .count()
    };
    let counts = [with("i", "woken by interrupt "), with("X", "waits for a future"), with("C", "from wake to run")];
    let (begins, ends) = (with("s", "wakes"), with("f", "wakes"));
    if counts.iter().any(|&count| count < woken) || begins != ends || begins < woken {
        return Err(
            format!("Perfetto's trace has {counts:?} wakes, waits and latencies, {begins} and {ends} flows").into()
        );
    }
    Ok(())
}

fn is_by_interrupt(step: &Step) -> bool {
    matches!(&step.what, What::WokenFrom(by) if by.starts_with("interrupt "))
}

/// Boots `guest`, whose transcript must be the usual one, and reads what it recorded: all that happened.
fn recorded(machine: &'static Machine, guest: &Guest) -> Result<Trace, Failed> {
    let elf = {
        let _turn = builds::turn("timeline");
        timeline::recording(machine, guest, Profile::Debug)?
    };
    let recorded = timeline::run(machine, guest, &elf, guest.directives.limit, |_| Ok(()))?;
    verdict::judge(machine, &recorded.ended)?;
    transcript::compare(&transcript::text(&recorded.ended.output), &guest.transcript()?)?;
    let trace = recorded.trace?;
    if trace.lost == 0 { Ok(trace) } else { Err(format!("{} transfers are lost", trace.lost).into()) }
}

/// What a format must have.
#[derive(Debug, PartialEq)]
struct Expected {
    lanes: usize,
    transfers: usize,
    throws: usize,
    ends: usize,
}

impl Expected {
    fn must_be(&self, other: &Self, what: &str) -> Result<(), Failed> {
        if self == other { Ok(()) } else { Err(format!("{what} has {self:?}, not {other:?}").into()) }
    }
}

fn in_the_terminal(graph: &str) -> Result<Expected, Failed> {
    // A time may fill its column.
    let lines = || graph.lines().filter(|line| line.starts_with(|first: char| first == ' ' || first.is_ascii_digit()));
    let is_transfer = |line: &&str| line.trim_start().starts_with(|first: char| first.is_ascii_digit());
    let transfers: Vec<_> = lines().filter(is_transfer).collect();
    let heads = lines().filter(|line| !is_transfer(line)).skip(1); // after that of the time
    let names = heads.flat_map(|line| line.split_whitespace().filter(|word| *word != "│"));
    let with = |mark: &str| transfers.iter().filter(|line| line.contains(mark)).count();
    if let Some(odd) = transfers.iter().find(|line| line.contains("throw") != line.contains('━')) {
        return Err(format!("a throw is drawn as one, and nothing else is: {odd}").into());
    }
    Ok(Expected { lanes: names.count(), transfers: transfers.len(), throws: with("━"), ends: with("✕") })
}

fn in_xml(text: &str) -> Result<Expected, Failed> {
    let document = Document::parse(text)?;
    let of_class =
        |class: &'static str| document.descendants().filter(move |node| node.attribute("class") == Some(class));
    let is_path = |node: &Node<'_, '_>| node.tag_name().name() == "path";
    let paths = |class| of_class(class).flat_map(|group| group.children()).filter(is_path).count();
    let ended = |lane: &Node<'_, '_>| lane.children().any(|node| node.text() == Some("✕"));
    Ok(Expected {
        lanes: of_class("lane").count(),
        transfers: paths("switches") + paths("throws"),
        throws: paths("throws"),
        ends: of_class("lane").filter(ended).count(),
    })
}

fn in_json(json: &Value) -> Result<Expected, Failed> {
    let events = json["traceEvents"].as_array().ok_or("no events")?;
    let of = |phase: &'static str| events.iter().filter(move |event| event["ph"] == phase);
    let named = |phase, name: &'static str| of(phase).filter(move |event| event["name"] == name).count();
    // In nanoseconds, which are whole.
    let time = |event: &Value, field: &str| event[field].as_f64().map_or(-1, |micros| (micros * 1000.0).round() as i64);
    // Each arrow begins in one slice and ends in one, and no two slices of a track overlap.
    for flow in of("s").chain(of("f")) {
        let at = time(flow, "ts");
        let holds = |slice: &&Value| {
            slice["tid"] == flow["tid"] && (time(slice, "ts")..time(slice, "ts") + time(slice, "dur")).contains(&at)
        };
        let slices = of("X").filter(holds).count();
        if slices != 1 {
            return Err(format!("an arrow is in {slices} slices: {flow}").into());
        }
    }
    if of("X").count() != of("s").count() + 1 {
        return Err("each transfer ends a slice and begins one".into());
    }
    Ok(Expected {
        lanes: named("M", "thread_name"),
        transfers: of("s").count().min(of("f").count()),
        throws: named("i", "throw"),
        ends: named("i", "ends"),
    })
}

/// Boots the tour and the hub with recording, and has a browser lay out the report of each.
fn in_a_browser(machine: &'static Machine) -> Result<(), Failed> {
    let survey = guests::survey(&places::guest_sources())?.guests;
    for (name, lanes) in [("tour", 15), ("hub", 60)] {
        let guest = survey.iter().find(|guest| guest.name == name).ok_or("there is no such guest")?;
        let trace = recorded(machine, guest)?;
        let folder = places::built()?.join("timelines").join(format!("{machine}-{name}-in-a-browser"));
        fs::create_dir_all(&folder)?;
        let page = folder.join("report.html");
        Wanted { terminal: false, svg: None, report: Some(page.clone()), perfetto: None }.make(&trace, None, name)?;
        let html = fs::read_to_string(&page)?;
        fs::write(&page, html.replace("</body>", &format!("{LOOK}</body>")))?;
        let shown = browser::elements(&format!("file://{}", page.display()), &folder)?;
        let found = shown.split_once("<pre>").and_then(|(_, rest)| rest.split_once("</pre>"));
        let (found, _) = found.ok_or_else(|| format!("the browser did not run the script:\n{shown}"))?;
        let found: Value = serde_json::from_str(&found.replace("&gt;", ">").replace("&amp;", "&"))?;
        if found["lanes"] != lanes || found["texts"].as_u64().is_none_or(|texts| texts < 2 * lanes) {
            return Err(format!("{name}: the browser shows something else: {found}").into());
        }
        if found["wrong"].as_array().is_none_or(|wrong| !wrong.is_empty()) {
            return Err(format!("{name}: what the browser shows is wrong: {found:#}").into());
        }
    }
    Ok(())
}
