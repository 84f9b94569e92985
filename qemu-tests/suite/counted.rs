//! Every public function of the library that has an effect is counted by an operation, or there is a reason why it is
//! not. A function that takes only `&self`, and returns neither an outcome nor an error, only reads: it need not be
//! counted.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use libtest_mimic::Failed;
use qemu_tests::places;
use qemu_tests::tools::Needs;

use crate::Case;
use crate::documents::public_items;

/// Functions that no operation calls, and why.
const NOT_COUNTED: [(&str, &[&str]); 6] = [
    ("evaluated when the program is built", &["new", "with_exit", "bytes"]),
    ("sets a hook when the program is built", &["on_unraisable", "on_leak", "on_overflow"]),
    ("once, when the firmware boots", &["carve", "guards", "watch_stacks", "number"]),
    ("only what comes back or goes in differs from `kill`, `set_context`", &["kill_with", "set_any_context"]),
    ("a report of what went wrong", &["at", "report_all", "report_stacks"]),
    (
        "with a feature that the operations are not built with",
        &["abandon", "abandon_current", "reclaim", "deepest_stack", "first_after", "in_handler", "name_panics"],
    ),
];

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("counted::every_public_function".to_owned(), Needs::default(), every_public_function),
        Case::new("counted::one_that_is_not_is_noticed".to_owned(), Needs::default(), one_that_is_not_is_noticed),
    ]
}

fn every_public_function() -> Result<(), Failed> {
    let root = places::root();
    let problems =
        problems(&sources(root.join("src"))?.concat(), &sources(root.join("qemu-tests/operations/src"))?.concat());
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n").into()) }
}

/// The problems with functions of the `library`, with `operations`, and with the reasons.
fn problems(library: &str, operations: &str) -> Vec<String> {
    let items = public_items(library).into_iter().map(|(item, _)| item);
    let (reads, acts): (BTreeSet<_>, BTreeSet<_>) = items.partition(|item| only_reads(item));
    let acts: BTreeSet<_> = acts.into_iter().filter_map(function).collect();
    let functions: BTreeSet<_> = reads.into_iter().filter_map(function).chain(acts.iter().copied()).collect();
    let excused: BTreeSet<_> = NOT_COUNTED.iter().flat_map(|(_, names)| *names).copied().collect();
    let called: BTreeSet<_> = acts.iter().copied().filter(|name| is_called(name, operations)).collect();
    let mut problems = Vec::new();
    if functions.len() < 60 {
        problems.push(format!("{} functions: not all of them were found", functions.len()));
    }
    let uncounted = acts.difference(&called).filter(|name| !excused.contains(*name));
    problems.extend(uncounted.map(|name| {
        format!(
            "`{name}` is counted by no operation; write one in qemu-tests/operations, or a reason here: {}",
            file!()
        )
    }));
    let excused: BTreeSet<_> = excused.into_iter().chain(ACTS).collect();
    let gone = excused.difference(&acts);
    problems.extend(gone.map(|name| format!("`{name}` has a reason not to be counted, and does not exist")));
    problems
}

/// Functions that act, although they look like queries: they settle or take requests, or count a reference.
const ACTS: [&str; 5] = ["attend", "woken", "remote", "upgrade", "handle"];

/// Whether the function with this first line only reads.
fn only_reads(item: &str) -> bool {
    if function(item).is_some_and(|name| ACTS.contains(&name)) {
        return false;
    }
    let Some((_, result)) = item.split_once("(&self) -> ") else { return false };
    ["Outcome", "Result", "Thrown"].iter().all(|word| !result.contains(word))
}

/// The name of a public function.
fn function(item: &str) -> Option<&str> {
    let (_, rest) = item.split_once("fn ")?;
    rest.split(['(', '<']).next()
}

fn is_called(name: &str, source: &str) -> bool {
    ["(", "::<"]
        .iter()
        .any(|after| source.match_indices(&format!("{name}{after}")).any(|(at, _)| source[..at].ends_with(['.', ':'])))
}

/// The Rust sources in a folder and below it.
fn sources(folder: PathBuf) -> Result<Vec<String>, Failed> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            texts.extend(sources(path)?);
        } else {
            texts.push(fs::read_to_string(path)?);
        }
    }
    Ok(texts)
}

fn one_that_is_not_is_noticed() -> Result<(), Failed> {
    let root = places::root();
    let operations = sources(root.join("qemu-tests/operations/src"))?.concat().replace(".cancel()", ".kill()");
    // One more that reads is no problem.
    let library = sources(root.join("src"))?
        .concat()
        .replace("pub const fn on_leak(", "pub fn is_new(&self) -> bool {\n}\npub const fn on_drip(");
    let problems = problems(&library, &operations);
    let noticed = |name: &str| problems.iter().any(|problem| problem.starts_with(&format!("`{name}` ")));
    if problems.len() == 3 && ["cancel", "on_drip", "on_leak"].into_iter().all(noticed) {
        return Ok(());
    }
    Err(format!("noticed: {problems:?}").into())
}
