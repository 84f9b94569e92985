//! Exceptions: all 32 vectors save the registers and report, unless the guest [makes](crate::faults) the core continue
//! elsewhere; but for the one of [steps](super::steps) while these are on. The
//! vector after them is the one of [interrupts](super::interrupts). These two [return](super::resume).

use core::arch::global_asm;
use core::fmt::{self, Display, Formatter};
use core::mem::offset_of;

use ::x86_64::VirtAddr;
use ::x86_64::instructions::tables::lidt;
use ::x86_64::registers::control::Cr2;
use ::x86_64::registers::rflags::RFlags;
use ::x86_64::structures::DescriptorTablePointer;
use ::x86_64::structures::idt::{Entry, ExceptionVector, HandlerFunc, PageFaultErrorCode};

use super::segments::{EMERGENCY_STACK, EXCEPTION_STACK};
use super::{interrupts, resume, steps};
use crate::fault::Fault;
use crate::{faults, report};

/// Exceptions have the first numbers; interrupts the others.
const VECTORS: usize = 32;
/// Bytes from the code of one vector to the next.
pub(super) const STRIDE: usize = 16;

/// The vectors for which the processor pushes an error code: #DF, #TS, #NP, #SS, #GP, #PF, #AC, #CP, #VC, #SX.
const WITH_ERROR_CODE: u32 =
    1 << 8 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 17 | 1 << 21 | 1 << 29 | 1 << 30;

/// What is on the exception stack when all is saved; the lowest address first, pushed last.
#[repr(C)]
struct Frame {
    r15: u64,
    r14: u64,
    r13: u64,
    r12: u64,
    r11: u64,
    r10: u64,
    r9: u64,
    r8: u64,
    rbp: u64,
    rdi: u64,
    rsi: u64,
    rdx: u64,
    rcx: u64,
    rbx: u64,
    rax: u64,
    /// Which exception. Pushed by its vector, as is a zero for the error code if the processor has none.
    vector: u64,
    error: u64,
    // Pushed by the processor.
    rip: u64,
    cs: u64,
    rflags: u64,
    rsp: u64,
    ss: u64,
}

const _: () = assert!(size_of::<Frame>().is_multiple_of(16), "the processor aligned the base of the frame");

// No floating point register is saved, and none put back: nothing is resumed. When the function returns, it has put
// another rip and rsp there.
global_asm!(
    r#"
    .section .text.exception_vectors, "ax"
    .balign {stride}
    .global exception_vectors
    .type exception_vectors, @function
exception_vectors:
    .irp vector, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    .balign {stride}
    .if (({with_error_code} >> \vector) & 1) == 0
    push    0
    .endif
    push    \vector
    jmp     save_and_report
    .endr
    .size exception_vectors, . - exception_vectors

    .type save_and_report, @function
save_and_report:
    push    rax
    push    rbx
    push    rcx
    push    rdx
    push    rsi
    push    rdi
    push    rbp
    push    r8
    push    r9
    push    r10
    push    r11
    push    r12
    push    r13
    push    r14
    push    r15
.Lsaved:
    cld
    mov     rdi, rsp
    call    {exception}
    add     rsp, {rip}                  // a debugger looks up the return address of a signal frame itself: in the range, too
.Lreported:
    xor     ebp, ebp                    // where a debugger's walk ends
    iretq
    .size save_and_report, . - save_and_report
    .previous

    // What a debugger reads while the function runs: every register of the interrupted code is in the frame. By hand,
    // because the assembler drops .cfi_signal_frame here.
    .pushsection .debug_frame, "", @progbits
    .balign 8
1:  .long   3f - 2f                     // the CIE
2:  .long   0xffffffff
    .byte   1
    .asciz  "S"
    .byte   1, 0x78, 16                 // the return address is in column 16
    .balign 8, 0
3:  .long   5f - 4f                     // the FDE
4:  .long   1b
    .quad   .Lsaved, .Lreported - .Lsaved
    .byte   0x0c, 7                     // DW_CFA_def_cfa: rsp and the size of the frame
    .uleb128 {size}
    .set    below, {size} / 8           // words below the CFA
    .irp    register, 15, 14, 13, 12, 11, 10, 9, 8, 6, 5, 4, 1, 2, 3, 0
    .byte   0x80 + \register, below     // DW_CFA_offset
    .set    below, below - 1
    .endr
    .byte   0x80 + 16, ({size} - {rip}) / 8
    .byte   0x80 + 7, ({size} - {rsp}) / 8
    .balign 8, 0
5:  .popsection
    "#,
    stride = const STRIDE,
    with_error_code = const WITH_ERROR_CODE,
    size = const size_of::<Frame>(),
    rip = const offset_of!(Frame, rip),
    rsp = const offset_of!(Frame, rsp),
    exception = sym exception,
);

unsafe extern "C" {
    pub(super) safe static exception_vectors: [[u8; STRIDE]; VECTORS];
}

/// One gate for each exception, and one for interrupts.
const GATES: usize = VECTORS + 1;

const _: () = assert!(interrupts::VECTOR == VECTORS, "the gate of interrupts is the one after those of the exceptions");

static mut TABLE: Table = [const { Entry::missing() }; GATES];

