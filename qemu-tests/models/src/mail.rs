//! Requests from elsewhere: none is lost for a greenlet that lives, none reaches another greenlet in the same slot, and from
//! the end on there is nobody to ask.
//!
//! The first thread of a model is the greenlets' core. It does what `remote::settle` and `Greenlet::woken` do with blocks.

use crate::schedule::{as_static, every_order, some_order_breaks, thread};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};

/// What is asked. The kernel's type is another one in each variant.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Asked {
    Kill,
    Wake,
}
use Asked::{Kill, Wake};

/// A variant of the kernel's mail, with the numbers of two slots.
trait Post: Default + Send + Sync + 'static {
    fn set(&self, slot: usize, id: u64);
    fn forget(&self, slot: usize);
    fn end(&self, slot: usize);
    fn id(&self, slot: usize) -> u64;
    fn asks(&self, slot: usize, asked: Asked) -> bool;
    fn take(&self, slot: usize, asked: Asked);
    fn leave(&self, slot: usize, id: u64, asked: Asked) -> bool;
    fn collect(&self, asked: Asked) -> bool;
    fn put_back(&self, asked: Asked);
}

/// Slots of greenlets in the models.
const SLOTS: usize = 2;

macro_rules! variants {
    ($($name:ident,)*) => {$(
        #[allow(dead_code, unused_imports, unused_variables, clippy::all, reason = "a mutant leaves something out, and is not made to be read")]
        mod $name {
            include!(concat!(env!("OUT_DIR"), "/", stringify!($name), ".rs"));

            pub(super) struct Office {
                numbers: [Number; super::SLOTS],
                mail: Mail,
            }

            impl Default for Office {
                fn default() -> Self {
                    Self { numbers: Default::default(), mail: Mail::new() }
                }
            }

            impl From<super::Asked> for Request {
                fn from(asked: super::Asked) -> Self {
                    match asked {
                        super::Kill => Self::Kill,
                        super::Wake => Self::Wake,
                    }
                }
            }

            impl super::Post for Office {
                fn set(&self, slot: usize, id: u64) {
                    self.numbers[slot].set(id);
                }
                fn forget(&self, slot: usize) {
                    self.numbers[slot].forget();
                }
                fn end(&self, slot: usize) {
                    self.numbers[slot].end();
                }
                fn id(&self, slot: usize) -> u64 {
                    self.numbers[slot].get()
                }
                fn asks(&self, slot: usize, asked: super::Asked) -> bool {
                    self.numbers[slot].asks(asked.into())
                }
                fn take(&self, slot: usize, asked: super::Asked) {
                    self.numbers[slot].take(asked.into());
                }
                fn leave(&self, slot: usize, id: u64, asked: super::Asked) -> bool {
                    self.mail.leave(&self.numbers[slot], id, asked.into())
                }
                fn collect(&self, asked: super::Asked) -> bool {
                    self.mail.collect(asked.into())
                }
                fn put_back(&self, asked: super::Asked) {
                    self.mail.put_back(asked.into());
                }
            }
        }
    )*};
}

variants! {
    mail, mail_counted_first, mail_for_anyone, mail_in_two_steps, mail_after_the_end, mail_taken_together,
    mail_taken_in_two_steps, mail_kept_back, mail_stored, mail_relaxed,
}

/// Settles all requests that are found, as `settle` does with kills; says which.
fn attend(post: &impl Post, asked: Asked, settled: &mut Vec<(u64, Asked)>) {
    if !post.collect(asked) {
        return;
    }
    for slot in 0..SLOTS {
        if post.asks(slot, asked) {
            post.take(slot, asked);
            settled.push((post.id(slot), asked));
        }
    }
}

/// Settles the first request that is found and leaves the others for the next time, as `woken` does with wakes.
fn attend_one(post: &impl Post, asked: Asked, settled: &mut Vec<(u64, Asked)>) {
    if !post.collect(asked) {
        return;
    }
    let mut found = false;
    for slot in 0..SLOTS {
        if !post.asks(slot, asked) {
            continue;
        }
        if found {
            post.put_back(asked);
        } else {
            post.take(slot, asked);
            settled.push((post.id(slot), asked));
            found = true;
        }
    }
}

/// Both greenlets live, and each is asked for something by a thread of its own, and for the other thing by a third.
fn all_are_settled<P: Post>() {
    as_static(P::default(), |post| {
        post.set(0, 10);
        post.set(1, 11);
        let ask = |requests: &'static [(usize, u64, Asked)]| {
            thread::spawn(move || requests.iter().for_each(|&(slot, id, asked)| assert!(post.leave(slot, id, asked))))
        };
        let threads = [ask(&[(0, 10, Kill), (1, 11, Wake)]), ask(&[(1, 11, Kill)]), ask(&[(0, 10, Wake)])];
        let mut settled = Vec::new();
        for _ in 0..3 {
            attend(post, Kill, &mut settled);
            attend_one(post, Wake, &mut settled);
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        // All have asked. The core looks once more, twice for wakes, which it takes one by one.
        attend(post, Kill, &mut settled);
        attend_one(post, Wake, &mut settled);
        attend_one(post, Wake, &mut settled);
        for request in [(10, Kill), (11, Kill), (10, Wake), (11, Wake)] {
            let times = settled.iter().filter(|&&other| other == request).count();
            assert_eq!(times, 1, "{request:?} was made once, and settled {times} times");
        }
    });
}

