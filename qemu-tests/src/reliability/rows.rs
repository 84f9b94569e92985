//! The promises, and the commands that attack them.

/// The place for processes on the host.
pub(super) const HOST: &str = "host";

/// The places for guests: one for each way in which the switch is compiled. `machines` has many more.
const BARE: &[&str] = &["aarch64", "aarch64-softfloat", "x86_64"];
/// The places for scenarios and random operations.
const ALL: &[&str] = &[HOST, "aarch64", "x86_64"];
const HOSTED: &[&str] = &[HOST];
/// The places of the other instruction sets and of UEFI: all that the suite has of each is one promise.
const PORTS: &[&str] = &[
    "riscv64",
    "riscv64gc",
    "riscv64-supervisor",
    "riscv32",
    "riscv32imc",
    "thumbv6m",
    "thumbv7m",
    "thumbv7em",
    "thumbv7em-softfloat",
    "thumbv8m",
    "armv7a",
    "uefi",
    "uefi-aarch64",
];

/// What is promised, and how it is attacked.
#[derive(Debug)]
pub struct Promise {
    /// Its name, here, in `docs/reliability.md` and in the JSON.
    pub name: &'static str,
    /// Where it is attacked: a row each.
    pub places: &'static [&'static str],
    commands: Commands,
    /// Where in the output of the command the counts are.
    pub(super) counts: Counts,
}

/// The commands that attack a promise.
#[derive(Debug)]
enum Commands {
    /// Boots of the guest with this name: in all its profiles, and at the size of CI in release.
    Boots(&'static str),
    /// With `{}` for the place.
    Each {
        full: &'static str,
        /// At the size of CI.
        quick: &'static str,
    },
}

/// The size of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Size {
    /// As many attempts as are promised.
    Full,
    /// As many attempts as CI has time for.
    Quick,
}

/// Where in the output of a command the counts are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Counts {
    /// In its [tallies](crate::tally).
    Tallies,
    /// In the last lines of test programs: a test is an attempt.
    Tests,
}

/// A promise at a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) promise: &'static Promise,
    pub(super) place: &'static str,
}

use Counts::{Tallies, Tests};

/// Every promise.
pub static PROMISES: &[Promise] = &[
    booted("interrupted-instructions", "every_instruction"),
    booted("interrupted-registers", "interrupted"),
    booted("interrupts-masked", "masked"),
    booted("handlers", "handler"),
    booted("registers", "registers"),
    booted("control-words", "fp_control"),
    tallied(
        "vector-lanes",
        &["virt_max", "q35_max"],
        "cargo test --test suite -- lanes::{}::",
        "cargo test --test suite -- lanes::{}::release",
    ),
    booted("overflow", "overflow"),
    booted("guard-page", "guard_page"),
    booted("large-frames", "large_frame"),
    booted("abandon", "abandon"),
    booted("watchpoint", "watchpoint"),
    tallied(
        "stack-limits",
        &["aarch64", "x86_64"],
        "cargo test --test suite -- stacks::{} --include-ignored",
        "cargo test --test suite -- stacks::{} --include-ignored",
    ),
    booted("high-water", "high_water"),
    booted("pools", "pool"),
    booted("stacks-placed", "placed"),
    booted("stacks-on-a-heap", "heap"),
    Promise {
        name: "linker-fragment",
        places: HOSTED,
        commands: Commands::Each {
            full: "cargo test --test suite -- linking::",
            quick: "cargo test --test suite -- linking::",
        },
        counts: Tests,
    },
    tallied(
        "cores",
        BARE,
        "cargo test --test suite -- guest::cores::{}::release --include-ignored",
        "cargo test --test suite -- guest::cores::{}::debug --include-ignored",
    ),
    booted("misuse", "misuse"),
    Promise {
        name: "misuse-hosted",
        places: HOSTED,
        commands: Commands::Each { full: "cargo test --package misuse", quick: "cargo test --package misuse" },
        counts: Tests,
    },
    tallied(
        "misuse-panics",
        HOSTED,
        "cargo test --test suite -- misuse::std::",
        "cargo test --test suite -- misuse::std::release",
    ),
    tallied(
        "conformance",
        ALL,
        "cargo test --test suite -- conformance::{}:: --include-ignored",
        "cargo test --test suite -- conformance::{}::core::release",
    ),
    tallied(
        "conformance-random",
        ALL,
        "cargo xtask conformance-random 1 10000 --only {}",
        "cargo xtask conformance-random 1 500 --only {}",
    ),
    tallied(
        "fuzz-kernel",
        ALL,
        "cargo xtask fuzz-kernel 1 1000000 --only {}",
        "cargo xtask fuzz-kernel 1 10000 --only {}",
    ),
    tallied("soak", ALL, "cargo xtask soak {} 100000000", "cargo xtask soak {} 100000"),
    tallied(
        "soak-valgrind",
        HOSTED,
        "cargo xtask soak host 1000000 --under valgrind",
        "cargo xtask soak host 10000 --under valgrind",
    ),
    tallied(
        "soak-asan",
        HOSTED,
        "cargo xtask soak host 10000000 --under asan",
        "cargo xtask soak host 100000 --under asan",
    ),
    tallied("machines", &["all"], "cargo xtask machines", "cargo xtask machines raspi3b"),
    tallied(
        "ports",
        PORTS,
        "cargo test --test suite -- ::{}:: --include-ignored",
        "cargo test --test suite -- guest::tour::{}::release --include-ignored",
    ),
    tallied(
        "library-tests",
        HOSTED,
        "cargo test --test suite -- hosted:: --include-ignored",
        "cargo test --test suite -- hosted::std::debug",
    ),
    tallied(
        "hosted-elsewhere",
        &["host-aarch64"],
        "cargo test --test suite -- {}:: --include-ignored",
        "cargo test --test suite -- conformance::{}::core::release --include-ignored",
    ),
    tallied(
        "least-stack",
        HOSTED,
        "cargo test --test suite -- least:: --include-ignored",
        "cargo test --test suite -- least::",
    ),
    Promise {
        name: "server",
        places: &["all"],
        commands: Commands::Each {
            full: "cargo test --test suite -- serve:: --include-ignored",
            quick: "cargo test --test suite -- serve::",
        },
        counts: Tests,
    },
    tallied("mutants", HOSTED, "cargo xtask mutants-sample 200", "cargo xtask mutants-sample 10"),
    tallied("models", HOSTED, "qemu-tests/models/run -- --show-output", "qemu-tests/models/run -- --show-output"),
    Promise {
        name: "miri-tests",
        places: HOSTED,
        commands: Commands::Each { full: "qemu-tests/miri doc tests", quick: "qemu-tests/miri doc" },
        counts: Tests,
    },
    Promise {
        name: "miri-threads",
        places: HOSTED,
        commands: Commands::Each { full: "qemu-tests/miri threads", quick: "qemu-tests/miri threads" },
        counts: Tests,
    },
    tallied("miri-scenarios", HOSTED, "qemu-tests/miri scenarios", "qemu-tests/miri scenarios"),
];

