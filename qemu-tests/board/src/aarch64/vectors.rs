//! Exceptions: the vectors save the registers and report, unless the guest [makes](crate::faults) the core continue
//! elsewhere: all sixteen but those of [interrupts](super::interrupts), and of [steps](super::steps), which
//! [return](super::resume).
//!
//! The processor arrives on SP_EL1. Code that is interrupted with SP_EL1 selected was handling an exception itself,
//! perhaps one that has to do with that very stack, or is a guest that put its own stack there: from there on goes the
//! emergency stack.

use core::arch::global_asm;
use core::fmt::{self, Display, Formatter};
use core::mem::offset_of;

use aarch64_cpu::registers::ESR_EL1;

use crate::fault::Fault;
use crate::{faults, report};

/// What a vector saves, at the base of the exception stack.
#[repr(C, align(16))]
struct Frame {
    /// x0 to x30.
    general: [u64; 31],
    /// The stack pointer of the interrupted code, put into SP_EL0 if it was not there.
    sp: u64,
    /// ELR_EL1: where the exception returns to.
    pc: u64,
    /// SPSR_EL1: the state of the processor there.
    state: u64,
    /// ESR_EL1: why.
    syndrome: u64,
    /// FAR_EL1: the address, if one was at fault.
    address: u64,
    /// Which vector, in the order of the table: four for each source, synchronous first.
    vector: u64,
}

/// Where the vectors begin of what is taken from code that runs on SP_EL0, as guests do, and on SP_EL1: synchronous
/// exceptions, then interrupts.
const FROM_SP_EL0: u64 = 0;
const FROM_SP_EL1: u64 = 4;

/// The classes of debug exceptions, of a breakpoint and of a step, taken from this exception level; they differ in this
/// bit.
const BREAKPOINT: u64 = ESR_EL1::EC::Value::BreakpointCurrentEL as u64;
const STEP_BIT: u64 = ESR_EL1::EC::Value::SoftwareStepCurrentEL as u64 - BREAKPOINT;

