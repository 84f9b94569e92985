//! The entries that return: of an interrupt, and of a step. The interrupted code finds every register as it was.

use core::arch::global_asm;

use super::{interrupts, steps, vectors};

/// Bytes on the stack when the board's first function is called: up to 15 for the processor to align it, 5 words that
/// the processor pushes, 9 that the entry does, and the return address.
pub const FRAME: usize = 16 + 8 * (5 + 9 + 1);

// Saves what a function of Rust may change, and no floating point register: the target is soft-float, and the compiler
// touches none, in a handler either. The processor has aligned the stack and pushed 5 words; with 9 more they are a
// multiple of 16.
//
// A debug exception that is no step, since stepping is off, is handled as any other exception.
global_asm!(
    r#"
    .macro resuming_entry name, function
    .global \name
    .type \name, @function
\name:
    push    rax
    push    rcx
    push    rdx
    push    rsi
    push    rdi
    push    r8
    push    r9
    push    r10
    push    r11
    cld
    mov     rdi, [rsp + 8 * 9]          // the rip that the processor pushed
    call    \function
    pop     r11
    pop     r10
    pop     r9
    pop     r8
    pop     rdi
    pop     rsi
    pop     rdx
    pop     rcx
    pop     rax
    iretq
    .size \name, . - \name
    .endm

    .section .text.resume, "ax"
    resuming_entry interrupt_entry, {interrupt}
    resuming_entry resume_after_step, {step}

    .global step_entry
    .type step_entry, @function
step_entry:
    cmp     byte ptr [rip + {stepping}], 0
    jne     resume_after_step
    jmp     {exceptions} + {stride} * {debug}
    .size step_entry, . - step_entry

    .purgem resuming_entry
    .previous
    "#,
    interrupt = sym interrupts::interrupt,
    step = sym steps::step,
    stepping = sym steps::STEPPING,
    exceptions = sym vectors::exception_vectors,
    stride = const vectors::STRIDE,
    debug = const steps::VECTOR,
);

#[cfg(target_feature = "sse")]
compile_error!("a handler may change SSE registers when it is compiled for them: save those, too");

unsafe extern "C" {
    /// What the gate of interrupts leads to.
    pub(super) safe static interrupt_entry: [u8; 0];
    /// What the gate of debug exceptions leads to.
    pub(super) safe static step_entry: [u8; 0];
}
