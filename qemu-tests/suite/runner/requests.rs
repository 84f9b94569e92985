//! Requests that make no sense are refused with exit status 2, before anything is built or booted.

use std::fs;

use libtest_mimic::Failed;
use std::env;

use super::{case, expect, runner, scratch};
use crate::Case;

/// The smallest scenario there is.
const SCENARIO: &str = "scenario a\nslots 1\nend\n";

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("request::unknown_machine", || {
            refused(&["sparc64"], &["no machine and no command is called `sparc64`", "aarch64, x86_64, microvm"])
        }),
        case("request::unknown_guest", || {
            refused(&["x86_64", "nosuch"], &["no guest is called `nosuch`; known: ", "tour"])
        }),
        case("request::unknown_option", || refused(&["x86_64", "--fast"], &["--fast"])),
        case("request::two_profiles", || refused(&["x86_64", "--debug", "--small"], &["one profile at a time"])),
        case("request::no_time", || refused(&["x86_64", "--timeout", "0"], &["above 0"])),
        case("request::surplus_word", || {
            refused(&["speed", "x86_64"], &["x86_64"])?;
            refused(&["cycles", "aarch64"], &["aarch64"])?;
            refused(&["sizes", "two"], &["two"])
        }),
        case("request::not_an_elf_file", || {
            let file = scratch("request-elf")?.join("file");
            fs::write(&file, "a text that is longer than the header of an ELF file")?;
            let mut command = runner(&["run-elf"])?;
            command.arg(file);
            expect(command, 1, &["is not an ELF file"]).map(drop)
        }),
        case("request::unknown_place", || {
            refused(&["conformance", "moon", "x.scn"], &["`moon`", "host, aarch64, x86_64"])
        }),
        case("request::no_scenario_file", || refused(&["conformance", "aarch64"], &["no scenario file is named"])),
        case("request::scenario_file_missing", || {
            refused(&["conformance", "host", "/nosuch.scn"], &["/nosuch.scn: cannot be read"])
        }),
        case("request::scenario_file_empty", || scenario_file("empty", "", ":1: no scenario up to the end")),
        case("request::scenario_file_of_comments", || {
            scenario_file("comments", "# nothing\n\n", ":2: no scenario up to the end")
        }),
        case("request::scenario_file_with_carriage_returns", || {
            scenario_file("crlf", &SCENARIO.replace('\n', "\r\n"), ":1: carriage return in column 11")
        }),
        case("request::scenario_file_malformed", || {
            scenario_file("malformed", "scenario b\nslots 2\nscript 0\nfly 1\nend\n", ":4: ")
        }),
        case("request::scenario_file_cut_short", || scenario_file("cut", "scenario b\nslots 2\n", ":2: ")),
        case("request::seed_not_a_number", || refused(&["fuzz-kernel", "x"], &["SEED is a number, and `x` is none"])),
        case("request::no_random_scenario", || refused(&["fuzz-kernel", "1", "0"], &["COUNT must be above 0"])),
        case("request::random_place_unknown", || {
            refused(&["conformance-random", "--only", "moon"], &["`moon`", "host, aarch64, x86_64"])
        }),
        case("request::replay_file_missing", || {
            refused(&["fuzz-kernel", "--replay", "/nosuch.scn"], &["/nosuch.scn: cannot be read"])
        }),
        case("request::replay_file_malformed", || {
            let file = scratch("request-replay")?.join("bad.scn");
            fs::write(&file, "scenario b\nslots 2\nscript -\nend\n")?;
            let file = file.display().to_string();
            refused(&["fuzz-kernel", "--replay", &file], &[&format!("error: {file}:3: \"-\" is not a number: ")])
        }),
        case("request::soak_of_nothing", || refused(&["soak", "host", "0"], &["COUNT must be above 0"])),
        case("request::soak_under_an_unknown_tool", || {
            refused(&["soak", "--under", "gdb"], &["`gdb` is no tool; known: valgrind, asan"])?;
            refused(&["soak", "aarch64", "--under", "valgrind"], &["--under watches the hosted program"])
        }),
        case("request::mutants_of_no_shard", || {
            refused(&["mutants-sample", "0"], &["COUNT must be above 0"])?;
            refused(&["mutants-sample", "--shard", "2/2"], &["a shard is K/N with K from 0 to N-1", "`2/2` is none"])
        }),
        case("request::option_of_another_request", || {
            refused(&["speed", "--only", "host"], &["--only makes no sense here"])?;
            refused(&["soak", "--bless"], &["--bless makes no sense here"])?;
            refused(&["aarch64", "tour", "--bless", "--timeout", "9"], &["--bless holds the guest to the limit"])?;
            refused(&["aarch64", "conformance", "--bless"], &["`conformance` has no transcript to keep"])?;
            refused(&["aarch64", "tour", "--gdb", "--bless"], &["`tour` has no transcript of GDB to keep"])?;
            refused(&["aarch64", "tour", "--gdb", "--timeout", "9"], &["--gdb waits as long as GDB does"])?;
            refused(&["aarch64", "tour", "--gdb", "--core", "x"], &["--core and --census go with neither --gdb"])?;
            refused(&["aarch64", "tour", "--proxy", "--gdb"], &["--proxy waits for a debugger"])?;
            refused(&["aarch64", "tour", "--census", "--core", "x"], &["one at a time"])?;
            refused(&["debug-proxy", "x"], &["missing: --target HOST:PORT"])?;
            refused(&["symbolize", "--census"], &["missing: the ELF file"])?;
            refused(&["stacks", "--timeout", "9"], &["--timeout makes no sense here"])?;
            refused(&["stacks", "--elf", "x", "tour"], &["unexpected argument \"tour\""])?;
            refused(&["symbolize"], &["missing: the ELF file that the log is of"])?;
            refused(&["machines", "--quick"], &["--quick makes no sense here"])?;
            refused(&["soak", "--port", "8080"], &["--port makes no sense here"])?;
            refused(&["serve", "--port", "0"], &["--port needs a number from 1 to 65535"])?;
            refused(&["fuzz-kernel", "--replay", "x.scn", "--from", "2"], &["--from makes no sense here"])
        }),
        case("request::no_promise_of_that_name", || {
            refused(&["reliability", "soaks"], &["no promise is called `soaks`; known: ", "soak-valgrind"])?;
            refused(&["reliability", "machines", "--only", "host"], &["no such promise is attacked on host"])
        }),
        case("request::soak_without_its_tool", || {
            let output = expect(
                runner(&["soak", "host", "--under", "valgrind", "5"])?,
                3,
                &["valgrind is not installed (Debian: apt-get install valgrind)", "Nothing was run."],
            )?;
            if output.stdout.is_empty() { Ok(()) } else { Err("it printed something on standard output".into()) }
        }),
        case("request::no_machine_of_that_name", || {
            refused(&["machines", "sparc"], &["no machine has `sparc` in its name", "raspi3b, q35 qemu64"])
        }),
        case("request::no_python_with_greenlet", no_greenlet),
        case("request::help", || {
            let output = expect(runner(&["--help"])?, 0, &[])?;
            let help = String::from_utf8_lossy(&output.stdout);
            let absent: Vec<_> =
                ["usage:", "microvm", "tour", "conformance"].into_iter().filter(|part| !help.contains(part)).collect();
            if absent.is_empty() { Ok(()) } else { Err(format!("not in the help: {absent:?}\n{help}").into()) }
        }),
    ]
}

