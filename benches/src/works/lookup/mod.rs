//! Lookups in a table that is larger than the caches: several are in progress, so their cache misses overlap. Each
//! prefetches the memory that it reads next, and lets the others run meanwhile.
//!
//! | function | what runs next |
//! |---|---|
//! | [`plain`] | nothing: a lookup ends before the next begins, but for what the processor overlaps |
//! | [`by_hand`] | a state machine, written by hand |
//! | [`futures`] | the state machine that the compiler makes of an `async` block, polled by hand |
//! | [`by_main`] | coroutines, each of which goes back to main; main resumes the next |
//! | [`lane`] | one lookup after the other, for coroutines that go to one another |

mod table;

use super::WARM_UP;
use super::laps;
use crate::peer::{Peer, Stacks};
use std::convert::Infallible;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use table::{Place, Step, Table};

/// What the coroutines share: the next lookup, the first that is not to be done, how many are done, and the sum of what
/// they found. Atomics for the compiler's sake, which take no locked instruction here: coroutines have to be `Send`.
pub(crate) struct Desk {
    next: AtomicUsize,
    end: AtomicUsize,
    done: AtomicUsize,
    sum: AtomicU64,
}

/// The lookups continue where those of the last peer ended: none finds its entries in the caches.
pub(crate) static DESK: Desk =
    Desk { next: AtomicUsize::new(0), end: AtomicUsize::new(0), done: AtomicUsize::new(0), sum: AtomicU64::new(0) };

impl Desk {
    /// More lookups are to be done.
    fn open(&self, times: usize) {
        self.end.store(self.end.load(Relaxed) + times, Relaxed);
    }

    /// The key of the next lookup, unless all have begun.
    #[inline(always)]
    fn take(&self, table: &Table) -> Option<u64> {
        let next = self.next.load(Relaxed);
        if next == self.end.load(Relaxed) {
            return None;
        }
        self.next.store(next + 1, Relaxed);
        Some(table.request(next))
    }

    #[inline(always)]
    fn found(&self, value: u64) {
        self.sum.store(self.sum.load(Relaxed).wrapping_add(value), Relaxed);
        self.done.store(self.done.load(Relaxed) + 1, Relaxed);
    }

    /// Whether all lookups are done.
    #[inline(always)]
    pub(crate) fn is_done(&self) -> bool {
        self.done.load(Relaxed) == self.end.load(Relaxed)
    }
}

/// Times lookups, and checks what they found.
pub(crate) fn timed(count: usize, mut serve: impl FnMut()) -> f64 {
    let table = Table::get();
    let first = DESK.end.load(Relaxed);
    DESK.sum.store(0, Relaxed);
    let time = laps(count, |times| {
        DESK.open(times);
        serve();
    });
    let end = DESK.end.load(Relaxed);
    assert!(DESK.is_done() && end - first == count + count / WARM_UP, "not all lookups were done");
    assert_eq!(DESK.sum.load(Relaxed), table.expected(first..end), "a lookup has found a wrong value");
    time
}

/// Serves lookups for ever; `pause` lets the others run, and returns whether no lookup is left. An error of it ends
/// this.
///
/// # Errors
///
/// Those of `pause`.
#[inline(always)]
pub(crate) fn lane<E>(mut pause: impl FnMut(bool) -> Result<(), E>) -> Result<Infallible, E> {
    let table = Table::get();
    loop {
        let Some(key) = DESK.take(table) else {
            pause(true)?;
            continue;
        };
        let mut place = table.start(key);
        loop {
            table.prefetch(place);
            pause(false)?;
            match table.step(place, key) {
                Step::Next(next) => place = next,
                Step::Found(value) => break DESK.found(value),
            }
        }
    }
}

/// Main resumes the coroutines in turn, as asymmetric ones need.
pub(crate) fn by_main<P: Peer>(lanes: usize, count: usize) -> f64 {
    P::enter(Stacks::usual(lanes), |ground| {
        let create = |_| P::create(ground, |inside, _: usize| match lane(|_| P::suspend(inside, 0).map(drop))? {});
        let mut partners: Vec<_> = (0..lanes).map(create).collect();
        timed(count, || {
            while !DESK.is_done() {
                for partner in &mut partners {
                    P::resume(black_box(partner), 0);
                }
            }
        })
    })
}

/// One lookup after the other.
pub(crate) fn plain(count: usize) -> f64 {
    let table = Table::get();
    timed(count, || {
        while let Some(key) = DESK.take(table) {
            let mut place = table.start(key);
            loop {
                match table.step(place, key) {
                    Step::Next(next) => place = next,
                    Step::Found(value) => break DESK.found(value),
                }
            }
        }
    })
}

/// A state machine, as a programmer writes it for this alone: the states of all lookups in an array, which is gone
/// through over and over.
pub(crate) fn by_hand(lanes: usize, count: usize) -> f64 {
    let table = Table::get();
    timed(count, || {
        let begin = || {
            let key = DESK.take(table)?;
            let place = table.start(key);
            table.prefetch(place);
            Some((key, place))
        };
        let mut states: Vec<Option<(u64, Place)>> = (0..lanes).map(|_| begin()).collect();
        while !DESK.is_done() {
            for state in &mut states {
                let Some((key, place)) = state else { continue };
                match table.step(*place, *key) {
                    Step::Next(next) => {
                        table.prefetch(next);
                        *place = next;
                    }
                    Step::Found(value) => {
                        DESK.found(value);
                        *state = begin();
                    }
                }
            }
        }
    })
}

/// Futures in an array, polled over and over.
pub(crate) fn futures(lanes: usize, count: usize) -> f64 {
    let mut futures: Vec<_> = (0..lanes).map(|_| Box::pin(async_lane())).collect();
    let mut context = Context::from_waker(Waker::noop());
    timed(count, || {
        while !DESK.is_done() {
            for future in &mut futures {
                assert!(black_box(future).as_mut().poll(&mut context).is_pending(), "a future has ended");
            }
        }
    })
}

/// [`lane`], as `async`.
async fn async_lane() -> Infallible {
    let table = Table::get();
    loop {
        let Some(key) = DESK.take(table) else {
            Pause(false).await;
            continue;
        };
        let mut place = table.start(key);
        loop {
            table.prefetch(place);
            Pause(false).await;
            match table.step(place, key) {
                Step::Next(next) => place = next,
                Step::Found(value) => break DESK.found(value),
            }
        }
    }
}

/// Is pending once.
struct Pause(bool);

impl Future for Pause {
    type Output = ();

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}
