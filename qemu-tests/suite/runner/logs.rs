//! `cargo xtask conformance` from outside: logs and nothing else on standard output, and no scenario
//! that is skipped, cut short or done twice passes, whatever the guest's exit code says.

use std::path::PathBuf;
use std::process::Command;
use std::{fs, io};

use libtest_mimic::Failed;
use qemu_tests::tools::Needs;
use qemu_tests::{machine, places};

use super::{case, expect, path_with_fake_qemu, runner, scratch};
use crate::Case;
use crate::scenarios::logs;

/// Two scenarios.
const SCENARIOS: &str = "scenario a\nslots 1\nend\nscenario b\nslots 1\nend\n";

/// A run of them: its name, what the guest prints, its exit status, the logs in that, and what is
/// said about it.
type Run = (&'static str, &'static str, i32, &'static str, &'static [&'static str]);

/// Statuses of QEMU's for a pass and a panic on x86_64.
const PASS: i32 = 33;
const PANIC: i32 = 37;

#[rustfmt::skip]
const BAD: &[Run] = &[
    ("one_skipped", "scenario b\\ndone\\nDONE 2/2\\n", PASS, "scenario b\ndone\n", &["`b` where that of `a` is due", "1 of 2 scenarios"]),
    ("last_one_missing", "scenario a\\ndone\\nDONE 2/2\\n", PASS, "scenario a\ndone\n", &["1 of 2 scenarios"]),
    ("wrong_count", "scenario a\\ndone\\nscenario b\\ndone\\nDONE 1/1\\n", PASS, "scenario a\ndone\nscenario b\ndone\n", &["`DONE 1/1`, and 2 scenarios went in"]),
    ("no_done_line", "scenario a\\ndone\\nscenario b\\ndone\\n", PASS, "scenario a\ndone\nscenario b\ndone\n", &["not `DONE n/n`"]),
    ("panic", "scenario a\\n0 0 ok\\nPANIC in greenlet 1: x\\n# at y\\n", PANIC, "scenario a\n0 0 ok\n", &["PANIC in greenlet 1: x", "0 of 2 scenarios"]),
];

pub(super) fn cases() -> Vec<Case> {
    let bad = BAD.iter().map(|&(name, output, status, logs, says)| {
        let mut needs = Needs::default();
        machine::named("x86_64").into_iter().for_each(|machine| needs.target(machine.target));
        Case::new(format!("runner::logs::{name}"), needs, move || {
            let file = scratch(&format!("logs-{name}"))?.join("two.scn");
            fs::write(&file, SCENARIOS)?;
            let mut command = with_tools(&["conformance", "x86_64", "--release"])?;
            command.arg(file).env("FAKE_QEMU", format!("printf 'booting\\r\\n{output}'; exit {status}"));
            printed(command, 1, says, logs)
        })
    });
    bad.chain([case("logs::each_file_once", each_file), case("logs::those_that_are_named", named)]).collect()
}

/// Standard output has each log once for each time that its file is named, in order, and no more.
fn each_file() -> Result<(), Failed> {
    let [first, second] = ["ctx", "trace"].map(|family| places::corpus().join(family));
    let mut command = with_tools(&["conformance", "host"])?;
    command.args([&first, &second, &first].map(|path| path.with_extension("scn")));
    let log = |path: &PathBuf| fs::read_to_string(path.with_extension("log"));
    printed(command, 0, &["DONE 209/209"], &[log(&first)?, log(&second)?, log(&first)?].concat())
}

/// Scenarios of a file are run by name; a name that none has is refused, and nothing runs.
fn named() -> Result<(), Failed> {
    let file = places::corpus().join("core.scn");
    let logs = logs(&file.with_extension("log"))?;
    let log = |name: &str| logs.iter().find(|log| log.starts_with(&format!("scenario {name}\n"))).cloned();
    let command = |names: &[&str]| {
        let mut command = with_tools(&["conformance", "host"])?;
        for name in names {
            command.args(["--scenario", name]);
        }
        command.arg(&file);
        io::Result::Ok(command)
    };
    let both = [log("kill_unstarted"), log("simple_switch")].map(Option::unwrap_or_default).concat();
    printed(command(&["simple_switch", "kill_unstarted"])?, 0, &["DONE 2/2"], &both)?;
    printed(command(&["simple_switch", "moon"])?, 2, &["no scenario of these files is called `moon`"], "")
}

/// The runner with the real tools to build with, and a fake QEMU.
fn with_tools(words: &[&str]) -> io::Result<Command> {
    let mut command = runner(words)?;
    command.env("PATH", path_with_fake_qemu()?);
    Ok(command)
}

/// Runs `command` as [`expect`] does; its standard output must be `logs`.
fn printed(command: Command, status: i32, says: &[&str], logs: &str) -> Result<(), Failed> {
    let output = expect(command, status, says)?;
    let printed = String::from_utf8_lossy(&output.stdout);
    if printed == logs { Ok(()) } else { Err(format!("printed:\n{printed}\nexpected:\n{logs}").into()) }
}
