//! Exceptions: faults and interrupts have one entry. A fault is reported, unless the guest [makes](crate::faults) the
//! core continue elsewhere; an interrupt returns.
//!
//! ```text
//!   stack of the interrupted code            main stack, while a handler runs
//!   sp before   ┌──────────────────────┐     base ┌──────────────────────┐
//!               │ a word, if that      │          │ exc_return           │
//!               │ aligns the rest to 8 │          │ r4 to r11            │
//!               │ with floating point: │          │ stacked, the address │
//!               │ s0 to s15, fpscr, 4  │       sp ├──────────────────────┤
//!               │ xpsr, pc, lr, r12    │          │ the handler's        │
//!               │ r3 to r0             │          └──────────────────────┘
//!   stacked     └──────────────────────┘
//! ```
//!
//! The processor stores what a C function may change, and a handler is a C function: it keeps the other registers, s16
//! to s31 among them. The entry, in Thumb-1, saves r4 to r11 for the report. A fault of a handler goes on on the emergency stack.

use core::arch::{asm, global_asm};
use core::fmt::{self, Display, Formatter};
use core::ptr;

use super::{limit, scb, timer};
use crate::fault::Fault;
use crate::{faults, interrupts, report};

/// What the entry saves.
#[repr(C)]
pub(crate) struct Frame {
    /// Where the processor stored the rest.
    stacked: usize,
    /// r4 to r11.
    saved: [u32; 8],
    /// What the processor had in lr: where it returns to.
    exc_return: u32,
}

global_asm!(
    r#"
    .section .text.traps, "ax", %progbits
    .global trap_entry
    .type   trap_entry, %function
    .thumb_func
trap_entry:
    .cfi_startproc
    mrs     r0, msp
    mov     r1, lr                      // exc_return
    movs    r2, #8                      // whether the interrupted code was in thread mode,
    tst     r1, r2
    bne     1f
    ldr     r2, =emergency_stack_base
    mov     sp, r2
1:  movs    r2, #4                      // and whether it was on the process stack
    tst     r1, r2
    beq     2f
    mrs     r0, psp
2:  mov     r1, r10
    mov     r2, r11
    push    {{r1, r2, lr}}
    mov     r1, r8
    mov     r2, r9
    push    {{r1, r2}}
    push    {{r0, r4-r7}}
    .cfi_def_cfa_offset 40
    .cfi_offset lr, -4
    .cfi_offset r11, -8
    .cfi_offset r10, -12
    .cfi_offset r9, -16
    .cfi_offset r8, -20
    .cfi_offset r7, -24
    .cfi_offset r6, -28
    .cfi_offset r5, -32
    .cfi_offset r4, -36
    mov     r0, sp
    bl      {trap}
    pop     {{r0, r4-r7}}
    pop     {{r1, r2}}
    mov     r8, r1
    mov     r9, r2
    pop     {{r1, r2, r3}}
    .cfi_def_cfa_offset 0
    mov     r10, r1
    mov     r11, r2
    movs    r1, #4
    tst     r3, r1
    beq     3f
    msr     psp, r0                     // another, if the core continues elsewhere
3:  bx      r3
    .cfi_endproc
    .ltorg
    .size trap_entry, . - trap_entry
    "#,
    trap = sym trap,
);

/// What the processor stores: r0 to r3, r12, lr, pc, xpsr.
type Stacked = [u32; 8];
const PC: usize = 6;
const XPSR: usize = 7;

/// In xpsr: the code is Thumb.
const THUMB: u32 = 1 << 24;
/// In xpsr: a word aligns what is stored.
const IS_ALIGNED: u32 = 1 << 9;
/// In `exc_return`: there are no registers of floating point.
const IS_BASIC: u32 = 1 << 4;
/// In `exc_return`: to thread mode.
const TO_THREAD: u32 = 1 << 3;
/// An `exc_return`: to thread mode, the process stack, without registers of floating point.
const TO_PROCESS_STACK: u32 = 0xffff_fffd;

// The numbers of exceptions.
const PENDSV: u32 = 14;
const SYSTICK: u32 = 15;

/// Where the entry arrives.
extern "C" fn trap(frame: &mut Frame) {
    let number: u32;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, ipsr", out(reg) number, options(nomem, nostack, preserves_flags)) };
    match number {
        PENDSV => interrupts::handle(frame.word(PC) as usize),
        SYSTICK => {
            timer::stop();
            interrupts::handle(frame.word(PC) as usize);
        }
        _ => fault(frame, number),
    }
}

fn fault(frame: &mut Frame, number: u32) {
    let seen = Seen::new(frame, number);
    let (fault, sp) = (seen.fault(), seen.sp);
    // What the handler of another exception was doing is lost.
    let is_of_a_handler = frame.exc_return & TO_THREAD == 0;
    let landing = if is_of_a_handler { None } else { faults::landing(fault, sp) };
    let Some((code, base)) = landing else { report::fault(fault, sp, &seen) };
    // As if an exception had interrupted the first instruction of `code`, with nothing on its stack.
    let mut stacked = Stacked::default();
    stacked[PC] = code as u32 & !1;
    stacked[XPSR] = THUMB;
    frame.stacked = base - size_of::<Stacked>();
    frame.exc_return = TO_PROCESS_STACK;
    // Where a debugger's walk ends: r7.
    frame.saved[3] = 0;
    scb::forget_lazy_state();
    limit::set(0);
    let place: *mut Stacked = ptr::with_exposed_provenance_mut(frame.stacked);
    // SAFETY: the top of a stack that nothing uses.
    unsafe { place.write(stacked) };
}

