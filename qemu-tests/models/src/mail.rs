//! Requests from elsewhere: none is lost for a greenlet that lives, none reaches another greenlet in the same slot nor
//! another tree, from the end on requests are refused, and the bell is not rung where it is not any more.
//!
//! The first thread of a model is the greenlets' core. It does what `remote::settle` and `Greenlet::woken` do with
//! blocks.

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

/// A variant of the kernel's mail: the numbers of two slots, two trees, and what the core of the first looks at when it
/// switches.
trait Post: Default + Send + Sync + 'static {
    /// The slot gets a greenlet, to which there is a remote handle.
    fn set(&self, slot: usize, id: u64, ours: bool);
    fn forget(&self, slot: usize) -> bool;
    fn end(&self, slot: usize);
    fn id(&self, slot: usize) -> u64;
    fn leave(&self, tree: usize, slot: usize, id: u64, asked: Asked) -> bool;
    fn next(&self, tree: usize, asked: Asked) -> Option<usize>;
    fn collect(&self, tree: usize, asked: Asked) -> bool;
    fn take(&self, slot: usize, asked: Asked) -> bool;
    fn is_missing(&self, tree: usize, asked: Asked) -> bool;
    fn take_found(&self, slot: usize, asked: Asked) -> bool;
    fn clear(&self, tree: usize);
    fn hang(&self);
    fn take_down(&self);
    fn bell(&self) -> u32;
    fn take_back(&self);
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
                mails: [Mail; 2],
                slow: AtomicU32,
            }

            impl Default for Office {
                fn default() -> Self {
                    Self {
                        numbers: [Number::unused(), Number::unused()],
                        mails: [Mail::new(), Mail::new()],
                        slow: AtomicU32::new(0),
                    }
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
                fn set(&self, slot: usize, id: u64, ours: bool) {
                    self.numbers[slot].set(id, || ours);
                    self.numbers[slot].admit();
                }
                fn forget(&self, slot: usize) -> bool {
                    self.numbers[slot].forget()
                }
                fn end(&self, slot: usize) {
                    self.numbers[slot].end();
                }
                fn id(&self, slot: usize) -> u64 {
                    self.numbers[slot].get()
                }
                fn leave(&self, tree: usize, slot: usize, id: u64, asked: super::Asked) -> bool {
                    // SAFETY: the slots of a model are there until its threads have ended.
                    unsafe { self.mails[tree].leave(NonNull::from(&self.numbers[slot]), id, asked.into()) }
                }
                fn next(&self, tree: usize, asked: super::Asked) -> Option<usize> {
                    let number = self.mails[tree].next(asked.into())?;
                    self.numbers.iter().position(|known| ptr::eq(known, number.as_ptr()))
                }
                fn collect(&self, tree: usize, asked: super::Asked) -> bool {
                    self.mails[tree].collect(asked.into())
                }
                fn take(&self, slot: usize, asked: super::Asked) -> bool {
                    self.numbers[slot].take(asked.into())
                }
                fn is_missing(&self, tree: usize, asked: super::Asked) -> bool {
                    self.mails[tree].is_missing(asked.into())
                }
                fn take_found(&self, slot: usize, asked: super::Asked) -> bool {
                    self.numbers[slot].take_found(asked.into())
                }
                fn clear(&self, tree: usize) {
                    self.mails[tree].clear();
                }
                fn hang(&self) {
                    self.mails[0].hang(&self.slow);
                }
                fn take_down(&self) {
                    self.mails[0].take_down(|| {
                        crate::schedule::thread::yield_now();
                        true
                    });
                }
                fn bell(&self) -> u32 {
                    self.slow.load(Relaxed)
                }
                fn take_back(&self) {
                    self.slow.fetch_and(!ASKED, Acquire);
                }
            }
        }
    )*};
}

variants! {
    mail, mail_for_any_greenlet, mail_in_two_steps, mail_after_the_end, mail_taken_together, mail_put_in_by_store, mail_collected_by_store,
    mail_linked_no_more, mail_never_strange, mail_strangers_taken, mail_none_is_missing, mail_none_is_late,
    mail_none_is_elsewhere, mail_rung_first, mail_rung_uncounted,
    mail_relaxed, mail_narrow,
}

