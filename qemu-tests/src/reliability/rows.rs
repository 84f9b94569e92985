//! The promises, and the commands that attack them.

/// The place for processes on the host.
pub(super) const HOST: &str = "host";

/// The places for guests: one for each way in which the switch is compiled. `machines` has many more.
const BARE: &[&str] = &["aarch64", "aarch64-softfloat", "x86_64"];
/// The places for scenarios and random operations.
const ALL: &[&str] = &[HOST, "aarch64", "x86_64"];
const HOSTED: &[&str] = &[HOST];

/// What is promised, and how it is attacked.
#[derive(Debug)]
pub struct Promise {
    /// Its name, here, in `docs/reliability.md` and in the JSON.
    pub name: &'static str,
    /// Where it is attacked: a row each.
    pub places: &'static [&'static str],
    /// The command, with `{}` for the place.
    full: &'static str,
    /// The command at the size of CI.
    quick: &'static str,
    /// Where in the output of the command the counts are.
    pub(super) counts: Counts,
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
    tallied(
        "interrupted-instructions",
        BARE,
        "cargo test --test suite -- guest::every_instruction::{}:: --include-ignored",
        "cargo test --test suite -- guest::every_instruction::{}::release --include-ignored",
    ),
    tallied(
        "interrupted-registers",
        BARE,
        "cargo test --test suite -- guest::interrupted::{}:: --include-ignored",
        "cargo test --test suite -- guest::interrupted::{}::release --include-ignored",
    ),
    tallied(
        "interrupts-masked",
        BARE,
        "cargo test --test suite -- guest::masked::{}:: --include-ignored",
        "cargo test --test suite -- guest::masked::{}::release --include-ignored",
    ),
    tallied(
        "handlers",
        BARE,
        "cargo test --test suite -- guest::handler::{}:: --include-ignored",
        "cargo test --test suite -- guest::handler::{}::release --include-ignored",
    ),
    tallied(
        "registers",
        BARE,
        "cargo test --test suite -- guest::registers::{}:: --include-ignored",
        "cargo test --test suite -- guest::registers::{}::release --include-ignored",
    ),
    tallied(
        "control-words",
        BARE,
        "cargo test --test suite -- guest::fp_control::{}:: --include-ignored",
        "cargo test --test suite -- guest::fp_control::{}::release --include-ignored",
    ),
    tallied(
        "vector-lanes",
        &["virt_max", "q35_max"],
        "cargo test --test suite -- lanes::{}::",
        "cargo test --test suite -- lanes::{}::release",
    ),
    tallied(
        "overflow",
        BARE,
        "cargo test --test suite -- guest::overflow::{}:: --include-ignored",
        "cargo test --test suite -- guest::overflow::{}::release --include-ignored",
    ),
    tallied(
        "guard-page",
        BARE,
        "cargo test --test suite -- guest::guard_page::{}:: --include-ignored",
        "cargo test --test suite -- guest::guard_page::{}::release --include-ignored",
    ),
    tallied(
        "large-frames",
        BARE,
        "cargo test --test suite -- guest::large_frame::{}:: --include-ignored",
        "cargo test --test suite -- guest::large_frame::{}::release --include-ignored",
    ),
    tallied(
        "abandon",
        BARE,
        "cargo test --test suite -- guest::abandon::{}:: --include-ignored",
        "cargo test --test suite -- guest::abandon::{}::release --include-ignored",
    ),
    tallied(
        "watchpoint",
        BARE,
        "cargo test --test suite -- guest::watchpoint::{}:: --include-ignored",
        "cargo test --test suite -- guest::watchpoint::{}::release --include-ignored",
    ),
    tallied(
        "stack-limits",
        &["aarch64", "x86_64"],
        "cargo test --test suite -- stacks::{} --include-ignored",
        "cargo test --test suite -- stacks::{} --include-ignored",
    ),
    tallied(
        "high-water",
        BARE,
        "cargo test --test suite -- guest::high_water::{}:: --include-ignored",
        "cargo test --test suite -- guest::high_water::{}::release --include-ignored",
    ),
    tallied(
        "pools",
        BARE,
        "cargo test --test suite -- guest::pool::{}:: --include-ignored",
        "cargo test --test suite -- guest::pool::{}::release --include-ignored",
    ),
    tallied(
        "stacks-placed",
        BARE,
        "cargo test --test suite -- guest::placed::{}:: --include-ignored",
        "cargo test --test suite -- guest::placed::{}::release --include-ignored",
    ),
    tallied(
        "stacks-on-a-heap",
        BARE,
        "cargo test --test suite -- guest::heap::{}:: --include-ignored",
        "cargo test --test suite -- guest::heap::{}::release --include-ignored",
    ),
    Promise {
        name: "linker-fragment",
        places: HOSTED,
        full: "cargo test --test suite -- linking::",
        quick: "cargo test --test suite -- linking::",
        counts: Tests,
    },
    tallied(
        "cores",
        BARE,
        "cargo test --test suite -- guest::cores::{}::release --include-ignored",
        "cargo test --test suite -- guest::cores::{}::debug --include-ignored",
    ),
    tallied(
        "misuse",
        BARE,
        "cargo test --test suite -- guest::misuse::{}:: --include-ignored",
        "cargo test --test suite -- guest::misuse::{}::release --include-ignored",
    ),
    Promise {
        name: "misuse-hosted",
        places: HOSTED,
        full: "cargo test --package misuse",
        quick: "cargo test --package misuse",
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
        full: "cargo test --test suite -- serve:: --include-ignored",
        quick: "cargo test --test suite -- serve::",
        counts: Tests,
    },
    tallied("mutants", HOSTED, "cargo xtask mutants-sample 200", "cargo xtask mutants-sample 10"),
    tallied("models", HOSTED, "qemu-tests/models/run -- --show-output", "qemu-tests/models/run -- --show-output"),
    Promise {
        name: "miri-tests",
        places: HOSTED,
        full: "qemu-tests/miri doc tests",
        quick: "qemu-tests/miri doc",
        counts: Tests,
    },
    Promise {
        name: "miri-threads",
        places: HOSTED,
        full: "qemu-tests/miri threads",
        quick: "qemu-tests/miri threads",
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
    Promise { name, places, full, quick, counts: Tallies }
}

impl Promise {
    /// The command that attacks it at `place`.
    #[must_use]
    pub fn command(&self, place: &str, size: Size) -> String {
        match size {
            Size::Full => self.full,
            Size::Quick => self.quick,
        }
        .replace("{}", place)
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
