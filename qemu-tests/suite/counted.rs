//! Every public function of the library is counted by an operation, or there is a reason why it is not.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use libtest_mimic::Failed;
use qemu_tests::places;
use qemu_tests::tools::Needs;

use crate::Case;
use crate::documents::public_items;

/// Functions that no operation calls, and why.
const NOT_COUNTED: [(&str, &[&str]); 7] = [
    ("evaluated when the program is built", &["new", "with_exit", "bytes", "count", "stack_size"]),
    ("sets a hook when the program is built", &["on_unraisable", "on_leak", "on_overflow"]),
    ("once, when the firmware boots", &["carve", "guards", "watch_stacks", "number"]),
    ("only what comes back differs from `kill`", &["kill_with"]),
    ("reads fields of what is at hand", &["size", "in_use", "past_limit", "is_foreign_stack", "allocated", "lost"]),
    ("a report of what went wrong", &["at", "report_stacks"]),
    (
        "with a feature that the operations are not built with",
        &["abandon", "high_water_mark", "deepest_stack", "in_handler"],
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

/// What is wrong: with functions of the `library`, `operations`, and the reasons.
fn problems(library: &str, operations: &str) -> Vec<String> {
    let functions: BTreeSet<_> = public_items(library).into_iter().filter_map(|(item, _)| function(item)).collect();
    let excused: BTreeSet<_> = NOT_COUNTED.iter().flat_map(|(_, names)| *names).copied().collect();
    let called: BTreeSet<_> = functions.iter().copied().filter(|name| is_called(name, operations)).collect();
    let mut problems = Vec::new();
    if functions.len() < 60 {
        problems.push(format!("{} functions: not all of them were found", functions.len()));
    }
    let uncounted = functions.difference(&called).filter(|name| !excused.contains(*name));
    problems.extend(uncounted.map(|name| {
        format!(
            "`{name}` is counted by no operation; write one in qemu-tests/operations, or a reason here: {}",
            file!()
        )
    }));
    let gone = excused.difference(&functions);
    problems.extend(gone.map(|name| format!("`{name}` has a reason not to be counted, and does not exist")));
    problems
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
    let operations = sources(root.join("qemu-tests/operations/src"))?.concat().replace(".upgrade()", ".downgrade()");
    let library = sources(root.join("src"))?.concat().replace("pub fn in_use(", "pub fn in_disuse(");
    let problems = problems(&library, &operations);
    let noticed = |name: &str| problems.iter().any(|problem| problem.starts_with(&format!("`{name}` ")));
    if problems.len() == 3 && ["upgrade", "in_disuse", "in_use"].into_iter().all(noticed) {
        return Ok(());
    }
    Err(format!("noticed: {problems:?}").into())
}
