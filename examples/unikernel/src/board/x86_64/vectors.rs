//! Segments and vectors. Every vector has a stack of its own (IST), so the stack of a greenlet needs no room for
//! handlers.

use super::interrupts::{self, CARD, ERROR, SPURIOUS, TIMER};
use crate::board::contain;
use core::arch::naked_asm;
use spin::Once;
use x86_64::VirtAddr;
use x86_64::instructions::tables::load_tss;
use x86_64::registers::control::Cr2;
use x86_64::registers::segmentation::{CS, SS, Segment};
use x86_64::structures::gdt::{Descriptor, GlobalDescriptorTable};
use x86_64::structures::idt::InterruptDescriptorTable;
use x86_64::structures::tss::TaskStateSegment;

#[cfg(target_feature = "sse")]
compile_error!("the vectors save no SSE register: build for x86_64-unknown-none without further features");

#[repr(align(16))]
struct Stack(#[allow(dead_code, reason = "used by the processor")] [u8; 8192]);

/// Numbers of the stacks, which are indices into the table of interrupt stacks.
const EXCEPTION: u16 = 0;
const DOUBLE_FAULT: u16 = 1;
const INTERRUPT: u16 = 2;
static mut STACKS: [Stack; 3] = [const { Stack([0; _]) }; 3];
/// Where the processor goes on after a stack overflow.
static mut LANDING: Stack = Stack([0; _]);

static TSS: Once<TaskStateSegment> = Once::new();
static GDT: Once<GlobalDescriptorTable> = Once::new();
static IDT: Once<InterruptDescriptorTable> = Once::new();

/// Loads the tables. Called once, with interrupts masked.
pub(super) fn init() {
    let tss = TSS.call_once(|| {
        let mut tss = TaskStateSegment::new();
        for stack in EXCEPTION..=INTERRUPT {
            let base = (&raw const STACKS).cast::<Stack>().wrapping_add(usize::from(stack) + 1);
            tss.interrupt_stack_table[usize::from(stack)] = VirtAddr::from_ptr(base);
        }
        tss
    });
    let mut gdt = GlobalDescriptorTable::new();
    let code = gdt.append(Descriptor::kernel_code_segment());
    let data = gdt.append(Descriptor::kernel_data_segment());
    let task = gdt.append(Descriptor::tss_segment(tss));
    GDT.call_once(|| gdt).load();
    // SAFETY: a code segment of the table that was loaded.
    unsafe { CS::set_reg(code) };
    // SAFETY: a data segment of the table that was loaded.
    unsafe { SS::set_reg(data) };
    // SAFETY: a task state segment of the table that was loaded.
    unsafe { load_tss(task) };
    IDT.call_once(table).load();
}

fn table() -> InterruptDescriptorTable {
    let mut idt = InterruptDescriptorTable::new();
    let at = |handler: unsafe extern "C" fn()| VirtAddr::new(handler as usize as u64);
    let set = [
        // SAFETY: a handler for vectors without an error code.
        unsafe { idt.divide_error.set_handler_addr(at(exception::<0>)) },
        // SAFETY: the same.
        unsafe { idt.invalid_opcode.set_handler_addr(at(exception::<6>)) },
        // SAFETY: a handler for vectors with an error code.
        unsafe { idt.double_fault.set_handler_addr(at(exception_with_code::<8>)) },
        // SAFETY: the same.
        unsafe { idt.stack_segment_fault.set_handler_addr(at(exception_with_code::<12>)) },
        // SAFETY: the same.
        unsafe { idt.general_protection_fault.set_handler_addr(at(exception_with_code::<13>)) },
        // SAFETY: the same.
        unsafe { idt.page_fault.set_handler_addr(at(exception_with_code::<14>)) },
    ];
    let stacks = [EXCEPTION, EXCEPTION, DOUBLE_FAULT, EXCEPTION, EXCEPTION, EXCEPTION];
    for (options, stack) in set.into_iter().zip(stacks) {
        // SAFETY: the table of interrupt stacks has it, and exceptions end the program.
        unsafe { options.set_stack_index(stack) };
    }
    let interrupts: [(u8, unsafe extern "C" fn()); 4] =
        [(TIMER, enter::<TIMER>), (CARD, enter::<CARD>), (ERROR, enter::<ERROR>), (SPURIOUS, ignore)];
    for (number, handler) in interrupts {
        // SAFETY: a handler for vectors without an error code.
        let options = unsafe { idt[number].set_handler_addr(at(handler)) };
        // SAFETY: the table of interrupt stacks has it, and interrupts do not interrupt each other.
        unsafe { options.set_stack_index(INTERRUPT) };
    }
    idt
}

#[unsafe(naked)]
unsafe extern "C" fn exception<const NUMBER: u8>() {
    naked_asm!("push 0", "jmp {}", sym exception_with_code::<NUMBER>)
}

/// Six words are on the stack, so it is aligned for a call. No register needs to be saved: what was interrupted is not
/// resumed.
#[unsafe(naked)]
unsafe extern "C" fn exception_with_code<const NUMBER: u8>() {
    naked_asm!("cld", "mov edi, {}", "mov rsi, rsp", "call {}", "add rsp, 8", "iretq", const NUMBER, sym report)
}

/// Five words are on the stack, and nine are pushed, so it is aligned for a call. The target has no SSE, so no other
/// register can change.
#[unsafe(naked)]
unsafe extern "C" fn enter<const NUMBER: u8>() {
    naked_asm!(
        "push rax", "push rcx", "push rdx", "push rsi", "push rdi", "push r8", "push r9", "push r10", "push r11",
        "cld",
        "mov edi, {}",
        "call {}",
        "pop r11", "pop r10", "pop r9", "pop r8", "pop rdi", "pop rsi", "pop rdx", "pop rcx", "pop rax",
        "iretq",
        const NUMBER,
        sym interrupts::handle,
    )
}

#[unsafe(naked)]
unsafe extern "C" fn ignore() {
    naked_asm!("iretq")
}

/// What the processor and the vector have pushed.
#[repr(C)]
struct Frame {
    code: u64,
    rip: u64,
    cs: u64,
    rflags: u64,
    rsp: u64,
    ss: u64,
}

/// Returns only after a stack overflow, with a frame by which `iretq` goes on elsewhere.
extern "C" fn report(number: u8, frame: &mut Frame) {
    const PAGE_FAULT: u8 = 14;
    const DIRECTION: u64 = 1 << 10;
    let Frame { code, rip, rsp, .. } = *frame;
    let address = Cr2::read_raw();
    if number == PAGE_FAULT && contain::has_overflowed(address as usize, rsp as usize) {
        frame.rip = (contain::land as *const ()).addr() as u64;
        frame.rsp = (&raw const LANDING).wrapping_add(1).addr() as u64 - 8; // as after a call
        frame.rflags &= !DIRECTION;
        return;
    }
    panic!("exception {number}, code {code:#x}, at {rip:#x}, address {address:#x}, sp {rsp:#x}")
}