// No floating point register is saved, and none put back: nothing is resumed. When the function returns, it has put
// another pc and sp there.
global_asm!(
    r#"
    .section .text.exception_vectors, "ax"
    .balign 2048
    .global exception_vectors
    .type exception_vectors, %function
exception_vectors:
    .irp vector, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    .balign 128
    .if \vector == {from_sp_el0} + 1 || \vector == {from_sp_el1} + 1
    b       interrupt_entry
    .endif
    .if \vector == {from_sp_el0} || \vector == {from_sp_el1}
    msr     tpidr_el1, x0
    mrs     x0, esr_el1
    lsr     x0, x0, #26                     // the class; the flags are in SPSR_EL1 already
    bic     x0, x0, #{step_bit}
    cmp     x0, #{breakpoint}
    mrs     x0, tpidr_el1
    b.eq    step_entry
    .endif
    .if \vector >= {from_sp_el1} && \vector < {from_sp_el1} + 4
    msr     tpidr_el1, x0
    mov     x0, sp
    msr     sp_el0, x0
    mrs     x0, tpidrro_el0             // where the boot code put this core's emergency stack
    mov     sp, x0
    mrs     x0, tpidr_el1
    .endif
    sub     sp, sp, #{size}
    stp     x0, x1, [sp, #16 * 0]
    mov     x0, #\vector
    b       save_and_report
    .endr
    .size exception_vectors, . - exception_vectors

    .type save_and_report, %function
save_and_report:
    stp     x2, x3, [sp, #16 * 1]
    stp     x4, x5, [sp, #16 * 2]
    stp     x6, x7, [sp, #16 * 3]
    stp     x8, x9, [sp, #16 * 4]
    stp     x10, x11, [sp, #16 * 5]
    stp     x12, x13, [sp, #16 * 6]
    stp     x14, x15, [sp, #16 * 7]
    stp     x16, x17, [sp, #16 * 8]
    stp     x18, x19, [sp, #16 * 9]
    stp     x20, x21, [sp, #16 * 10]
    stp     x22, x23, [sp, #16 * 11]
    stp     x24, x25, [sp, #16 * 12]
    stp     x26, x27, [sp, #16 * 13]
    stp     x28, x29, [sp, #16 * 14]
    mrs     x1, sp_el0
    stp     x30, x1, [sp, #16 * 15]
    mrs     x1, elr_el1
    mrs     x2, spsr_el1
    stp     x1, x2, [sp, #{pc}]
    mrs     x1, esr_el1
    mrs     x2, far_el1
    stp     x1, x2, [sp, #{syndrome}]
    str     x0, [sp, #{vector}]
.Lsaved:
    mov     x0, sp
    bl      {exception}
    ldp     x0, x1, [sp, #{pc}]             // a debugger looks up the return address of a signal frame itself: in the range, too
.Lreported:
    msr     elr_el1, x0
    msr     spsr_el1, x1
    ldr     x0, [sp, #{sp}]
    msr     sp_el0, x0
    mov     x29, xzr                        // where a debugger's walk ends
    mov     x30, xzr
    add     sp, sp, #{size}
    eret
    .size save_and_report, . - save_and_report
    .previous

    // What a debugger reads while the function runs: every register of the interrupted code is in the frame. By hand
    // and not by .cfi_signal_frame, which the assembler drops where rustc writes no unwind tables.
    .pushsection .debug_frame, "", %progbits
    .balign 8
1:  .long   3f - 2f                         // the CIE
2:  .long   0xffffffff
    .byte   1
    .asciz  "S"
    .byte   1, 0x78, 32                     // the return address is pc, since x30 is a register of the interrupted code
    .balign 8, 0
3:  .long   5f - 4f                         // the FDE
4:  .long   1b
    .quad   .Lsaved, .Lreported - .Lsaved
    .byte   0x0c, 31                        // DW_CFA_def_cfa: sp and the size of the frame
    .uleb128 {size}
    .irp    register, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    .byte   0x80 + \register, {size} / 8 - \register // DW_CFA_offset: words below the CFA
    .endr
    .byte   0x80 + 31, ({size} - {sp}) / 8
    .byte   0x80 + 32, ({size} - {pc}) / 8
    .balign 8, 0
5:  .popsection
    "#,
    from_sp_el0 = const FROM_SP_EL0,
    from_sp_el1 = const FROM_SP_EL1,
    step_bit = const STEP_BIT,
    breakpoint = const BREAKPOINT,
    size = const size_of::<Frame>(),
    pc = const offset_of!(Frame, pc),
    sp = const offset_of!(Frame, sp),
    syndrome = const offset_of!(Frame, syndrome),
    vector = const offset_of!(Frame, vector),
    exception = sym exception,
);

const _: () = {
    // What the assembly stores in pairs.
    assert!(offset_of!(Frame, general) == 0 && offset_of!(Frame, sp) == 16 * 15 + 8);
    assert!(offset_of!(Frame, state) == offset_of!(Frame, pc) + 8);
    assert!(offset_of!(Frame, address) == offset_of!(Frame, syndrome) + 8);
};

/// Where the vectors arrive. Returns if the core is to continue elsewhere.
extern "C" fn exception(frame: &mut Frame) {
    let (fault, sp) = (frame.fault(), frame.sp as usize);
    // What ran on SP_EL1 is lost: this is the emergency stack.
    let landing = if frame.vector == FROM_SP_EL0 { faults::landing(fault, sp) } else { None };
    let Some((code, base)) = landing else { report::fault(fault, sp, frame) };
    frame.pc = code as u64;
    frame.sp = base as u64;
}

impl Frame {
    fn fault(&self) -> Fault {
        /// `brk #1`, which the compiler puts where a program must not come. x86_64 has an invalid instruction there.
        const COMPILER_TRAP: u64 = 1;

        let is_synchronous = self.vector.is_multiple_of(4);
        if !is_synchronous {
            return Fault::Interrupt;
        }

        let address = self.address as usize;
        match ESR_EL1::EC.read_as_enum(self.syndrome) {
            Some(ESR_EL1::EC::Value::DataAbortCurrentEL) if self.is_write() => Fault::Write(address),
            Some(ESR_EL1::EC::Value::DataAbortCurrentEL) => Fault::Read(address),
            Some(ESR_EL1::EC::Value::InstrAbortCurrentEL) => Fault::Execute(address),
            Some(ESR_EL1::EC::Value::WatchpointCurrentEL) => Fault::Watched(address),
            Some(ESR_EL1::EC::Value::Unknown) => Fault::IllegalInstruction,
            Some(ESR_EL1::EC::Value::Brk64) if self.immediate() == COMPILER_TRAP => Fault::IllegalInstruction,
            Some(ESR_EL1::EC::Value::Brk64) => Fault::Breakpoint,
            _ => Fault::Exception(ESR_EL1::EC.read(self.syndrome)),
        }
    }

    /// Of a data abort: WnR.
    fn is_write(&self) -> bool {
        self.syndrome & 1 << 6 != 0
    }

    /// Of a breakpoint instruction.
    fn immediate(&self) -> u64 {
        self.syndrome & 0xffff
    }
}

impl Display for Frame {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "# pc  {:016x}  sp  {:016x}  state    {:016x}", self.pc, self.sp, self.state)?;
        writeln!(f, "# far {:016x}  esr {:016x}  vector   {}", self.address, self.syndrome, self.vector)?;
        for (row, registers) in self.general.chunks(4).enumerate() {
            f.write_str("#")?;
            for (column, register) in registers.iter().enumerate() {
                write!(f, " x{:<2} {register:016x}", row * 4 + column)?;
            }
            f.write_str("\n")?;
        }
        Ok(())
    }
}
