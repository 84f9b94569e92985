//! From QEMU's loader to Rust: floating point on, a stack for each purpose, .bss zeroed.
//!
//! Without firmware, all cores begin at `_start`, in machine mode. If guests run in supervisor mode, the first core goes
//! there, and comes back for the registers of memory protection; the others sleep for good.

use core::arch::global_asm;
use core::mem::offset_of;
use core::sync::atomic::AtomicPtr;

use super::traps::{AREA, EMERGENCY};
use super::{clint, csr};
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
    li      t1, {wakeable}
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
    csrw    {scratch}, t1
    la      t0, trap_entry
    csrw    {vector}, t0
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
5:  call    {protect}
    .if {is_supervisor}
    la      t0, machine_entry
    csrw    mtvec, t0
    la      t0, machine_stack_base
    csrw    mscratch, t0
    li      t0, ~(1 << 9)               // all exceptions go to supervisor mode, but its calls,
    csrw    medeleg, t0
    li      t0, 0x222                   // and its three interrupts
    csrw    mideleg, t0
    li      t0, -1                      // it reads the counters,
    csrw    mcounteren, t0
    .if {word} == 8
    li      t0, 1 << 63                 // and sets its timer: menvcfg.STCE
    csrw    0x30a, t0
    .else
    li      t0, 1 << 31
    csrw    0x31a, t0
    .endif
    li      t0, 0b11 << 11              // mstatus.MPP: to supervisor mode
    csrc    mstatus, t0
    li      t0, 0b01 << 11
    csrs    mstatus, t0
    la      t0, 6f
    csrw    mepc, t0
    mret
    .endif
6:  call    {start}
    .cfi_endproc
    .size _start, . - _start

    // A call from supervisor mode: sets the registers of memory protection, and returns.
    .balign 4
machine_entry:
    csrrw   sp, mscratch, sp
    addi    sp, sp, -32 * {word}        // a place for each register, by its number
    .irp    register, 1, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 28, 29, 30, 31
    sx      x\register, \register * {word}(sp)
    .endr
    call    {set}
    csrr    t0, mepc
    addi    t0, t0, 4
    csrw    mepc, t0
    .irp    register, 1, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 28, 29, 30, 31
    lx      x\register, \register * {word}(sp)
    .endr
    addi    sp, sp, 32 * {word}
    csrrw   sp, mscratch, sp
    mret

    .section .bss.machine_stack, "aw", @nobits
    .balign 16
    .zero   4096
machine_stack_base:

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
    wakeable = const if csr::IS_SUPERVISOR { 1 } else { MOST },
    is_supervisor = const csr::IS_SUPERVISOR as usize,
    scratch = const csr::SCRATCH,
    vector = const csr::VECTOR,
    protect = sym super::protection::init,
    set = sym super::protection::set,
    software = const clint::SOFTWARE,
    exception = const offset_of!(Start, exception),
    emergency = const offset_of!(Start, emergency),
    area = const AREA,
    next = const EMERGENCY,
    start = sym super::start,
    arrive = sym super::cores::arrive,
);

const _: () = assert!(offset_of!(Start, guest) == 0, "the assembly loads it from there");
