//! The C interface, by the C compiler that rustc links with: its programs, its scenarios, the examples in its header
//! and its README; the scenarios also on aarch64 and on a Cortex-M4, and the firmware, where there are compilers for
//! those. On request, and by `cargo xtask c-suite`, with more compilers, in C++ and on bare metal.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use libtest_mimic::Failed;
use object::{Object, ObjectSymbol};
use qemu_tests::c_suite::{self, FAMILIES, PROGRAMS, WAYS, Way};
use qemu_tests::counts::Subject;
use qemu_tests::limit::Limit;
use qemu_tests::machine;
use qemu_tests::process::{self, Status};
use qemu_tests::speed::{NOT_COUNTED, why_not};
use qemu_tests::tools::{self, Needs};

use crate::{Case, builds};

const LIMIT: Limit = Limit::of_silence(Duration::from_secs(30));

pub(crate) fn cases() -> Vec<Case> {
    let case = |name: &str, test: fn() -> Result<(), Failed>| Case::new(format!("c::{name}"), Needs::default(), test);
    let mut cases = vec![
        case("header_example_compiles_and_runs", header_example),
        case("readme_example_prints_what_it_says", readme_example),
        case("readme_tasks_print_what_it_says", readme_tasks),
        case("another_abi_does_not_link", another_abi),
        case("a_round_trip_takes_what_the_readme_says", round_trip),
        case("each_use_of_a_freed_greenlet_is_noticed", each_use_of_a_freed_greenlet),
        case("each_attack_is_told", each_attack),
        case("headers_compile_in_each_standard", each_standard),
        case("nothing_formats", nothing_formats),
        case("every_function_is_declared_and_tested", every_function),
    ];
    for program in PROGRAMS {
        let name = format!("c::{}", program.0);
        cases.push(Case::new(name, Needs::default(), move || Ok(WAYS[0].run(archive()?, program)?)));
    }
    for (family, count) in FAMILIES {
        let name = format!("c::conformance::{family}");
        cases.push(Case::new(name, Needs::default(), move || conforms(family, count)));
    }
    for way in &WAYS[1..] {
        let run = move || {
            let archive = {
                let _turn = builds::turn("c");
                c_suite::archive(way.machine())?
            };
            PROGRAMS.into_iter().try_for_each(|program| way.run(&archive, program))?;
            Ok(way.conforms(&archive)?)
        };
        cases.push(Case::new(format!("c::way::{}", way.name), way.needs(), run).when_asked_for());
    }
    for name in ["aarch64", "thumbv7em"] {
        let mut boots = Needs::default();
        boots.machine(machine::named(name).expect("a machine of the table"));
        cases.push(Case::new(format!("c::conformance::{name}"), boots, move || conforms_on(name)));
    }
    cases
}

fn conforms(family: &str, count: usize) -> Result<(), Failed> {
    let ran = WAYS[0].conform(archive()?, family)?;
    if ran == count { Ok(()) } else { Err(format!("{ran} scenarios, and not {count}").into()) }
}

/// All scenarios on bare metal, by the first compiler for that machine that is installed; and the programs, where the
/// words are others than those of this computer.
fn conforms_on(name: &str) -> Result<(), Failed> {
    let is_on = |way: &&Way| way.machine().is_some_and(|machine| machine.name == name);
    if !WAYS.iter().any(|way| is_on(&way)) {
        return Err(format!("no way to run programs of C on {name}").into());
    }
    let Some(way) = WAYS.iter().filter(is_on).find(|way| way.is_installed()) else {
        eprintln!(
            "\n== NOT RUN, c::conformance::{name}: no compiler of C for {name}; `cargo xtask c-suite` installs some"
        );
        return Ok(());
    };
    let archive = {
        let _turn = builds::turn("c");
        c_suite::archive(way.machine())?
    };
    if name != "aarch64" {
        PROGRAMS.into_iter().try_for_each(|program| way.run(&archive, program))?;
    }
    Ok(way.conforms(&archive)?)
}

