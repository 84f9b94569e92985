//! The least stack of a body, checked for every way to build a program. The package `floor` measures it; this module
//! builds that package.
//!
//! The program, the crate that spawns and the library may each be compiled in another way, as profiles with overrides
//! allow.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::limit::Limit;
use crate::process::{self, Status};
use crate::{environment, places, transcript};

/// The limit of one way: many times the time that a slow computer needs.
const LIMIT: Limit = Limit::of_silence(Duration::from_secs(900));

/// Cargo's default settings, because the workspace has profiles for guests.
const USUAL: [&str; 3] =
    ["profile.dev.panic=\"unwind\"", "profile.release.panic=\"unwind\"", "profile.release.debug=false"];

/// The features with which each is measured, with the ends of the names of its tests: what makes frames deeper, and
/// none.
pub const FEATURES: [(&str, &str); 2] = [("std,abandon", ""), ("", "::plain")];

/// A way to build.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// The name of its test.
    pub name: &'static str,
    /// Whether it represents the others, so that it is always measured, with the features.
    pub is_usual: bool,
    /// Whether the library assumes optimization. Then `spawn` is also tested on stacks that are too small without it.
    is_optimized: bool,
    /// Settings of cargo, beside `--release`.
    release: bool,
    settings: &'static [&'static str],
    /// Flags for all crates.
    flags: &'static str,
}

/// The release profile.
const RELEASE: Way = Way { name: "", is_usual: false, is_optimized: true, release: true, settings: &[], flags: "" };
/// The profile that is not.
const DEBUG: Way = Way { is_optimized: false, release: false, ..RELEASE };

/// The crate that spawns is not optimized.
const SUBJECT: &str = "profile.release.package.subject.opt-level=0";
const LEVEL_1: &str = "profile.release.opt-level=1";

/// Every way that stable Rust has to make frames deeper.
pub static WAYS: &[Way] = &[
    Way { name: "debug", ..DEBUG },
    Way { name: "release", ..RELEASE },
    Way { name: "1", settings: &[LEVEL_1], ..RELEASE },
    Way { name: "z", settings: &["profile.release.opt-level=\"z\""], ..RELEASE },
    // The library is optimized and everything else is not: once in a profile that turns debug assertions off itself,
    // and once in a profile that has them off by default. Of the first the stacks were overrun furthest.
    Way {
        name: "dependencies_optimized",
        is_usual: true,
        settings: &["profile.dev.debug-assertions=false", "profile.dev.package.\"*\".opt-level=3"],
        ..DEBUG
    },
    Way {
        name: "program_unoptimized",
        settings: &["profile.release.opt-level=0", "profile.release.package.\"*\".opt-level=3"],
        ..RELEASE
    },
    Way { name: "crate_unoptimized", settings: &[SUBJECT], ..RELEASE },
    Way { name: "crate_left_to_the_linker", settings: &[SUBJECT, "profile.release.lto=\"thin\""], ..RELEASE },
    Way { name: "covered", settings: &[LEVEL_1], flags: "-Cinstrument-coverage", ..RELEASE },
    Way { name: "2", settings: &["profile.release.opt-level=2"], ..RELEASE },
    Way { name: "s", settings: &["profile.release.opt-level=\"s\""], ..RELEASE },
    Way { name: "unoptimized", is_optimized: false, settings: &["profile.release.opt-level=0"], ..RELEASE },
    Way { name: "unoptimized_by_a_flag", is_optimized: false, flags: "-Copt-level=0", ..RELEASE },
    Way { name: "no_passes", is_optimized: false, flags: "-C no-prepopulate-passes", ..RELEASE },
    Way {
        name: "library_unoptimized",
        is_optimized: false,
        settings: &["profile.release.package.greenlet.opt-level=0"],
        ..RELEASE
    },
    Way {
        name: "assertions_in_the_crate",
        settings: &[LEVEL_1, "profile.release.package.subject.debug-assertions=true"],
        ..RELEASE
    },
    Way {
        name: "assertions_in_the_crate_unoptimized",
        settings: &[SUBJECT, "profile.release.package.subject.debug-assertions=true"],
        ..RELEASE
    },
    Way {
        name: "assertions_but_in_the_library",
        settings: &["profile.dev.package.greenlet.debug-assertions=false"],
        ..DEBUG
    },
    Way { name: "assertions_optimized", settings: &["profile.dev.opt-level=1"], ..DEBUG },
    Way { name: "overflow_checks", settings: &[LEVEL_1, "profile.release.overflow-checks=true"], ..RELEASE },
    Way { name: "crate_left_to_the_linker_whole", settings: &[SUBJECT, "profile.release.lto=\"fat\""], ..RELEASE },
    Way { name: "crate_left_to_lld", settings: &[SUBJECT], flags: "-Clinker-plugin-lto", ..RELEASE },
    Way {
        name: "linked_whole",
        settings: &["profile.release.lto=\"fat\"", "profile.release.codegen-units=1"],
        ..RELEASE
    },
    Way { name: "linked_whole_debug", settings: &["profile.dev.lto=\"fat\""], ..DEBUG },
    Way { name: "one_unit_debug", settings: &["profile.dev.codegen-units=1", "profile.dev.debug=false"], ..DEBUG },
    Way { name: "frame_pointers", settings: &[LEVEL_1], flags: "-Cforce-frame-pointers=yes", ..RELEASE },
    Way { name: "frame_pointers_debug", flags: "-Cforce-frame-pointers=yes", ..DEBUG },
    Way { name: "processor", flags: "-Ctarget-cpu=native", ..RELEASE },
    Way { name: "processor_debug", flags: "-Ctarget-cpu=native", ..DEBUG },
    Way {
        name: "covered_small",
        settings: &["profile.release.opt-level=\"s\""],
        flags: "-Cinstrument-coverage",
        ..RELEASE
    },
    Way { name: "covered_debug", flags: "-Cinstrument-coverage", ..DEBUG },
    Way { name: "profiled", settings: &[LEVEL_1], flags: "-Cprofile-generate", ..RELEASE },
    Way { name: "profiled_debug", flags: "-Cprofile-generate", ..DEBUG },
    Way { name: "panics_abort", settings: &[LEVEL_1, "profile.release.panic=\"abort\""], ..RELEASE },
    Way { name: "panics_abort_debug", settings: &["profile.dev.panic=\"abort\""], ..DEBUG },
    Way { name: "fixed_addresses", settings: &[LEVEL_1], flags: "-Crelocation-model=static", ..RELEASE },
];

