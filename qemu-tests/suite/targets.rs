//! Targets whose programs do not run here: those for which the library is built, assembly included; those that are
//! refused, with the reason; and the cfgs by which the user can choose.

use std::fs;
use std::path::Path;

use libtest_mimic::Failed;
use qemu_tests::tools::Needs;
use qemu_tests::{environment, places};

use crate::{Case, builds};

/// Built for, with each of these features besides none, and what the build script takes them for.
const BUILT: [(&str, &str, &str); 10] = [
    ("x86_64-unknown-uefi", BARE_FEATURES, "bare"),
    ("aarch64-unknown-uefi", BARE_FEATURES, "bare"),
    ("x86_64-apple-darwin", HOSTED_FEATURES, "hosted"),
    ("aarch64-apple-darwin", HOSTED_FEATURES, "hosted"),
    ("x86_64-unknown-linux-musl", HOSTED_FEATURES, "hosted"),
    ("thumbv6m-none-eabi", "greenlet/abandon,greenlet/high-water", "bare"),
    ("thumbv7em-none-eabi", "greenlet/abandon,greenlet/high-water", "bare"),
    ("armv7a-none-eabi", "greenlet/abandon,greenlet/high-water,greenlet/cores", "bare"),
    ("riscv32imac-unknown-none-elf", "greenlet/abandon,greenlet/high-water,greenlet/supervisor-mode", "bare"),
    ("riscv64gc-unknown-none-elf", "greenlet/cores,greenlet/fp-control,greenlet/supervisor-mode", "bare"),
];

/// What replaces compare-and-swap where there is none. Other targets do not look at it.
const ONE_CORE: &str = "--cfg portable_atomic_unsafe_assume_single_core";

const BARE_FEATURES: &str = "greenlet/abandon,greenlet/watchpoint,greenlet/high-water,greenlet/fp-control";
const HOSTED_FEATURES: &str = "greenlet/std,greenlet/alloc,greenlet/high-water,greenlet/fp-control";

/// rustc has no library for these, so the build ends because `core` is missing; the messages of the build script come
/// before that.
const WITHOUT_CORE: [(&str, &str, &str); 5] = [
    ("x86_64-unknown-hermit", "", "hosted"),
    ("aarch64-unknown-hermit", "--cfg greenlet_bare", "bare"),
    ("x86_64-unknown-redox", "", "hosted"),
    ("aarch64-unknown-nuttx", "--cfg greenlet_bare", "bare"),
    ("x86_64-unknown-freebsd", "", "hosted"),
];

/// Refused, with flags for rustc and features, with these words among others.
const REFUSED: [(&str, &str, &str, &str); 11] = [
    ("x86_64-pc-windows-msvc", "", "", "the limits of its stack"),
    ("aarch64-pc-windows-msvc", "--cfg greenlet_hosted", "", "the limits of its stack"),
    ("x86_64-unknown-openbsd", "", "", "MAP_STACK"),
    ("powerpc64le-unknown-linux-gnu", "", "", "no stack switch for this instruction set (powerpc64, "),
    ("riscv64gc-unknown-linux-gnu", "", "", "in machine mode, or supervisor mode, on bare metal"),
    ("thumbv6m-none-eabi", "", "", "unsafe-assume-single-core"),
    ("armv7r-none-eabi", "", "", "thumbv6m or thumbv7m or thumbv7em or thumbv8m.main or armv7a"),
    ("riscv32imc-unknown-none-elf", "", "", "unsafe-assume-single-core"),
    ("x86_64-unknown-none", "--cfg greenlet_bare --cfg greenlet_hosted", "", "leave one of them out"),
    ("x86_64-unknown-linux-gnu", "--cfg greenlet_bare", "std", "--cfg greenlet_bare and the feature `std`"),
    ("aarch64-unknown-hermit", "--cfg greenlet_bare", "std", "--cfg greenlet_bare and the feature `std`"),
];

pub(crate) fn cases() -> Vec<Case> {
    let built = BUILT.map(|(target, features, ground)| {
        let mut needs = Needs::default();
        needs.target(target);
        Case::new(format!("targets::{target}"), needs, move || {
            is_built(target, "", ground)?;
            is_built(target, features, ground)
        })
    });
    let case =
        |name: &str, test: fn() -> Result<(), Failed>| Case::new(format!("targets::{name}"), Needs::default(), test);
    let others = [
        case("other_systems_are_accepted", || WITHOUT_CORE.iter().try_for_each(|case| is_accepted(*case))),
        case("what_is_known_to_be_wrong_is_refused", || REFUSED.iter().try_for_each(|case| is_refused(*case))),
    ];
    let mut needs = Needs::default();
    needs.target(A32);
    let thumb = Case::new("targets::a_switch_in_a_thumb_function_is_refused".to_owned(), needs, in_a_thumb_function);
    built.into_iter().chain(others).chain([thumb]).collect()
}

