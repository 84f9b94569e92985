//! A guest that restarts any number of times: for attempts after which it cannot continue.
//!
//! ```text
//!   remember(guard)     copies all statics to memory outside of the image
//!   attempt ──────────► goes well, or wherever the core is then:
//!   begin(next)         puts all statics back, and calls `next` on an empty stack
//!   words()             what is known from one time to the next: outside of the image, too
//! ```
//!
//! That is a reset but for the devices and what the processor has in its own registers.

use core::arch::asm;
use core::hint::black_box;
use core::mem::size_of;
use core::ops::Range;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A place in the image, by the linker script's name for it.
#[repr(C)]
struct Symbol([u8; 0]);

unsafe extern "C" {
    safe static data_start: Symbol;
    safe static bss_end: Symbol;
    safe static guest_stack_base: Symbol;
    /// Memory outside of the image, all zero: these guests are handed nothing.
    safe static input_start: Symbol;
}

fn address(symbol: &'static Symbol) -> usize {
    ptr::from_ref(symbol).addr()
}

/// What is known from one time to the next; at first all zero.
pub fn words() -> &'static [AtomicUsize; 64] {
    let place = ptr::with_exposed_provenance(address(&input_start));
    // SAFETY: mapped memory behind the image, where no object of the program's is; aligned to a page; any bits will do.
    unsafe { &*place }
}

/// The two words in which the one page is kept that is not copied.
fn guard() -> (&'static AtomicUsize, &'static AtomicUsize) {
    (&words()[62], &words()[63])
}

/// Where the copy is: behind the words.
fn copied() -> usize {
    address(&input_start) + size_of::<[AtomicUsize; 64]>()
}

/// Remembers what all statics are, but for what is in `unmapped`.
pub fn remember(unmapped: Range<usize>) {
    guard().0.store(unmapped.start, Relaxed);
    guard().1.store(unmapped.end, Relaxed);
    copy(|statics, copied| (statics, copied));
}

/// Copies from the first to the second of what `pair` makes of a place and its copy.
fn copy(pair: impl Fn(usize, usize) -> (usize, usize)) {
    let (start, end) = (address(&data_start), address(&bss_end));
    for part in [start..guard().0.load(Relaxed), guard().1.load(Relaxed)..end] {
        let (from, to) = pair(part.start, copied() + (part.start - start));
        let words = part.len() / size_of::<usize>();
        // SAFETY: mapped memory, of the statics or behind the image. In assembly, for it is all kinds of things.
        // Nothing relies on what is overwritten: to the program it is as if it began, with memory as it was then.
        #[cfg(target_arch = "x86_64")]
        unsafe {
            asm!("rep movsq", inout("rcx") words => _, inout("rsi") from => _, inout("rdi") to => _, options(nostack));
        }
        // SAFETY: the same.
        #[cfg(target_arch = "aarch64")]
        unsafe {
            asm!("2:", "cbz {words}, 3f", "ldr {word}, [{from}], #8", "str {word}, [{to}], #8", "sub {words}, {words}, #1", "b 2b", "3:",
                 words = inout(reg) words => _, from = inout(reg) from => _, to = inout(reg) to => _, word = out(reg) _,
                 options(nostack));
        }
        // SAFETY: the same.
        #[cfg(target_arch = "arm")]
        unsafe {
            asm!("2:", "cbz {words}, 3f", "ldr {word}, [{from}], #4", "str {word}, [{to}], #4", "sub {words}, {words}, #1", "b 2b", "3:",
                 words = inout(reg) words => _, from = inout(reg) from => _, to = inout(reg) to => _, word = out(reg) _,
                 options(nostack));
        }
    }
}

/// Calls `next` on the empty stack of the guest, with all statics as they were [remembered](remember). What ran until
/// now is over, wherever it was.
///
/// # Safety
///
/// Nothing of the processor's or of a device's has to do with what ran, and no other core runs.
pub unsafe fn begin(next: extern "C" fn() -> !) -> ! {
    /// On that stack.
    extern "C" fn first(next: extern "C" fn() -> !) -> ! {
        copy(|statics, copied| (copied, statics));
        black_box(next)()
    }

    let base = address(&guest_stack_base);
    // SAFETY: a call that does not return, on a stack that is not used any more; it is outside of what is copied.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!("mov rsp, {base}", "xor ebp, ebp", "call {first}", "ud2",
             base = in(reg) base, first = sym first, in("rdi") next, options(noreturn))
    }
    // SAFETY: the same.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!("mov sp, {base}", "mov x29, xzr", "bl {first}", "brk #1",
             base = in(reg) base, first = sym first, in("x0") next, options(noreturn))
    }
    // SAFETY: the same.
    #[cfg(target_arch = "arm")]
    unsafe {
        asm!("mov sp, {base}", "movs r7, #0", "bl {first}", "udf #1",
             base = in(reg) base, first = sym first, in("r0") next, options(noreturn))
    }
}
