//! Reports of a crash: functions and lines of its addresses, a list of the greenlets, and a core file of the machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libtest_mimic::Failed;
use object::{Object, ObjectSymbol};
use qemu_tests::boot::Boot;
use qemu_tests::compile::Profile;
use qemu_tests::core_file;
use qemu_tests::guests::USUAL_LIMIT;
use qemu_tests::machine::{Machine, ONE_OF_EACH};
use qemu_tests::moment::Moment;
use qemu_tests::tools::Needs;
use qemu_tests::{debugger, places, verdict};

use crate::{Case, builds};

/// A guest that faults, and the source line of the fault.
const FAULTS: (&str, &str) = ("fault", "nowhere.write_volatile(1)");

/// A guest with a greenlet in each state, the function in which all of them exist, and the transcript with their list.
const ZOO: (&str, &str) = ("zoo", "look_here");
/// A guest that does not end.
const HANGS: &str = "hang";
/// One with greenlets.
const STUCK: &str = "stuck";

type Test = fn(&'static Machine, &builds::Guest) -> Result<(), Failed>;

const TESTS: [(&str, &str, Test); 9] = [
    ("a_fault_is_shown_with_its_function_and_line", FAULTS.0, fault_has_its_line),
    ("a_log_gets_functions_as_far_as_they_are_known", FAULTS.0, symbolized),
    ("a_hang_is_shown_with_every_greenlet", STUCK, census_at_the_limit),
    ("a_fault_is_shown_with_every_greenlet", FAULTS.0, census_at_a_fault),
    ("a_pass_is_shown_without_greenlets", ZOO.0, no_census_of_a_pass),
    ("a_core_file_has_every_greenlet", ZOO.0, core_has_every_greenlet),
    ("a_core_file_is_written_at_a_fault", FAULTS.0, core_at_a_fault),
    ("a_core_file_is_written_at_the_limit", HANGS, core_at_the_limit),
    ("a_pass_leaves_no_core_file", ZOO.0, no_core_of_a_pass),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for machine in ONE_OF_EACH {
        for (name, guest, test) in TESTS {
            let mut needs = Needs::default();
            needs.machine(machine);
            if name.contains("core_file") {
                needs.gdb();
            }
            let guest = builds::Guest::new(guest, machine.code(), Profile::Release);
            let guests = vec![guest.clone()];
            let case = Case::new(format!("crash::{name}::{machine}"), needs, move || test(machine, &guest));
            cases.push(case.with_guests(guests));
        }
    }
    cases
}

/// The runner, with `words` and a file for its standard input.
fn runner(words: &[&str], input: Stdio) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qemu-tests"));
    command.args(words).env("GREENLET_NO_INSTALL", "1").stdin(input);
    command
}

/// The output of a command, on both channels, and whether it succeeds.
fn shown(mut command: Command) -> Result<(String, bool), Failed> {
    let output = command.output()?;
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Ok((text.concat(), output.status.success()))
}

/// Checks that `text` has all of `parts`.
fn has(text: &str, parts: &[&str]) -> Result<(), Failed> {
    match parts.iter().find(|part| !text.contains(**part)) {
        Some(absent) => Err(format!("`{absent}` is not in:\n{text}").into()),
        None => Ok(()),
    }
}

fn fault_has_its_line(_: &'static Machine, guest: &builds::Guest) -> Result<(), Failed> {
    let (name, what) = FAULTS;
    let source = fs::read_to_string(places::guests().join("src/bin").join(name).with_extension("rs"))?;
    let line = source.lines().position(|line| line.contains(what)).ok_or("the guest faults elsewhere")? + 1;
    let elf = guest.file()?;
    let (text, _) = shown(runner(&["run-elf", &elf.display().to_string()], Stdio::null()))?;
    let notes: String = text.lines().filter(|line| line.starts_with("#   ")).flat_map(|line| [line, "\n"]).collect();
    has(&notes, &["fault::main::{{closure}}::{{closure}}", &format!("guests/src/bin/{name}.rs:{line}\n")])
}

