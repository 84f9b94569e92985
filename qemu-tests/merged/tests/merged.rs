//! All hosted tests in one program: it is linked once, and starts once. `cargo mutants-sample` tries mutants against it.
//!
//! Without the feature `std` there is one core in the world, and each module has a lock of its own: run it with
//! `--test-threads=1`.

use std::sync::Mutex;

include!(concat!(env!("OUT_DIR"), "/programs.rs"));

/// For all modules with scenarios, whose interpreter runs one at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Every case of misuse; a program of their own names each.
#[test]
fn misuse_is_refused_or_survived() {
    let failed: Vec<_> = misuse::cases().filter_map(|case| Some(format!("{case}: {}", case.run().err()?))).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// A short soak, audited after every operation.
#[test]
fn a_soak_is_clean() {
    /// Of nine ways to break the kernel, each was found within 1,400 operations.
    const COUNT: u64 = 5_000;
    let tally = soak::Order { seed: 1, count: COUNT }.run(|_stack| (), |_done| ());
    assert_eq!((tally.failure.as_deref(), tally.done), (None, COUNT), "after {}: {}", tally.done, tally.story);
}