impl Way {
    /// Builds the package so, with `features`, and runs it; returns how many lives of greenlets it has measured.
    ///
    /// # Errors
    ///
    /// When it does not build, or a stack that is accepted is overrun; with what was said of that.
    pub fn measure(&self, features: &str) -> Result<u64> {
        let features = format!("{}{features}", if self.is_optimized { "small," } else { "" });
        let mut cargo = environment::cargo();
        cargo.current_dir(places::root().join("qemu-tests/floor"));
        cargo.args(["run", "--quiet", "--features", &features]);
        cargo.args(self.release.then_some("--release"));
        cargo.args(USUAL.iter().flat_map(|setting| ["--config", setting]));
        cargo.args(self.settings.iter().flat_map(|setting| ["--config", setting]));
        let built = places::least()?;
        // The counts that an instrumented program writes are not used.
        cargo.env("LLVM_PROFILE_FILE", built.join("profile")).env("RUSTFLAGS", self.flags);
        cargo.arg("--target-dir").arg(&built);
        let ended = process::run(cargo, LIMIT, |_| Ok(()))?;
        let (output, errors) = (String::from_utf8_lossy(&ended.output), String::from_utf8_lossy(&ended.errors));
        let spare = output.lines().find_map(|line| line.strip_prefix("the least to spare: "));
        let refused = output.lines().find(|line| line.starts_with("spawns on ") && !is_on_all(line));
        if let Some(refused) = refused.filter(|_| self.is_plain_release()) {
            bail!("{}: {refused}, and an optimized program needs no larger ones", self.name);
        }
        match (ended.status, spare) {
            (Status::Exited(0), Some(spare)) => {
                println!("{} with `{features}`: {spare} bytes to spare", self.name);
                Ok(output.lines().filter(|line| line.contains(": takes ")).count() as u64)
            }
            (status, _) => {
                let overrun: Vec<_> = output.lines().filter(|line| line.contains(": -")).collect();
                bail!("{status:?} with `{features}`\n{}\n{}", overrun.join("\n"), transcript::tail(&errors))
            }
        }
    }

    /// Whether all crates are optimized, and nothing else makes their frames deeper.
    fn is_plain_release(&self) -> bool {
        self.is_optimized && self.release && self.settings.is_empty() && self.flags.is_empty()
    }
}

/// Whether a line `spawns on 3 of 11 sizes` says so of all.
fn is_on_all(line: &str) -> bool {
    let mut numbers = line.split(' ').filter_map(|word| word.parse::<u32>().ok());
    numbers.next() == numbers.next()
}
