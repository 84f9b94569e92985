//! The holder of each slot of the pool: a cell for each, that a greenlet claims when it starts and gives back when it
//! ends.

use core::hint::black_box;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use core::sync::atomic::{AtomicU64, AtomicUsize};

use board::{check, println};

use crate::{Greenlet, Main, Me, SLOTS, STACKS};

/// The slot is free.
const FREE: u64 = 0;

/// The holder of the slot: the core and the number of a greenlet, in one word.
static HOLDERS: [AtomicU64; SLOTS] = [const { AtomicU64::new(FREE) }; SLOTS];
/// The lowest address of the stacks.
static LOWEST: AtomicUsize = AtomicUsize::new(0);

static BEGUN: AtomicU64 = AtomicU64::new(0);
static ENDED: AtomicU64 = AtomicU64::new(0);
static CLASHES: AtomicU64 = AtomicU64::new(0);

/// Fills the pool, to learn where its stacks are: one beside the other.
pub(crate) fn learn(main: &Main) {
    let all: [Greenlet; SLOTS] = core::array::from_fn(|_| main.spawn(&STACKS, |_, x| Ok(x)).expect("a stack is free"));
    check!(STACKS.free() == 0);
    let mut limits = all.each_ref().map(limit);
    limits.sort_unstable();
    check!(limits.windows(2).all(|pair| pair[1] - pair[0] == STACKS.stack_size()), "{limits:x?}");
    LOWEST.store(limits[0], Relaxed);
}

fn limit(greenlet: &Greenlet) -> usize {
    greenlet.stack().expect("a greenlet that is not dead has a stack").limit
}

/// A slot that its greenlet holds. Lies on the stack in the slot.
pub(crate) struct Held {
    slot: usize,
    holder: u64,
    /// The holder, again and again: another user of this stack overwrites some.
    marks: [u64; 16],
}

impl Held {
    /// The greenlet, the `serial`th of `core`, starts. That number is not zero.
    pub(crate) fn by(me: &Me, core: usize, serial: u64) -> Self {
        let slot = (limit(me) - LOWEST.load(Relaxed)) / STACKS.stack_size();
        let holder = serial << 8 | core as u64;
        let before = HOLDERS[slot].swap(holder, AcqRel);
        clash_unless(before == FREE);
        BEGUN.fetch_add(1, Relaxed);
        Self { slot, holder, marks: black_box([holder; 16]) }
    }
}

/// The greenlet ends, in whatever way.
impl Drop for Held {
    fn drop(&mut self) {
        clash_unless(black_box(&self.marks).iter().all(|&mark| mark == self.holder));
        let last = HOLDERS[self.slot].swap(FREE, AcqRel);
        clash_unless(last == self.holder);
        ENDED.fetch_add(1, Relaxed);
    }
}

fn clash_unless(alone: bool) {
    if !alone {
        CLASHES.fetch_add(1, Relaxed);
    }
}

/// Says what came out, when all cores are done.
pub(crate) fn tell() {
    let (begun, ended, clashes) = (BEGUN.load(Acquire), ENDED.load(Acquire), CLASHES.load(Acquire));
    println!("# {begun} greenlets held a slot");
    check!(clashes == 0, "{clashes} times two greenlets had the same slot");
    check!(begun == ended, "{begun} greenlets began, and {ended} ended");
    check!(HOLDERS.iter().all(|holder| holder.load(Relaxed) == FREE));
    crate::found("every slot was in one hand at a time", clashes == 0 && begun == ended);
}