/// What the threads of a model know from elsewhere of a greenlet.
#[derive(Default)]
struct Known {
    /// It is certain that it has gone.
    gone: AtomicBool,
    /// It was asked, it was there, and the one that asked is done.
    asked: AtomicBool,
}

/// A slot is freed and used again, while requests for its first greenlet come in.
fn successors_are_left_alone<P: Post>() {
    as_static((P::default(), Known::default()), |(post, known)| {
        post.set(0, 10);
        let asks = |asked| {
            move || {
                let gone = known.gone.load(Acquire);
                let left = post.leave(0, 10, asked);
                assert!(!(gone && left), "a request was left for a greenlet that was gone before");
                left
            }
        };
        let (kill, wake) = (asks(Kill), asks(Wake));
        let killer = thread::spawn(move || {
            if kill() {
                known.asked.store(true, Release);
            }
        });
        let waker = thread::spawn(move || {
            wake();
            wake();
        });
        let mut settled = Vec::new();
        let asked = known.asked.load(Acquire);
        attend(post, Kill, &mut settled);
        if asked {
            assert_eq!(settled, [(10, Kill)], "a request that was left for a living greenlet is lost");
        }
        post.forget(0);
        known.gone.store(true, Release);
        post.set(0, 20);
        for _ in 0..2 {
            attend(post, Kill, &mut settled);
            attend_one(post, Wake, &mut settled);
        }
        killer.join().unwrap();
        waker.join().unwrap();
        attend(post, Kill, &mut settled);
        attend_one(post, Wake, &mut settled);
        assert!(settled.iter().all(|&(id, _)| id == 10), "of greenlet 20 nothing was asked: {settled:?}");
        assert!(!post.asks(0, Kill) && !post.asks(0, Wake), "the next greenlet in the slot has a request");
    });
}

/// A tree ends while requests for its greenlets come in. What was left is left; from the end on, nothing is.
fn nothing_is_left_after_the_end<P: Post>() {
    as_static((P::default(), Known::default()), |(post, known)| {
        post.set(0, 10);
        post.set(1, 11);
        let ask = |slot, id| {
            thread::spawn(move || {
                for asked in [Kill, Wake] {
                    let gone = known.gone.load(Acquire);
                    let left = post.leave(slot, id, asked);
                    assert!(!(gone && left), "a request was left after the end");
                }
            })
        };
        let threads = [ask(0, 10), ask(1, 11)];
        post.end(0);
        post.end(1);
        known.gone.store(true, Release);
        assert_eq!((post.id(0), post.id(1)), (10, 11), "the end takes no greenlet's number away");
        post.forget(0);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

// How mutants are noticed.
const LOST: &[&str] = &["was made once, and settled"];
const FOR_ANOTHER: &[&str] = &[
    "a request was left for a greenlet that was gone before",
    "of greenlet 20 nothing was asked",
    "the next greenlet in the slot has a request",
];
const AFTER_THE_END: &[&str] = &["a request was left after the end"];

#[test]
fn a_request_for_a_living_greenlet_is_settled_once() {
    every_order(all_are_settled::<mail::Office>);
}

#[test]
fn a_request_does_not_reach_the_next_greenlet_in_the_slot() {
    every_order(successors_are_left_alone::<mail::Office>);
}

#[test]
fn no_request_is_left_after_the_end() {
    every_order(nothing_is_left_after_the_end::<mail::Office>);
}

#[cfg_attr(miri, ignore = "shuttle finds it sooner")]
#[test]
fn a_count_before_the_request_is_noticed() {
    some_order_breaks(all_are_settled::<mail_counted_first::Office>, LOST);
}

#[cfg_attr(miri, ignore = "shuttle finds it sooner")]
#[test]
fn a_request_for_whoever_is_there_is_noticed() {
    some_order_breaks(successors_are_left_alone::<mail_for_anyone::Office>, FOR_ANOTHER);
}

#[cfg_attr(miri, ignore = "shuttle finds it sooner")]
#[test]
fn a_request_in_two_steps_is_noticed() {
    some_order_breaks(successors_are_left_alone::<mail_in_two_steps::Office>, FOR_ANOTHER);
}

#[cfg_attr(miri, ignore = "shuttle finds it sooner")]
#[test]
fn a_request_after_the_end_is_noticed() {
    some_order_breaks(nothing_is_left_after_the_end::<mail_after_the_end::Office>, AFTER_THE_END);
}

#[cfg_attr(miri, ignore = "shuttle finds it sooner")]
#[test]
fn two_requests_taken_as_one_are_noticed() {
    some_order_breaks(all_are_settled::<mail_taken_together::Office>, LOST);
}

#[cfg_attr(miri, ignore = "shuttle finds it sooner")]
#[test]
fn a_request_taken_in_two_steps_is_noticed() {
    some_order_breaks(all_are_settled::<mail_taken_in_two_steps::Office>, LOST);
}

#[cfg_attr(miri, ignore = "shuttle finds it sooner")]
#[test]
fn more_requests_that_nobody_is_told_of_are_noticed() {
    some_order_breaks(all_are_settled::<mail_kept_back::Office>, LOST);
}

/// Shuttle knows one order of all steps, in which this is right.
#[cfg(miri)]
#[test]
fn a_count_that_is_just_stored_is_noticed() {
    some_order_breaks(all_are_settled::<mail_stored::Office>, LOST);
}

/// As above.
#[cfg(miri)]
#[test]
fn a_count_that_orders_nothing_is_noticed() {
    some_order_breaks(all_are_settled::<mail_relaxed::Office>, LOST);
}