/// A log with the address of a function, with files that have more or less information about it.
fn symbolized(machine: &'static Machine, guest: &builds::Guest) -> Result<(), Failed> {
    let elf = fs::read(guest.file()?)?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("symbolize-{machine}"));
    fs::create_dir_all(&folder)?;
    let address = {
        let file = object::File::parse(&*elf)?;
        let mut of_main = file.symbols().filter(|symbol| symbol.name().is_ok_and(|name| name.ends_with("guest_main")));
        of_main.next().ok_or("there is no guest_main")?.address()
    };
    let log = folder.join("log");
    fs::write(&log, format!("greenlet 1 \"a\": suspended at {address:#x}, stack 1/2\nno address\n"))?;
    let of = |name: &str, bytes: &[u8], log: &Path| -> Result<(String, bool), Failed> {
        let file = folder.join(name);
        fs::write(&file, bytes)?;
        shown(runner(&["symbolize", &file.display().to_string()], fs::File::open(log)?.into()))
    };
    let whole = of("whole", &elf, &log)?;
    has(&whole.0, &[&format!("\n#   {address:#x}: "), "guest_main at ", ".rs:", "\nno address\n"])?;
    let without_lines = of("without-lines", &renamed(&elf, b".debug_line\0"), &log)?;
    has(&without_lines.0, &[&format!("{address:#x}: guest_main\n"), "no debug information", "line-tables-only"])?;
    let mut bare = elf.clone();
    bare[0x28..0x30].fill(0); // e_shoff
    bare[0x3c..0x40].fill(0); // e_shnum, e_shstrndx
    let stripped = of("stripped", &bare, &log)?;
    has(&stripped.0, &["neither debug information nor a symbol table", "line-tables-only"])?;
    let no_elf = of("text", b"a text", &log)?;
    has(&no_elf.0, &["is not an ELF file", "objcopy"])?;
    let other = folder.join("other");
    fs::write(&other, "suspended at 0x7\n")?;
    let foreign = of("whole", &elf, &other)?;
    has(&foreign.0, &["suspended at 0x7\n", "no address in the log is in the code", "another build"])?;
    let passed = [whole.1, without_lines.1, stripped.1, no_elf.1, foreign.1];
    if passed == [true, true, false, false, false] { Ok(()) } else { Err(format!("exit statuses: {passed:?}").into()) }
}

/// The file with another name for a section.
fn renamed(elf: &[u8], section: &[u8]) -> Vec<u8> {
    let mut bytes = elf.to_vec();
    let found: Vec<_> = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(section)).collect();
    for at in found {
        bytes[at + 1] = b'x';
    }
    bytes
}

/// The lines of the census that the runner prints of a guest, each function with its own file.
fn census(guest: &builds::Guest, more: &[&str]) -> Result<(Vec<String>, bool), Failed> {
    let elf = guest.file()?;
    let elf = elf.display().to_string();
    let words: Vec<_> = ["run-elf", &elf, "--census"].iter().chain(more).copied().collect();
    let (text, passed) = shown(runner(&words, Stdio::null()))?;
    let lines = text.lines().skip_while(|line| !line.starts_with("greenlets, ")).skip(1);
    let lines = lines
        .take_while(|line| line.starts_with(['*', ' ']))
        .map(|line| line.replace("qemu-tests/guests/src/bin/", ""));
    let lines: Vec<_> = lines.collect();
    if lines.is_empty() && !passed {
        Err(format!("there is no list of greenlets:\n{text}").into())
    } else {
        Ok((lines, passed))
    }
}

/// Checks that the lines begin so, in this order, with the bytes of stacks in between.
fn begin(lines: &[String], starts: &[&str]) -> Result<(), Failed> {
    let fits = lines.len() == starts.len() && lines.iter().zip(starts).all(|(line, start)| line.starts_with(start));
    if fits { Ok(()) } else { Err(format!("not {starts:#?}, but\n{}", lines.join("\n")).into()) }
}

fn census_at_the_limit(_: &'static Machine, guest: &builds::Guest) -> Result<(), Failed> {
    let (mut lines, _) = census(guest, &["--timeout", "1"])?;
    // Where the compiler inlines it into a function of the board, it is not shown.
    lines.retain(|line| line != "      stuck::main at stuck.rs:26");
    let starts = [
        "  main: suspended in a switch",
        "      stuck::main::{{closure}} at stuck.rs:30",
        "  greenlet 1 \"patient\": suspended in up, stack ",
        "      stuck::main::{{closure}}::{{closure}} at stuck.rs:27",
        "* greenlet 2 \"poller\": running, stack ",
        "      stuck::poll at stuck.rs:",
        "      stuck::main::{{closure}}::{{closure}} at stuck.rs:29",
    ];
    begin(&lines, &starts)
}

/// The walk goes over the vector.
fn census_at_a_fault(_: &'static Machine, guest: &builds::Guest) -> Result<(), Failed> {
    let (lines, _) = census(guest, &[])?;
    let starts = [
        "  main: suspended in a switch",
        "      fault::main::{{closure}} at fault.rs:34",
        "      fault::main at fault.rs:22",
        "  greenlet 1 \"bystander\": suspended in up, stack ",
        "      fault::main::{{closure}}::{{closure}} at fault.rs:24",
        "* greenlet 2 \"crasher\": running",
        "      save_and_report",
        "      fault::main::{{closure}}::{{closure}} at fault.rs:29",
    ];
    begin(&lines, &starts)
}

