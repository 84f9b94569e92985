//! The four functions that move control, and the trampoline, with threads.

extern crate std;

use super::baton::{Baton, Seat, idle, take_idle};
use super::cpu::set_stack_pointer;
use crate::arch::context::Entry;
use crate::arch::{Context, Cpu, Diverging, Isa, Landing, Native, STACK_ALIGN, Word};
use core::mem::transmute;
use core::ptr;
use std::sync::Arc;
use std::thread;

/// The `pc` of a context that waits. Neither value is the address of a function, as the trampoline's is.
const WAITS: usize = 0;
const WAITS_MARKED: usize = 1;

impl Isa for Native {
    unsafe fn switch<const MARKED: bool>(from: *const Context, to: *const Context, word: Word) -> Landing {
        // SAFETY: the caller's contract.
        unsafe { wait::<MARKED>(from, Baton::with_word(to, word)) }
    }

    unsafe fn switch_with_packet(from: *const Context, to: *const Context, packet: *const ()) -> Landing {
        // SAFETY: the caller's contract.
        unsafe { wait::<false>(from, Baton::with_packet(to, packet)) }
    }

    unsafe fn finish_with_word(to: *const Context, word: Word) -> ! {
        // SAFETY: the caller's contract.
        unsafe { finish(Baton::with_word(to, word)) }
    }

    unsafe fn finish_with_packet(to: *const Context, packet: *const ()) -> ! {
        // SAFETY: the caller's contract.
        unsafe { finish(Baton::with_packet(to, packet)) }
    }

    /// Calls it on the stack of the caller: under Miri no frames are in the memory below `sp`.
    unsafe fn call_on(_sp: *mut u8, function: Diverging, argument: *const ()) -> ! {
        // SAFETY: the caller's contract.
        unsafe { function(argument, Self::stack_pointer()) }
    }

    fn trampoline() -> *const () {
        trampoline as *const ()
    }

    unsafe fn is_mark(pc: *const ()) -> bool {
        pc.addr() == WAITS_MARKED
    }
}

/// Hands over the baton, and waits in `from` until one comes back.
///
/// # Safety
///
/// As for [`Isa::switch`].
unsafe fn wait<const MARKED: bool>(from: *const Context, baton: Baton) -> Landing {
    let seat = Seat::new();
    // SAFETY: the caller runs in `from`, so that it exists.
    let this = unsafe { &*from };
    this.sp.set(Native::stack_pointer());
    this.pc.set(ptr::without_provenance(if MARKED { WAITS_MARKED } else { WAITS }));
    this.reserved.set(Arc::into_raw(Arc::clone(&seat)).cast());
    // SAFETY: the caller's contract.
    unsafe { hand_over(baton) };
    seat.wait().landing()
}

/// Hands over the baton, and never comes back.
///
/// # Safety
///
/// As for [`Isa::finish_with_word`].
unsafe fn finish(baton: Baton) -> ! {
    let seat = idle();
    // SAFETY: the caller's contract.
    unsafe { hand_over(baton) };
    // The frames of the finished context stay: the next one starts on top of them.
    // SAFETY: `hand_over` gives an idle thread the baton of a fresh context.
    unsafe { trampoline(seat.wait()) }
}

/// Resumes the context that the baton is for. The caller only waits afterwards.
///
/// # Safety
///
/// As for [`Isa::switch`].
unsafe fn hand_over(baton: Baton) {
    // SAFETY: by the contract, the target exists.
    let to = unsafe { &*baton.to };
    if to.pc.get().addr() > WAITS_MARKED {
        match take_idle() {
            Some(seat) => seat.hand(baton),
            // SAFETY: `pc` says that the target is fresh.
            None => drop(thread::spawn(move || unsafe { trampoline(baton) })),
        }
        return;
    }
    // SAFETY: a switch saved the target, with a counted seat there, and it was not resumed since.
    let seat = unsafe { Arc::from_raw(to.reserved.get().cast::<Seat>()) };
    seat.hand(baton);
}

/// Starts a fresh context: calls its entry.
///
/// # Safety
///
/// The baton is for a fresh context.
unsafe fn trampoline(baton: Baton) -> ! {
    let Baton { to, word, target, packet } = baton;
    // SAFETY: a switch to a context requires that it exists.
    let this = unsafe { &*to };
    set_stack_pointer(this.sp().wrapping_sub(STACK_ALIGN));
    // SAFETY: `fresh` saved an entry there.
    let entry = unsafe { transmute::<*const (), Entry>(this.reserved.get()) };
    // SAFETY: these are the arguments of the switch that started the context.
    unsafe { entry(word, to, target, packet) }
}
