//! The hub's wakes: none is lost, by a bell, a signal or a remote channel, and a kill never reaches another task.
//!
//! The first thread of a model is the hub's core. It does what `Schedule::next` and `Signal::wait` do.

use crate::schedule::{as_static, every_order, some_order_breaks, thread};
use std::sync::Mutex;

/// The atomics of the hub's files.
pub(crate) mod atomics {
    #[cfg(not(miri))]
    pub(crate) use shuttle::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64 as Word, AtomicUsize, Ordering};
    #[cfg(miri)]
    pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64 as Word, AtomicUsize, Ordering};
}

/// The word of a bell on 32-bit processors, and mutants.
#[allow(dead_code, unreachable_pub, clippy::all, reason = "a mutant leaves something out, and is not made to be read")]
pub(crate) mod bell_word {
    include!(concat!(env!("OUT_DIR"), "/bell_word.rs"));
}
#[allow(dead_code, unreachable_pub, clippy::all, reason = "a mutant leaves something out, and is not made to be read")]
pub(crate) mod bell_word_in_place {
    include!(concat!(env!("OUT_DIR"), "/bell_word_in_place.rs"));
}
#[allow(dead_code, unreachable_pub, clippy::all, reason = "a mutant leaves something out, and is not made to be read")]
pub(crate) mod bell_word_overwritten {
    include!(concat!(env!("OUT_DIR"), "/bell_word_overwritten.rs"));
}