fn no_census_of_a_pass(_: &'static Machine, guest: &builds::Guest) -> Result<(), Failed> {
    let (lines, passed) = census(guest, &[])?;
    if passed && lines.is_empty() { Ok(()) } else { Err(format!("passed: {passed}; {lines:?}").into()) }
}

/// An empty folder for the core file of a test.
fn core_in(name: &str, machine: &Machine) -> Result<PathBuf, Failed> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("core {name} {machine}")); // QEMU quotes blanks
    fs::create_dir_all(&folder)?;
    Ok(folder.join("file"))
}

/// GDB lists from a core file what it lists from the machine.
fn core_has_every_greenlet(machine: &'static Machine, guest: &builds::Guest) -> Result<(), Failed> {
    const LIST: &str = "info greenlets";
    let (elf, file) = (guest.file()?, core_in("zoo", machine)?);
    let boot = Boot { machine, elf: &elf, input: None, log: None, counted: false, cores: 1, limit: USUAL_LIMIT };
    let ran = core_file::run(&boot, &file, Moment::Function(ZOO.1), |_| Ok(())).map_err(failed)?;
    verdict::judge(machine, &ran.0).map_err(|failure| failure.to_string())?; // it goes on afterwards
    let shown = debugger::transcript_of_core(&elf, &file, &[LIST, "greenlet parser", "bt 1"]).map_err(failed)?;
    fs::remove_file(&file)?;
    let list = |transcript: &str| -> String {
        let from = transcript.lines().skip_while(|line| *line != format!("+{LIST}"));
        from.skip(1).take_while(|line| !line.starts_with('+')).flat_map(|line| [line, "\n"]).collect()
    };
    let script = places::guests().join("src/bin").join(ZOO.0).with_extension("gdb");
    let live = list(&fs::read_to_string(debugger::expected(&script))?);
    if live.lines().count() < 10 || list(&shown) != live {
        return Err(format!("not the list of the machine, which is\n{live}in:\n{shown}").into());
    }
    has(&shown, &["[greenlet 1 \"parser\" (suspended, in up)]", "at zoo::read_byte"])
}

/// The output of GDB for a core file that the runner wrote.
fn opened(elf: &Path, file: &Path, said: &str) -> Result<String, Failed> {
    has(said, &["core file: gdb-multiarch "])?;
    let shown = debugger::transcript_of_core(elf, file, &["bt", "info greenlets"]).map_err(failed)?;
    fs::remove_file(file)?;
    Ok(shown)
}

fn core_at_a_fault(machine: &'static Machine, guest: &builds::Guest) -> Result<(), Failed> {
    let (elf, file) = (guest.file()?, core_in("fault", machine)?);
    let words = ["run-elf", &elf.display().to_string(), "--core", &file.display().to_string()];
    let (said, passed) = shown(runner(&words, Stdio::null()))?;
    let shown = opened(&elf, &file, &said)?;
    has(&said, &["FAULT: write to"])?;
    has(&shown, &["at fault::main::{closure#0}::{closure#1} ", "bystander  suspended", "crasher  running"])?;
    if passed { Err("a fault passed".into()) } else { Ok(()) }
}

fn core_at_the_limit(machine: &'static Machine, guest: &builds::Guest) -> Result<(), Failed> {
    let (elf, file) = (guest.file()?, core_in("limit", machine)?);
    let words = ["run-elf", &elf.display().to_string(), "--timeout", "1", "--core", &file.display().to_string()];
    let (said, _) = shown(runner(&words, Stdio::null()))?;
    let shown = opened(&elf, &file, &said)?;
    has(&said, &["no output for", "QEMU was ended"])?;
    has(&shown, &[" () at hang.rs:"])
}

fn no_core_of_a_pass(machine: &'static Machine, guest: &builds::Guest) -> Result<(), Failed> {
    let (elf, file) = (guest.file()?, core_in("pass", machine)?);
    fs::write(&file, "of a run before")?;
    let words = ["run-elf", &elf.display().to_string(), "--core", &file.display().to_string()];
    let (said, passed) = shown(runner(&words, Stdio::null()))?;
    has(&said, &["DONE 2/2", "no core file: the program passed"])?;
    let nowhere = ["run-elf", &elf.display().to_string(), "--core", "/nosuch/core"];
    has(&shown(runner(&nowhere, Stdio::null()))?.0, &["cannot write /nosuch/core"])?;
    if passed && !file.exists() { Ok(()) } else { Err(format!("passed: {passed}; is there: {}", file.exists()).into()) }
}

fn failed(error: anyhow::Error) -> Failed {
    format!("{error:#}").into()
}
