//! Random scenarios with an audit after every op, on the host and on bare metal; and the handling of one that fails.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use libtest_mimic::Failed;
use qemu_tests::compile::{self, Profile};
use qemu_tests::conformance::Place;
use qemu_tests::fuzz::{Caught, Hunt, NAME, Program, Stretch};
use qemu_tests::tools::Needs;

use crate::builds::{self, Builds};
use crate::{Case, fakes};

/// Places and profiles, each with a seed of its own, so that no scenario runs twice. A place takes some seconds: bare
/// metal without optimization runs some 200 scenarios a second, and all others thousands.
const HUNTS: [(&str, Profile, u64, u64); 6] = [
    ("host", Profile::Debug, 1, 8_000),
    ("host", Profile::Release, 2, 50_000),
    ("aarch64", Profile::Debug, 3, 400),
    ("aarch64", Profile::Release, 4, 10_000),
    ("x86_64", Profile::Debug, 5, 400),
    ("x86_64", Profile::Release, 6, 10_000),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (place, profile, seed, count) in HUNTS {
        let Some(place) = Place::named(place) else { continue };
        let mut needs = Needs::default();
        place.needs(&mut needs);
        let test = move || clean(place, profile, seed, count);
        let guests = builds::of_place(NAME, place, profile);
        let case = Case::new(format!("fuzz::{place}::{profile}"), needs, test).with_guests(guests);
        cases.push(case.usual_if(place.is_usual(profile)));
    }
    cases.extend([
        finds("an_audit_fails_when_the_books_are_wrong", forgetful),
        finds("a_crash_is_made_small", crash),
        finds("what_fails_only_after_others_is_told_apart", history),
        finds("a_program_that_runs_less_than_it_should_fails", less),
        finds("a_log_that_differs_is_made_small", log),
    ]);
    cases
}

/// A test of the handling of a scenario that fails.
fn finds(name: &str, test: fn() -> Result<(), Failed>) -> Case {
    Case::new(format!("fuzz::finds::{name}"), Needs::default(), test)
}

/// Every scenario runs, and every audit passes.
fn clean(place: Place, profile: Profile, seed: u64, count: u64) -> Result<(), Failed> {
    let mut last = None;
    let caught = hunt(seed, count, false).run(&program(place, profile)?, |index| last = Some(index))?;
    match caught {
        Some(caught) => Err(caught.to_string().into()),
        None if last != Some(count - 1) => Err(format!("the last scenario that began is {last:?}").into()),
        None => Ok(()),
    }
}

fn hunt(seed: u64, count: u64, forgetful: bool) -> Hunt {
    Hunt { stretch: Stretch { seed, first: 0, count }, forgetful }
}

/// The program, built once.
fn program(place: Place, profile: Profile) -> Result<Program, Failed> {
    static HOSTED: Builds<PathBuf> = Builds::new();
    let file = match place {
        Place::Host => HOSTED.get("host", profile, || compile::example("conformance", NAME, profile))?,
        Place::Machine(machine) => builds::Guest::new(NAME, machine.code(), profile).file()?,
    };
    Ok(Program { place, profile, file })
}

/// An interpreter that does not record pins. A greenlet that is switched to then has one reference too many, and the
/// smallest scenario that shows it has one greenlet and one switch.
fn forgetful() -> Result<(), Failed> {
    let program = program(Place::Host, Profile::Debug)?;
    let caught = hunt(1, 10, true).run(&program, |_| ())?;
    let caught = caught.ok_or("the audit found nothing")?;
    let small = caught.small().ok_or_else(|| caught.to_string())?.to_string();
    let lines: Vec<_> = small.lines().map(|line| line.split(' ').next().unwrap_or_default()).collect();
    if lines != ["scenario", "slots", "script", "new", "sw", "end"] {
        return Err(format!("not the smallest scenario:\n{caught}").into());
    }
    told(&caught, &["AUDIT kills: ", "again: cargo xtask fuzz-kernel 1 1 --from 0 --only host --debug"])
}

fn crash() -> Result<(), Failed> {
    let caught = hunt_with("crash", 10)?.ok_or("a crash passed")?;
    let small = caught.small().ok_or_else(|| caught.to_string())?;
    if small.ops() != 1 || !small.to_string().contains("\ndrop ") {
        return Err(format!("not the smallest scenario:\n{caught}").into());
    }
    told(&caught, &["scenario 3 of seed 1 failed", "signal 11 ended it"])
}

fn history() -> Result<(), Failed> {
    let caught = hunt_with("history", 10)?.ok_or("a violation passed")?;
    if caught.small().is_some() {
        return Err(format!("it passes alone, and was made small:\n{caught}").into());
    }
    told(&caught, &["AUDIT pool: of the fifth", "not by itself", "cargo xtask fuzz-kernel 1 5 --from 0"])
}

fn less() -> Result<(), Failed> {
    told(&hunt_with("idle", 10)?.ok_or("1 of 10 passed")?, &["10 scenarios were to run, and 1 did"])?;
    told(&hunt_with("silent", 1)?.ok_or("silence passed")?, &["not `DONE n/n`"])
}

/// With a package that logs nonsense, the smallest scenario differs, and the output has everything to repeat it.
fn log() -> Result<(), Failed> {
    let _turn = builds::turn("release");
    let mut command = Command::new(env!("CARGO_BIN_EXE_qemu-tests"));
    command.args(["conformance-random", "1", "3", "--from", "5", "--only", "host"]).stdin(Stdio::null());
    command.env("GREENLET_PYTHON", fakes::wrong_python()?);
    let output = command.output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    let parts = [
        "host: the log of s1_5 differs",
        "made small, 0 ops of ",
        "\nscenario s1_5\nslots 1\nend\n",
        "line 2 is `0 0 end`, not `0 0 nonsense`",
        "\nagain: cargo xtask conformance-random 1 1 --from 5 --only host\n",
        "\nthe small one: cargo xtask conformance host --release ",
    ];
    match parts.iter().find(|part| !errors.contains(**part)) {
        None if output.status.code() == Some(1) => Ok(()),
        absent => Err(format!("ended with {}, not said: {absent:?}\n{errors}", output.status).into()),
    }
}

/// Hunts with a fake program of the suite's.
fn hunt_with(fake: &str, count: u64) -> anyhow::Result<Option<Caught>> {
    let file = fakes::fuzz(fake)?;
    let program = Program { place: Place::Host, profile: Profile::Release, file };
    hunt(1, count, false).run(&program, |_| ())
}

/// Checks that the story of a failure has all of `parts`.
fn told(caught: &Caught, parts: &[&str]) -> Result<(), Failed> {
    let story = caught.to_string();
    match parts.iter().find(|part| !story.contains(**part)) {
        Some(absent) => Err(format!("not said: {absent}\n{story}").into()),
        None => Ok(()),
    }
}
