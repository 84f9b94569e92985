//! What the format does not allow is refused: which line, and what it says.

use tasklets::{MAX_OPS, Scenarios};

/// The head of a scenario with three slots and two channels, four lines.
const HEAD: &str = "scenario a\nslots 3\nchannels 2\nscript 0\n";

fn refused(text: &str, line: usize, words: &str) {
    let last = Scenarios::new(text.as_bytes()).last();
    let Some(Err(malformed)) = last else { panic!("accepted: {text:?}") };
    let message = malformed.to_string();
    assert!(malformed.line == line && message.contains(words), "line {}: {message} (of {text:?})", malformed.line);
}

#[test]
fn a_head_that_is_not_whole() {
    refused("slots 1\n", 1, "\"scenario NAME\" must stand");
    refused("scenario A\nslots 1\n", 1, "a name must stand");
    refused(&format!("scenario {}\n", "a".repeat(41)), 1, "a name must stand");
    refused("scenario\n", 1, "found 0 arguments");
    refused("scenario a b c\n", 1, "found 3 arguments");
    refused("scenario a\nchannels 1\n", 2, "\"slots N\" must stand");
    refused("scenario a\nslots 17\n", 2, "1 to 16");
    refused("scenario a\nslots 0\n", 2, "1 to 16");
    refused("scenario a\nslots 1\nscript 0\nend\n", 3, "\"channels N\" must stand");
    refused("scenario a\nslots 1\nchannels 9\n", 3, "0 to 8");
    refused("scenario a\nslots 1\nchannels 0\ncur\nend\n", 4, "\"script S\" must stand");
    refused("scenario a\nslots 1\nchannels 0\nscript 1\nend\n", 4, "0 to 0");
    refused("scenario a\nslots 1\nchannels 0\n", 3, "missing \"end\"");
    refused("scenario a\n", 1, "missing \"end\"");
}

#[test]
fn an_op_that_is_none() {
    for (op, words) in [
        ("fly 1", "an op must stand"),
        ("cur 1", "takes no arguments, found 1"),
        ("th 1 5 now", "takes T C W F, found 3"),
        ("new 0", "slot other than main's must stand: 1 to 2"),
        ("new 3", "1 to 2"),
        ("st 3", "0 to 2"),
        ("bal 2", "0 to 1"),
        ("sched 1000 -", "0 to 999"),
        ("sched 01 -", "without leading zeros"),
        ("sched +1 -", "0 to 999"),
        ("sched 1 b", "- e x a"),
        ("kill 1 soon -", "now later"),
        ("pref 0 2", "-1 0 1"),
        ("all 0 2", "one of these must stand: 0 1"),
        ("script 0", "second script 0"),
        ("end 1", "takes no arguments"),
        ("cur ", "stray space"),
        ("st  1", "stray space"),
        ("cur\r", "carriage return in column 4"),
        ("c\u{fc}r", "byte 0xc3 in column 2"),
    ] {
        refused(&format!("{HEAD}{op}\nend\n"), 5, words);
    }
    refused("scenario a\nslots 1\nchannels 0\nscript 0\nbal 0\nend\n", 5, "this scenario has none");
    refused(&format!("{HEAD}{}end\n", "cur\n".repeat(MAX_OPS + 1)), 5 + MAX_OPS, "24 at most");
}

#[test]
fn what_is_malformed_ends_the_text() {
    let text = format!("{HEAD}end\n{HEAD}fly\nend\n{HEAD}end\n");
    assert_eq!(Scenarios::new(text.as_bytes()).map(|read| read.is_ok()).collect::<Vec<_>>(), [true, false]);
    assert!(tasklets::run(text.as_bytes(), |_| panic!("nothing may run")).is_err());
}
