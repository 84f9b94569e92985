//! A set of guests that is not whole is noticed: nothing is left out of the suite by a slip.

use std::fs;

use libtest_mimic::Failed;
use qemu_tests::guests;

use super::{case, scratch};
use crate::Case;

/// A set of guests by its files, each with its text, and what is wrong with it.
type Set = (&'static str, &'static [(&'static str, &'static str)], &'static str);

const KEPT_B: (&str, &str) = ("transcripts.txt", "==== b\nDONE 1/1\n");
const KEPT_BOTH: (&str, &str) = ("transcripts.txt", "==== a\nDONE 1/1\n==== b\nDONE 1/1\n");

const SETS: &[Set] = &[
    ("empty", &[], "no guest to test in "),
    ("only_not_a_test", &[("a.rs", "//@ not-a-test\n")], "no guest to test in "),
    ("no_transcript", &[("a.rs", ""), ("b.rs", ""), KEPT_B], "a.rs has no transcript"),
    ("no_source", &[("a.rs", ""), KEPT_BOTH], "`b` has no b.rs"),
    ("surplus_transcript", &[("a.rs", "//@ not-a-test\n"), ("b.rs", ""), KEPT_BOTH], "yet has a transcript"),
    ("unread_transcript", &[("b.rs", ""), KEPT_B, ("b.out", "")], "nothing reads b.out"),
    ("unread_transcript_of_gdb", &[("b.rs", ""), KEPT_B, ("b.gdb.out", "")], "nothing reads b.gdb.out"),
    ("bad_directive", &[("b.rs", "\n//@ exits: fault\n"), KEPT_B], "b.rs:2: no directive `exits`"),
];

pub(super) fn cases() -> Vec<Case> {
    let set = |&(name, files, problem): &Set| case(&format!("survey::{name}"), move || survey(name, files, problem));
    let more = [case("survey::whole", whole), case("survey::same_name_twice", same_name_twice)];
    SETS.iter().map(set).chain(more).collect()
}

/// The set of `files` has this one `problem`.
fn survey(name: &str, files: &[(&str, &str)], problem: &str) -> Result<(), Failed> {
    let problems = problems(name, files)?;
    match problems.as_slice() {
        [found] if found.contains(problem) => Ok(()),
        found => Err(format!("found {found:?}, expected `{problem}`").into()),
    }
}

/// A set that is whole has no problem, or the rest would prove nothing.
fn whole() -> Result<(), Failed> {
    let files = [("a.rs", "//@ not-a-test\n"), ("b.rs", "//@ exit: fault\n"), KEPT_B, ("b.gdb", ""), ("b.gdb.out", "")];
    let problems = problems("whole", &files)?;
    if problems.is_empty() { Ok(()) } else { Err(format!("found {problems:?}").into()) }
}

/// No two packages have a guest of the same name: cargo would build both, and the runner boot one.
fn same_name_twice() -> Result<(), Failed> {
    let folders = ["survey-one", "survey-other"].map(scratch).into_iter().collect::<Result<Vec<_>, _>>()?;
    for folder in &folders {
        fs::write(folder.join("b.rs"), "")?;
        fs::write(folder.join(KEPT_B.0), KEPT_B.1)?;
    }
    match guests::survey(&folders)?.problems.as_slice() {
        [found] if found.starts_with("two guests are called `b`") => Ok(()),
        found => Err(format!("found {found:?}").into()),
    }
}

fn problems(name: &str, files: &[(&str, &str)]) -> Result<Vec<String>, Failed> {
    let folder = scratch(&format!("survey-{name}"))?;
    for (file, text) in files {
        fs::write(folder.join(file), text)?;
    }
    Ok(guests::survey(&[folder])?.problems)
}