/// The target of Arm state.
const A32: &str = "armv7a-none-eabi";

/// A switch is inlined into a function; in one in Thumb state it ends the build.
fn in_a_thumb_function() -> Result<(), Failed> {
    // Its frame pointer is another register: the compiler notices that before the assembler says what to do.
    const MESSAGE: &str = "write to reserved register 'R7'";
    for (state, expected) in [("a32", None), ("t32", Some(MESSAGE))] {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("thumb-function");
        fs::create_dir_all(folder.join("src"))?;
        let library = places::root();
        let manifest = format!(
            "[workspace]\n[package]\nname = \"thumb-function\"\nedition = \"2024\"\n[profile.release]\npanic = \"abort\"\n\
             [dependencies]\ngreenlet = {{ path = {library:?} }}\n"
        );
        fs::write(folder.join("Cargo.toml"), manifest)?;
        let source = format!(
            "#![no_std]\n#[unsafe(no_mangle)]\n#[instruction_set(arm::{state})]\n\
             pub fn turn(to: &greenlet::Greenlet<usize, ()>) -> bool {{ to.switch(1).is_ok() }}\n"
        );
        fs::write(folder.join("src/lib.rs"), source)?;
        let manifest = folder.join("Cargo.toml");
        let manifest = manifest.to_str().ok_or("the folder's name is not in UTF-8")?;
        let told = cargo(&["build", "--release", "--manifest-path", manifest], A32, "")?;
        if told.passed != expected.is_none() || !told.errors.contains(expected.unwrap_or_default()) {
            return Err(format!("in {state} it must be built or refused with {expected:?}:\n{}", told.errors).into());
        }
    }
    Ok(())
}

/// Builds the library with code that uses it, and so with its assembly, which a mere check would not compile.
fn is_built(target: &str, features: &str, ground: &str) -> Result<(), Failed> {
    let arguments = ["build", "--package", "operations", "--lib", "--features", features];
    match cargo(&arguments, target, ONE_CORE)? {
        Told { passed: true, cfgs, .. } if cfgs.contains(&format!("\"{ground}\"")) => Ok(()),
        told => Err(format!("for {target} with `{features}` it must be built, {ground}:\n{}", told.errors).into()),
    }
}

fn is_accepted((target, flags, ground): (&str, &str, &str)) -> Result<(), Failed> {
    let told = cargo(&["check", "--package", "greenlet"], target, flags)?;
    if !told.cfgs.contains(&format!("\"{ground}\"")) || !told.errors.contains("can't find crate for `core`") {
        return Err(format!("with `{flags}` {target} must be accepted, {ground}:\n{}", told.errors).into());
    }
    Ok(())
}

fn is_refused((target, flags, features, words): (&str, &str, &str, &str)) -> Result<(), Failed> {
    let told = cargo(&["check", "--package", "greenlet", "--features", features], target, flags)?;
    if told.passed || !told.errors.contains(words) {
        let with = format!("with `{flags}` and the features `{features}`");
        return Err(format!("{with} {target} must be refused, with \"{words}\":\n{}", told.errors).into());
    }
    Ok(())
}

/// The output of cargo.
struct Told {
    passed: bool,
    /// The cfgs that the library's build script sets, as cargo lists them.
    cfgs: String,
    errors: String,
}

fn cargo(arguments: &[&str], target: &str, flags: &str) -> Result<Told, Failed> {
    let mut cargo = environment::cargo();
    cargo.current_dir(places::root()).args(arguments).args(["--target", target, "--message-format", "json"]);
    // In a target directory of its own: with other flags cargo would rebuild what other tests have built.
    cargo.arg("--target-dir").arg(places::hosted()?.join("targets")).env("RUSTFLAGS", flags);
    let _turn = builds::turn("targets");
    let output = cargo.output()?;
    let messages = String::from_utf8_lossy(&output.stdout);
    let script = messages.lines().find(|line| line.contains("\"build-script-executed\"") && line.contains("greenlet"));
    let cfgs = script.and_then(|line| line.split_once("\"cfgs\":[")?.1.split_once(']')).map_or("", |(cfgs, _)| cfgs);
    // What the compiler says is among the messages.
    let errors = String::from_utf8_lossy(&output.stderr) + messages.as_ref();
    Ok(Told { passed: output.status.success(), cfgs: cfgs.to_owned(), errors: errors.into_owned() })
}
