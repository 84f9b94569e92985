//! The examples that users copy: a hosted program, and a firmware of its own with its page in the documents.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use libtest_mimic::Failed;
use qemu_tests::compile::{self, Profile};
use qemu_tests::limit::Limit;
use qemu_tests::process::{self, Status};
use qemu_tests::tools::{self, Needs};
use qemu_tests::{c_suite, environment, machine, places, sizes};

use crate::{Case, builds};

const LIMIT: Limit = Limit::of_silence(Duration::from_secs(30));

/// The files of the firmware, and the language that its page gives for each.
const FILES: [(&str, &str); 5] = [
    ("Cargo.toml", "toml"),
    (".cargo/config.toml", "toml"),
    ("firmware.x", "text"),
    ("src/main.rs", "rust,ignore"),
    ("src/board.rs", "rust,ignore"),
];

/// The programs that each command of the README of the firmware in C takes, with the packages that have them.
const FIRMWARE_C: [&[(&str, &str)]; 6] = [
    &[("make", "make"), ("clang", "clang"), ("ld.lld", "lld")],
    &[("make", "make"), ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu")],
    &[("cmake", "cmake"), ("make", "make"), ("clang", "clang"), ("ld.lld", "lld")],
    &[("make", "make"), ("clang", "clang"), ("ld.lld", "lld")],
    &[("make", "make"), ("arm-none-eabi-gcc", "gcc-arm-none-eabi")],
    &[("cmake", "cmake"), ("make", "make"), ("clang", "clang"), ("ld.lld", "lld")],
];

pub(crate) fn cases() -> Vec<Case> {
    let mut boots = Needs::default();
    boots.machine(machine::ONE_OF_EACH[0]);
    let mut boots_c = boots.clone();
    machine::named("thumbv7em").into_iter().for_each(|machine| boots_c.machine(machine));
    let mut tools = boots_c.clone();
    for (program, package) in FIRMWARE_C.into_iter().flatten() {
        tools.program(program, package);
    }
    vec![
        Case::new("examples::firmware_c".to_owned(), boots_c, || firmware_c(false)),
        Case::new("examples::firmware_c::size".to_owned(), tools.clone(), firmware_c_size).when_asked_for(),
        Case::new("examples::firmware_c::each_way".to_owned(), tools, || firmware_c(true)).when_asked_for(),
        Case::new("examples::hello".to_owned(), Needs::default(), hello),
        Case::new("examples::rtos_trace".to_owned(), Needs::default(), rtos_trace),
        Case::new("examples::firmware_aarch64::debug".to_owned(), boots.clone(), || firmware(&[])),
        Case::new("examples::firmware_aarch64::release".to_owned(), boots, || firmware(&["--release"])),
        Case::new("examples::firmware_page_quotes_its_files".to_owned(), Needs::default(), page),
    ]
}

fn hello() -> Result<(), Failed> {
    let program = {
        let _turn = builds::turn("debug");
        compile::example("greenlet", "hello", Profile::Debug)?
    };
    prints(Command::new(program), "hello\nfrom\na\ngreenlet\ngreenlet 1 (dead)\n")
}

/// What a sink gets of three greenlets: each is announced with its stack before it runs, runs lie between a begin and
/// an end, an error has a marker, and a dead greenlet is terminated.
fn rtos_trace() -> Result<(), Failed> {
    const LINES: [&str; 26] = [
        "start",
        "name_marker 1 \"throw\"",
        "task_new 0",
        "task_send_info 0 \"main\" 0",
        "task_exec_begin 0",
        "task_exec_end",
        "task_new 1",
        "task_send_info 1 \"pong\" 16384",
        "task_exec_begin 1",
        "task_exec_end",
        "task_exec_begin 0",
        "task_exec_end",
        "task_new 2",
        "task_send_info 2 \"picky\" 16384",
        "task_exec_begin 2",
        "task_exec_end",
        "task_terminate 2",
        "marker 1",
        "task_exec_begin 0",
        "task_exec_end",
        "task_exec_begin 1",
        "task_exec_end",
        "task_terminate 1",
        "task_exec_begin 0",
        "stop",
        "Ok(Ok(3))",
    ];
    let program = {
        let _turn = builds::turn("debug");
        compile::example("greenlet", "rtos_trace", Profile::Debug)?
    };
    prints(Command::new(program), &(LINES.join("\n") + "\n"))
}

/// Builds the firmware and boots it, both by cargo as its user does: `.cargo/config.toml` names the target, the script
/// and the runner.
fn firmware(profile: &[&str]) -> Result<(), Failed> {
    let cargo = |command| -> Result<Command, Failed> {
        let mut cargo = environment::cargo();
        cargo.current_dir(project()).args([command, "--quiet"]).args(profile).stdin(Stdio::null());
        cargo.arg("--target-dir").arg(places::built()?.with_file_name("firmware"));
        Ok(cargo)
    };
    let _turn = builds::turn("firmware");
    if !cargo("build")?.status()?.success() {
        return Err("it does not build; what cargo printed stands above".into());
    }
    prints(cargo("run")?, "1 + 4 + 9 + 16 = Ok(30)\nthe tree has ended\n")
}

/// Builds and boots the firmware in C by each command of its README whose programs are installed, or by `all`.
fn firmware_c(all: bool) -> Result<(), Failed> {
    let readme = fs::read_to_string(places::root().join("examples/firmware-c/README.md"))?;
    let block = |language: &str| {
        let block = readme.split_once(&format!("\n```{language}\n")).and_then(|(_, rest)| rest.split_once("```"));
        block.map(|(block, _)| block.lines()).ok_or(format!("no block `{language}` in the README"))
    };
    let lines: Vec<_> = block("sh")?.collect();
    if lines.len() != FIRMWARE_C.len() {
        return Err(format!("{} commands in the README: their programs are in `FIRMWARE_C`", lines.len()).into());
    }
    let _turn = builds::turn("firmware-c");
    for (line, programs) in lines.into_iter().zip(FIRMWARE_C) {
        let missing: Vec<_> = programs.iter().filter(|(program, _)| tools::on_path(program).is_none()).collect();
        if !all && !missing.is_empty() {
            eprintln!("\n== NOT RUN, examples::firmware_c: `{line}` takes {missing:?}, which are not installed");
            continue;
        }
        let printed = c_suite::firmware(line)?;
        for expected in block("text")? {
            if !printed.lines().any(|line| line == expected) {
                return Err(format!("`{line}` does not print {expected:?}:\n{printed}").into());
            }
        }
    }
    Ok(())
}

/// The `.text` of the firmware in C is what the README of the crate says, on both boards of its table and at each of
/// its levels.
fn firmware_c_size() -> Result<(), Failed> {
    /// What compilers of its own files may differ by.
    const ROOM: u64 = 64;
    let readme = fs::read_to_string(c_suite::package().join("README.md"))?;
    let (_, readme) = readme.split_once("\n## What the code is\n").ok_or("the README has no table of sizes")?;
    let head = readme.lines().find(|line| line.starts_with("| |")).ok_or("the table has no head")?;
    let levels: Vec<_> = head.split('`').skip(1).step_by(2).take(3).collect();
    let _turn = builds::turn("firmware-c");
    for (board, name) in [("virt", "aarch64"), ("an386", "thumbv7em")] {
        let machine = machine::named(name).ok_or("a machine of the table")?;
        let row = readme.lines().find_map(|line| line.strip_prefix(&format!("| `{}`", machine.target)));
        let row = row.ok_or(format!("no row of {}", machine.target))?;
        let stated: Vec<u64> = row
            .trim_end_matches(" |")
            .split(" | ")
            .skip(1)
            .map(|cell| cell.trim().replace(',', "").parse())
            .collect::<Result<_, _>>()?;
        let now = levels.iter().map(|level| Ok(sizes::text_of(&c_suite::firmware_at(level, board, machine)?)?));
        let now = now.collect::<Result<Vec<u64>, Failed>>()?;
        let fits = |(now, stated): (&u64, &u64)| now.abs_diff(*stated) <= ROOM;
        if levels.len() != 3 || now.len() != stated.len() || !now.iter().zip(&stated).all(fits) {
            return Err(
                format!("bytes of .text on {board} at {levels:?}: {now:?}, and the README says {stated:?}").into()
            );
        }
    }
    Ok(())
}

/// Runs `command` to its end, and checks that it succeeds and prints `expected`.
fn prints(command: Command, expected: &str) -> Result<(), Failed> {
    let ended = process::run(command, LIMIT, |_| Ok(()))?;
    let (output, errors) = (String::from_utf8_lossy(&ended.output), String::from_utf8_lossy(&ended.errors));
    if ended.status == Status::Exited(0) && output == expected {
        return Ok(());
    }
    Err(format!("{:?}, and not {expected:?} but {output:?}\n{errors}", ended.status).into())
}

/// Cargo puts no package into the archive of another, so the page has the files for readers of the published
/// documentation.
fn page() -> Result<(), Failed> {
    let page = fs::read_to_string(places::root().join("docs/firmware.md"))?;
    for (file, language) in FILES {
        let quoted = format!("\n```{language}\n{}```\n", fs::read_to_string(project().join(file))?);
        if !page.contains(&quoted) {
            return Err(format!("docs/firmware.md does not have {file} as it is").into());
        }
    }
    let listings = page.matches("\n```").count() / 2;
    // One more: what it prints.
    if listings == FILES.len() + 1 { Ok(()) } else { Err(format!("{listings} listings in docs/firmware.md").into()) }
}

fn project() -> PathBuf {
    places::root().join("examples/firmware-aarch64")
}