/// A promise whose command prints tallies.
const fn tallied(
    name: &'static str,
    places: &'static [&'static str],
    full: &'static str,
    quick: &'static str,
) -> Promise {
    Promise { name, places, commands: Commands::Each { full, quick }, counts: Tallies }
}

/// A promise that `guest` attacks, on each machine for which the switch is compiled in another way.
const fn booted(name: &'static str, guest: &'static str) -> Promise {
    Promise { name, places: BARE, commands: Commands::Boots(guest), counts: Tallies }
}

impl Promise {
    /// The command that attacks it at `place`.
    #[must_use]
    pub fn command(&self, place: &str, size: Size) -> String {
        match (&self.commands, size) {
            (Commands::Boots(guest), _) => {
                let profile = if size == Size::Quick { "release" } else { "" };
                format!("cargo test --test suite -- guest::{guest}::{place}::{profile} --include-ignored")
            }
            (Commands::Each { full, .. }, Size::Full) => full.replace("{}", place),
            (Commands::Each { quick, .. }, Size::Quick) => quick.replace("{}", place),
        }
    }
}

/// The rows of the promises with these `names`, at these of their `places`.
///
/// # Errors
///
/// The known names and places, if there is no such name or place, or no row with one of each.
pub(super) fn selected(names: &[String], places: &[String]) -> Result<Vec<Row>, String> {
    let known: Vec<_> = PROMISES.iter().map(|promise| promise.name).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("no promise is called `{name}`; known: {}", known.join(", ")));
    }
    let asked = |names: &[String], name: &str| names.is_empty() || names.iter().any(|asked| asked == name);
    let promises = PROMISES.iter().filter(|promise| asked(names, promise.name));
    let rows = promises.flat_map(|promise| promise.places.iter().map(move |&place| Row { promise, place }));
    let rows: Vec<_> = rows.filter(|row| asked(places, row.place)).collect();
    if rows.is_empty() {
        return Err(format!("no such promise is attacked on {}", places.join(", ")));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn selected(names: &[&str], places: &[&str]) -> Result<Vec<(&'static str, &'static str)>, String> {
        let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let rows = super::selected(&owned(names), &owned(places))?;
        Ok(rows.iter().map(|row| (row.promise.name, row.place)).collect())
    }

    #[test]
    fn a_promise_has_one_name_and_a_command_for_each_place() {
        let names: BTreeSet<_> = PROMISES.iter().map(|promise| promise.name).collect();
        assert_eq!(names.len(), PROMISES.len());
        for promise in PROMISES {
            for size in [Size::Full, Size::Quick] {
                let commands: BTreeSet<_> = promise.places.iter().map(|place| promise.command(place, size)).collect();
                assert_eq!(commands.len(), promise.places.len(), "{}: {commands:?}", promise.name);
                assert!(commands.iter().all(|command| shlex::split(command).is_some_and(|words| words.len() > 1)));
            }
        }
    }

    #[test]
    fn rows_are_asked_for_by_promise_and_place() {
        assert_eq!(selected(&["soak"], &["x86_64", "host"]).unwrap(), [("soak", "host"), ("soak", "x86_64")]);
        assert!(selected(&[], &["aarch64-softfloat"]).unwrap().contains(&("cores", "aarch64-softfloat")));
        assert!(selected(&["soaks"], &[]).unwrap_err().starts_with("no promise is called `soaks`; known: interrupted"));
        assert_eq!(selected(&["machines"], &["host"]).unwrap_err(), "no such promise is attacked on host");
    }
}