/// Where Python's greenlet is missing, the way to get it is said, with an exit status of its own.
fn no_greenlet() -> Result<(), Failed> {
    let said = ["python3 -m venv DIR && DIR/bin/pip install greenlet", "GREENLET_PYTHON=DIR/bin/python"];
    let mut command = runner(&["conformance-random"])?;
    command.env_remove("GREENLET_PYTHON");
    expect(command, 3, &[&["there is no python3 here"], &said[..]].concat())?;
    let mut command = runner(&["conformance-random"])?;
    command.env("GREENLET_PYTHON", "/nosuch/python");
    expect(command, 3, &[&["/nosuch/python cannot be started"], &said[..]].concat())?;
    let mut command = runner(&["conformance-random"])?;
    command.env("GREENLET_PYTHON", "false").env("PATH", env::var_os("PATH").unwrap_or_default());
    expect(command, 3, &[&["false has no greenlet"], &said[..]].concat()).map(drop)
}

/// The runner refuses `words` and says all of `parts`; there is nothing on standard output.
fn refused(words: &[&str], parts: &[&str]) -> Result<(), Failed> {
    let output = expect(runner(words)?, 2, parts)?;
    if output.stdout.is_empty() { Ok(()) } else { Err("it printed something on standard output".into()) }
}

/// A bad scenario file is refused, by its name and with `part` after that, also after a good one.
fn scenario_file(name: &str, text: &str, part: &str) -> Result<(), Failed> {
    let folder = scratch(&format!("request-{name}"))?;
    let (good, bad) = (folder.join("good.scn"), folder.join("bad file.scn"));
    fs::write(&good, SCENARIO)?;
    fs::write(&bad, text)?;
    let (good, bad) = (good.display().to_string(), bad.display().to_string());
    // There is no QEMU on the PATH: had anything been tried, the exit status would be 1.
    for files in [&[&*bad][..], &[&good, &bad], &[&bad, &good]] {
        let words: Vec<_> = ["conformance", "x86_64"].into_iter().chain(files.iter().copied()).collect();
        refused(&words, &[&format!("error: {bad}{part}")])?;
    }
    Ok(())
}
