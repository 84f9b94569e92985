//! Traps: exceptions and interrupts have one entry, which saves every register. An exception is reported, unless the
//! guest [makes](crate::faults) the core continue elsewhere; an [interrupt](super::interrupts) returns.
//!
//! ```text
//!   mscratch ─►  area, at the base of the exception stack     area, at the base of the emergency stack
//!                  the area of the emergency stack              itself
//!                  1: interrupts stay on the guest's stack
//! ```
//!
//! The entry exchanges sp and `mscratch`, and a frame lies below the area. While it is handled, `mscratch` points to
//! the emergency stack. An interrupt that is handled on the stack of the interrupted code changes neither.

use core::arch::{asm, global_asm};
use core::fmt::{self, Display, Formatter};
use core::mem::offset_of;
use core::ptr;

use super::{csr, interrupts};
use crate::fault::Fault;
use crate::{faults, report};

/// Bytes of the area.
pub(super) const AREA: usize = 16;
/// In the area: where that of the emergency stack is. The word behind says whether interrupts stay on their stack.
pub(super) const EMERGENCY: usize = 0;

/// What `mcause` says, without the bit that marks interrupts.
pub(super) struct Cause;

impl Cause {
    pub(super) const SOFTWARE: usize = 3 - csr::LOWER;
    pub(super) const TIMER: usize = 7 - csr::LOWER;
    const FETCH: usize = 1;
    const ILLEGAL: usize = 2;
    const BREAKPOINT: usize = 3;
    const LOAD: usize = 5;
    const STORE: usize = 7;
    const INTERRUPT: usize = 1 << (usize::BITS - 1);
}

/// What the entry saves.
#[repr(C, align(16))]
pub(crate) struct Frame {
    /// `mepc`: where it returns to. In the place of x0, which is no register.
    pc: usize,
    /// x1 to x31; x2 is the stack pointer of the interrupted code.
    general: [usize; 31],
    /// The area, for `mscratch` when it returns.
    area: usize,
    cause: usize,
    /// `mtval`: the address, if one was at fault.
    value: usize,
    fcsr: usize,
    float: [u64; 32],
}

// The registers of floating point are there whatever the guest is compiled for.
global_asm!(
    words!(),
    r#"
    .section .text.traps, "ax", @progbits
    .option push
    .option arch, +d
    .balign 4
    .global trap_entry
    .type trap_entry, @function
trap_entry:
    csrrw   sp, {csr_scratch}, sp
    sx      x5, -{word}(sp)
    csrr    x5, {csr_cause}
    bgez    x5, 1f                      // an exception
    lx      x5, {emergency} + {word}(sp)
    beqz    x5, 1f

    lx      x5, -{word}(sp)             // on the stack of the interrupted code
    csrrw   sp, {csr_scratch}, sp
    addi    sp, sp, -{size}
    sx      x5, 5 * {word}(sp)
    csrr    x5, {csr_scratch}
    sx      x5, {area}(sp)
    addi    x5, sp, {size}
    sx      x5, 2 * {word}(sp)
    j       2f

1:  lx      x5, -{word}(sp)             // on the handler's
    addi    sp, sp, -{size}
    sx      x5, 5 * {word}(sp)
    addi    x5, sp, {size}
    sx      x5, {area}(sp)
    csrr    x5, {csr_scratch}
    sx      x5, 2 * {word}(sp)
    lx      x5, {size} + {emergency}(sp)
    csrw    {csr_scratch}, x5

2:  .irp    register, 1, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    sx      x\register, \register * {word}(sp)
    .endr
    .irp    register, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    fsd     f\register, {float} + 8 * \register(sp)
    .endr
    csrr    t0, {csr_pc}
    csrr    t1, {csr_cause}
    csrr    t2, {csr_value}
    csrr    t3, fcsr
    sx      t0, 0(sp)
    sx      t1, {cause}(sp)
    sx      t2, {value}(sp)
    sx      t3, {fcsr}(sp)
.Lsaved:
    mv      a0, sp
    call    {trap}
    lx      t0, 0(sp)                   // a debugger looks up the return address of a signal frame itself: in the range, too
.Lhandled:
    lx      t1, {area}(sp)
    lx      t3, {fcsr}(sp)
    csrw    {csr_pc}, t0
    csrw    {csr_scratch}, t1
    csrw    fcsr, t3
    .irp    register, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    fld     f\register, {float} + 8 * \register(sp)
    .endr
    .irp    register, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    lx      x\register, \register * {word}(sp)
    .endr
    lx      sp, 2 * {word}(sp)
    .4byte  {return_from_trap}
    .size trap_entry, . - trap_entry
    .option pop
    .previous

    // What a debugger reads while the function runs: every register of the interrupted code is in the frame. By hand
    // and not by .cfi_signal_frame, which the assembler drops where rustc writes no unwind tables.
    .pushsection .debug_frame, "", @progbits
    .balign {word}
3:  .long   5f - 4f                     // the CIE
4:  .long   0xffffffff
    .byte   1
    .asciz  "S"
    .byte   1, 0x80 - {word}, 64        // the return address is pc, since ra is a register of the interrupted code
    .balign {word}, 0
5:  .long   7f - 6f                     // the FDE
6:  .long   3b
    .if {word} == 8
    .8byte  .Lsaved, .Lhandled - .Lsaved
    .else
    .4byte  .Lsaved, .Lhandled - .Lsaved
    .endif
    .byte   0x0c, 2                     // DW_CFA_def_cfa: sp and the size of the frame
    .uleb128 {size}
    .irp    register, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    .byte   0x80 + \register            // DW_CFA_offset: words below the CFA
    .uleb128 {size} / {word} - \register
    .endr
    .byte   0x05, 64                    // DW_CFA_offset_extended
    .uleb128 {size} / {word}
    .balign {word}, 0
7:  .popsection
    "#,
    no_words!(),
    word = const size_of::<usize>(),
    size = const size_of::<Frame>(),
    emergency = const EMERGENCY,
    area = const offset_of!(Frame, area),
    cause = const offset_of!(Frame, cause),
    value = const offset_of!(Frame, value),
    fcsr = const offset_of!(Frame, fcsr),
    float = const offset_of!(Frame, float),
    csr_scratch = const csr::SCRATCH,
    csr_pc = const csr::PC,
    csr_cause = const csr::CAUSE,
    csr_value = const csr::VALUE,
    return_from_trap = const csr::RETURN,
    trap = sym trap,
);

