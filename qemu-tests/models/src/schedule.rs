//! In which orders a model is run.

use std::panic::{AssertUnwindSafe, catch_unwind};

#[cfg(not(miri))]
pub(crate) use shuttle::thread;
#[cfg(miri)]
pub(crate) use std::thread;

/// Runs of a model by each of shuttle's two schedulers.
#[cfg(not(miri))]
const RUNS: usize = 4_000;
/// Runs of a model in one run of Miri; another seed of Miri makes others.
#[cfg(miri)]
const RUNS: usize = 4;
/// Runs after which Miri gives up on a mutant.
#[cfg(miri)]
const MUTANT_RUNS: usize = 300;

/// How many changes of thread at the wrong place PCT looks for; a bug that needs more is found by chance only.
#[cfg(not(miri))]
const DEPTH: usize = 3;

/// Where the random numbers of a mutant's orders begin: a mutant is found every time, or never.
#[cfg(not(miri))]
const MUTANT_SEED: u64 = 1;

/// Runs a model in many orders, each time in others. It panics in the first one that breaks it; what shuttle prints
/// then is what `shuttle::replay` needs to run that one again.
pub(crate) fn every_order(model: fn()) {
    #[cfg(not(miri))]
    {
        use shuttle::scheduler::{PctScheduler, RandomScheduler};
        let ran = run(RandomScheduler::new(RUNS), model) + run(PctScheduler::new(DEPTH, RUNS), model);
        // For `cargo xtask reliability`.
        println!("tally orders: {ran} attempts, 0 failures");
    }
    #[cfg(miri)]
    for _ in 0..RUNS {
        model();
    }
}

/// Runs a model in the orders of one scheduler, and returns how many these were.
#[cfg(not(miri))]
fn run(scheduler: impl shuttle::scheduler::Scheduler + 'static, model: fn()) -> usize {
    let mut config = shuttle::Config::new();
    // Said of every ordering that is not `SeqCst`: that shuttle takes it for that. What they are for is Miri's to find
    // out.
    config.silence_warnings = true;
    shuttle::Runner::new(scheduler, config).run(model)
}

/// Runs a model of a mutant in many orders: one of them must break it, and for one of the reasons that are `expected`.
///
/// Which of the model's checks finds it first, the orders decide: all that may find it are expected.
#[track_caller]
pub(crate) fn some_order_breaks(model: fn(), expected: &[&str]) {
    #[cfg(not(miri))]
    let broken = {
        use shuttle::scheduler::{PctScheduler, RandomScheduler};
        let schedulers = AssertUnwindSafe(|| {
            run(RandomScheduler::new_from_seed(MUTANT_SEED, RUNS), model);
            run(PctScheduler::new_from_seed(MUTANT_SEED, DEPTH, RUNS), model);
        });
        catch_unwind(schedulers).err()
    };
    #[cfg(miri)]
    let broken = (0..MUTANT_RUNS).find_map(|_| catch_unwind(AssertUnwindSafe(model)).err());
    let Some(panic) = broken else { panic!("a mutant went unnoticed") };
    let message = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    let message = message.unwrap_or("a panic without words");
    println!("noticed by: {message}");
    let known = expected.iter().any(|reason| message.contains(*reason));
    assert!(known, "a mutant was noticed by: {message}\nexpected: {expected:?}");
}

/// Lends a value as if it were a static, which the kernel's pools and trees are, and frees it.
pub(crate) fn as_static<T: 'static>(value: T, body: impl FnOnce(&'static T)) {
    let place = Box::into_raw(Box::new(value));
    // SAFETY: freed below, when the threads of the model, which `body` joins, have ended. If one of them panics, it is
    // not freed.
    body(unsafe { &*place });
    // SAFETY: made from a box above.
    drop(unsafe { Box::from_raw(place) });
}