/// The archive for the host, built once.
fn archive() -> Result<&'static Path, Failed> {
    static ARCHIVE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let build = || {
        let _turn = builds::turn("c");
        c_suite::archive(None).map_err(|error| format!("{error:#}"))
    };
    ARCHIVE.get_or_init(build).as_deref().map_err(Failed::from)
}

fn file(name: &str) -> Result<String, Failed> {
    Ok(fs::read_to_string(c_suite::package().join(name))?)
}

/// Compiles `text` as a whole program, runs it, and returns the output; on the platform of the tests or on none.
fn prints(name: &str, text: &str, with_platform: bool, flags: &[&str]) -> Result<String, Failed> {
    let archive = archive()?;
    let source = archive.with_file_name(format!("{name}.c"));
    fs::write(&source, text)?;
    let program = WAYS[0].build(archive, name, &source, with_platform, flags)?;
    let ended = process::run(std::process::Command::new(program), LIMIT, |_| Ok(()))?;
    match ended.status {
        Status::Exited(0) => Ok(String::from_utf8_lossy(&ended.output).into_owned()),
        other => Err(format!("{name}: {other:?}").into()),
    }
}

/// The program in the comment at the head of the header.
fn header_example() -> Result<(), Failed> {
    let header = file("include/greenlet.h")?;
    let lines = header
        .lines()
        .skip_while(|line| !line.starts_with(" *     "))
        .take_while(|line| line.starts_with(" *     ") || *line == " *");
    let program: String = lines.map(|line| format!("{}\n", line.get(7..).unwrap_or_default())).collect();
    if !program.contains("int main(void)") {
        return Err(format!("no program at the head of the header:\n{program}").into());
    }
    prints("header", &program, false, &[]).map(drop)
}

fn readme_example() -> Result<(), Failed> {
    let readme = file("README.md")?;
    as_the_readme_says(&readme, |program| prints("readme", program, false, &[]))
}

/// The program with tasks, whose `main` the platform of the tests calls.
fn readme_tasks() -> Result<(), Failed> {
    let readme = file("README.md")?;
    let (_, tasks) = readme.split_once("\n## Tasks\n").ok_or("no section `Tasks`")?;
    let own = c_suite::package().join("tests/c");
    let flags = ["-Dmain=run", "-I", own.to_str().ok_or("a path that is not UTF-8")?];
    as_the_readme_says(tasks, |program| prints("readme-tasks", program, true, &flags))
}

/// The first block in C prints what the first block of text says.
fn as_the_readme_says(readme: &str, prints: impl FnOnce(&str) -> Result<String, Failed>) -> Result<(), Failed> {
    let block = |language: &str| {
        let (_, rest) = readme.split_once(&format!("\n```{language}\n")).ok_or("no such block")?;
        Ok::<_, Failed>(rest.split_once("```").ok_or("a block without an end")?.0)
    };
    let (printed, said) = (prints(block("c")?)?, block("text")?);
    if printed == said { Ok(()) } else { Err(format!("the README says {said:?}, and it prints {printed:?}").into()) }
}

/// Not by the questions, which say that it is dead, and not by a switch: that would take instructions in each.
fn each_use_of_a_freed_greenlet() -> Result<(), Failed> {
    let source = c_suite::package().join("tests/c/freed.c");
    let uses = [
        "greenlet_throw(g, NULL).kind == 0",
        "greenlet_kill(g, NULL).kind == 0",
        "greenlet_cancel(g).kind == 0",
        "greenlet_set_body(g, echo, NULL, NULL) == 0",
        "greenlet_parent(g) != NULL",
        "greenlet_set_parent(g, me) == 0",
        "greenlet_set_parent(me, g) == 0",
        "greenlet_spawn(&me, g, &stacks, echo, NULL, NULL) == 0",
    ];
    for (number, used) in uses.into_iter().enumerate() {
        let flag = format!("-DUSE(g,me)={used}");
        let program = WAYS[0].build(archive()?, &format!("freed-{number}"), &source, true, &[&flag])?;
        let ended = process::run(std::process::Command::new(program), LIMIT, |_| Ok(()))?;
        let told = String::from_utf8_lossy(&ended.output);
        if ended.status != Status::Exited(101) || !told.contains("panic: a greenlet was used after") {
            return Err(format!("{used}: {:?}\n{told}", ended.status).into());
        }
    }
    Ok(())
}

