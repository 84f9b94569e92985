//! Calls with so many bytes left on a stack.

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
}
