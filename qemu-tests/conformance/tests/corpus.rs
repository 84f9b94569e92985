//! The corpus, run in this process on the hosted kernel: every log must come out as it stands
//! beside its scenario.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use conformance::{Scenario, Scenarios};

/// The tests run on threads, and the interpreter runs one scenario at a time. Of the whole program: where several are
/// merged into one, theirs is another one.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

thread_local! {
    static LOG: RefCell<String> = const { RefCell::new(String::new()) };
}

fn sink(text: &str) {
    LOG.with_borrow_mut(|log| log.push_str(text));
}

/// Runs all scenarios of a text and returns their logs.
fn run(text: &[u8]) -> String {
    let _alone = crate::ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    conformance::run(text, sink).expect("the scenarios are well formed");
    LOG.take()
}

/// Returns each scenario of a family, with the log that was recorded.
fn family(name: &str, count: usize) -> Vec<(Scenario, String)> {
    let file = Path::new(conformance::CORPUS).join(name);
    let [text, logs] = ["scn", "log"].map(|kind| fs::read_to_string(file.with_extension(kind)).unwrap());
    let scenarios: Vec<_> = Scenarios::new(text.as_bytes()).collect::<Result<_, _>>().unwrap();
    let logs: Vec<_> = logs.split_inclusive("\ndone\n").map(str::to_owned).collect();
    assert_eq!((scenarios.len(), logs.len()), (count, count), "scenarios and logs of {name}");
    scenarios.into_iter().zip(logs).collect()
}

/// Checks that a family has `count` scenarios and that each prints its log.
#[track_caller]
fn check(name: &str, count: usize) {
    let mut wrong = Vec::new();
    for (scenario, expected) in family(name, count) {
        let found = run(scenario.to_string().as_bytes());
        if found != expected {
            let line = expected.lines().zip(found.lines()).take_while(|(one, other)| one == other).count();
            wrong.push(format!(
                "{name}/{}, line {}: expected {:?}, found {:?}",
                scenario.name(),
                line + 1,
                expected.lines().nth(line),
                found.lines().nth(line),
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {count} logs are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn core_logs_are_as_recorded() {
    check("core", 198);
}

#[test]
fn drop_logs_are_as_recorded() {
    check("drop", 126);
}

#[test]
fn trace_logs_are_as_recorded() {
    check("trace", 99);
}

#[test]
fn ctx_logs_are_as_recorded() {
    check("ctx", 55);
}

/// A document and a command line name a scenario by its name.
#[test]
fn names_are_given_once() {
    let families = [("core", 198), ("drop", 126), ("trace", 99), ("ctx", 55)];
    let all = families.into_iter().flat_map(|(name, count)| family(name, count));
    let names: BTreeSet<_> = all.map(|(scenario, _)| scenario.name().to_owned()).collect();
    assert_eq!(names.len(), 478);
}

#[test]
fn a_malformed_text_runs_nothing() {
    let text = b"scenario a\nslots 1\nend\nscenario b\nslots 1\nscript 0\ncut\nend\n";
    let malformed = conformance::run(text, |_| panic!("nothing may be logged")).unwrap_err();
    assert_eq!(malformed.line, 7);
}

/// The deepest that a stack of the interpreter gets: thirteen kills by a lost reference, one inside the other. The log
/// is the package's.
#[test]
fn kills_nest_on_one_stack() {
    assert_eq!(run(include_bytes!("nested_kills.scn")), include_str!("nested_kills.log"));
}

/// Fifteen greenlets which refuse every exit are ended quietly, and leave their stacks to the
/// next scenario.
#[test]
fn the_end_of_a_scenario_is_silent_and_complete() {
    let mut text = String::from("scenario stubborn\nslots 16\nscript 0\n");
    let mut expected = String::from("scenario stubborn\n");
    for slot in 1..16 {
        text += &format!("new {slot} -\n");
        expected += &format!("0 {} ok\n", slot - 1);
    }
    text += "sw 1 5 -\n";
    expected += "1 - start 5\n";
    for slot in 1..16 {
        text += &format!("script {slot}\n");
        if slot < 15 {
            text += &format!("sw {} 5 a\n", slot + 1);
            expected += &format!("{} - start 5\n", slot + 1);
        }
        text += &"up - a\n".repeat(23);
    }
    text += "end\n";
    expected += "0 15 got none\n0 16 end\n* final 0 cur -\n";
    for slot in 1..16 {
        expected += &format!("* final {slot} susp 0\n");
    }
    expected += "done\n";
    for _ in 0..3 {
        assert_eq!(run(text.as_bytes()), expected);
    }
}

/// The corpus's page lists every op with its arguments, as the parser has them.
#[test]
fn the_page_of_the_format_lists_every_op() {
    let page = include_str!("../corpus/README.md");
    let rows = [
        "new S P",
        "bare S P",
        "run T",
        "sw T V F",
        "up V F",
        "th T C F",
        "kill T K F",
        "par T P",
        "st T",
        "cur",
        "ret V",
        "raise C",
        "exit K",
        "drop S",
        "hold",
        "trace on/off",
        "boom C",
        "tq",
        "cset C",
        "cget",
        "ctx T copy/share/none",
    ];
    for row in rows {
        assert!(page.contains(&format!("\n| `{row}` | ")), "no row for {row}");
    }
}
