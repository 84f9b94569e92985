//! Exceptions: a fault is reported, unless the guest [makes](crate::faults) the core continue elsewhere; an
//! [interrupt](super::interrupts) returns.
//!
//! The processor arrives in the mode of the exception, with its stack pointer, and with the return address in lr. The
//! entry saves the registers of System mode on that stack. For interrupts on the stack of the interrupted code there is
//! a second table of vectors, whose entry continues in System mode.

use core::arch::{asm, global_asm};
use core::fmt::{self, Display, Formatter};
use core::mem::offset_of;

use super::interrupts;
use crate::fault::Fault;
use crate::{faults, report};

/// What an entry saves.
#[repr(C, align(8))]
pub(crate) struct Frame {
    /// r0 to r12, and sp and lr of System mode.
    general: [usize; 15],
    /// Where it returns to.
    pc: usize,
    /// SPSR: what it returns to CPSR.
    status: usize,
}

// The numbers that the entries pass: the vectors' own.
const UNDEFINED: usize = 1;
const PREFETCH_ABORT: usize = 3;
const DATA_ABORT: usize = 4;
const INTERRUPT: usize = 6;

global_asm!(
    r#"
    .macro  table interrupt
    ldr     pc, =trap_0                 // reset
    ldr     pc, =trap_1                 // undefined instruction
    ldr     pc, =trap_2                 // supervisor call
    ldr     pc, =trap_3                 // prefetch abort
    ldr     pc, =trap_4                 // data abort
    ldr     pc, =trap_5                 // not used
    ldr     pc, =\interrupt
    ldr     pc, =trap_7                 // fast interrupt
    .endm

    // `distance`: from the address that the exception is about to what the processor stores in lr.
    .macro  entry number, distance
trap_\number:
    sub     lr, lr, #\distance
    sub     sp, sp, #{size}
    stm     sp, {{r0-r14}}^             // those of System mode
    str     lr, [sp, #{pc}]
    mrs     r0, spsr
    str     r0, [sp, #{status}]
    mov     r0, sp
    mov     r1, #\number
    bl      {trap}
    ldr     r0, [sp, #{status}]
    msr     spsr_cxsf, r0
    ldr     lr, [sp, #{pc}]
    ldm     sp, {{r0-r14}}^
    add     sp, sp, #{size}
    movs    pc, lr
    .endm

    .section .text.traps, "ax", %progbits
    .arm
    .balign 32
    .global exception_vectors
exception_vectors:
    table   trap_6
    .balign 32
    .global vectors_on_guest_stack
vectors_on_guest_stack:
    table   trap_on_guest_stack
    .ltorg

    entry   0, 0
    entry   1, 4
    entry   2, 4
    entry   3, 4
    entry   4, 8
    entry   5, 0
    entry   6, 4
    entry   7, 4

trap_on_guest_stack:
    sub     lr, lr, #4
    srsdb   sp!, #0x1f                  // lr and SPSR, to the stack of System mode
    cps     #0x1f
    push    {{r0-r4, r12, lr}}
    ldr     r0, [sp, #28]               // the stored lr
    and     r4, sp, #4                  // whatever the interrupted code has pushed: aligned for a call
    sub     sp, sp, r4
    bl      {interrupt}
    add     sp, sp, r4
    pop     {{r0-r4, r12, lr}}
    rfeia   sp!
    .purgem table
    .purgem entry
    "#,
    size = const size_of::<Frame>(),
    pc = const offset_of!(Frame, pc),
    status = const offset_of!(Frame, status),
    trap = sym trap,
    interrupt = sym interrupts::interrupt,
);

unsafe extern "C" {
    safe static exception_vectors: [u32; 8];
    safe static vectors_on_guest_stack: [u32; 8];
}

/// Has interrupts handled on the stack for exceptions, or on the stack of the code that they interrupt.
pub(crate) fn interrupts_on_own_stack(own: bool) {
    let vectors = if own { &raw const exception_vectors } else { &raw const vectors_on_guest_stack };
    // SAFETY: VBAR: both tables lead to entries that resume the interrupted code.
    unsafe { asm!("mcr p15, 0, {}, c12, c0, 0", "isb", in(reg) vectors, options(nostack, preserves_flags)) };
}

/// Where an entry arrives.
extern "C" fn trap(frame: &mut Frame, number: usize) {
    if number == INTERRUPT {
        return interrupts::interrupt(frame.pc);
    }
    let seen = Seen::new(frame, number);
    let (fault, sp) = (seen.fault(), frame.general[13]);
    // What the handler of another exception was doing is lost.
    let landing = if seen.is_of_a_handler() { None } else { faults::landing(fault, sp) };
    let Some((code, base)) = landing else { report::fault(fault, sp, &seen) };
    frame.pc = code;
    frame.general[13] = base;
    // Where a debugger's walk ends: r11 and lr.
    frame.general[11] = 0;
    frame.general[14] = 0;
}

/// A fault, for the report.
struct Seen<'a> {
    frame: &'a Frame,
    number: usize,
    /// DFSR or IFSR: what kind of abort it was.
    kind: usize,
    /// DFAR or IFAR: the address, if one was at fault.
    address: usize,
}

impl<'a> Seen<'a> {
    fn new(frame: &'a Frame, number: usize) -> Self {
        let (ifsr, ifar, dfsr, dfar): (usize, usize, usize, usize);
        // SAFETY: reads registers.
        unsafe {
            asm!(
                "mrc p15, 0, {}, c5, c0, 1",
                "mrc p15, 0, {}, c6, c0, 2",
                "mrc p15, 0, {}, c5, c0, 0",
                "mrc p15, 0, {}, c6, c0, 0",
                out(reg) ifsr,
                out(reg) ifar,
                out(reg) dfsr,
                out(reg) dfar,
                options(nomem, nostack, preserves_flags),
            );
        }
        let (kind, address) = if number == PREFETCH_ABORT { (ifsr, ifar) } else { (dfsr, dfar) };
        Self { frame, number, kind, address }
    }

    /// Whether the interrupted code was in another mode than System.
    fn is_of_a_handler(&self) -> bool {
        self.frame.status & 0x1f != 0x1f
    }

    fn fault(&self) -> Fault {
        /// Of DFSR: a store.
        const WRITE: usize = 1 << 11;
        /// Of IFSR, without its other bits: the instruction for debuggers (Armv7-A, B3.13.3).
        const DEBUG_EVENT: usize = 0b0010;
        match self.number {
            UNDEFINED => Fault::IllegalInstruction,
            PREFETCH_ABORT if self.kind & 0x40f == DEBUG_EVENT => Fault::Breakpoint,
            PREFETCH_ABORT => Fault::Execute(self.address),
            DATA_ABORT if self.kind & WRITE != 0 => Fault::Write(self.address),
            DATA_ABORT => Fault::Read(self.address),
            other => Fault::Exception(other as u64),
        }
    }
}

impl Display for Seen<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { frame: Frame { general, pc, status }, number, kind, address } = self;
        writeln!(f, "# exception {number}  fsr {kind:08x}  far {address:08x}  pc {pc:08x}  spsr {status:08x}")?;
        for (row, registers) in general.chunks(5).enumerate() {
            f.write_str("#")?;
            for (column, register) in registers.iter().enumerate() {
                write!(f, " r{:<2} {register:08x}", row * 5 + column)?;
            }
            f.write_str("\n")?;
        }
        Ok(())
    }
}
