//! Traps: exceptions and interrupts have one entry, which saves every register. An exception is reported, unless the
//! guest [makes](crate::faults) the core continue elsewhere; an [interrupt](super::interrupts) returns.
//!
//! ```text
//!   SAVE0 ─►  area, at the base of the exception stack     area, at the base of the emergency stack
//!               the area of the emergency stack              itself
//!               1: interrupts stay on the guest's stack
//! ```
//!
//! The entry exchanges sp and SAVE0, and a frame lies below the area. While it is handled, SAVE0 points to the
//! emergency stack. An interrupt that is handled on the stack of the interrupted code changes neither.

use core::arch::{asm, global_asm};
use core::fmt::{self, Display, Formatter};
use core::mem::offset_of;
use core::ptr;

use super::interrupts;
use crate::fault::Fault;
use crate::{faults, report};

/// Bytes of the area.
pub(super) const AREA: usize = 16;
/// In the area: where that of the emergency stack is. The word behind says whether interrupts stay on their stack.
pub(super) const EMERGENCY: usize = 0;

/// Exceptions, by the number that ESTAT has in [`Frame::code`]: 0 is an interrupt.
struct Code;

impl Code {
    const INTERRUPT: usize = 0x0;
    const LOAD: usize = 0x1;
    const STORE: usize = 0x2;
    const FETCH: usize = 0x3;
    const BREAKPOINT: usize = 0xc;
    const ILLEGAL: usize = 0xd;
}

/// What the entry saves.
#[repr(C, align(16))]
pub(crate) struct Frame {
    /// ERA: where it returns to. In the place of r0, which is no register.
    pc: usize,
    /// r1 to r31; r3 is the stack pointer of the interrupted code.
    general: [usize; 31],
    /// The area, for SAVE0 when it returns.
    area: usize,
    /// ESTAT.
    cause: usize,
    /// BADV: the address, if one was at fault.
    value: usize,
    fcsr: usize,
    /// fcc0 to fcc7.
    conditions: [u8; 8],
    float: [u64; 32],
}

global_asm!(
    r#"
    .section .text.traps, "ax", @progbits
    .balign 4096                        // EENTRY has no lower bits
    .global trap_entry
    .type trap_entry, @function
trap_entry:
    csrwr   $sp, 0x30
    st.d    $r12, $sp, -8
    csrrd   $r12, 0x5
    bstrpick.d $r12, $r12, 21, 16
    bnez    $r12, 1f                    // an exception
    ld.d    $r12, $sp, {emergency} + 8
    beqz    $r12, 1f

    ld.d    $r12, $sp, -8               // on the stack of the interrupted code
    csrwr   $sp, 0x30
    addi.d  $sp, $sp, -{size}
    st.d    $r12, $sp, 8 * 12
    csrrd   $r12, 0x30
    st.d    $r12, $sp, {area}
    addi.d  $r12, $sp, {size}
    st.d    $r12, $sp, 8 * 3
    b       2f

1:  ld.d    $r12, $sp, -8               // on the handler's
    addi.d  $sp, $sp, -{size}
    st.d    $r12, $sp, 8 * 12
    addi.d  $r12, $sp, {size}
    st.d    $r12, $sp, {area}
    csrrd   $r12, 0x30
    st.d    $r12, $sp, 8 * 3
    ld.d    $r12, $sp, {size} + {emergency}
    csrwr   $r12, 0x30

2:  .irp    n, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    st.d    $r\n, $sp, 8 * \n
    .endr
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    fst.d   $f\n, $sp, {float} + 8 * \n
    .endr
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7
    movcf2gr $t0, $fcc\n
    st.b    $t0, $sp, {conditions} + \n
    .endr
    csrrd   $t0, 0x6
    csrrd   $t1, 0x5
    csrrd   $t2, 0x7
    movfcsr2gr $t3, $fcsr0
    st.d    $t0, $sp, 0
    st.d    $t1, $sp, {cause}
    st.d    $t2, $sp, {value}
    st.d    $t3, $sp, {fcsr}
    move    $a0, $sp
    bl      {trap}
    ld.d    $t0, $sp, 0
    ld.d    $t1, $sp, {area}
    ld.d    $t3, $sp, {fcsr}
    csrwr   $t0, 0x6
    csrwr   $t1, 0x30
    movgr2fcsr $fcsr0, $t3
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7
    ld.b    $t0, $sp, {conditions} + \n
    movgr2cf $fcc\n, $t0
    .endr
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    fld.d   $f\n, $sp, {float} + 8 * \n
    .endr
    .irp    n, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    ld.d    $r\n, $sp, 8 * \n
    .endr
    ld.d    $sp, $sp, 8 * 3
    ertn
    .size trap_entry, . - trap_entry
    .previous
    "#,
    size = const size_of::<Frame>(),
    emergency = const EMERGENCY,
    area = const offset_of!(Frame, area),
    cause = const offset_of!(Frame, cause),
    value = const offset_of!(Frame, value),
    fcsr = const offset_of!(Frame, fcsr),
    conditions = const offset_of!(Frame, conditions),
    float = const offset_of!(Frame, float),
    trap = sym trap,
);

/// Where the entry arrives.
extern "C" fn trap(frame: &mut Frame) {
    if frame.code() == Code::INTERRUPT {
        return interrupts::interrupt(frame.cause, frame.pc);
    }
    let (fault, sp) = (frame.fault(), frame.general[2]);
    // What the handler of another trap was doing is lost: this is the emergency stack.
    let landing = if frame.is_of_a_handler() { None } else { faults::landing(fault, sp) };
    let Some((code, base)) = landing else { report::fault(fault, sp, frame) };
    frame.pc = code;
    frame.general[2] = base;
    // Where a debugger's walk ends: ra and fp.
    frame.general[0] = 0;
    frame.general[21] = 0;
}

/// Has interrupts handled on the stack for exceptions, or on the stack of the code that they interrupt. Not called in a
/// handler.
pub(super) fn interrupts_on_own_stack(own: bool) {
    let area: usize;
    // SAFETY: reads a register.
    unsafe { asm!("csrrd {}, 0x30", out(reg) area, options(nomem, nostack, preserves_flags)) };
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

    /// Bits 21 to 16 of ESTAT.
    fn code(&self) -> usize {
        self.cause >> 16 & 0x3f
    }

    fn fault(&self) -> Fault {
        match self.code() {
            Code::LOAD => Fault::Read(self.value),
            Code::STORE => Fault::Write(self.value),
            Code::FETCH => Fault::Execute(self.value),
            Code::ILLEGAL => Fault::IllegalInstruction,
            Code::BREAKPOINT => Fault::Breakpoint,
            other => Fault::Exception(other as u64),
        }
    }
}

impl Display for Frame {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { pc, cause, value, .. } = self;
        writeln!(f, "# pc  {pc:016x}  estat {cause:016x}  badv {value:016x}")?;
        for (row, registers) in self.general.chunks(4).enumerate() {
            f.write_str("#")?;
            for (column, register) in registers.iter().enumerate() {
                write!(f, " r{:<2} {register:016x}", row * 4 + column + 1)?;
            }
            f.write_str("\n")?;
        }
        Ok(())
    }
}
