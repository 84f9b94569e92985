//! Every op, every limit and every message of the parser.

extern crate std;

use std::format;
use std::string::{String, ToString as _};
use std::vec::Vec;

use super::{Malformed, Scenarios};
use crate::op::{Op, Sharing};
use crate::scenario::{Catch, Scenario};

const NOTHING: Catch = Catch { errors: false, exits: false };

fn parse(text: &str) -> Result<Vec<Scenario>, Malformed> {
    Scenarios::new(text.as_bytes()).collect()
}

/// Parses the only scenario of a text.
fn one(text: &str) -> Scenario {
    let [scenario] = <[_; 1]>::try_from(parse(text).unwrap()).unwrap();
    scenario
}

/// Parses a scenario of five slots whose main script is `ops`.
fn ops(ops: &str) -> Result<Vec<Op>, Malformed> {
    let scenarios = parse(&format!("scenario a\nslots 5\nscript 0\n{ops}\nend\n"))?;
    Ok(scenarios[0].script(0).to_vec())
}

/// Checks that `text` is malformed in that line, for that reason.
#[track_caller]
fn refused(text: &str, line: usize, message: &str) {
    refused_bytes(text.as_bytes(), line, message);
}

#[track_caller]
fn refused_bytes(text: &[u8], line: usize, message: &str) {
    let found: Result<Vec<_>, _> = Scenarios::new(text).collect();
    let malformed = found.expect_err("the text must be malformed");
    assert_eq!((malformed.to_string().as_str(), malformed.line), (message, line));
}

/// Checks that an op (line 4, in a scenario of five slots) is malformed.
#[track_caller]
fn op_refused(op: &str, message: &str) {
    let malformed = ops(op).expect_err("the op must be malformed");
    assert_eq!((malformed.to_string().as_str(), malformed.line), (message, 4));
}

#[test]
fn reads_every_op() {
    let errors = Catch { errors: true, exits: false };
    let exits = Catch { errors: false, exits: true };
    let both = Catch { errors: true, exits: true };
    for (text, op) in [
        ("new 4 0", Op::New { slot: 4, parent: Some(0) }),
        ("new 1 -", Op::New { slot: 1, parent: None }),
        ("bare 2 3", Op::Bare { slot: 2, parent: Some(3) }),
        ("bare 2 -", Op::Bare { slot: 2, parent: None }),
        ("run 0", Op::Run { slot: 0 }),
        ("sw 1 999 -", Op::Switch { target: 1, value: Some(999), catch: NOTHING }),
        ("sw 0 - a", Op::Switch { target: 0, value: None, catch: both }),
        ("up 0 e", Op::Up { value: Some(0), catch: errors }),
        ("up - x", Op::Up { value: None, catch: exits }),
        ("th 4 7 a", Op::Throw { target: 4, code: 7, catch: both }),
        ("kill 3 12 x", Op::Kill { target: 3, payload: Some(12), catch: exits }),
        ("kill 0 - -", Op::Kill { target: 0, payload: None, catch: NOTHING }),
        ("par 0 0", Op::Parent { slot: 0, parent: Some(0) }),
        ("par 2 -", Op::Parent { slot: 2, parent: None }),
        ("st 0", Op::State { slot: 0 }),
        ("cur", Op::Current),
        ("ret 5", Op::Return { value: Some(5) }),
        ("ret -", Op::Return { value: None }),
        ("raise 5", Op::Raise { code: 5 }),
        ("exit 5", Op::Exit { payload: Some(5) }),
        ("exit -", Op::Exit { payload: None }),
        ("drop 1", Op::Drop { slot: 1 }),
        ("hold", Op::Hold),
        ("trace on", Op::Trace { on: true }),
        ("trace off", Op::Trace { on: false }),
        ("boom 3", Op::Boom { code: 3 }),
        ("tq", Op::TraceQuery),
        ("cset 1", Op::ContextSet { value: 1 }),
        ("cget", Op::ContextGet),
        ("ctx 0 copy", Op::Context { slot: 0, sharing: Sharing::Copy }),
        ("ctx 1 share", Op::Context { slot: 1, sharing: Sharing::Share }),
        ("ctx 2 none", Op::Context { slot: 2, sharing: Sharing::None }),
    ] {
        assert_eq!(ops(text).as_deref(), Ok(&[op][..]), "{text}");
    }
}

