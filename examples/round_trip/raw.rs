//! A minimal switch between two stacks, for comparison.

use std::arch::asm;
use std::cell::Cell;
use std::hint::black_box;

/// The saved state of a raw context: sp, pc, and the two registers that `asm!` does not accept as clobbers.
#[repr(C)]
#[derive(Default)]
struct Place([Cell<usize>; 4]);

/// Two contexts: `echo`, with a stack of its own, returns each word plus one; `caller` is the code that sends the
/// words.
pub(crate) struct Pair {
    caller: &'static Place,
    echo: &'static Place,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let stack = Box::leak(vec![0u128; 1024].into_boxed_slice());
        let pair = Self { caller: Box::leak(Box::default()), echo: Box::leak(Box::default()) };
        let top = stack.as_mut_ptr_range().end.addr();
        // `switch` jumps to the entry function, whose stack pointer must be as after a call: 8 bytes below a multiple
        // of 16 on x86_64.
        pair.echo.0[0].set(if cfg!(target_arch = "x86_64") { top - 8 } else { top });
        pair.echo.0[1].set(echo as *const () as usize);
        // The first word is a pointer to the pair, from which `echo` reads its own place and that of the caller.
        let pair = Box::leak(Box::new(pair));
        // SAFETY: `echo` has not started, and has a stack of its own; it expects a pointer to a pair.
        unsafe { switch(pair.caller, pair.echo, std::ptr::from_ref(pair).addr()) };
        Self { caller: pair.caller, echo: pair.echo }
    }

    /// Sends a word and returns the reply.
    ///
    /// The places are hidden from the optimizer, because for a greenlet they are not constants either.
    #[inline(always)]
    pub(crate) fn round_trip(&self, word: usize) -> usize {
        // SAFETY: `echo` is suspended in its own call of `switch`, and expects a word.
        unsafe { switch(self.caller, black_box(self.echo), word) }
    }
}

/// Replies to each word with the next one.
///
/// # Safety
///
/// `switch` enters it, with the address of a pair.
unsafe extern "C" fn echo(pair: *const Pair) -> ! {
    // SAFETY: `Pair::new` sends a leaked pair.
    let pair = unsafe { &*pair };
    let mut word = 0;
    loop {
        // SAFETY: the caller is suspended in its own call of `switch`, and expects a word.
        word = unsafe { switch(pair.echo, black_box(pair.caller), word) } + 1;
    }
}

/// Saves the current context in `from`, and resumes `to` with `word`; returns the word of the switch back.
///
/// # Safety
///
/// `from` is the place of the current context. `to` is suspended in this function, or has not started.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn switch(from: &Place, to: &Place, word: usize) -> usize {
    let arrived;
    // SAFETY: sp, pc, rbp and rbx are saved and restored here; all other registers are declared clobbered, so the
    // compiler saves the values in them.
    unsafe {
        asm!(
            "lea rax, [rip + 2f]",
            "mov [rsi], rsp",
            "mov [rsi + 8], rax",
            "mov [rsi + 16], rbp",
            "mov [rsi + 24], rbx",
            "mov rsp, [rdx]",
            "mov rbp, [rdx + 16]",
            "mov rbx, [rdx + 24]",
            "jmp qword ptr [rdx + 8]",
            "2:",
            inlateout("rdi") word => arrived,
            inlateout("rsi") from => _,
            inlateout("rdx") to => _,
            out("rax") _, lateout("r12") _, lateout("r13") _, lateout("r14") _, lateout("r15") _,
            clobber_abi("sysv64"),
        );
    }
    arrived
}

/// The same for aarch64.
///
/// # Safety
///
/// As for x86_64.
#[cfg(target_arch = "aarch64")]
#[inline(always)]
unsafe fn switch(from: &Place, to: &Place, word: usize) -> usize {
    let arrived;
    // SAFETY: sp, pc, x29 and x19 are saved and restored here; all other registers are declared clobbered, so the
    // compiler saves the values in them.
    unsafe {
        asm!(
            "adr x10, 2f",
            "mov x9, sp",
            "stp x9, x10, [x1]",
            "stp x29, x19, [x1, 16]",
            "ldp x9, x10, [x2]",
            "ldp x29, x19, [x2, 16]",
            "mov sp, x9",
            "br x10",
            "2:",
            inlateout("x0") word => arrived,
            inlateout("x1") from => _,
            inlateout("x2") to => _,
            out("x9") _, out("x10") _,
            lateout("x20") _, lateout("x21") _, lateout("x22") _, lateout("x23") _, lateout("x24") _,
            lateout("x25") _, lateout("x26") _, lateout("x27") _, lateout("x28") _,
            lateout("v8") _, lateout("v9") _, lateout("v10") _, lateout("v11") _,
            lateout("v12") _, lateout("v13") _, lateout("v14") _, lateout("v15") _,
            clobber_abi("C"),
        );
    }
    arrived
}
