//! GDB with `gdb/greenlet.py`, which it finds in the program: two guests over QEMU's gdbstub, with transcripts; a
//! process, with threads; a core file.

use std::path::{Path, PathBuf};

use libtest_mimic::Failed;
use qemu_tests::compile::Profile;
use qemu_tests::debugger::{self, Debugger, Locale};
use qemu_tests::machine::{self, Machine};
use qemu_tests::tools::Needs;
use qemu_tests::{hosted, places};

use crate::{Case, builds};

const GUEST: &str = "zoo";
/// The guests with transcripts of what GDB shows.
const SHOWN: [&str; 2] = [GUEST, "hub_waits"];
/// An example of the library, and where it stops.
const HOSTED: &str = "debugged";
pub(super) const STOP: &str = "break look_here";

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    // The hub takes 64 bits, and its guests a board with interrupts, which RISC-V's lacks.
    let with_a_hub = ["aarch64", "x86_64"];
    for name in with_a_hub.into_iter().chain([
        "riscv64",
        "riscv64-supervisor",
        "riscv64gc",
        "riscv32",
        "riscv32imc",
        "thumbv7em",
        "thumbv7em-softfloat",
        "thumbv7m",
        "thumbv8m",
        "thumbv6m",
    ]) {
        let has_a_hub = with_a_hub.contains(&name);
        let machine = machine::named(name).expect("a machine of the table");
        for profile in [Profile::Debug, Profile::Release] {
            let mut needs = Needs::default();
            needs.machine(machine);
            needs.gdb();
            // Of those with 32 bits, one of each instruction set.
            let usual = has_a_hub || profile == Profile::Release && ["riscv32", "thumbv7em"].contains(&name);
            for shown in SHOWN.into_iter().filter(|shown| has_a_hub || *shown == GUEST) {
                let name =
                    format!("debugger::{shown}::greenlets_are_shown_as_its_transcript_has_it::{machine}::{profile}");
                let guest = builds::Guest::new(shown, machine.code(), profile);
                let guests = vec![guest.clone()];
                let test = move || {
                    let script = places::guests().join("src/bin").join(shown).with_extension("gdb");
                    let shown = debugger::transcript(machine, &guest.file()?, &script).map_err(failed)?;
                    debugger::compare(&shown, &script).map_err(failed)
                };
                cases.push(Case::new(name, needs.clone(), test).with_guests(guests).usual_if(usual));
            }
            let name = format!("debugger::a_step_goes_from_a_dead_greenlet_to_its_parent::{machine}::{profile}");
            let guest = builds::Guest::new(GUEST, machine.code(), profile);
            let guests = vec![guest.clone()];
            let case = Case::new(name, needs, move || steps_to_the_parent(machine, &guest)).with_guests(guests);
            cases.push(case.usual_if(has_a_hub));
        }
    }
    if cfg!(target_os = "linux") {
        cases.push(case("a_list_of_thousands_takes_less_than_a_second", thousands));
        cases.push(case("greenlets_of_threads_are_in_a_core_file_too", threads_and_a_core_file));
        cases.push(case("the_script_works_in_every_locale", locales));
        cases.push(case("the_script_says_what_it_lacks", remedies));
    }
    cases
}

fn case(name: &str, test: fn() -> Result<(), Failed>) -> Case {
    let mut needs = Needs::default();
    needs.gdb();
    Case::new(format!("debugger::{name}"), needs, test)
}

/// Counts the processor time of GDB, because other tests may run.
fn thousands() -> Result<(), Failed> {
    const TIMED: &str = "python import time; start = time.process_time(); text = gdb.execute('info greenlets', to_string=True); \
                         print('took', time.process_time() - start, 'for', text.count('up  '))";
    let program = hosted("", "thousands")?;
    let shown = Debugger::GdbWithScript.run(&program, [STOP, "run 2000", TIMED, "kill"]).map_err(failed)?;
    let took = shown.lines().find_map(|line| line.strip_prefix("took ")?.split_once(" for "));
    match took.and_then(|(seconds, count)| Some((seconds.parse::<f64>().ok()?, count.parse::<u32>().ok()?))) {
        Some((seconds, count)) if seconds < 1.0 && count > 2000 => Ok(()),
        _ => Err(format!("2001 greenlets in `up` are to be listed in a second:\n{shown}").into()),
    }
}