#[test]
fn accepts_what_stands_at_the_limits() {
    let name = "a_".repeat(20);
    let script = "cur\n".repeat(24);
    let largest = one(&format!("scenario {name}\nslots 16\nscript 15\n{script}script 0\nend\n"));
    assert_eq!(largest.name(), name);
    assert_eq!(largest.slots(), 16);
    assert_eq!(largest.script(15), [Op::Current; 24]);
    assert_eq!(largest.script(0), []);
    assert_eq!(largest.script(7), []);

    let smallest = one("scenario 0\nslots 1\nend");
    assert_eq!((smallest.name(), smallest.slots()), ("0", 1));
    assert_eq!(smallest.script(0), []);
}

#[test]
fn skips_empty_lines_and_comments() {
    let text = "# one\n\nscenario a\n\n#x\nslots 1\n\nscript 0\n#\ncur\nend\n\n# last";
    assert_eq!(one(text).script(0), [Op::Current]);
}

#[test]
fn counts_the_lines_of_a_text_without_a_scenario() {
    for (text, lines) in [("", 0), ("\n", 1), ("# a", 1), ("# a\n", 1), ("\n\n# a\n\n", 4)] {
        let mut scenarios = Scenarios::new(text.as_bytes());
        assert!(scenarios.next().is_none());
        assert_eq!(scenarios.lines_read(), lines, "{text:?}");
    }
}

#[test]
fn refuses_carriage_returns() {
    let message = |column: usize| format!("carriage return in column {column}: a line ends with a line feed alone");
    refused("scenario a\r\nslots 1\r\nend\r\n", 1, &message(11));
    refused("# a comment\n\r\nscenario a\nslots 1\nend\n", 2, &message(1));
    refused("# a comment\r\n", 1, &message(12));
    op_refused("st 1 \r", &message(6));
    op_refused("cur\rcur", &message(4));
}