type Table = [Entry<HandlerFunc>; GATES];

/// Fills the interrupt descriptor table.
pub(super) fn init() {
    for (vector, code) in exception_vectors.iter().enumerate() {
        let stack = if vector == ExceptionVector::Double as usize { EMERGENCY_STACK } else { EXCEPTION_STACK };
        // SAFETY: the code of this very exception.
        unsafe { set_gate(vector, VirtAddr::from_ptr(code), Some(stack)) };
    }
    on_own_stack(true);
}

/// Loads the table that was filled.
pub(super) fn load() {
    let pointer =
        DescriptorTablePointer { limit: (size_of::<Table>() - 1) as u16, base: VirtAddr::from_ptr(&raw const TABLE) };
    // SAFETY: the table is a static, and every entry of it leads to a handler.
    unsafe { lidt(&pointer) };
}

/// Whether what returns, interrupts and steps, changes to the stack for exceptions.
pub(crate) fn on_own_stack(own: bool) {
    let stack = own.then_some(EXCEPTION_STACK);
    // SAFETY: the code of interrupts.
    unsafe { set_gate(interrupts::VECTOR, VirtAddr::from_ptr(&raw const resume::interrupt_entry), stack) };
    // SAFETY: the code of steps, which passes on what is no step.
    unsafe { set_gate(steps::VECTOR, VirtAddr::from_ptr(&raw const resume::step_entry), stack) };
}

/// Has a vector lead to `code`, on `stack` or on whichever stack it comes.
///
/// # Safety
///
/// `code` expects what the processor pushes for this vector.
unsafe fn set_gate(vector: usize, code: VirtAddr, stack: Option<u16>) {
    let table = &raw mut TABLE;
    // SAFETY: nothing else refers to it: no handler changes gates, nor does this function call code that does, and
    // there is no other core yet.
    let gate = unsafe { &mut (*table)[vector] };
    // SAFETY: by the contract.
    let options = unsafe { gate.set_handler_addr(code) };
    if let Some(stack) = stack {
        // SAFETY: `segments` put a stack there, and only exceptions and interrupts use it.
        unsafe { options.set_stack_index(stack) };
    }
}

/// Where the vectors arrive. Returns if the core is to continue elsewhere.
extern "C" fn exception(frame: &mut Frame) {
    let report = Report { frame, cr2: Cr2::read_raw(), watched: steps::watched() };
    let (fault, sp) = (report.fault(), frame.rsp as usize);
    let Some((code, base)) = faults::landing(fault, sp) else { report::fault(fault, sp, &report) };
    frame.rip = code as u64;
    frame.rflags &= !RFlags::DIRECTION_FLAG.bits(); // clear where a function begins
    frame.rsp = base as u64 - 8; // as if the function had been called
}

struct Report<'a> {
    frame: &'a Frame,
    /// The address at fault, of a page fault.
    cr2: u64,
    /// The watched address that was written to, of a debug exception.
    watched: Option<usize>,
}

impl Report<'_> {
    fn fault(&self) -> Fault {
        const PAGE: u64 = ExceptionVector::Page as u64;
        const INVALID_OPCODE: u64 = ExceptionVector::InvalidOpcode as u64;
        const BREAKPOINT: u64 = ExceptionVector::Breakpoint as u64;
        const DEBUG: u64 = ExceptionVector::Debug as u64;

        let address = self.cr2 as usize;
        match (self.frame.vector, self.watched) {
            (DEBUG, Some(address)) => Fault::Watched(address),
            (PAGE, _) => {
                let error = PageFaultErrorCode::from_bits_truncate(self.frame.error);
                if error.contains(PageFaultErrorCode::INSTRUCTION_FETCH) {
                    Fault::Execute(address)
                } else if error.contains(PageFaultErrorCode::CAUSED_BY_WRITE) {
                    Fault::Write(address)
                } else {
                    Fault::Read(address)
                }
            }
            (INVALID_OPCODE, _) => Fault::IllegalInstruction,
            (BREAKPOINT, _) => Fault::Breakpoint,
            (other, _) => Fault::Exception(other),
        }
    }
}

impl Display for Report<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { frame, cr2, .. } = self;
        let general = [
            [("rax", frame.rax), ("rbx", frame.rbx), ("rcx", frame.rcx), ("rdx", frame.rdx)],
            [("rsi", frame.rsi), ("rdi", frame.rdi), ("rbp", frame.rbp), ("r8", frame.r8)],
            [("r9", frame.r9), ("r10", frame.r10), ("r11", frame.r11), ("r12", frame.r12)],
            [("r13", frame.r13), ("r14", frame.r14), ("r15", frame.r15), ("rsp", frame.rsp)],
        ];

        writeln!(f, "# rip {:016x}  error {:04x}  vector {}", frame.rip, frame.error, frame.vector)?;
        writeln!(f, "# cr2 {cr2:016x}  cs {:04x}  ss {:04x}  rflags {:08x}", frame.cs, frame.ss, frame.rflags)?;
        for row in general {
            f.write_str("#")?;
            for (name, value) in row {
                write!(f, " {name:<3} {value:016x}")?;
            }
            f.write_str("\n")?;
        }
        Ok(())
    }
}
