//! What few generic instances do much with: the recorded scenarios, every case of misuse, a short soak. Compiled in a fraction of
//! the time that the library's own tests take, it is what `cargo xtask mutants-sample` tries a mutant against first.

use std::sync::Mutex;

#[allow(dead_code, reason = "it has a lock of its own")]
#[path = "../../conformance/tests/audit.rs"]
mod audit;
#[allow(dead_code, reason = "it has a lock of its own")]
#[path = "../../conformance/tests/corpus.rs"]
mod corpus;

/// For both modules: the interpreter runs one scenario at a time.
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
