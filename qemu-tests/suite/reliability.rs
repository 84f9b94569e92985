//! `cargo xtask reliability`: a row that runs, one whose tool is missing, one that fails; and its document, with the
//! same rows.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use libtest_mimic::Failed;
use qemu_tests::places;
use qemu_tests::reliability::{PROMISES, Promise, Size};
use qemu_tests::tools::Needs;

use crate::{Case, builds, fakes};

pub(crate) fn cases() -> Vec<Case> {
    let case = |name: &str, test: fn() -> Result<(), Failed>| {
        Case::new(format!("reliability::{name}"), Needs::default(), test)
    };
    vec![
        case("a_row_counts_what_was_printed", runs),
        case("what_is_missing_is_told_and_is_no_pass", missing),
        case("a_row_that_fails_is_counted", fails),
        case("the_document_has_the_rows_of_the_command", || wrong_rows(&document()?)),
        case("a_document_with_other_rows_is_noticed", noticed),
    ]
}

fn document() -> Result<String, Failed> {
    Ok(fs::read_to_string(places::root().join("docs/reliability.md"))?)
}

/// Runs the command with `words`, and checks exit status, table and JSON, with a Python that may have the package.
fn reliability(name: &str, words: &[&str], python: &Path, status: i32, parts: &[&str]) -> Result<(), Failed> {
    let _turn = builds::turn("release");
    let file = places::built()?.join(format!("reliability-{name}.json"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_qemu-tests"));
    command.arg("reliability").args(words).arg("--json").arg(&file).stdin(Stdio::null());
    command.env("GREENLET_PYTHON", python);
    let output = command.output()?;
    let (table, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let told = format!("{table}\n{errors}\n{}", fs::read_to_string(&file).unwrap_or_default());
    match parts.iter().find(|part| !told.contains(**part)) {
        None if output.status.code() == Some(status) => Ok(()),
        absent => Err(format!("ended with {}, not said: {absent:?}\n{told}", output.status).into()),
    }
}

fn runs() -> Result<(), Failed> {
    let parts = [
        "fuzz-kernel               host                      10000         0  cargo xtask fuzz-kernel 1 10000 --only host",
        "\"attempts\": 10000",
    ];
    reliability("runs", &["fuzz-kernel", "--quick", "--only", "host"], Path::new(""), 0, &parts)
}

fn missing() -> Result<(), Failed> {
    let words = ["conformance-random", "--quick", "--only", "host"];
    let parts = [
        "0         0  not run: error: /nosuch/python cannot be started",
        "pip install greenlet",
        "\"not_run\": \"error: /nosuch/python",
        "nothing failed, and not run: conformance-random (host)",
    ];
    reliability("missing", &words, Path::new("/nosuch/python"), 3, &parts)
}

/// The package's logs are all others than the kernel's, by a fake of it.
fn fails() -> Result<(), Failed> {
    let words = ["conformance-random", "--quick", "--only", "host"];
    let fake = fakes::wrong_python()?;
    let parts = [
        "         1  cargo xtask conformance-random 1 500 --only host",
        "\"failures\": 1",
        "error: failed: conformance-random (host)",
    ];
    reliability("fails", &words, &fake, 1, &parts)
}

/// Compares the rows of the document with those of the command: names, places and commands, in order.
fn wrong_rows(text: &str) -> Result<(), Failed> {
    let found: Vec<_> = text.lines().filter(|line| line.starts_with("| `")).map(cells).collect();
    let expected: Vec<_> = PROMISES.iter().map(row).collect();
    if let Some(at) = (0..found.len().max(expected.len())).find(|&at| found.get(at) != expected.get(at)) {
        let show = |row: Option<&Row>| row.map_or_else(|| "no row".to_owned(), |row| format!("{row:#?}"));
        let (found, expected) = (show(found.get(at)), show(expected.get(at)));
        return Err(format!("row {}: docs/reliability.md has {found}\nthe command has {expected}", at + 1).into());
    }
    Ok(())
}

/// A row of the document, as far as the command knows it.
#[derive(Debug, PartialEq)]
struct Row {
    name: String,
    /// Where, each with a figure behind it.
    places: Vec<String>,
    commands: Vec<String>,
}

/// `| NAME | what is promised, and how it is attacked | PLACE FIGURE, PLACE FIGURE | found | COMMANDS |`.
fn cells(line: &str) -> Row {
    let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
    let code = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let [name, _, times, _, commands] = cells[..] else {
        return Row { name: format!("not five cells: {line}"), places: Vec::new(), commands: Vec::new() };
    };
    // A figure, or that it was not run.
    let place = |part: &str| {
        let (place, figure) = part.trim().split_once(' ')?;
        let is_figure = figure.chars().all(|c| c.is_ascii_digit() || c == ',');
        (is_figure || figure == "not run").then(|| place.to_owned())
    };
    let places = times.split("; ").map(|part| place(part).unwrap_or_else(|| format!("no figure in `{part}`")));
    Row { name: code(name).concat(), places: places.collect(), commands: code(commands) }
}

fn row(promise: &Promise) -> Row {
    let places = promise.places.iter().map(|&place| place.to_owned()).collect();
    let commands = promise.places.iter().map(|place| promise.command(place, Size::Full)).collect();
    Row { name: promise.name.to_owned(), places, commands }
}

fn noticed() -> Result<(), Failed> {
    let text = document()?;
    let breaks: [fn(&str) -> String; 5] = [
        |text| text.replacen("| `soak` ", "| `soaks` ", 1),
        |text| text.replacen("`cargo xtask machines`", "`cargo xtask machines raspi3b`", 1),
        |text| text.replacen("`cargo xtask soak aarch64 100000000`, ", "", 1),
        |text| text.replacen("| all ", "| every ", 1),
        |text| text.lines().filter(|line| !line.starts_with("| `overflow`")).map(|line| format!("{line}\n")).collect(),
    ];
    match breaks.iter().position(|broken| broken(&text) == text || wrong_rows(&broken(&text)).is_ok()) {
        Some(number) => Err(format!("break {number} changes nothing, or is not noticed").into()),
        None => Ok(()),
    }
}