/// Without types, and from another version than the program: an error with the remedy.
fn remedies() -> Result<(), Failed> {
    const LIST: &str = "python exec('try: gdb.execute(\"info greenlets\")\\nexcept gdb.error as error: print(error)')";
    let program = hosted("", "thousands")?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gdb-of-another-version");
    std::fs::create_dir_all(&folder)?;
    for file in std::fs::read_dir(places::root().join("gdb"))? {
        let path = file?.path();
        if let (true, Some(name)) = (path.is_file(), path.file_name()) {
            let text = std::fs::read_to_string(&path)?.replace("\"context.\"", "\"context.former_\"");
            std::fs::write(folder.join(name), text)?;
        }
    }
    let named = |folder: &Path| format!("source {}", folder.join("greenlet.py").display());
    let ours = named(&places::root().join("gdb"));
    let without_types = [ours.as_str(), "symbol-file", LIST];
    let other = named(&folder);
    let of_another = [other.as_str(), STOP, "run 10", LIST, "kill"];
    for (commands, said) in
        [(&without_types[..], "without `strip`"), (&of_another[..], "take `gdb/` of the version that")]
    {
        let shown = Debugger::Gdb.run(&program, commands).map_err(failed)?;
        if !shown.contains(said) {
            return Err(format!("it does not say `{said}`:\n{shown}").into());
        }
    }
    Ok(())
}

fn threads_and_a_core_file() -> Result<(), Failed> {
    const LIST: &str = "info greenlets";
    let program = hosted("std", "threads")?;
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debugged.core");
    let dump = format!("generate-core-file {}", file.display());
    let live = Debugger::GdbWithScript
        .run(&program, [STOP, "run", LIST, "greenlet elsewhere", "bt", &dump, "kill"])
        .map_err(failed)?;
    let dead =
        Debugger::GdbWithScript.run(&program, [&format!("core-file {}", file.display()), LIST]).map_err(failed)?;
    std::fs::remove_file(&file)?;
    let listed = |shown: &str| -> Vec<String> {
        let rows = shown.lines().skip_while(|line| !line.contains("Waits in")).take(8);
        rows.map(str::to_owned).collect()
    };
    let of_both_threads = ["lexer", "running", "elsewhere", "debugged::main::{closure#1}::{closure#0}::{closure#0}"];
    let rows = listed(&live).join("\n");
    if listed(&live) != listed(&dead) || !of_both_threads.iter().all(|word| rows.contains(word)) {
        return Err(format!("not the greenlets of two threads, or others in the core file:\n{live}\n{dead}").into());
    }
    if !live.contains("[base of greenlet 1 \"elsewhere\"; its parent is main]") {
        return Err(format!("no backtrace of another thread's greenlet:\n{live}").into());
    }
    Ok(())
}

/// In the locale C, in which GDB can print ASCII alone, and in UTF-8.
fn locales() -> Result<(), Failed> {
    let program = hosted("", "locales")?;
    let commands = [STOP, "run", "info greenlets", "greenlet tree", "greenlet stacks", "greenlet apply all bt", "kill"];
    let ascii = Debugger::GdbWithScript.run_in(Locale::C, &program, commands).map_err(failed)?;
    let utf8 = Debugger::GdbWithScript.run_in(Locale::Utf8, &program, commands).map_err(failed)?;
    let has = |shown: &str, words: &[&str]| words.iter().all(|word| shown.contains(word));
    if !ascii.is_ascii()
        || !has(&ascii, &["greenlet 2 \"na\\xefve\" (suspended", "`- ", "# now  + deepest", "debugged::read_byte"])
    {
        return Err(format!("not all of it, or not in ASCII, in the locale C:\n{ascii}").into());
    }
    if !has(&utf8, &["greenlet 2 \"naïve\" (suspended", "└─ ", "█ now  ▒ deepest", "debugged::read_byte"]) {
        return Err(format!("not all of it in a locale with UTF-8:\n{utf8}").into());
    }
    Ok(())
}

/// The example with these features, copied to a file for the case `name`: with other features it is built in the same
/// place.
pub(super) fn hosted(features: &'static str, name: &str) -> Result<PathBuf, Failed> {
    let _turn = builds::turn("hosted");
    let built = hosted::example(HOSTED, features).map_err(failed)?;
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{HOSTED}.{name}"));
    std::fs::copy(built, &file)?;
    Ok(file)
}

/// Steps often enough: how many lines the optimizer leaves differs.
fn steps_to_the_parent(machine: &'static Machine, guest: &builds::Guest) -> Result<(), Failed> {
    let begin = ["set osabi none", "hbreak step_from_here", "continue", "delete"]; // as for RISC-V
    let steps = begin.into_iter().chain([NEXT; 8]);
    let shown = debugger::at_a_guest(Debugger::GdbWithScript, machine, &guest.file()?, steps).map_err(failed)?;
    let died = shown.split_once("[greenlet 12 \"stepper\" is dead; its parent continues]");
    match died {
        Some((before, after)) if before.contains("zoo::stepper") && after.contains("zoo::main::{closure#0} (") => {
            Ok(())
        }
        _ => Err(format!("its end was not stepped over:\n{shown}").into()),
    }
}

const NEXT: &str = "greenlet next";

pub(super) fn failed(error: anyhow::Error) -> Failed {
    format!("{error:#}").into()
}
