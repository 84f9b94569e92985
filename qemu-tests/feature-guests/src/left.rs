//! Calls with so many bytes left on a stack.

#[cfg(not(target_arch = "arm"))]
use core::arch::asm;

/// Calls `run` with so many `bytes` left on the stack of the caller, which has its limit at `limit`, as if its frames
/// took the others.
pub fn with(limit: usize, bytes: usize, run: &mut dyn FnMut()) {
    extern "C" fn call(run: *mut &mut dyn FnMut()) {
        // SAFETY: the caller's.
        unsafe { (*run)() }
    }
    let sp = (limit + bytes) & !15;
    let mut run = run;
    // SAFETY: a call with the stack pointer further down the same stack, and back: r12 is preserved.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!("mov r12, rsp", "mov rsp, {sp}", "call {call}", "mov rsp, r12", sp = in(reg) sp, call = sym call,
             in("rdi") &raw mut run, out("r12") _, clobber_abi("C"))
    }
    // SAFETY: the same, with x20.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!("mov x20, sp", "mov sp, {sp}", "bl {call}", "mov sp, x20", sp = in(reg) sp, call = sym call,
             in("x0") &raw mut run, out("x20") _, clobber_abi("C"))
    }
    // SAFETY: the same.
    #[cfg(target_arch = "arm")]
    unsafe {
        call_at(&raw mut run, sp, call)
    }
}

/// Calls `call` with the stack pointer at `sp`. A function, because `clobber_abi` names registers that a Cortex-M
/// lacks.
///
/// # Safety
///
/// `call` may be called with `run`; nothing uses what is below `sp`.
#[cfg(target_arch = "arm")]
#[unsafe(naked)]
unsafe extern "C" fn call_at(run: *mut &mut dyn FnMut(), sp: usize, call: extern "C" fn(*mut &mut dyn FnMut())) {
    core::arch::naked_asm!("push {{r4, lr}}", "mov r4, sp", "mov sp, r1", "blx r2", "mov sp, r4", "pop {{r4, pc}}")
}
