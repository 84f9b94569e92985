//! Peers without stacks: tasks of Embassy, and a future polled by hand. They exchange a number, and do no other work.

use crate::work::Work;
use crate::works::{Sample, WARM_UP, laps};
use stackless::{SameCore, Shared, with_future, with_tasks};

/// Tasks that wait for signals as a static has them, which interrupt handlers may set, too.
pub(crate) fn embassy(work: Work, count: usize) -> Option<Sample> {
    (work == Work::RoundTrip).then(|| with_tasks::<Shared, _>(|trips| time(trips, count)).into())
}

/// Tasks that wait for signals without a lock.
pub(crate) fn embassy_same_core(work: Work, count: usize) -> Option<Sample> {
    (work == Work::RoundTrip).then(|| with_tasks::<SameCore, _>(|trips| time(trips, count)).into())
}

/// A future, polled by hand.
pub(crate) fn future(work: Work, count: usize) -> Option<Sample> {
    (work == Work::RoundTrip).then(|| with_future(|trips| time(trips, count)).into())
}

/// Nanoseconds of a round trip; `trips` makes so many, and returns how many were answered in all.
fn time(trips: &mut dyn FnMut(u64) -> u64, count: usize) -> f64 {
    let mut answered = 0;
    let time = laps(count, |times| answered = trips(times as u64));
    assert_eq!(answered, (count + count / WARM_UP) as u64, "not each round trip was answered");
    time
}