/// Where the entry arrives.
extern "C" fn trap(frame: &mut Frame) {
    if frame.cause & Cause::INTERRUPT != 0 {
        return interrupts::interrupt(frame.cause & !Cause::INTERRUPT, frame.pc);
    }
    let (fault, sp) = (frame.fault(), frame.general[1]);
    // What the handler of another trap was doing is lost: this is the emergency stack.
    let landing = if frame.is_of_a_handler() { None } else { faults::landing(fault, sp) };
    let Some((code, base)) = landing else { report::fault(fault, sp, frame) };
    frame.pc = code;
    frame.general[1] = base;
    // Where a debugger's walk ends: ra and s0.
    frame.general[0] = 0;
    frame.general[7] = 0;
}

/// Has interrupts handled on the stack for exceptions, or on the stack of the code that they interrupt. Not called in a
/// handler.
pub(super) fn interrupts_on_own_stack(own: bool) {
    let area: usize;
    // SAFETY: reads a register.
    unsafe { asm!("csrr {}, {}", out(reg) area, const csr::SCRATCH, options(nomem, nostack, preserves_flags)) };
    let flag: *mut usize = ptr::with_exposed_provenance_mut(area + EMERGENCY + size_of::<usize>());
    // SAFETY: outside of handlers that is the area of this core's exception stack, which nothing else uses.
    unsafe { flag.write_volatile(usize::from(!own)) };
}

impl Frame {
    /// Whether it is on the emergency stack, whose area names itself.
    fn is_of_a_handler(&self) -> bool {
        let emergency: *const usize = ptr::with_exposed_provenance(self.area + EMERGENCY);
        // SAFETY: the boot code wrote it, and nothing writes to it since.
        unsafe { emergency.read_volatile() == self.area }
    }

    fn fault(&self) -> Fault {
        match self.cause {
            Cause::LOAD => Fault::Read(self.value),
            Cause::STORE => Fault::Write(self.value),
            Cause::FETCH => Fault::Execute(self.value),
            Cause::ILLEGAL => Fault::IllegalInstruction,
            Cause::BREAKPOINT => Fault::Breakpoint,
            other => Fault::Exception(other as u64),
        }
    }
}

impl Display for Frame {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const DIGITS: usize = size_of::<usize>() * 2;
        let Self { pc, cause, value, .. } = self;
        writeln!(f, "# pc  {pc:0DIGITS$x}  cause {cause}  value {value:0DIGITS$x}")?;
        for (row, registers) in self.general.chunks(4).enumerate() {
            f.write_str("#")?;
            for (column, register) in registers.iter().enumerate() {
                write!(f, " x{:<2} {register:0DIGITS$x}", row * 4 + column + 1)?;
            }
            f.write_str("\n")?;
        }
        Ok(())
    }
}