/// A variant of the hub's files: two bells and their inbox, a signal, and a ring.
trait Wakes: Default + Send + Sync + 'static {
    /// Wakes slot `slot`. Returns `true` if the core has to be kicked.
    fn wake(&'static self, slot: usize) -> bool;
    /// Requests a kill. Returns whether the generation was right.
    fn kill(&'static self, slot: usize, generation: u64) -> bool;
    /// The generation of a new slot.
    fn first() -> u64;
    fn generation(&self, slot: usize) -> u64;
    fn next_generation(&self, slot: usize);
    fn is_empty(&self) -> bool;
    /// The slots in the inbox, and which of them were killed.
    fn drain(&'static self) -> Vec<(usize, bool)>;
    /// Raises the signal, and wakes the slot that waits for it.
    fn raise(&'static self, bits: u32);
    fn enter(&'static self, slot: usize);
    fn leave(&self);
    fn take(&self) -> u32;
    /// Sends by the ring, and wakes the slot that waits.
    fn send(&'static self, value: u32) -> bool;
    fn receive(&self) -> Option<u32>;
}

macro_rules! variants {
    ($($name:ident: $bell:ident $waiter:ident $ring:ident,)*) => {$(
        #[allow(dead_code, unused_imports, unused_variables, clippy::all, reason = "a mutant leaves something out, and is not made to be read")]
        mod $name {
            pub(crate) mod bell {
                include!(concat!(env!("OUT_DIR"), "/", stringify!($bell), ".rs"));
            }
            mod waiter {
                use super::bell;
                include!(concat!(env!("OUT_DIR"), "/", stringify!($waiter), ".rs"));
            }
            mod ring {
                include!(concat!(env!("OUT_DIR"), "/", stringify!($ring), ".rs"));
            }
            use std::ptr::NonNull;

            pub(super) struct Hub {
                bells: [bell::Bell; 2],
                inbox: bell::Inbox,
                flags: waiter::Flags,
                ring: ring::Ring<u32, 2>,
            }

            impl Default for Hub {
                fn default() -> Self {
                    Self {
                        bells: [bell::Bell::new(), bell::Bell::new()],
                        inbox: bell::Inbox::new(),
                        flags: waiter::Flags::new(),
                        ring: ring::Ring::new(),
                    }
                }
            }

            impl Hub {
                fn wake_bell(&'static self, bell: *mut bell::Bell) {
                    if let Some(bell) = NonNull::new(bell) {
                        // SAFETY: of this hub, which is lent as a static.
                        if unsafe { bell.as_ref() }.ring() {
                            // SAFETY: as above, and rung.
                            unsafe { self.inbox.push(bell) };
                        }
                    }
                }
            }

            impl super::Wakes for Hub {
                fn wake(&'static self, slot: usize) -> bool {
                    // SAFETY: lent as a static, and rung.
                    self.bells[slot].ring() && unsafe { self.inbox.push(NonNull::from(&self.bells[slot])) }
                }
                fn kill(&'static self, slot: usize, generation: u64) -> bool {
                    let push = self.bells[slot].kill(generation);
                    if push == Some(true) {
                        // SAFETY: lent as a static, and rung.
                        unsafe { self.inbox.push(NonNull::from(&self.bells[slot])) };
                    }
                    push.is_some()
                }
                fn first() -> u64 {
                    bell::Bell::new().generation()
                }
                fn generation(&self, slot: usize) -> u64 {
                    self.bells[slot].generation()
                }
                fn next_generation(&self, slot: usize) {
                    self.bells[slot].next_generation();
                }
                fn is_empty(&self) -> bool {
                    self.inbox.is_empty()
                }
                fn drain(&'static self) -> Vec<(usize, bool)> {
                    let mut drained = Vec::new();
                    self.inbox.drain(|bell, killed| {
                        let slot = self.bells.iter().position(|other| std::ptr::eq(other, bell.as_ptr()));
                        drained.push((slot.expect("a bell of this hub"), killed));
                        assert!(drained.len() <= 2, "a bell is in the inbox twice");
                    });
                    drained
                }
                fn raise(&'static self, bits: u32) {
                    self.wake_bell(self.flags.raise(bits));
                }
                fn enter(&'static self, slot: usize) {
                    assert!(self.flags.waiter.enter(std::ptr::from_ref(&self.bells[slot]).cast_mut()));
                }
                fn leave(&self) {
                    self.flags.waiter.leave();
                }
                fn take(&self) -> u32 {
                    self.flags.take()
                }
                fn send(&'static self, value: u32) -> bool {
                    let sent = self.ring.send(value).is_ok();
                    if sent {
                        self.wake_bell(self.flags.waiter.get());
                    }
                    sent
                }
                fn receive(&self) -> Option<u32> {
                    // SAFETY: the first thread of the model alone.
                    unsafe { self.ring.take() }
                }
            }
        }
    )*};
}

variants! {
    real: bell waiter ring,
    bell_not_rung_again: bell_not_rung_again waiter ring,
    bell_collected_first: bell_collected_first waiter ring,
    bell_pushed_by_store: bell_pushed_by_store waiter ring,
    bell_for_any_task: bell_for_any_task waiter ring,
    bell_kill_kept: bell_kill_kept waiter ring,
    bell_narrow: bell_narrow waiter ring,
    bell_narrow_in_place: bell_narrow_in_place waiter ring,
    bell_narrow_overwritten: bell_narrow_overwritten waiter ring,
    waiter_read_first: bell waiter_read_first ring,
    ring_claimed_by_store: bell waiter ring_claimed_by_store,
    ring_published_first: bell waiter ring_published_first,
}

type Real = real::Hub;

/// Runs `body` as the hub's core, and each of `others` as a thread beside it.
fn hub<W: Wakes>(others: &[fn(&'static W)], body: impl FnOnce(&'static W)) {
    as_static(W::default(), |hub| {
        let threads: Vec<_> = others.iter().map(|&other| thread::spawn(move || other(hub))).collect();
        body(hub);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// Waits as the idle loop does, until something is in the inbox. With all senders done, an empty inbox is a sleep for
/// ever.
fn sleep<W: Wakes>(hub: &'static W, are_done: impl Fn() -> bool) -> Vec<(usize, bool)> {
    for _ in 0..MOST {
        let done = are_done();
        if !hub.is_empty() {
            return hub.drain();
        }
        assert!(!done, "a wake is lost");
        thread::yield_now();
    }
    panic!("it waits for ever");
}

/// Steps after which a loop of a mutant is said not to end.
const MOST: usize = 5_000;

/// Counts threads that are done, without a step of the model.
#[derive(Default)]
struct Done(Mutex<usize>);

impl Done {
    fn add(&self) {
        *self.0.lock().expect("no thread panics with it") += 1;
    }

    fn is(&self, count: usize) -> bool {
        *self.0.lock().expect("no thread panics with it") == count
    }
}

/// Whatever is said before a wake is seen by a task that runs after it.
fn every_wake_is_followed_by_a_turn<W: Wakes>() {
    static SAID: Mutex<[u32; 2]> = Mutex::new([0; 2]);
    static DONE: Done = Done(Mutex::new(0));
    *SAID.lock().expect("no thread panics with it") = [0; 2];
    *DONE.0.lock().expect("no thread panics with it") = 0;
    fn says<W: Wakes>(hub: &'static W, slots: [usize; 2]) {
        for slot in slots {
            SAID.lock().expect("no thread panics with it")[slot] += 1;
            hub.wake(slot);
        }
        DONE.add();
    }
    hub::<W>(&[|hub| says(hub, [0, 1]), |hub| says(hub, [1, 0])], |hub| {
        let mut seen = [0; 2];
        while seen != [2, 2] {
            for (slot, killed) in sleep(hub, || DONE.is(2)) {
                assert!(!killed, "a kill that was not requested");
                thread::yield_now();
                seen[slot] = SAID.lock().expect("no thread panics with it")[slot];
            }
        }
    });
}

/// A kill is seen by the task for which it was requested, or refused, and never by the next one.
fn a_kill_is_of_its_generation<W: Wakes>() {
    static KILLS: Mutex<u32> = Mutex::new(0);
    *KILLS.lock().expect("no thread panics with it") = 0;
    fn kills<W: Wakes>(hub: &'static W) {
        // The generation of the first task.
        *KILLS.lock().expect("no thread panics with it") += u32::from(hub.kill(0, W::first()));
        hub.wake(0);
    }
    hub::<W>(&[kills], |hub| {
        let seen_in_time = hub.drain().iter().any(|&(_, killed)| killed);
        hub.next_generation(0); // it has ended
        hub.next_generation(0); // the next one begins
        for _ in 0..3 {
            assert!(hub.drain().iter().all(|&(_, killed)| !killed), "another task is killed");
            thread::yield_now();
        }
        assert_eq!(hub.generation(0), W::first() + 2, "a generation is lost");
        assert!(!seen_in_time || *KILLS.lock().expect("no thread panics with it") <= 1);
    });
}

/// A kill of a task that the slot had long ago is refused, and wakes are seen, while one generation follows another.
fn an_old_kill_is_refused<W: Wakes>() {
    static DONE: Done = Done(Mutex::new(0));
    *DONE.0.lock().expect("no thread panics with it") = 0;
    fn kills<W: Wakes>(hub: &'static W) {
        assert!(!hub.kill(0, 0), "another task is killed");
        hub.wake(0);
        hub.wake(0);
        DONE.add();
    }
    hub::<W>(&[kills], |hub| {
        hub.next_generation(0);
        hub.next_generation(0);
        assert_eq!(hub.generation(0), W::first() + 2, "a generation is lost");
        let mut woken = false;
        for _ in 0..MOST {
            let done = DONE.is(1);
            for (slot, killed) in hub.drain() {
                assert!(slot == 0 && !killed, "another task is killed");
                woken = true;
            }
            if done {
                assert!(woken, "a wake is lost");
                return;
            }
            thread::yield_now();
        }
        panic!("it waits for ever");
    });
}

/// Bits that are raised while a task is about to wait are seen by it.
fn a_signal_is_seen<W: Wakes>() {
    static DONE: Done = Done(Mutex::new(0));
    *DONE.0.lock().expect("no thread panics with it") = 0;
    fn raises<W: Wakes>(hub: &'static W) {
        hub.raise(1);
        hub.raise(2);
        DONE.add();
    }
    hub::<W>(&[raises], |hub| {
        let mut bits = 0;
        hub.enter(0);
        loop {
            bits |= hub.take();
            if bits == 3 {
                break;
            }
            sleep(hub, || DONE.is(1));
        }
        hub.leave();
    });
}

/// Values of two senders arrive, each sender's in order, in a ring that is often full.
fn a_ring_keeps_all_in_order<W: Wakes>() {
    static DONE: Done = Done(Mutex::new(0));
    *DONE.0.lock().expect("no thread panics with it") = 0;
    fn sends<W: Wakes>(hub: &'static W, values: [u32; 2]) {
        for value in values {
            let sent = (0..MOST).any(|_| {
                let sent = hub.send(value);
                thread::yield_now();
                sent
            });
            assert!(sent, "it waits for ever");
        }
        DONE.add();
    }
    hub::<W>(&[|hub| sends(hub, [1, 2]), |hub| sends(hub, [11, 12])], |hub| {
        let mut got = Vec::new();
        hub.enter(0);
        while got.len() < 4 {
            match hub.receive() {
                Some(value) => got.push(value),
                None => drop(sleep(hub, || DONE.is(2))),
            }
        }
        hub.leave();
        let of = |sender: u32| got.iter().copied().filter(|value| value / 10 == sender).collect::<Vec<_>>();
        assert_eq!((of(0), of(1)), (vec![1, 2], vec![11, 12]), "a value is lost");
    });
}

#[test]
fn no_wake_is_lost() {
    every_order(every_wake_is_followed_by_a_turn::<Real>);
}

#[test]
fn no_kill_reaches_another_task() {
    every_order(a_kill_is_of_its_generation::<Real>);
}

#[test]
fn no_wake_or_kill_is_lost_in_a_word_of_halves() {
    every_order(every_wake_is_followed_by_a_turn::<bell_narrow::Hub>);
    every_order(a_kill_is_of_its_generation::<bell_narrow::Hub>);
    every_order(an_old_kill_is_refused::<bell_narrow::Hub>);
}

#[test]
fn a_generation_that_is_changed_in_place_is_noticed() {
    some_order_breaks(an_old_kill_is_refused::<bell_narrow_in_place::Hub>, &["another task is killed"]);
}

#[test]
fn flags_that_are_overwritten_are_noticed() {
    some_order_breaks(an_old_kill_is_refused::<bell_narrow_overwritten::Hub>, LOST);
}

#[test]
fn no_signal_is_lost() {
    every_order(a_signal_is_seen::<Real>);
}

#[test]
fn no_value_is_lost() {
    every_order(a_ring_keeps_all_in_order::<Real>);
}

/// How a mutant is noticed.
const LOST: &[&str] = &["a wake is lost", "a bell is in the inbox twice", "it waits for ever"];

#[test]
fn a_bell_that_is_not_rung_again_is_noticed() {
    some_order_breaks(every_wake_is_followed_by_a_turn::<bell_not_rung_again::Hub>, LOST);
}

#[test]
fn a_link_that_is_read_late_is_noticed() {
    some_order_breaks(every_wake_is_followed_by_a_turn::<bell_collected_first::Hub>, LOST);
}

#[test]
fn an_inbox_that_is_replaced_is_noticed() {
    some_order_breaks(every_wake_is_followed_by_a_turn::<bell_pushed_by_store::Hub>, LOST);
}

#[test]
fn a_kill_for_any_task_is_noticed() {
    some_order_breaks(a_kill_is_of_its_generation::<bell_for_any_task::Hub>, &["another task is killed"]);
}

#[test]
fn a_kill_that_is_kept_is_noticed() {
    some_order_breaks(a_kill_is_of_its_generation::<bell_kill_kept::Hub>, &["another task is killed"]);
}

#[test]
fn a_waiter_that_is_read_first_is_noticed() {
    some_order_breaks(a_signal_is_seen::<waiter_read_first::Hub>, LOST);
}

#[test]
fn a_place_that_two_claim_is_noticed() {
    some_order_breaks(
        a_ring_keeps_all_in_order::<ring_claimed_by_store::Hub>,
        &["a value is lost", "a wake is lost", "it waits for ever"],
    );
}

#[test]
fn a_value_that_is_published_first_is_noticed() {
    some_order_breaks(
        a_ring_keeps_all_in_order::<ring_published_first::Hub>,
        &["a value is lost", "it waits for ever"],
    );
}
