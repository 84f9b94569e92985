//! The figures that documents quote are the kept ones.

use std::collections::BTreeSet;
use std::fs;

use libtest_mimic::Failed;
use qemu_tests::counts::Subject;
use qemu_tests::places;
use qemu_tests::tools::Needs;

use crate::Case;

/// A document, how a row of a table in it begins, which operation its cells quote, and of which subjects.
const QUOTED: [(&str, &str, &str, &[&str]); 20] = [
    (
        "docs/hub.md",
        "| embassy-executor: a number to another task and back, by two signals |",
        "embassy_same_core",
        &["stackless-aarch64", "stackless-x86_64"],
    ),
    ("docs/costs.md", "| a switch with both |", "switch", BARE),
    (
        "docs/costs.md",
        "| a switch with neither (`unchecked-switch`) |",
        "switch",
        &["aarch64-unchecked", "x86_64-unchecked"],
    ),
    (
        "docs/costs.md",
        "| a switch with both, and `watchpoint` |",
        "switch",
        &["aarch64-watchpoint", "x86_64-watchpoint"],
    ),
    ("docs/costs.md", "| a switch with both, and `fp-control` |", "switch", FP_CONTROL),
    ("docs/costs.md", "| a switch by handle |", "switch", OTHERS),
    ("docs/costs.md", "| a switch by `up` |", "up", OTHERS),
    ("docs/costs.md", "| by a weak handle |", "switch_weak", OTHERS),
    ("docs/costs.md", "| a switch with 64 bytes |", "switch_64_bytes", OTHERS),
    ("docs/costs.md", "| a throw that is handled |", "throw", OTHERS),
    ("docs/costs.md", "| a kill |", "kill", OTHERS),
    ("docs/costs.md", "| spawn, start, end, in one |", "life_run", OTHERS),
    ("docs/design.md", "| by handle |", "switch", CHECKED),
    ("docs/design.md", "| by `up` |", "up", CHECKED),
    ("docs/design.md", "| by handle, `unchecked-switch` |", "switch", UNCHECKED),
    ("docs/design.md", "| by `up`, `unchecked-switch` |", "up", UNCHECKED),
    ("docs/registers.md", "| by handle |", "switch", BARE),
    ("docs/registers.md", "| by handle, `fp-control` |", "switch", FP_CONTROL),
    ("docs/registers.md", "| by `up` |", "up", BARE),
    ("docs/registers.md", "| by `up`, `fp-control` |", "up", FP_CONTROL),
];

const OTHERS: &[&str] = &["riscv64", "riscv32", "thumbv7em", "thumbv6m"];
const BARE: &[&str] = &["aarch64", "x86_64"];
const FP_CONTROL: &[&str] = &["aarch64-fp-control", "x86_64-fp-control"];

const CHECKED: &[&str] = &["aarch64", "x86_64", "hosted"];
const UNCHECKED: &[&str] = &["aarch64-unchecked", "x86_64-unchecked", "hosted-unchecked"];

pub(crate) fn cases() -> Vec<Case> {
    let case =
        |name: &str, test: fn() -> Result<(), Failed>| Case::new(format!("quoted::{name}"), Needs::default(), test);
    vec![
        case("instructions_are_those_kept", instructions_are_those_kept),
        case("checks_are_what_a_switch_takes_more", checks_are_what_a_switch_takes_more),
        case("what_is_stale_is_noticed", what_is_stale_is_noticed),
        case("the_hub_s_program_is_a_guest", the_hub_s_program_is_a_guest),
        case("guides_quote_the_server", guides_quote_the_server),
    ]
}