/// What no named error can be returned for ends the program with a message: by `greenlet_panic`, or by the runtime of
/// C++ where an exception leaves a body.
fn each_attack() -> Result<(), Failed> {
    let source = c_suite::package().join("tests/c/attacks.c");
    let jumped = "panic: greenlet_enter ends while another greenlet runs: a longjmp has left its body";
    let on_a_foreign_stack = "panic: a transfer on a stack that is not the current greenlet's";
    let no_greenlet = "panic: a pointer is not a greenlet";
    let attacks = [
        ("JUMP_SWITCH", on_a_foreign_stack),
        ("JUMP_UP", jumped),
        ("JUMP_RETURN", jumped),
        ("THREAD", on_a_foreign_stack),
        ("ZEROS", no_greenlet),
        ("ODD", no_greenlet),
        ("UNREF_ZEROS", no_greenlet),
        ("THROW", "terminate called after throwing"),
    ];
    for (attack, message) in attacks {
        let name = if attack == "THROW" { "g++" } else { "cc" };
        let way = WAYS.iter().find(|way| way.name == name).ok_or("a way of that name")?;
        if !way.is_installed() {
            eprintln!("\n== NOT RUN, the attack {attack} of C: {name} is not installed");
            continue;
        }
        let program = way.build(archive()?, attack, &source, true, &[&format!("-DATTACK={attack}")])?;
        let ended = process::run(std::process::Command::new(program), LIMIT, |_| Ok(()))?;
        let told = String::from_utf8_lossy(&[ended.output, ended.errors].concat()).into_owned();
        if ended.status == Status::Exited(0) || !told.contains(message) {
            return Err(format!("{attack}: {:?}, and not \"{message}\":\n{told}", ended.status).into());
        }
    }
    Ok(())
}

/// Both headers, and a program that uses most of them, compile without a warning in each standard of C and C++, by each
/// compiler that is here.
fn each_standard() -> Result<(), Failed> {
    const COMPILERS: [(&str, &[&str]); 5] = [
        ("cc", &["c99", "c11", "c17"]),
        ("gcc", &["c99", "c11", "c17"]),
        ("clang", &["c99", "c11", "c17"]),
        ("g++", &["c++17", "c++20"]),
        ("clang++", &["c++17", "c++20"]),
    ];
    const STRICT: [&str; 6] = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", "-O2"];
    let own = c_suite::package();
    for (compiler, standards) in COMPILERS {
        if tools::on_path(compiler).is_none() {
            eprintln!("\n== NOT RUN, the headers by {compiler}, which is not installed");
            continue;
        }
        for standard in standards {
            for calls in ["0", "1"] {
                let mut command = std::process::Command::new(compiler);
                command.args(STRICT).arg(format!("-std={standard}")).arg(format!("-DGREENLET_CALLS={calls}"));
                command.args(["-x", if standard.starts_with("c++") { "c++" } else { "c" }, "-S", "-o", "/dev/null"]);
                command.arg("-I").arg(own.join("include")).arg(own.join("tests/c/hostile.c"));
                let ended = process::run(command, LIMIT, |_| Ok(()))?;
                let told = String::from_utf8_lossy(&ended.errors);
                if ended.status != Status::Exited(0) || !told.is_empty() {
                    return Err(format!("{compiler} -std={standard}: {:?}\n{told}", ended.status).into());
                }
            }
        }
    }
    Ok(())
}

