//! The audit, on the real kernel: it passes where the kernel is right, and fails where the books are wrong.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use conformance::{Scenario, Scenarios, audit, random};

/// The tests run on threads, and the interpreter runs one scenario at a time. Of the whole program: where several are
/// merged into one, theirs is another one.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

thread_local! {
    static SAID: RefCell<String> = const { RefCell::new(String::new()) };
}

fn say(text: &str) {
    SAID.with_borrow_mut(|said| said.push_str(text));
}

/// Audits a scenario; returns what was said, which is nothing when all is well.
fn audited(scenario: &Scenario, forgetful: bool) -> String {
    let _alone = crate::ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let clean = audit(scenario, say, forgetful);
    let said = SAID.take();
    assert_eq!(clean, said.is_empty(), "{said}");
    said
}

fn one(text: &[u8]) -> Scenario {
    Scenarios::new(text).next().expect("a scenario").unwrap()
}

#[test]
fn the_corpus_is_clean() {
    let mut audits = 0;
    for family in ["core", "ctx", "drop", "trace"] {
        let text = fs::read(Path::new(conformance::CORPUS).join(family).with_extension("scn")).unwrap();
        for scenario in Scenarios::new(&text) {
            let scenario = scenario.unwrap();
            assert_eq!(audited(&scenario, false), "", "{family}/{}", scenario.name());
            audits += 1;
        }
    }
    assert_eq!(audits, 478);
    let deep = one(include_bytes!("nested_kills.scn"));
    assert_eq!(audited(&deep, false), "");
}

#[test]
fn random_scenarios_are_clean() {
    for index in 0..500 {
        let scenario = random::scenario(11, index);
        assert_eq!(audited(&scenario, false), "", "{scenario}");
    }
}

#[test]
fn wrong_books_are_found_and_the_line_says_where() {
    let scenario = one(b"scenario a\nslots 2\nscript 0\nnew 1 -\nsw 1 - -\nscript 1\ncur\nend\n");
    let line = "AUDIT kills: scenario a, greenlet 1, its start: references of kills, of which 0 are in progress: \
                expected 0, found 1 that nothing else explains\n";
    assert_eq!(audited(&scenario, true), line);
    // It was broken off, and has left nothing behind.
    assert_eq!(audited(&scenario, false), "");
}

#[test]
fn without_a_switch_nothing_is_pinned() {
    let scenario = one(b"scenario a\nslots 2\nscript 0\nnew 1 -\nst 1\ndrop 1\nend\n");
    assert_eq!(audited(&scenario, true), "");
}