#[test]
fn reads_scenarios_one_after_the_other() {
    let found = parse("scenario a\nslots 2\nscript 1\ncur\nend\nscenario b\nslots 2\nend\n").unwrap();
    assert_eq!(found.iter().map(Scenario::name).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(found[1].script(1), [], "nothing is left over from the scenario before");
    assert_eq!(parse("").unwrap(), []);
    assert_eq!(parse("\n# nothing\n").unwrap(), []);
}

#[test]
fn ends_after_the_first_malformed_line() {
    let mut scenarios = Scenarios::new(b"scenario a\nslots 1\nend\nend\nscenario b\nslots 1\nend\n");
    assert!(scenarios.next().unwrap().is_ok());
    assert!(scenarios.next().unwrap().is_err());
    assert!(scenarios.next().is_none());
    assert!(scenarios.next().is_none());
}

#[test]
fn refuses_bytes_outside_ascii() {
    let message = "byte 0xc3 in column 3: only ASCII is allowed";
    refused("# \u{e4}\n", 1, message);
    refused("scenario a\nslots 1\nst\u{e4}\nend\n", 3, message);
    refused_bytes(b"\n#\xff", 2, "byte 0xff in column 2: only ASCII is allowed");
}

#[test]
fn refuses_stray_spaces() {
    let message = |column: usize| {
        format!(
            "stray space in column {column}: words are separated by one space, \
             none before the first or after the last"
        )
    };
    op_refused("st  1", &message(4));
    op_refused("st 1 ", &message(5));
    op_refused(" st 1", &message(1));
    op_refused(" ", &message(1));
    op_refused("  ", &message(1));
    op_refused(" # no comment", &message(1));
    refused("scenario  a\n", 1, &message(10));
    refused("scenario a\nslots 1\nend ", 3, &message(4));
    // A tab or another control character is no space and no end of a line.
    op_refused("st\t1", &unknown("\"st\\t1\""));
}

#[test]
fn refuses_text_outside_a_scenario() {
    refused("st 1\n", 1, "\"st\" outside a scenario: one starts with \"scenario NAME\"");
    let text = "scenario a\nslots 1\nend\n\nend\n";
    refused(text, 5, "\"end\" outside a scenario: one starts with \"scenario NAME\"");
}

#[test]
fn refuses_a_scenario_without_end() {
    let message = "scenario \"a\" (line 2) has no end: missing \"end\"";
    refused("\nscenario a\n", 2, message);
    refused("\nscenario a\nslots 2\n", 3, message);
    refused("\nscenario a\nslots 2\nscript 0\ncur\n# end", 6, message);
    refused(
        "\nscenario a\nslots 2\nscenario b\nslots 2\nend\n",
        4,
        "\"scenario\" inside scenario \"a\" (line 2): that one needs its \"end\" first",
    );
}

#[test]
fn refuses_bad_names() {
    let takes = |found: u8| format!("line \"scenario\" takes 1 argument (NAME), found {found}");
    refused("scenario", 1, &takes(0));
    refused("scenario a b", 1, &takes(2));
    let message = |name: &str| format!("name {name}: only a-z 0-9 _ are allowed");
    refused("scenario a-b", 1, &message("\"a-b\""));
    refused("scenario Ab", 1, &message("\"Ab\""));
    refused("scenario a\t", 1, &message("\"a\\t\""));
    refused(&format!("scenario {}", "a".repeat(41)), 1, "name of 41 characters: 1 to 40 are allowed");
}

#[test]
fn refuses_bad_slots_lines() {
    let first = "\"slots N\" must follow the scenario line";
    refused("scenario a\nscript 0\nend", 2, &format!("\"script\" before the slots: {first}"));
    refused("scenario a\nend", 2, &format!("\"end\" before the slots: {first}"));
    refused("scenario a\nscenario b", 2, &format!("\"scenario\" before the slots: {first}"));
    refused("scenario a\nslots", 2, "line \"slots\" takes 1 argument (N), found 0");
    refused("scenario a\nslots 1 2", 2, "line \"slots\" takes 1 argument (N), found 2");
    refused("scenario a\nslots 0", 2, "0 slots: 1 to 16 are allowed");
    refused("scenario a\nslots 17", 2, "17 slots: 1 to 16 are allowed");
    refused("scenario a\nslots 300", 2, "300 slots: 1 to 16 are allowed");
    refused("scenario a\nslots -", 2, "\"-\" is not a number: 1 to 16");
    refused("scenario a\nslots 02", 2, "number \"02\" has leading zeros: without them, 1 to 16");
    refused("scenario a\nslots 1000", 2, "number \"1000\" is too large: 1 to 16");
    refused("scenario a\nslots 2\nslots 2", 3, "second \"slots\" line: one is allowed");
}

#[test]
fn refuses_bad_script_lines() {
    let text = |line: &str| format!("scenario a\nslots 2\n{line}\nend\n");
    refused(&text("script"), 3, "line \"script\" takes 1 argument (S), found 0");
    refused(&text("script 0 1"), 3, "line \"script\" takes 1 argument (S), found 2");
    refused(&text("script 2"), 3, "slot 2 out of range: this scenario has slots 0 to 1");
    refused(&text("script -"), 3, "\"-\" is not a number: a slot of this scenario, 0 to 1");
    refused(&text("script 00"), 3, "number \"00\" has leading zeros: without them, a slot of this scenario, 0 to 1");
    // Twice is once too often even when no op came in between.
    refused(&text("script 1\nscript 1"), 4, "second script 1: each slot has at most one");
    refused(&text("script 1\nscript 0\nscript 1"), 5, "second script 1: each slot has at most one");
    refused(&text("cur"), 3, "op \"cur\" outside a script: \"script S\" must come first");
    let long = format!("script 1\n{}", "cur\n".repeat(25));
    refused(&text(&long), 28, "script 1 has 25 ops: 24 at most");
}

#[test]
fn refuses_arguments_of_end() {
    refused("scenario a\nslots 1\nend a", 3, "line \"end\" takes no arguments, found 1");
}

fn unknown(word: &str) -> String {
    format!(
        "unknown op {word}: allowed are new, bare, run, sw, up, th, kill, par, st, cur, ret, \
         raise, exit, drop, hold, trace, boom, tq, cset, cget, ctx, and the lines script and end"
    )
}

#[test]
fn refuses_unknown_ops() {
    op_refused("swich 1 2 a", &unknown("\"swich\""));
    op_refused("SW 1 2 a", &unknown("\"SW\""));
    op_refused("script0", &unknown("\"script0\""));
    let long = "b".repeat(1000);
    op_refused(&long, &unknown("\"bbbbbbbbbbbbbbbbbbbbbbbb\"..."));
    // Known or not comes before inside a script or not.
    refused("scenario a\nslots 1\nswich", 3, &unknown("\"swich\""));
}

#[test]
fn refuses_a_wrong_number_of_arguments() {
    op_refused("sw 1 2", "op \"sw\" takes 3 arguments (T V F), found 2");
    op_refused("sw 1 2 a a", "op \"sw\" takes 3 arguments (T V F), found 4");
    op_refused("run", "op \"run\" takes 1 argument (T), found 0");
    op_refused("cur 1", "op \"cur\" takes no arguments, found 1");
    op_refused("trace", "op \"trace\" takes 1 argument (on/off), found 0");
    op_refused("ctx 1", "op \"ctx\" takes 2 arguments (T copy/share/none), found 1");
    op_refused("par 1", "op \"par\" takes 2 arguments (T P), found 1");
}

#[test]
fn refuses_bad_numbers() {
    let zeros = |word: &str| format!("number {word} has leading zeros: without them, 0 to 999");
    op_refused("raise 007", &zeros("\"007\""));
    op_refused("raise 00", &zeros("\"00\""));
    op_refused("ret 01", &format!("{}, or -", zeros("\"01\"")));
    op_refused("raise 1000", "number \"1000\" is too large: 0 to 999");
    let huge = "9".repeat(30);
    op_refused(&format!("raise {huge}"), "number \"999999999999999999999999\"... is too large: 0 to 999");
    op_refused("raise -", "\"-\" is not a number: 0 to 999");
    op_refused("raise -1", "\"-1\" is not a number: 0 to 999");
    op_refused("raise +1", "\"+1\" is not a number: 0 to 999");
    op_refused("raise 1a", "\"1a\" is not a number: 0 to 999");
    op_refused("cset 0x1", "\"0x1\" is not a number: 0 to 999");
    op_refused("boom five", "\"five\" is not a number: 0 to 999");
    op_refused("ret --", "\"--\" is not a number: 0 to 999, or -");
    op_refused("kill 1 x x", "\"x\" is not a number: 0 to 999, or -");
    op_refused("th 1 - a", "\"-\" is not a number: 0 to 999");
}

#[test]
fn refuses_what_is_no_slot() {
    let slot = "a slot of this scenario, 0 to 4";
    op_refused("sw - 5 a", &format!("\"-\" is not a number: {slot}"));
    op_refused("st 01", &format!("number \"01\" has leading zeros: without them, {slot}"));
    op_refused("st 1000", &format!("number \"1000\" is too large: {slot}"));
    op_refused("new 1 x", &format!("\"x\" is not a number: {slot}, or -"));
    op_refused("new - -", "\"-\" is not a number: a slot of this scenario other than 0, 1 to 4");
    let few = |slots: u8, op: &str| format!("scenario a\nslots {slots}\nscript 0\n{op}\nend\n");
    refused(&few(1, "st x"), 4, "\"x\" is not a number: a slot of this scenario, only 0");
    refused(&few(1, "drop x"), 4, "\"x\" is not a number: a slot other than 0, and this scenario has none");
    refused(&few(2, "drop x"), 4, "\"x\" is not a number: a slot of this scenario other than 0, only 1");
}

#[test]
fn refuses_slots_out_of_range() {
    let message = "slot 7 out of range: this scenario has slots 0 to 4";
    for op in ["st 7", "new 7 -", "new 1 7", "sw 7 1 -", "par 0 7", "par 7 0", "drop 7", "ctx 7 copy"] {
        op_refused(op, message);
    }
    op_refused("st 5", "slot 5 out of range: this scenario has slots 0 to 4");
    op_refused("st 261", "slot 261 out of range: this scenario has slots 0 to 4");
    let main = "slot 0 is the main greenlet: only slots 1 to 4 are allowed here";
    for op in ["new 0 -", "bare 0 -", "drop 0"] {
        op_refused(op, main);
    }
    let alone = |op: &str| format!("scenario a\nslots 1\nscript 0\n{op}\nend\n");
    refused(&alone("st 1"), 4, "slot 1 out of range: this scenario has only slot 0");
    refused(
        &alone("drop 0"),
        4,
        "slot 0 is the main greenlet: another one is needed here, and this scenario has only slot 0",
    );
}

#[test]
fn refuses_unknown_choices() {
    op_refused("sw 1 2 b", "catch flag \"b\" is not known: - e x or a");
    op_refused("up - ex", "catch flag \"ex\" is not known: - e x or a");
    op_refused("trace 1", "trace mode \"1\" is not known: on or off");
    op_refused("ctx 1 move", "context mode \"move\" is not known: copy, share or none");
}