/// The linker refuses a program whose header has another number than the archive, and the error has that number.
fn another_abi() -> Result<(), Failed> {
    let source = c_suite::package().join("tests/c/panics.c");
    let flags = ["-Dgreenlet_enter_abi_1=greenlet_enter_abi_0"];
    match WAYS[0].build(archive()?, "another-abi", &source, true, &flags) {
        Err(error) if format!("{error:#}").contains("undefined reference to `greenlet_enter_abi_0'") => Ok(()),
        Err(error) => Err(format!("{error:#}").into()),
        Ok(_) => Err("it links".into()),
    }
}

/// The instructions of a round trip: exactly those that the README states, where the compiler of the caller's loop is
/// the one that it names; else within what compilers differ by in that loop.
fn round_trip() -> Result<(), Failed> {
    let hosted = Subject::named("hosted").ok_or("the hosted operations are counted")?;
    if let Some(why) = why_not(hosted) {
        eprintln!("\n{NOT_COUNTED}, of C: {why}");
        return Ok(());
    }
    let readme = file("README.md")?;
    let stated = readme.split_once(" instructions** for a round trip").and_then(|(before, _)| before.rsplit_once("**"));
    let stated: u64 = stated.ok_or("the README states no instructions of a round trip")?.1.parse()?;
    let counted = c_suite::round_trip(archive()?)?;
    let room = if c_suite::is_stated_compiler()? { 0 } else { 4 };
    if counted.abs_diff(stated) <= room {
        return Ok(());
    }
    Err(format!("a round trip takes {counted} instructions, and the README says {stated}").into())
}

/// No formatting code is linked, whichever functions of the header are used: a panic passes only a text to the program.
fn nothing_formats() -> Result<(), Failed> {
    for (program, call) in
        [("suite", "greenlet_switch_abi_1"), ("hub", "greenlet_task_join"), ("limits", "greenlet_task_within")]
    {
        let source = c_suite::package().join("tests/c").join(program).with_extension("c");
        let image = fs::read(WAYS[0].build(archive()?, &format!("formats-{program}"), &source, true, &[])?)?;
        let file = object::File::parse(&*image)?;
        let names: Vec<_> = file.symbols().filter_map(|symbol| symbol.name().ok()).collect();
        let formats: Vec<_> =
            names.iter().filter(|name| name.contains("4core3fmt") || name.contains("core..fmt")).collect();
        if !names.contains(&call) {
            return Err(format!("{program} has no symbols").into());
        }
        if !formats.is_empty() {
            return Err(format!("{program}: {formats:?}").into());
        }
    }
    Ok(())
}

/// Each function of the crate is declared in the header, called by a program of the tests, and there are no others.
fn every_function() -> Result<(), Failed> {
    let headers = file("include/greenlet.h")? + &file("include/greenlet_hub.h")?;
    let programs: String = ["suite", "misuse", "hub", "limits"]
        .iter()
        .map(|name| file(&format!("tests/c/{name}.c")))
        .collect::<Result<_, _>>()?;
    let mut exported = Vec::new();
    for folder in ["src", "src/hub"] {
        for entry in fs::read_dir(c_suite::package().join(folder))? {
            let path = entry?.path();
            let source = if path.is_file() { fs::read_to_string(path)? } else { continue };
            let parts = source.split("#[unsafe(no_mangle)]\n").skip(1);
            let names =
                parts.filter_map(|part| part.split_once("fn ")?.1.split_once('(').map(|(name, _)| name.to_owned()));
            exported.extend(names.filter(|name| name.starts_with("greenlet_")));
        }
    }
    let calls = |text: &str, name: &str| text.contains(&format!("{name}("));
    let undeclared: Vec<_> = exported.iter().filter(|name| !calls(&headers, name)).collect();
    // What functions in the headers call: under the name of one of these, or beside its declaration.
    let called = |name: &str| {
        calls(&programs, name.trim_end_matches("_abi_1")) || headers.matches(&format!("{name}(")).count() > 1
    };
    let untested: Vec<_> = exported.iter().filter(|name| !called(name)).collect();
    if exported.len() < 45 || !undeclared.is_empty() || !untested.is_empty() {
        return Err(format!("{} functions; undeclared: {undeclared:?}; untested: {untested:?}", exported.len()).into());
    }
    Ok(())
}
