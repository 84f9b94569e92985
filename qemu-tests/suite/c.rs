//! The C interface, by the C compiler that rustc links with: its programs, its scenarios, the examples in its header
//! and its README. On request, and by `cargo xtask c-suite`, also with more compilers, in C++ and on bare metal.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use libtest_mimic::Failed;
use object::{Object, ObjectSymbol};
use qemu_tests::c_suite::{self, FAMILIES, PROGRAMS, WAYS};
use qemu_tests::limit::Limit;
use qemu_tests::process::{self, Status};
use qemu_tests::tools::Needs;

use crate::{Case, builds};

const LIMIT: Limit = Limit::of_silence(Duration::from_secs(30));

pub(crate) fn cases() -> Vec<Case> {
    let case = |name: &str, test: fn() -> Result<(), Failed>| Case::new(format!("c::{name}"), Needs::default(), test);
    let mut cases = vec![
        case("header_example_compiles_and_runs", header_example),
        case("readme_example_prints_what_it_says", readme_example),
        case("another_abi_does_not_link", another_abi),
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
            let archive = c_suite::archive(way.is_bare)?;
            Ok(PROGRAMS.iter().try_for_each(|&program| way.run(&archive, program))?)
        };
        cases.push(Case::new(format!("c::way::{}", way.name), way.needs(), run).when_asked_for());
    }
    cases
}

fn conforms(family: &str, count: usize) -> Result<(), Failed> {
    let ran = WAYS[0].conform(archive()?, family)?;
    if ran == count { Ok(()) } else { Err(format!("{ran} scenarios, and not {count}").into()) }
}

/// The archive for the host, built once.
fn archive() -> Result<&'static Path, Failed> {
    static ARCHIVE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let build = || {
        let _turn = builds::turn("c");
        c_suite::archive(false).map_err(|error| format!("{error:#}"))
    };
    ARCHIVE.get_or_init(build).as_deref().map_err(Failed::from)
}

fn file(name: &str) -> Result<String, Failed> {
    Ok(fs::read_to_string(c_suite::package().join(name))?)
}

/// Compiles `text` as a whole program, runs it, and returns the output.
fn prints(name: &str, text: &str) -> Result<String, Failed> {
    let archive = archive()?;
    let source = archive.with_file_name(format!("{name}.c"));
    fs::write(&source, text)?;
    let program = WAYS[0].build(archive, name, &source, false, &[])?;
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
    prints("header", &program).map(drop)
}

fn readme_example() -> Result<(), Failed> {
    let readme = file("README.md")?;
    let block = |language: &str| {
        let (_, rest) = readme.split_once(&format!("\n```{language}\n")).ok_or("no such block")?;
        Ok::<_, Failed>(rest.split_once("```").ok_or("a block without an end")?.0)
    };
    let (printed, said) = (prints("readme", block("c")?)?, block("text")?);
    if printed == said { Ok(()) } else { Err(format!("the README says {said:?}, and it prints {printed:?}").into()) }
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

/// No formatting code is linked, whichever functions of the header are used: a panic passes only a text to the program.
fn nothing_formats() -> Result<(), Failed> {
    let source = c_suite::package().join("tests/c/suite.c");
    let image = fs::read(WAYS[0].build(archive()?, "formats", &source, true, &[])?)?;
    let file = object::File::parse(&*image)?;
    let names: Vec<_> = file.symbols().filter_map(|symbol| symbol.name().ok()).collect();
    let formats: Vec<_> =
        names.iter().filter(|name| name.contains("4core3fmt") || name.contains("core..fmt")).collect();
    if !names.contains(&"greenlet_switch") {
        return Err("the program has no symbols".into());
    }
    if formats.is_empty() { Ok(()) } else { Err(format!("{formats:?}").into()) }
}

/// Each function of the crate is declared in the header, called by a program of the tests, and there are no others.
fn every_function() -> Result<(), Failed> {
    let header = file("include/greenlet.h")?;
    let programs: String =
        ["suite", "misuse"].iter().map(|name| file(&format!("tests/c/{name}.c"))).collect::<Result<_, _>>()?;
    let mut exported = Vec::new();
    for entry in fs::read_dir(c_suite::package().join("src"))? {
        let source = fs::read_to_string(entry?.path())?;
        let parts = source.split("#[unsafe(no_mangle)]\n").skip(1);
        let names = parts.filter_map(|part| part.split_once("fn ")?.1.split_once('(').map(|(name, _)| name.to_owned()));
        exported.extend(names.filter(|name| name.starts_with("greenlet_")));
    }
    let calls = |text: &str, name: &str| text.contains(&format!("{name}("));
    let undeclared: Vec<_> = exported.iter().filter(|name| !calls(&header, name)).collect();
    let untested: Vec<_> = exported.iter().filter(|name| !calls(&programs, name)).collect();
    if exported.len() < 30 || !undeclared.is_empty() || !untested.is_empty() {
        return Err(format!("{} functions; undeclared: {undeclared:?}; untested: {untested:?}", exported.len()).into());
    }
    Ok(())
}
