//! The library's own tests with its features, and optimized; `cargo test` itself runs them without features and
//! unoptimized. And the tests of the crates above it that need `std`.

use libtest_mimic::Failed;
use qemu_tests::compile::Profile;
use qemu_tests::foreign;
use qemu_tests::hosted::{self, Tests};
use qemu_tests::tally::Tally;
use qemu_tests::tools::Needs;

use crate::{Case, builds};

/// The runs, by name. Each feature is tested in one of them; everything else also with `std` and with `cores`, which
/// change it.
const RUNS: [(&str, Tests); 3] = [
    (
        "std",
        Tests {
            features: "std,alloc,recorder,defmt,embedded-io,high-water,fp-control,abandon,watchpoint",
            profile: Profile::Debug,
            docs: true,
        },
    ),
    // The examples in the documentation show nothing new if they are optimized.
    ("none", Tests { features: "", profile: Profile::Release, docs: false }),
    ("cores", Tests { features: "cores,recorder,abandon,alloc,watchpoint", profile: Profile::Debug, docs: false }),
];

/// The runs on request: they compile all tests once more, and each differs from another run in one point.
const MORE_RUNS: [(&str, Tests); 3] = [
    (
        "std",
        Tests { features: "std,alloc,recorder,defmt,high-water,fp-control", profile: Profile::Release, docs: false },
    ),
    ("abandon", Tests { features: "abandon,alloc,watchpoint", profile: Profile::Debug, docs: true }),
    ("unchecked", Tests { features: "unchecked-switch", profile: Profile::Debug, docs: false }),
];

/// The opt-levels at which the least stack is tested besides, when asked for: those that neither a run has nor a usual
/// way of `least`.
const LEVELS: [(&str, &str); 2] = [("0", "0"), ("s", "\"s\"")];

pub(crate) fn cases() -> Vec<Case> {
    let run = |(name, tests): (&'static str, Tests)| {
        case(&format!("{name}::{}", tests.profile), move || {
            let attempts = tests.run()?;
            println!("{}", Tally { attempts, failures: 0 }.line(format_args!("hosted::{name}::{}", tests.profile)));
            Ok(())
        })
    };
    let floor = |(name, level): (&'static str, &'static str)| {
        case(&format!("floor::{name}"), move || {
            ["", "std,abandon"].iter().try_for_each(|features| hosted::floor(level, features).map(drop))
        })
    };
    // With `cores` a program must declare a core identity, or it does not link.
    let examples = case("cores::examples", || hosted::examples("cores"));
    let widest = case("cores::with_the_largest_blocks", || hosted::cores().map(drop));
    let mut valgrind = case("valgrind", || hosted::under_valgrind().map(drop));
    valgrind.needs.valgrind();
    let companions = case("companions", || hosted::companions().map(drop));
    let more = MORE_RUNS
        .into_iter()
        .map(run)
        .chain(LEVELS.into_iter().map(floor))
        .chain([examples, valgrind])
        .chain(musl())
        .chain(foreign());
    RUNS.into_iter().map(run).chain([widest, companions]).chain(more.map(Case::when_asked_for)).collect()
}

/// The tests on another instruction set. Nothing else runs what is compiled for hosts on it.
fn foreign() -> Vec<Case> {
    const RUNS: [(&str, &str, Profile); 3] = [
        ("std", "std,alloc,recorder,defmt,high-water,fp-control,abandon", Profile::Debug),
        ("std", "std,alloc,recorder,defmt,high-water,fp-control,abandon", Profile::Release),
        ("none", "", Profile::Release),
    ];
    let run = |(name, features, profile)| {
        let name = format!("host-aarch64::{name}::{profile}");
        let test = name.clone();
        let mut case = case("", move || {
            let attempts = hosted::foreign(features, profile)?;
            println!("{}", Tally { attempts, failures: 0 }.line(format_args!("{test}")));
            Ok(())
        });
        foreign::needs(&mut case.needs);
        Case { name, ..case }
    };
    let runs_here = cfg!(all(target_arch = "x86_64", target_os = "linux"));
    RUNS.into_iter().filter(|_| runs_here).map(run).collect()
}

/// Rust's programs for musl have LLVM's unwinder, and not GCC's. They run on any Linux.
fn musl() -> Vec<Case> {
    const TARGET: &str = "x86_64-unknown-linux-musl";
    const RUNS: [(&str, &str); 2] = [("std", "std,alloc,recorder,high-water,fp-control,abandon"), ("none", "")];
    let run = |(name, features)| {
        let mut case = case(&format!("musl::{name}"), move || {
            let attempts = hosted::of_target(TARGET, features)?;
            println!("{}", Tally { attempts, failures: 0 }.line(format_args!("hosted::musl::{name}")));
            Ok(())
        });
        case.needs.target(TARGET);
        case
    };
    let runs_here = cfg!(all(target_arch = "x86_64", target_os = "linux"));
    RUNS.into_iter().filter(|_| runs_here).map(run).collect()
}

fn case(name: &str, run: impl FnOnce() -> anyhow::Result<()> + Send + 'static) -> Case {
    let test = move || {
        let _turn = builds::turn("hosted");
        run().map_err(|error| Failed::from(format!("{error:#}")))
    };
    Case::new(format!("hosted::{name}"), Needs::default(), test)
}
