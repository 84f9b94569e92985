//! Free slots: none in two hands, none lost, none refused that is there, and what a holder wrote is seen by the next
//! one.

use crate::schedule::{as_static, every_order, some_order_breaks, thread};
use std::cell::UnsafeCell;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

/// A variant of the kernel's slots.
trait Pool: Send + Sync + 'static {
    fn new() -> Self;
    fn claim(&'static self) -> Option<u32>;
    fn release(&'static self, slot: u32);
}

/// Slots of a pool of the models.
const SLOTS: usize = 3;

macro_rules! variants {
    ($($name:ident,)*) => {$(
        #[allow(dead_code, unused_variables, unreachable_pub, clippy::all, reason = "a mutant leaves something out, and is not made to be read")]
        mod $name {
            include!(concat!(env!("OUT_DIR"), "/", stringify!($name), ".rs"));

            impl super::Pool for Slots<{ super::SLOTS }> {
                fn new() -> Self {
                    Slots::new()
                }
                fn claim(&'static self) -> Option<u32> {
                    Slots::claim(self).map(|(slot, _)| slot)
                }
                fn release(&'static self, slot: u32) {
                    // SAFETY: the models release what they claimed here, once.
                    unsafe { release(self.erase(), slot) }
                }
            }
        }
    )*};
}

variants! { slots, slots_uncounted, slots_stored, slots_linked_late, slots_fresh_twice, }

type Real = slots::Slots<SLOTS>;

/// A pool, and what is known of its slots. The notes are no steps of the model: shuttle does not see them, and they
/// order nothing under weak memory.
struct Bench<P> {
    pool: P,
    in_hand: [AtomicBool; SLOTS],
    /// Written by every holder, without synchronisation: Miri finds the race if the slots do not see to it.
    notes: [UnsafeCell<u32>; SLOTS],
}

// SAFETY: only the holder of the slot accesses its `notes`.
unsafe impl<P: Sync> Sync for Bench<P> {}

impl<P: Pool> Bench<P> {
    fn new() -> Self {
        Self { pool: P::new(), in_hand: Default::default(), notes: Default::default() }
    }

    fn claim(&'static self) -> Option<u32> {
        let slot = self.pool.claim()?;
        assert!(!self.in_hand[slot as usize].swap(true, Relaxed), "slot {slot} is in two hands");
        // SAFETY: the slot is in this hand only, as was seen just now.
        unsafe { *self.notes[slot as usize].get() += 1 };
        Some(slot)
    }

    fn release(&'static self, slot: u32) {
        self.in_hand[slot as usize].store(false, Relaxed);
        self.pool.release(slot);
    }

    /// At the end, with all threads joined.
    fn check_all_free(&'static self) {
        let mut slots: Vec<_> = std::iter::from_fn(|| self.claim()).take(SLOTS + 1).collect();
        slots.sort_unstable();
        assert_eq!(slots, [0, 1, 2], "a slot is lost");
    }
}

/// Threads that each do `work` on one pool.
fn threads<P: Pool>(count: usize, work: fn(&'static Bench<P>)) {
    as_static(Bench::<P>::new(), |bench| {
        let threads: Vec<_> = (0..count).map(|_| thread::spawn(move || work(bench))).collect();
        for thread in threads {
            thread.join().unwrap();
        }
        bench.check_all_free();
    });
}

/// Takes two, gives the first one back while it has the second, and takes another: what it takes to get an old head
/// back with another slot behind it.
fn greedy<P: Pool>(bench: &'static Bench<P>) {
    for _ in 0..2 {
        let first = bench.claim();
        let second = bench.claim();
        first.into_iter().for_each(|slot| bench.release(slot));
        let third = bench.claim();
        second.into_iter().chain(third).for_each(|slot| bench.release(slot));
    }
}

/// Takes one at a time. With as many slots as threads it always gets one.
fn modest<P: Pool>(bench: &'static Bench<P>) {
    for _ in 0..3 {
        let slot = bench.claim().expect("there is a slot for each");
        bench.release(slot);
    }
}

/// How a mutant is noticed.
const BROKEN: &[&str] = &["in two hands", "a slot is lost"];

#[test]
fn two_threads_share_a_pool() {
    every_order(|| threads::<Real>(2, greedy));
}

#[test]
fn three_threads_share_a_pool() {
    every_order(|| threads::<Real>(3, greedy));
}

#[test]
fn four_threads_share_a_pool() {
    every_order(|| threads::<Real>(4, greedy));
}

#[test]
fn a_slot_that_is_there_is_not_refused() {
    every_order(|| threads::<Real>(SLOTS, modest));
}

#[cfg_attr(miri, ignore = "a slot in two hands is a data race, at which Miri stops")]
#[test]
fn a_head_that_is_not_counted_is_noticed() {
    some_order_breaks(|| threads::<slots_uncounted::Slots<SLOTS>>(2, greedy), BROKEN);
}

#[cfg_attr(miri, ignore = "a slot in two hands is a data race, at which Miri stops")]
#[test]
fn a_head_that_is_just_stored_is_noticed() {
    some_order_breaks(|| threads::<slots_stored::Slots<SLOTS>>(2, greedy), BROKEN);
}

#[cfg_attr(miri, ignore = "a slot in two hands is a data race, at which Miri stops")]
#[test]
fn a_slot_that_is_linked_late_is_noticed() {
    some_order_breaks(|| threads::<slots_linked_late::Slots<SLOTS>>(3, greedy), BROKEN);
}

#[cfg_attr(miri, ignore = "a slot in two hands is a data race, at which Miri stops")]
#[test]
fn a_fresh_slot_for_two_is_noticed() {
    some_order_breaks(|| threads::<slots_fresh_twice::Slots<SLOTS>>(2, greedy), BROKEN);
}
