//! What of the format the scenarios of greenlets do not have: channels, and the words of these ops.

extern crate std;

use std::format;
use std::string::ToString as _;
use std::vec::Vec;

use super::Scenarios;

#[track_caller]
fn refused(text: &str, line: usize, message: &str) {
    let malformed =
        Scenarios::new(text.as_bytes()).last().expect("a scenario").expect_err("the text must be malformed");
    assert_eq!((malformed.to_string().as_str(), malformed.line), (message, line), "of {text:?}");
}

#[test]
fn a_scenario_says_how_many_channels_it_has() {
    let head = |line: &str| format!("scenario a\nslots 1\n{line}\nend\n");
    let first = "before the channels: \"channels N\" must follow the slots line";
    refused(&head("script 0"), 3, &format!("\"script\" {first}"));
    refused(&head("channels"), 3, "line \"channels\" takes 1 argument (N), found 0");
    refused(&head("channels 9"), 3, "9 channels: 0 to 8 are allowed");
    refused(&head("channels x"), 3, "\"x\" is not a number: 0 to 8");
    refused("scenario a\nslots 1\n", 2, "scenario \"a\" (line 1) has no end: missing \"end\"");
    let text = head("channels 8");
    assert_eq!(Scenarios::new(text.as_bytes()).next().unwrap().unwrap().channels(), 8);
}

#[test]
fn an_op_takes_what_its_letters_say() {
    let of = |channels: u8, op: &str| format!("scenario a\nslots 3\nchannels {channels}\nscript 0\n{op}\nend\n");
    for (op, message) in [
        ("th 1 5 now", "op \"th\" takes 4 arguments (T C W F), found 3"),
        ("new 0", "slot 0 is the main greenlet: only slots 1 to 2 are allowed here"),
        ("bal 2", "channel 2 out of range: this scenario has channels 0 to 1"),
        ("bal x", "\"x\" is not a number: a channel of this scenario, 0 to 1"),
        ("sched 1000 -", "number \"1000\" is too large: 0 to 999, or -"),
        ("sched 1 b", "catch flag \"b\" is not known: - e x or a"),
        ("kill 1 soon -", "moment \"soon\" is not known: now or later"),
        ("pref 0 2", "preference \"2\" is not known: -1, 0 or 1"),
        ("all 0 2", "flag \"2\" is not known: 0 or 1"),
    ] {
        refused(&of(2, op), 5, message);
    }
    refused(&of(0, "bal 0"), 5, "channel 0 out of range: this scenario has none");
    refused(&of(1, "bal 1"), 5, "channel 1 out of range: this scenario has only channel 0");
    let text = of(1, "fly");
    let unknown = Scenarios::new(text.as_bytes()).next().unwrap().unwrap_err().to_string();
    assert!(unknown.contains("\"fly\": allowed are new, make, sched,"), "{unknown}");
}

#[test]
fn a_malformed_text_runs_nothing() {
    let text = "scenario a\nslots 1\nchannels 0\nend\nscenario b\nslots 1\nchannels 0\nscript 0\nfly\nend\n";
    let found: Vec<_> = Scenarios::new(text.as_bytes()).map(|read| read.is_ok()).collect();
    assert_eq!(found, [true, false]);
    let malformed = super::run(text.as_bytes(), |_| panic!("nothing may be logged")).unwrap_err();
    assert_eq!(malformed.line, 9);
}
