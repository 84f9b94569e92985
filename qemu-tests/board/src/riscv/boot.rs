//! From QEMU's loader to Rust: floating point on, a stack for each purpose, .bss zeroed.
//!
//! Without firmware, all cores begin at `_start`, in machine mode.

use core::arch::global_asm;
use core::mem::offset_of;
use core::sync::atomic::AtomicPtr;

use super::clint;
use super::traps::{AREA, EMERGENCY};
use crate::cores::{MOST, Start};

unsafe extern "C" {
    /// Of each core that sleeps: where it starts, the address of a [`Start`].
    pub(super) safe static mailboxes: [AtomicPtr<()>; MOST];
}

global_asm!(
    words!(),
    r#"
    .section .text.boot, "ax", @progbits
    .global _start
    .type _start, @function
_start:
    csrw    mie, zero
    csrr    t0, mhartid
    li      s0, 0                       // where a debugger's walk ends
    li      ra, 0
    li      s2, 0                       // the first core finds no `Start`, and sets things up
    beqz    t0, 1f

    // Another core sleeps until there is the address of a `Start` in its mailbox.
    li      t1, {most}
    bgeu    t0, t1, 8f                  // the board has no stack for it
    li      t1, 1 << 3                  // mie.MSIE: interrupts stay masked, and end `wfi` all the same
    csrw    mie, t1
    la      t1, mailboxes
    slli    t2, t0, {word_shift}
    add     t1, t1, t2
    j       9f
8:  wfi
    j       8b
9:  wfi
    lx      s2, 0(t1)
    beqz    s2, 9b
    fence   r, rw
    li      t1, {software}
    slli    t2, t0, 2
    add     t1, t1, t2
    sw      zero, 0(t1)                 // taken
    csrw    mie, zero
    lx      t0, 0(s2)
    lx      t1, {exception}(s2)
    lx      t2, {emergency}(s2)
    j       2f

1:  la      t0, guest_stack_base        // page-aligned, as are all stacks
    la      t1, exception_stack_base
    la      t2, emergency_stack_base
    .cfi_startproc
    .cfi_undefined ra                   // no caller: a debugger's walk ends here
2:  mv      sp, t0
    addi    t1, t1, -{area}
    addi    t2, t2, -{area}
    sx      t2, {next}(t1)              // a trap during the handling of a trap goes to the emergency stack,
    sx      t2, {next}(t2)              // and so do further ones
    sx      zero, {next} + {word}(t1)   // interrupts are handled on their own stack
    csrw    mscratch, t1
    la      t0, trap_entry
    csrw    mtvec, t0
    li      t0, 0x6000                  // mstatus.FS: floating point is on
    csrs    mstatus, t0
    csrw    fcsr, zero
    beqz    s2, 3f
    call    {arrive}

3:  la      t0, bss_start
    la      t1, bss_end
4:  bgeu    t0, t1, 5f
    sx      zero, 0(t0)
    addi    t0, t0, {word}
    j       4b
5:  call    {start}
    .cfi_endproc
    .size _start, . - _start

    // Not in .bss, which is zeroed when other cores look here already.
    .section .data.mailboxes, "aw", @progbits
    .balign {word}
    .global mailboxes
mailboxes:
    .zero   {most} * {word}
    .previous
    "#,
    no_words!(),
    word = const size_of::<usize>(),
    word_shift = const size_of::<usize>().trailing_zeros(),
    most = const MOST,
    software = const clint::SOFTWARE,
    exception = const offset_of!(Start, exception),
    emergency = const offset_of!(Start, emergency),
    area = const AREA,
    next = const EMERGENCY,
    start = sym super::start,
    arrive = sym super::cores::arrive,
);

const _: () = assert!(offset_of!(Start, guest) == 0, "the assembly loads it from there");
