//! What must not compile: a program for each rule, beside a twin that obeys it. See `ui/README.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

#[test]
fn what_breaks_a_rule_is_refused_and_its_twin_is_not() {
    // SAFETY: the only other thread, that of the other test, reads files and no variable of the environment.
    unsafe { env::set_var(flags_variable(), format!("--sysroot={}", sysroot_without_sources())) };
    let programs = trybuild::TestCases::new();
    // With programs that pass among them all are built, not only checked: the sizes of bodies and pools are seen then.
    programs.pass("tests/ui/pass/*.rs");
    programs.compile_fail("tests/ui/*.rs");
}

/// The variable of the environment whose flags cargo adds to those that `trybuild` asks for.
fn flags_variable() -> String {
    format!("CARGO_TARGET_{}_RUSTFLAGS", printed_by_rustc("host-tuple").to_uppercase().replace(['-', '.'], "_"))
}

fn printed_by_rustc(what: &str) -> String {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).args(["--print", what]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Makes a sysroot like that of the compiler, but never with the component `rust-src`, and returns its path.
///
/// Where that component is installed, and only there, the compiler's errors quote the standard library.
fn sysroot_without_sources() -> String {
    let real = Path::new(&printed_by_rustc("sysroot")).join("lib/rustlib");
    let sysroot = env!("CARGO_TARGET_TMPDIR").to_owned() + "/sysroot";
    let _ = fs::remove_dir_all(&sysroot);
    let folder = Path::new(&sysroot).join("lib/rustlib");
    fs::create_dir_all(&folder).unwrap();
    for file in fs::read_dir(real).unwrap().map(Result::unwrap).filter(|file| file.file_name() != "src") {
        symlink(file.path(), folder.join(file.file_name())).unwrap();
    }
    sysroot
}

/// An error of one program could hide that of another in the same file.
#[test]
fn every_refused_program_has_the_words_of_its_refusal_and_a_twin() {
    let mut refused = 0;
    for file in fs::read_dir("tests/ui").unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let name = file.file_name().unwrap().to_str().unwrap();
        let programs = programs(&file);
        assert!(programs.keys().eq(self::programs(&Path::new("tests/ui/pass").join(name)).keys()), "{name}");
        let words = fs::read_to_string(file.with_extension("stderr")).unwrap();
        // An error that the compiler finds in the library, such as a size that it asserts, does not say which program
        // asked.
        let place = format!("tests/ui/{name}:");
        let (mut told, mut elsewhere) = (BTreeSet::new(), 0);
        for error in words.split("\n\n").filter(|block| block.starts_with("error")) {
            let places = error.split(&place).skip(1);
            let lines: Vec<usize> = places.map(|place| place.split(':').next().unwrap().parse().unwrap()).collect();
            let here = |(_, range): &(_, &RangeInclusive<usize>)| lines.iter().any(|line| range.contains(line));
            told.extend(programs.iter().filter(here).map(|(program, _)| program));
            elsewhere += usize::from(lines.is_empty());
        }
        let silent: Vec<_> = programs.keys().filter(|program| !told.contains(program)).collect();
        assert!(silent.len() <= elsewhere, "{name}: {elsewhere} errors without a place, and none in {silent:?}");
        refused += programs.len();
    }
    assert!(refused >= 33, "{refused}");
}

/// The programs of a file, a module each, with their lines.
fn programs(file: &Path) -> BTreeMap<String, RangeInclusive<usize>> {
    let text = fs::read_to_string(file).unwrap();
    let mut programs = BTreeMap::new();
    let mut begun = None;
    for (line, number) in text.lines().zip(1..) {
        if let Some(name) = line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(" {")) {
            begun = Some((name.to_owned(), number));
        }
        if line == "}"
            && let Some((name, first)) = begun.take()
        {
            programs.insert(name, first..=number);
        }
    }
    programs
}