fn instructions_are_those_kept() -> Result<(), Failed> {
    let mut problems = Vec::new();
    for (document, row, operation, subjects) in QUOTED {
        let kept = subjects.iter().map(|name| kept(name, operation)).collect::<Result<Vec<_>, _>>()?;
        let stale = stale(&read(document)?, row, &kept);
        problems
            .extend(stale.map(|why| format!("{document}: {why}; the kept figures are `{operation}` of {subjects:?}")));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n").into()) }
}

/// `docs/costs.md` has the cost of each of the two checks, and what they share with the switch. Together that is the
/// difference between a switch with and without the checks.
fn checks_are_what_a_switch_takes_more() -> Result<(), Failed> {
    let costs = read("docs/costs.md")?;
    let parts = [
        "| stack pointer and canary band |",
        "| interrupt mask, on bare metal |",
        "| shared, where the checks are part of the switch |",
    ]
    .map(|row| cells(&costs, row));
    let [Some(stack), Some(mask), Some(shared)] = parts else {
        return Err(format!("rows of two figures: {parts:?}").into());
    };
    for (at, machine) in ["aarch64", "x86_64"].into_iter().enumerate() {
        let (with, without) = (kept(machine, "switch")?, kept(&format!("{machine}-unchecked"), "switch")?);
        let [stack, mask, shared] =
            [&stack, &mask, &shared].map(|figures| figures.get(at).copied().unwrap_or_default());
        if without + stack + mask != with + shared {
            let checks = format!("{stack} and {mask}, less {shared}");
            return Err(
                format!("docs/costs.md: the checks take {checks} on {machine}, a switch {with} and {without}").into()
            );
        }
    }
    Ok(())
}

fn what_is_stale_is_noticed() -> Result<(), Failed> {
    const TEXT: &str = "| one way | a | b |\n|---|---|---|\n| by handle | 32 | 34 |\n| by `up` | many | 35 |\n";
    let row = "| by handle |";
    let noticed = [
        stale(TEXT, row, &[32, 35]).is_some_and(|why| why.contains("| by handle | 32 | 34 |")),
        stale(TEXT, row, &[32]).is_some(),
        stale(TEXT, "| by `up` |", &[38, 35]).is_some(),
        stale(TEXT, "| by foot |", &[32, 34]).is_some_and(|why| why.contains("no row")),
        stale(&TEXT.repeat(2), row, &[32, 34]).is_some(),
        stale(TEXT, row, &[32, 34]).is_none(),
    ];
    if noticed == [true; 6] { Ok(()) } else { Err(format!("noticed: {noticed:?}").into()) }
}

/// The program for bare metal in the README of `greenlet-hub` is what the guest runs.
fn the_hub_s_program_is_a_guest() -> Result<(), Failed> {
    let readme = read("crates/greenlet-hub/README.md")?;
    let program = readme.split_once("```rust,ignore\n").and_then(|(_, rest)| rest.split_once("```"));
    let program = program.ok_or("the README has no program for bare metal")?.0;
    let guest = read("qemu-tests/guests/src/bin/hub_button.rs")?;
    if guest.ends_with(program) { Ok(()) } else { Err("the guest hub_button does not end with it".into()) }
}

/// The code in the documents about the server of `examples/unikernel` is the server's: each line of it is one there.
fn guides_quote_the_server() -> Result<(), Failed> {
    let mut lines = BTreeSet::new();
    let mut folders = vec![places::root().join("examples/unikernel/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            match path.is_dir() {
                true => folders.push(path),
                false => lines.extend(fs::read_to_string(path)?.lines().map(str::to_owned)),
            }
        }
    }
    for document in ["docs/embedding.md", "docs/unikernel.md"] {
        let text = read(document)?;
        let blocks: Vec<_> =
            text.split("```rust,ignore\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect();
        let mut quoted = blocks.iter().flat_map(|block| block.lines());
        match quoted.find(|line| !lines.contains(*line)) {
            None if !blocks.is_empty() => {}
            line => return Err(format!("{document}: {line:?} is no line of the server").into()),
        }
    }
    Ok(())
}

/// What is wrong with the row of `text` that begins with `row`, if its cells are not these figures.
fn stale(text: &str, row: &str, kept: &[u64]) -> Option<String> {
    if cells(text, row).as_deref() == Some(kept) {
        return None;
    }
    let line = text.lines().find(|line| line.starts_with(row));
    Some(line.map_or_else(|| format!("no row `{row}`"), |line| format!("not {kept:?}, as is kept: {line}")))
}

/// The figures in the one row that begins with `row`.
fn cells(text: &str, row: &str) -> Option<Vec<u64>> {
    let mut rows = text.lines().filter_map(|line| line.strip_prefix(row));
    let cells = rows.next().filter(|_| rows.next().is_none())?;
    cells.trim_end_matches('|').split('|').map(|cell| cell.trim().parse().ok()).collect()
}

fn kept(subject: &str, operation: &str) -> Result<u64, Failed> {
    let subject = Subject::named(subject).ok_or_else(|| format!("there is no subject {subject}"))?;
    let figure = subject.kept()?.of(operation);
    Ok(figure.ok_or_else(|| format!("nothing is kept of {operation} in {}", subject.file().display()))?)
}

fn read(document: &str) -> Result<String, Failed> {
    Ok(fs::read_to_string(places::root().join(document))?)
}
