//! The one stack that greenlets have here, looked at from outside while it is free.

use core::mem::MaybeUninit;
use core::ptr;

use greenlet::StackPool;

use crate::isa;

/// Room for an interrupt, and for the frames of what is not optimized.
const SIZE: usize = 16384;
const WORDS: usize = SIZE / 8;

pub(crate) static STACKS: StackPool<1, SIZE> = StackPool::new();

/// What an operation left on it that was done undisturbed twice.
///
/// Numbers of greenlets and a count of claims are never the same twice, and registers that hold them are saved on the stack by
/// functions that know nothing of it: where the two differ, nothing can be said.
static mut UNDISTURBED: [Words; 2] = [[MaybeUninit::uninit(); WORDS]; 2];

type Words = [MaybeUninit<u64>; WORDS];

/// What is on it where nobody has been.
const PAINT: u64 = 0x7061_696e_7465_6421;

/// Above this is the control block, which weak handles may look at.
const PAINTED: usize = WORDS - 192 / 8;

/// Its limit. It stands at the end of the pool, behind the pool's own state.
fn limit() -> *mut u64 {
    (&raw const STACKS).wrapping_add(1).cast::<u64>().wrapping_sub(WORDS).cast_mut()
}

/// Paints it, so that what will be on it later does not depend on what was on it before.
pub(crate) fn paint() {
    assert!(STACKS.free() == 1, "somebody is on the stack");
    // SAFETY: the stack is free, and these words of a pool belong to whoever has the slot: nobody.
    unsafe { isa::fill(limit(), PAINTED, PAINT) };
}

/// Keeps what an undisturbed operation left on it: the first, or the second.
pub(crate) fn keep(time: usize) {
    let copies: *mut Words = (&raw mut UNDISTURBED).cast();
    // SAFETY: the stack is free, and nobody refers to the copies.
    unsafe { ptr::copy_nonoverlapping(limit().cast(), copies.wrapping_add(time), 1) };
}

/// How many of its words are not as the undisturbed operations left them.
pub(crate) fn changed() -> usize {
    let copies: *const Words = (&raw const UNDISTURBED).cast();
    // SAFETY: all are of this length; the stack is free, and nobody changes the copies.
    unsafe { isa::differences(limit(), copies.cast(), copies.wrapping_add(1).cast(), PAINTED) }
}

/// Bytes of it that were used since it was painted, control block included.
pub(crate) fn used() -> usize {
    let unused = (0..WORDS).take_while(|&index| {
        let word = limit().wrapping_add(index);
        // SAFETY: in bounds; painted, or used by greenlets that are over.
        let word = unsafe { word.read_volatile() };
        word == PAINT
    });
    (WORDS - unused.count()) * 8
}
