//! The works, each written once for all peers: nanoseconds an operation.

pub(crate) mod lookup;
mod sites;

use crate::order;
use crate::peer::{Peer, Stacks, Value};
use crate::resident;
use crate::work::{NUMBERS, Work};
use std::hint::black_box;
use std::time::Instant;

/// One sample: nanoseconds an operation, and bytes of memory that a partner took where that is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) nanoseconds: f64,
    pub(crate) bytes: Option<f64>,
}

impl From<f64> for Sample {
    fn from(nanoseconds: f64) -> Self {
        Self { nanoseconds, bytes: None }
    }
}

/// Does a work `count` times; `None` if the peer cannot.
pub(crate) fn sample<P: Peer>(work: Work, count: usize) -> Option<Sample> {
    let nanoseconds = match work {
        Work::RoundTrip => round_trip::<P, usize>(count),
        Work::Sites4 => sites::four::<P>(count),
        Work::Sites8 => sites::eight::<P>(count),
        Work::Bodies8 => sites::eight_bodies::<P>(count),
        Work::Ring(targets) => targets_of::<P>(&order::ring(targets), few_or_many(targets), count),
        Work::Random(targets) => targets_of::<P>(&order::random(targets), few_or_many(targets), count),
        Work::Depth(depth) => at_depth::<P>(depth, count),
        Work::Value64 => round_trip::<P, [u64; 8]>(count),
        Work::Value256 => round_trip::<P, [u64; 32]>(count),
        Work::Throw(frames) if P::THROWS => throw::<P>(frames, count),
        Work::Create => lives::<P>(P::once, count),
        Work::Kill if P::KILLS => lives::<P>(P::kill, count),
        Work::Generate => generate::<P>(),
        Work::Climb(depth) => climb::<P>(depth, count)?,
        Work::Lookup(lanes) => P::lookups(lanes, count),
        Work::Scale(alive) if alive <= P::MOST => return Some(scale::<P>(alive)),
        Work::Throw(_) | Work::Kill | Work::Scale(_) => return None,
    };
    Some(nanoseconds.into())
}

/// How often an operation is done before it is timed, of how often it is then.
pub(crate) const WARM_UP: usize = 8;

/// Times `count` operations; an eighth as many are done before, for caches and predictors. By the same code, of which
/// there is one copy, so that the compiler has no reason to call it: what a peer inlines, and what not, is its own
/// affair.
#[inline(always)]
fn lap<R>(count: usize, mut operation: impl FnMut() -> R) -> f64 {
    laps(count, |times| {
        for _ in 0..times {
            black_box(operation());
        }
    })
}

/// The same for what does several operations by itself.
#[inline(always)]
pub(crate) fn laps(count: usize, mut operations: impl FnMut(usize)) -> f64 {
    let mut time = 0.0;
    for times in [count / WARM_UP, count] {
        // Hidden, or there would be a loop for each.
        let times = black_box(times);
        let start = Instant::now();
        operations(times);
        time = start.elapsed().as_nanos() as f64 / times as f64;
    }
    time
}

/// A partner that answers every value with the next one, and waits.
fn echo<P: Peer, V: Value>(ground: &P::Ground<V>) -> P::Partner<V> {
    let mut partner = P::create(ground, |inside, mut value: V| {
        loop {
            value = P::suspend(inside, value.next())?;
        }
    });
    P::resume(&mut partner, V::default());
    partner
}

/// The partner is hidden from the optimizer: what a program switches to is no constant.
#[inline(always)]
fn trip<P: Peer, V: Value>(partner: &mut P::Partner<V>, value: V) -> V {
    P::resume(black_box(partner), value)
}

fn round_trip<P: Peer, V: Value>(count: usize) -> f64 {
    P::enter(Stacks::usual(1), |ground| {
        let mut partner = echo::<P, V>(ground);
        let mut value = V::default();
        let time = lap(count, || {
            value = trip::<P, V>(&mut partner, value);
        });
        assert_answered(value, count);
        time
    })
}

/// What all that was sent and answered comes to. A work that is not done must not look fast.
fn assert_answered<V: Value>(value: V, count: usize) {
    assert_eq!(value.number(), count + count / WARM_UP, "a partner has not answered each time");
}

/// Stacks for so many, all of them in use.
fn few_or_many(targets: usize) -> Stacks {
    if targets <= 100 { Stacks::usual(targets) } else { Stacks::small(targets) }
}

fn targets_of<P: Peer>(order: &[u32], stacks: Stacks, count: usize) -> f64 {
    P::enter(stacks, |ground| {
        let mut partners: Vec<_> = (0..stacks.count).map(|_| echo::<P, u32>(ground)).collect();
        visit::<P>(&mut partners, order, count)
    })
}

/// Round trips from one place, in a given order, again and again.
fn visit<P: Peer>(partners: &mut [P::Partner<u32>], order: &[u32], count: usize) -> f64 {
    let (mut value, mut at) = (0, 0);
    let time = lap(count, || {
        value = trip::<P, u32>(&mut partners[order[at] as usize], value);
        at = if at + 1 == order.len() { 0 } else { at + 1 };
    });
    assert_answered(value, count);
    time
}

/// Suspends so many calls below the body.
#[inline(never)]
fn deep<P: Peer>(inside: &mut P::Inside<'_, usize>, value: usize, depth: usize) -> Result<usize, P::Stop<usize>> {
    let answer = if depth == 1 { P::suspend(inside, value) } else { deep::<P>(inside, value, depth - 1) };
    // Something to come back for, or this would be a jump.
    black_box(&depth);
    answer
}