impl Frame {
    /// A word that the processor stored. It did, unless it says that it could not.
    fn word(&self, index: usize) -> u32 {
        let stacked: *const u32 = ptr::with_exposed_provenance(self.stacked + 4 * index);
        // SAFETY: as above; nothing writes to it meanwhile.
        unsafe { stacked.read_volatile() }
    }
}

/// A fault, for the report.
struct Seen<'a> {
    frame: &'a Frame,
    number: u32,
    status: scb::Status,
    /// What the processor stored, if it could.
    stacked: Option<Stacked>,
    /// The stack pointer of the interrupted code.
    sp: usize,
}

impl<'a> Seen<'a> {
    fn new(frame: &'a Frame, number: u32) -> Self {
        /// Of CFSR: the stack pointer is at its limit.
        const STKOF: u32 = 1 << 20;
        /// Of CFSR: MSTKERR, STKERR and STKOF.
        const NOT_STORED: u32 = 1 << 4 | 1 << 12 | STKOF;
        let status = scb::take_status();
        let is_stored = status.cfsr & NOT_STORED == 0;
        let stacked = is_stored.then(|| core::array::from_fn(|index| frame.word(index)));
        let size = if frame.exc_return & IS_BASIC != 0 { 32 } else { 104 };
        let gap = if stacked.is_some_and(|stacked| stacked[XPSR] & IS_ALIGNED != 0) { 4 } else { 0 };
        // Where sp was is not known if the processor did not store it: at the limit at the least.
        let sp = if status.cfsr & STKOF != 0 { limit::get() } else { frame.stacked + size + gap };
        Self { frame, number, status, stacked, sp }
    }

    fn fault(&self) -> Fault {
        let scb::Status { cfsr, hfsr, mmfar, bfar } = self.status;
        let has = |bit: u32| cfsr >> bit & 1 != 0;
        let pc = self.stacked.map_or(0, |stacked| stacked[PC] as usize);
        match () {
            // DEBUGEVT
            () if hfsr >> 31 != 0 => Fault::Breakpoint,
            // IACCVIOL, IBUSERR, INVSTATE: a jump to where no code is.
            () if has(0) || has(8) || has(17) => Fault::Execute(pc),
            // MMARVALID, BFARVALID.
            () if has(7) => self.access(mmfar),
            () if has(15) => self.access(bfar),
            // STKOF: an instruction or the processor itself would have moved the stack pointer below its limit.
            () if has(20) => Fault::Watched(limit::get() - 1),
            // MSTKERR, STKERR: the processor itself had no room.
            () if has(4) || has(12) => Fault::Write(self.frame.stacked),
            // UNDEFINSTR, NOCP.
            () if has(16) || has(19) => Fault::IllegalInstruction,
            () => Fault::Exception(self.number.into()),
        }
    }

    /// What the instruction does, which no register tells.
    fn access(&self, address: usize) -> Fault {
        let reads = self.stacked.is_some_and(|stacked| is_load(stacked[PC] as usize));
        if reads { Fault::Read(address) } else { Fault::Write(address) }
    }
}

/// Whether the instruction at `pc`, which accesses memory, loads from it (Armv7-M, A5.2 and A5.3).
fn is_load(pc: usize) -> bool {
    let code: *const u16 = ptr::with_exposed_provenance(pc);
    // SAFETY: the processor executed it.
    let first = unsafe { code.read_volatile() };
    match first >> 11 {
        // With four bytes: bit 4 is L in all of them.
        0b11101..=0b11111 => first & 1 << 4 != 0,
        // Register offsets: STR, STRH and STRB have the lowest numbers.
        0b01010 => first >> 9 & 0b11 == 0b11,
        // LDR from the literals, and LDR and its kind by register offsets.
        0b01001 | 0b01011 => true,
        // The others have L in bit 11.
        other => other & 1 != 0,
    }
}

impl Display for Seen<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let scb::Status { cfsr, hfsr, mmfar, bfar } = self.status;
        let Frame { saved, exc_return, .. } = self.frame;
        writeln!(
            f,
            "# exception {}  cfsr {cfsr:08x}  hfsr {hfsr:08x}  mmfar {mmfar:08x}  bfar {bfar:08x}",
            self.number
        )?;
        writeln!(f, "# sp  {:08x}  exc_return {exc_return:08x}", self.sp)?;
        if let Some([r0, r1, r2, r3, r12, lr, pc, xpsr]) = self.stacked {
            writeln!(f, "# pc  {pc:08x}  lr  {lr:08x}  xpsr {xpsr:08x}")?;
            writeln!(f, "# r0  {r0:08x} r1  {r1:08x} r2  {r2:08x} r3  {r3:08x} r12 {r12:08x}")?;
        }
        f.write_str("#")?;
        for (number, register) in saved.iter().enumerate() {
            write!(f, " r{:<2} {register:08x}", number + 4)?;
        }
        f.write_str("\n")
    }
}
