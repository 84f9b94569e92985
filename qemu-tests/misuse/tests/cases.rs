//! Every case of misuse, each a test: `cargo test misuse::cancel`. And what ends a program, each in a process of its
//! own.
//!
//! One after the other, whatever `--test-threads` says: there is one core in the world.

use std::collections::HashMap;
use std::process::{Command, ExitCode, Output, exit};
use std::sync::OnceLock;

use libtest_mimic::{Arguments, Failed, Trial};

/// Set for a process of a test's own: what it is to do.
const CHILD: &str = "MISUSE_CHILD";
const OVERFLOW: &str = "overflow";
const ENDED: i32 = 70;

fn main() -> ExitCode {
    if let Ok(what) = std::env::var(CHILD) {
        if what == OVERFLOW {
            misuse::reentry::overflow(tell, || exit(ENDED));
        }
        misuse::reentry::exit_inside(&what);
        return ExitCode::FAILURE; // it was not called
    }
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    let cases = misuse::cases().map(|case| {
        Trial::test(format!("misuse::{case}"), move || case.run().map_err(|failure| failure.to_string().into()))
    });
    let exits = misuse::reentry::callbacks()
        .map(|name| Trial::test(format!("misuse::{name}::exit"), move || ended(&child(name)).map(drop)));
    let in_hook = misuse::reentry::operations()
        .map(|name| Trial::test(format!("misuse::in_overflow::{name}"), move || was_told(name)));
    let table = Trial::test("misuse::the_document_has_the_table", the_document_has_the_table);
    let alone = exits.chain(in_hook).filter(|_| !cfg!(miri)); // which cannot run itself as a child
    libtest_mimic::run(&arguments, cases.chain(alone).chain([table]).collect()).exit_code()
}

fn child(what: &str) -> Output {
    let program = std::env::current_exe().expect("this runs from a file");
    Command::new(program).env(CHILD, what).output().expect("it can be run again")
}

/// What it wrote, if it ended as it was to.
fn ended(output: &Output) -> Result<String, Failed> {
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.code() == Some(ENDED) {
        return Ok(told);
    }
    Err(format!("{}\n{told}{}", output.status, String::from_utf8_lossy(&output.stderr)).into())
}

/// In the hook of an overflow: a line for an operation.
fn tell(name: &'static str, failure: Option<misuse::Failure>) {
    println!("{name}: {}", failure.map_or_else(String::new, |failure| failure.to_string()));
}

/// One process does all operations in the hook.
fn was_told(name: &str) -> Result<(), Failed> {
    static TOLD: OnceLock<Result<HashMap<String, String>, String>> = OnceLock::new();
    let told = TOLD.get_or_init(|| {
        let told = ended(&child(OVERFLOW)).map_err(|failed| failed.message().unwrap_or_default().to_owned())?;
        Ok(told.lines().filter_map(|line| line.split_once(": ")).map(|(at, what)| (at.into(), what.into())).collect())
    });
    match told.as_ref()?.get(name).map(String::as_str) {
        Some("") => Ok(()),
        Some(failure) => Err(failure.into()),
        None => Err("not reported".into()),
    }
}

fn the_document_has_the_table() -> Result<(), Failed> {
    let mut table = String::new();
    misuse::reentry::write_table(&mut table)?;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reentry.md");
    if std::fs::read_to_string(path)?.contains(&table) {
        return Ok(());
    }
    Err(format!("docs/reentry.md does not have what the cases hold:\n{table}").into())
}