fn at_depth<P: Peer>(depth: usize, count: usize) -> f64 {
    P::enter(Stacks::usual(1), |ground| {
        let mut partner = P::create(ground, move |inside, mut value| {
            loop {
                value = deep::<P>(inside, value + 1, depth)?;
            }
        });
        assert_eq!(P::resume(&mut partner, 0), 1);
        let mut value = 0;
        let time = lap(count, || {
            value = trip::<P, usize>(&mut partner, value);
        });
        assert_answered(value, count);
        time
    })
}

fn throw<P: Peer>(frames: usize, count: usize) -> f64 {
    P::enter(Stacks::usual(1), |ground| {
        let mut partner = P::create(ground, move |inside, mut value| {
            loop {
                value = match deep::<P>(inside, value, frames) {
                    Err(stop) if P::is_error(&stop) => value + 1,
                    other => other?,
                };
            }
        });
        let mut value = P::resume(&mut partner, 0);
        let time = lap(count, || {
            value = P::throw(black_box(&mut partner));
        });
        assert_answered(value, count);
        time
    })
}

#[inline(always)]
fn lives<P: Peer>(life: impl Fn(&P::Ground<usize>, usize) -> usize, count: usize) -> f64 {
    P::enter(Stacks::usual(1), |ground| {
        let mut value = 0;
        let time = lap(count, || {
            value = life(ground, black_box(value)) + 1;
        });
        assert_answered(value, count);
        time
    })
}

fn generate<P: Peer>() -> f64 {
    P::enter(Stacks::usual(1), |ground| {
        let mut partner = P::create(ground, |inside, _| {
            for number in 0.. {
                P::suspend(inside, number)?;
            }
            Ok(0)
        });
        let start = Instant::now();
        let sum: usize = (0..NUMBERS).map(|_| P::resume(&mut partner, 0)).sum();
        let elapsed = start.elapsed();
        assert_eq!(sum, NUMBERS * (NUMBERS - 1) / 2);
        elapsed.as_nanos() as f64
    })
}

/// Each climb is timed by itself, from within; the first one is for the caches.
fn climb<P: Peer>(depth: usize, count: usize) -> Option<f64> {
    P::climb(depth)?;
    let mut sum = 0.0;
    for _ in 0..count {
        sum += P::climb(depth)?;
    }
    Some(sum / count as f64)
}

/// At least so many trips, so that the clock is of no account.
const LEAST: usize = 20_000;

fn scale<P: Peer>(alive: usize) -> Sample {
    let order = order::random(alive);
    P::enter(Stacks::small(alive), |ground| {
        let mut partners = Vec::with_capacity(alive);
        let before = resident::bytes();
        partners.extend((0..alive).map(|_| echo::<P, u32>(ground)));
        let bytes = (resident::bytes() - before) / alive as f64;
        let nanoseconds = visit::<P>(&mut partners, &order, alive.max(LEAST));
        Sample { nanoseconds, bytes: Some(bytes) }
    })
}

#[cfg(test)]
mod tests {
    use crate::entrants::{LOOKUPS_ALONE, ROUND_TRIP_ALONE, entrants};
    use crate::peer::{Peer, Stacks};
    use crate::peers::{ByHandle, ByUp, Corosensei, Generator, Greenlets};
    use crate::work::{LOOKUPS, SCALES, WORKS, Work};
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// One tree at a time in a process.
    static ONE: Mutex<()> = Mutex::new(());

    #[test]
    fn each_does_what_it_can() {
        let _one = ONE.lock();
        let works = WORKS.into_iter().chain(LOOKUPS).chain(SCALES[..4].iter().map(|&alive| Work::Scale(alive)));
        for work in works.filter(|work| !work.is_long()) {
            let able = entrants().into_iter().filter(|entrant| (entrant.sample)(work, 64).is_some());
            let able: Vec<_> = able.map(|entrant| entrant.name).collect();
            let all = !matches!(work, Work::Throw(_) | Work::Kill | Work::Climb(_));
            let peers = entrants().into_iter().map(|entrant| entrant.name).filter(|name| match work {
                Work::Lookup(_) => !ROUND_TRIP_ALONE.contains(name),
                Work::RoundTrip => !LOOKUPS_ALONE.contains(name),
                _ => !ROUND_TRIP_ALONE.contains(name) && !LOOKUPS_ALONE.contains(name),
            });
            assert_eq!(able == peers.collect::<Vec<_>>(), all, "{work}: {able:?}");
            assert!(able.iter().any(|name| name.starts_with("greenlet-up")), "{work}: {able:?}");
        }
    }

    #[test]
    fn the_killer_runs_destructors() {
        let _one = ONE.lock();
        static DROPPED: AtomicUsize = AtomicUsize::new(0);
        struct Guard;
        impl Drop for Guard {
            fn drop(&mut self) {
                DROPPED.fetch_add(1, Ordering::Relaxed);
            }
        }
        fn killed<P: Peer>() -> bool {
            let before = DROPPED.load(Ordering::Relaxed);
            P::enter::<usize, _>(Stacks::usual(1), |ground| {
                let mut partner = P::create(ground, |inside, value| {
                    let _guard = Guard;
                    P::suspend(inside, value)
                });
                assert_eq!(P::resume(&mut partner, 7), 7);
            });
            assert!(P::KILLS);
            DROPPED.load(Ordering::Relaxed) == before + 1
        }
        assert!(killed::<Greenlets<ByHandle>>());
        assert!(killed::<Greenlets<ByUp>>());
        assert!(killed::<Corosensei>());
        assert!(killed::<Generator>());
    }
}
