//! The one stack that greenlets have here, looked at from outside while it is free.

use board::atomic::{AtomicUsize, Ordering::Relaxed};
use core::mem::MaybeUninit;
use core::ptr;

use greenlet::StackPool;

use crate::{Main, isa};

/// Room for an interrupt, and for the frames of what is not optimized.
const SIZE: usize = 16384;
const WORDS: usize = SIZE / 8;

pub(crate) static STACKS: StackPool<1, SIZE> = StackPool::new();

/// What an operation left on it that was done undisturbed twice.
///
/// Numbers of greenlets and a count of claims are never the same twice, and registers that hold them are saved on the
/// stack by functions that know nothing of it: where the two differ, nothing can be said.
static mut UNDISTURBED: [Words; 2] = [[MaybeUninit::uninit(); WORDS]; 2];

type Words = [MaybeUninit<u64>; WORDS];

/// The first word that an undisturbed operation uses, or the last that is painted.
static FIRST: AtomicUsize = AtomicUsize::new(0);

/// What is on it where it was never used.
const PAINT: u64 = 0x7061_696e_7465_6421;

/// Below this is the canary band, which the kernel lays once for all greenlets that have the stack.
const BAND: usize = 64 / 8;

/// Above this is the control block, which weak handles may look at, and which stays for the next greenlet.
const PAINTED: usize = WORDS - if cfg!(target_pointer_width = "64") { 192 } else { 128 } / 8;

/// Bytes from the beginning of the pool to it.
static OFFSET: AtomicUsize = AtomicUsize::new(0);

/// Finds out where in the pool it lies: by a greenlet that has it.
pub(crate) fn find(main: &Main) {
    let greenlet = main.bare(&STACKS).expect("the stack is free");
    let limit = greenlet.stack().expect("it is not main").limit;
    OFFSET.store(limit - (&raw const STACKS).addr(), Relaxed);
}

/// A word of it.
fn word(index: usize) -> *mut u64 {
    let limit = (&raw const STACKS).wrapping_byte_add(OFFSET.load(Relaxed)).cast::<u64>();
    limit.wrapping_add(index).cast_mut()
}

/// Paints all of it.
pub(crate) fn paint() {
    FIRST.store(BAND, Relaxed);
    paint_used();
}

/// Paints what undisturbed operations use, so that what will be there does not depend on what was there before.
pub(crate) fn paint_used() {
    assert!(STACKS.free() == 1, "the stack is in use");
    let first = FIRST.load(Relaxed);
    // SAFETY: the stack is free, and these words belong to the owner of the slot, which has none.
    unsafe { isa::fill(word(first), PAINTED - first, PAINT) };
}

/// Keeps what an undisturbed operation left on it: the first, or the second.
pub(crate) fn keep(time: usize) {
    let copies: *mut Words = (&raw mut UNDISTURBED).cast();
    // SAFETY: the stack is free, and nothing refers to the copies.
    unsafe { ptr::copy_nonoverlapping(word(0).cast(), copies.wrapping_add(time), 1) };
    FIRST.store(unused().min(PAINTED - 1), Relaxed);
}

/// How many of its words are not as the undisturbed operations left them.
pub(crate) fn changed() -> usize {
    let first = FIRST.load(Relaxed);
    let [one, other] = [0, 1].map(|time| {
        let copies: *const Words = (&raw const UNDISTURBED).cast();
        copies.wrapping_add(time).cast::<u64>().wrapping_add(first)
    });
    // SAFETY: all are of this length; the stack is free, and nothing changes the copies.
    unsafe { isa::differences(word(first), one, other, PAINTED - first) }
}

/// Bytes of it that were used since all of it was painted, control block included.
pub(crate) fn used() -> usize {
    (WORDS - unused()) * 8
}

/// Words of it that were never used, from the limit on, with the band that the kernel lays there.
fn unused() -> usize {
    let is_unused = |&index: &usize| {
        // SAFETY: in bounds; painted, or used by greenlets that are over.
        let word = unsafe { word(index).read_volatile() };
        word == PAINT
    };
    (BAND..WORDS).take_while(is_unused).count() + BAND
}
