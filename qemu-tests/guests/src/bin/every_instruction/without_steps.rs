//! What the other machines need of their registers, by what guest `registers` has; and words on stacks.

use core::arch::naked_asm;
use core::hint::black_box;
use core::{iter, slice};

use crate::observed::Lost;

#[cfg_attr(all(target_arch = "arm", target_has_atomic = "ptr"), path = "../registers/arm.rs")]
#[cfg_attr(all(target_arch = "arm", not(target_has_atomic = "ptr")), path = "../registers/thumb_1.rs")]
#[cfg_attr(any(target_arch = "riscv32", target_arch = "riscv64"), path = "../registers/riscv.rs")]
#[allow(dead_code, reason = "this guest does not look at control words, nor at values of its own")]
mod registers;

pub(crate) use registers::{scribble, stack_pointer};

/// Whether an interrupt can come before each instruction.
pub(crate) const HAS_STEPS: bool = false;

/// Calls `call(job)` with patterns in all registers that a function must keep, and in 16 words of the stack. Tells in
/// which bits these differ from what the call leaves there.
///
/// # Safety
///
/// `call` may be called with `job`.
#[inline(never)]
pub(crate) unsafe fn framed(call: unsafe extern "C" fn(*mut ()), job: *mut (), patterns: u64) -> Lost {
    let own = core::array::from_fn::<usize, 16, _>(|index| (patterns + 128) as usize + index);
    let mut on_stack = own;
    let loaded: registers::Words = core::array::from_fn(|index| patterns + index as u64);
    let mut found = loaded;
    black_box(&mut on_stack);
    // SAFETY: the caller's contract.
    unsafe { registers::framed(call, job, &loaded, &mut found) };
    black_box(&mut on_stack);
    let kept = loaded.iter().zip(&found).take(registers::KEPT);
    Lost {
        registers: kept.fold(0, |lost, (loaded, found)| lost | (loaded ^ found) as usize),
        stack: own.iter().zip(&on_stack).fold(0, |lost, (own, found)| lost | own ^ found),
    }
}

/// Calls `call(job)` on another place of the stack, with zero in all registers that a function must keep, and in the
/// 8 KiB below that place.
///
/// # Safety
///
/// `call` may be called with `job`; `place` is aligned, and nothing uses what is below it.
pub(crate) unsafe fn placed(call: unsafe extern "C" fn(*mut ()), job: *mut (), place: usize) {
    struct Job(unsafe extern "C" fn(*mut ()), *mut ());
    unsafe extern "C" fn with_zeros(job: *mut ()) {
        // SAFETY: from below.
        let Job(call, job) = unsafe { job.cast::<Job>().read() };
        // SAFETY: the contract of `placed`.
        unsafe { registers::framed(call, job, &[0; registers::NAMES.len()], &mut [0; registers::NAMES.len()]) };
    }
    let mut job = Job(call, job);
    let below: *mut u64 = core::ptr::with_exposed_provenance_mut(place - (8 << 10));
    // SAFETY: nothing uses it, by the contract.
    unsafe { fill(below, 1024, 0) };
    // SAFETY: the same.
    unsafe { on_stack(with_zeros, (&raw mut job).cast(), place) };
}

/// Calls `call(job)` with the stack pointer at `place`.
///
/// # Safety
///
/// As for [`placed`].
#[cfg(target_arch = "arm")]
#[unsafe(naked)]
unsafe extern "C" fn on_stack(call: unsafe extern "C" fn(*mut ()), job: *mut (), place: usize) {
    naked_asm!(
        "push {{r4, lr}}",
        "mov r4, sp",
        "mov r3, r0",
        "mov r0, r1",
        "mov sp, r2",
        "blx r3",
        "mov sp, r4",
        "pop {{r4, pc}}",
    )
}

#[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
#[unsafe(naked)]
unsafe extern "C" fn on_stack(call: unsafe extern "C" fn(*mut ()), job: *mut (), place: usize) {
    naked_asm!(
        "addi a2, a2, -32",
        ".if {word} == 8",
        "sd sp, (a2)",
        "sd ra, 8(a2)",
        ".else",
        "sw sp, (a2)",
        "sw ra, 8(a2)",
        ".endif",
        "mv a3, a0",
        "mv a0, a1",
        "mv sp, a2",
        "jalr a3",
        ".if {word} == 8",
        "ld ra, 8(sp)",
        "ld sp, (sp)",
        ".else",
        "lw ra, 8(sp)",
        "lw sp, (sp)",
        ".endif",
        "ret",
        word = const size_of::<usize>(),
    )
}

/// Never: see [`HAS_STEPS`]. What an interrupt has done again is no part of what is compared.
pub(crate) fn is_undone(_address: usize) -> bool {
    false
}

/// Fills `words` words from `start` on.
///
/// By copies, whose code is optimized in every profile. An unoptimized loop takes as long as a hundred operations, and
/// QEMU's timer is exact only for a time so short that its other thread does not look at it meanwhile.
///
/// # Safety
///
/// Nothing else uses them, and there is one at least.
pub(crate) unsafe fn fill(start: *mut u64, words: usize, value: u64) {
    // SAFETY: by the contract.
    unsafe { start.write(value) };
    let mut filled = 1;
    while filled < words {
        let more = filled.min(words - filled);
        // SAFETY: the words before the end of those that are filled, and those after it.
        unsafe { start.copy_to_nonoverlapping(start.wrapping_add(filled), more) };
        filled += more;
    }
    black_box(start);
}

/// How many of the first `words` words of `now` differ from `one` and `other`, where these two are the same.
///
/// # Safety
///
/// They may be read, and nothing writes to them.
pub(crate) unsafe fn differences(now: *const u64, one: *const u64, other: *const u64, words: usize) -> usize {
    // SAFETY: by the contract.
    let [now, one, other] = [now, one, other].map(|first| unsafe { slice::from_raw_parts(black_box(first), words) });
    // By pieces, most of which are the same: that comparison is optimized in every profile.
    let pieces = now.chunks(64).zip(one.chunks(64)).zip(other.chunks(64));
    let differ = |((now, one), other): (_, &[u64])| {
        let words = iter::zip(iter::zip::<&[u64], &[u64]>(now, one), other);
        if now == one { 0 } else { words.filter(|((now, one), other)| one == other && now != one).count() }
    };
    pieces.map(differ).sum()
}