/// Settles all requests that are found, as `settle` does with kills; says which. `own` are the slots of the tree's
/// greenlets.
fn attend(post: &impl Post, tree: usize, own: &[usize], asked: Asked, settled: &mut Vec<(u64, Asked)>) {
    let mut collected = false;
    loop {
        while let Some(slot) = post.next(tree, asked) {
            let id = post.id(slot);
            if post.take(slot, asked) {
                settled.push((id, asked));
            }
        }
        if collected || !post.collect(tree, asked) {
            break;
        }
        collected = true;
    }
    if post.is_missing(tree, asked) {
        let found = own.iter().filter(|&&slot| post.take_found(slot, asked));
        settled.extend(found.map(|&slot| (post.id(slot), asked)));
    }
}

const BOTH: [usize; SLOTS] = [0, 1];

/// Both greenlets live, and each is asked for something by a thread of its own, and for the other thing by a third.
fn all_are_settled<P: Post>() {
    as_static(P::default(), |post| {
        post.set(0, 10, false);
        post.set(1, 11, false);
        let ask = |requests: &'static [(usize, u64, Asked)]| {
            thread::spawn(move || {
                requests.iter().for_each(|&(slot, id, asked)| assert!(post.leave(0, slot, id, asked)));
            })
        };
        let threads = [ask(&[(0, 10, Kill), (1, 11, Wake)]), ask(&[(1, 11, Kill)]), ask(&[(0, 10, Wake)])];
        let mut settled = Vec::new();
        for _ in 0..3 {
            attend(post, 0, &BOTH, Kill, &mut settled);
            attend(post, 0, &BOTH, Wake, &mut settled);
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        // All have asked. The core looks once more.
        attend(post, 0, &BOTH, Kill, &mut settled);
        attend(post, 0, &BOTH, Wake, &mut settled);
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

/// A slot is freed and used again by the same tree, while requests for its first greenlet come in, and one for the
/// second.
fn successors_are_left_alone<P: Post>() {
    as_static((P::default(), Known::default()), |(post, known)| {
        post.set(0, 10, false);
        let asks = |asked| {
            move || {
                let gone = known.gone.load(Acquire);
                let left = post.leave(0, 0, 10, asked);
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
        attend(post, 0, &[0], Kill, &mut settled);
        if asked {
            assert_eq!(settled, [(10, Kill)], "a request that was left for a living greenlet is lost");
        }
        let ours = post.forget(0);
        known.gone.store(true, Release);
        post.set(0, 20, ours);
        for _ in 0..2 {
            attend(post, 0, &[0], Kill, &mut settled);
            attend(post, 0, &[0], Wake, &mut settled);
        }
        assert!(settled.iter().all(|&(id, _)| id == 10), "nothing was requested of greenlet 20: {settled:?}");
        settled.clear();
        assert!(post.leave(0, 0, 20, Wake));
        killer.join().unwrap();
        waker.join().unwrap();
        attend(post, 0, &[0], Kill, &mut settled);
        attend(post, 0, &[0], Wake, &mut settled);
        let once = [(20, Wake)];
        assert_eq!(settled, once, "greenlet 20 was asked for one wake, settled {} times", settled.len());
    });
}

/// A slot is freed and used again while the requester for its first greenlet may be interrupted. Nobody waits for that one.
fn one_behind_a_late_requester_is_found<P: Post>() {
    as_static(P::default(), |post| {
        post.set(0, 10, false);
        let first = thread::spawn(move || post.leave(0, 0, 10, Wake));
        let ours = post.forget(0);
        post.set(0, 20, ours);
        assert!(post.leave(0, 0, 20, Wake));
        let mut settled = Vec::new();
        for _ in 0..2 {
            attend(post, 0, &[0], Wake, &mut settled);
        }
        assert_eq!(settled, [(20, Wake)], "greenlet 20 was asked for one wake, settled {} times", settled.len());
        first.join().unwrap();
        attend(post, 0, &[0], Wake, &mut settled);
        assert_eq!(settled.len(), 1, "greenlet 20 was asked for one wake, settled {} times", settled.len());
    });
}

/// A slot passes to a tree on another core, while its first greenlet is asked for something, and then its second one.
fn another_tree_is_notified<P: Post>() {
    as_static((P::default(), Known::default()), |(post, known)| {
        post.set(0, 10, false);
        let first = thread::spawn(move || post.leave(0, 0, 10, Kill));
        let other = thread::spawn(move || {
            // What the free list of a shared pool does.
            while !known.gone.load(Acquire) {
                thread::yield_now();
            }
            post.set(0, 20, false);
            let second = thread::spawn(move || assert!(post.leave(1, 0, 20, Kill)));
            let mut settled = Vec::new();
            attend(post, 1, &[0], Kill, &mut settled);
            second.join().unwrap();
            attend(post, 1, &[0], Kill, &mut settled);
            assert_eq!(settled, [(20, Kill)], "greenlet 20 was asked once, settled {} times", settled.len());
            // And once more: by now the first tree may have taken the slot out of its list.
            assert!(post.leave(1, 0, 20, Kill));
            attend(post, 1, &[0], Kill, &mut settled);
            assert_eq!(settled.len(), 2, "greenlet 20 was asked again, settled {} times", settled.len() - 1);
        });
        let mut settled = Vec::new();
        attend(post, 0, &[0], Kill, &mut settled);
        post.forget(0);
        known.gone.store(true, Release);
        for _ in 0..2 {
            attend(post, 0, &[], Kill, &mut settled);
        }
        first.join().unwrap();
        attend(post, 0, &[], Kill, &mut settled);
        other.join().unwrap();
        assert!(settled.iter().all(|&(id, _)| id == 10), "greenlet 20 is of another tree: {settled:?}");
    });
}

/// A tree ends while requests for its greenlets come in. What was left is left; from the end on, nothing is.
fn nothing_is_left_after_the_end<P: Post>() {
    as_static((P::default(), Known::default()), |(post, known)| {
        post.set(0, 10, false);
        post.set(1, 11, false);
        let ask = |slot, id| {
            thread::spawn(move || {
                for asked in [Kill, Wake] {
                    let gone = known.gone.load(Acquire);
                    let left = post.leave(0, slot, id, asked);
                    assert!(!(gone && left), "a request was left after the end");
                }
            })
        };
        let threads = [ask(0, 10), ask(1, 11)];
        post.end(0);
        post.end(1);
        post.clear(0);
        known.gone.store(true, Release);
        assert_eq!((post.id(0), post.id(1)), (10, 11), "the end takes no greenlet's number away");
        post.forget(0);
        post.set(0, 20, false); // by the next run, before the late requester has put it into the list
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(post.leave(0, 0, 20, Wake));
        let mut settled = Vec::new();
        attend(post, 0, &[0], Kill, &mut settled);
        attend(post, 0, &[0], Wake, &mut settled);
        assert_eq!(settled, [(20, Wake)], "greenlet 20 was asked once, settled {} times", settled.len());
    });
}

/// A core that looks at its bell alone, as a switch does; and in the end takes it down.
fn the_bell_is_noticed<P: Post>() {
    as_static((P::default(), Known::default()), |(post, known)| {
        post.set(0, 10, false);
        post.set(1, 11, false);
        post.hang();
        let ask = |slot, id| {
            thread::spawn(move || {
                assert!(post.leave(0, slot, id, Kill));
                known.asked.store(true, Release);
            })
        };
        let threads = [ask(0, 10), ask(1, 11)];
        let mut settled = Vec::new();
        let switch = |settled: &mut Vec<_>| {
            if post.bell() != 0 {
                post.take_back();
                attend(post, 0, &BOTH, Kill, settled);
            }
        };
        switch(&mut settled);
        let asked = known.asked.load(Acquire);
        switch(&mut settled);
        assert!(!asked || !settled.is_empty(), "a request was left, settled 0 times at the next switch");
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        switch(&mut settled);
        assert_eq!(settled.len(), 2, "two requests; one is settled 0 times");
    });
}

/// The core leaves while another rings: from then on its record may be something else.
fn no_ring_where_there_is_no_bell<P: Post>() {
    as_static(P::default(), |post| {
        post.set(0, 10, false);
        post.hang();
        let askers = [Kill, Kill].map(|asked| thread::spawn(move || post.leave(0, 0, 10, asked)));
        post.take_down();
        post.take_back();
        for asker in askers {
            asker.join().unwrap();
        }
        assert_eq!(post.bell(), 0, "rung where there is no bell");
    });
}

// How mutants are noticed.
const LOST: &[&str] = &["settled 0 times", "is lost"];
/// Or shuttle's bound for those that go round in circles.
const MISLAID: &[&str] = &["settled 0 times", "is lost", "exceeded max_steps", "settled 2 times", "deadlock"];
const FOR_ANOTHER: &[&str] = &[
    "a request was left for a greenlet that was gone before",
    "nothing was requested of greenlet 20",
    "settled 2 times",
];
const AFTER_THE_END: &[&str] = &["a request was left after the end"];
const NO_BELL: &[&str] = &["rung where there is no bell"];

#[test]
fn a_request_for_a_living_greenlet_is_settled_once() {
    every_order(all_are_settled::<mail::Office>);
}

#[test]
fn a_request_does_not_reach_the_next_greenlet_in_the_slot() {
    every_order(successors_are_left_alone::<mail::Office>);
}

#[test]
fn a_request_does_not_wait_for_a_requester_that_is_interrupted() {
    every_order(one_behind_a_late_requester_is_found::<mail::Office>);
}

#[test]
fn a_request_reaches_the_tree_that_has_the_slot() {
    every_order(another_tree_is_notified::<mail::Office>);
}

#[test]
fn no_request_is_left_after_the_end() {
    every_order(nothing_is_left_after_the_end::<mail::Office>);
}

#[test]
fn a_request_is_settled_by_a_core_that_reads_its_bell_alone() {
    every_order(the_bell_is_noticed::<mail::Office>);
}

#[test]
fn a_core_that_has_left_is_not_rung() {
    every_order(no_ring_where_there_is_no_bell::<mail::Office>);
}

#[test]
fn a_word_in_halves_settles_and_passes_on_the_same_way() {
    every_order(all_are_settled::<mail_narrow::Office>);
    every_order(successors_are_left_alone::<mail_narrow::Office>);
}

/// Tests that a mutant is noticed.
macro_rules! noticed {
    ($($test:ident: $model:ident, $mutant:ident, $how:ident;)*) => {$(
        #[cfg_attr(miri, ignore = "shuttle finds it sooner")]
        #[test]
        fn $test() {
            some_order_breaks($model::<$mutant::Office>, $how);
        }
    )*};
}

noticed! {
    a_request_for_any_greenlet_is_noticed: successors_are_left_alone, mail_for_any_greenlet, FOR_ANOTHER;
    a_request_in_two_steps_is_noticed: successors_are_left_alone, mail_in_two_steps, FOR_ANOTHER;
    a_request_after_the_end_is_noticed: nothing_is_left_after_the_end, mail_after_the_end, AFTER_THE_END;
    two_requests_taken_as_one_are_noticed: all_are_settled, mail_taken_together, LOST;
    an_inbox_that_is_just_stored_is_noticed: all_are_settled, mail_put_in_by_store, LOST;
    an_inbox_that_is_emptied_in_two_steps_is_noticed: all_are_settled, mail_collected_by_store, LOST;
    a_slot_that_forgets_its_list_is_noticed: successors_are_left_alone, mail_linked_no_more, MISLAID;
    a_slot_in_a_strange_list_that_counts_as_ours_is_noticed: another_tree_is_notified, mail_never_strange, LOST;
    a_stranger_s_request_that_is_taken_is_noticed: another_tree_is_notified, mail_strangers_taken, LOST;
    one_that_is_missing_and_not_looked_for_is_noticed: another_tree_is_notified, mail_none_is_missing, LOST;
    one_that_is_late_and_not_looked_for_is_noticed: one_behind_a_late_requester_is_found, mail_none_is_late, LOST;
    one_that_is_elsewhere_and_not_looked_for_is_noticed: another_tree_is_notified, mail_none_is_elsewhere, LOST;
    a_bell_before_the_request_is_noticed: the_bell_is_noticed, mail_rung_first, LOST;
    a_ring_that_is_not_counted_is_noticed: no_ring_where_there_is_no_bell, mail_rung_uncounted, NO_BELL;
}

/// Shuttle has one order of all steps, in which this is right.
#[cfg(miri)]
#[test]
fn an_inbox_that_orders_nothing_is_noticed() {
    some_order_breaks(all_are_settled::<mail_relaxed::Office>, LOST);
}
