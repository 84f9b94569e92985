//! Segments, of which long mode uses little, and the task state segments, which hold the stacks for exceptions: one for
//! each core. The task register holds which one a core has loaded, and so which core it is.

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ::x86_64::PrivilegeLevel;
use ::x86_64::VirtAddr;
use ::x86_64::instructions::tables::load_tss;
use ::x86_64::structures::gdt::{Descriptor, DescriptorFlags, SegmentSelector};
use ::x86_64::structures::tss::TaskStateSegment;

use crate::cores::MOST;

// Selectors: where in the GDT a descriptor is.
pub(super) const CODE: SegmentSelector = SegmentSelector::new(1, PrivilegeLevel::Ring0);
pub(super) const DATA: SegmentSelector = SegmentSelector::new(2, PrivilegeLevel::Ring0);
/// Bytes of a descriptor: a selector is an offset, as long as it requests privilege level 0.
const ENTRY: usize = 8;

/// Where the first core's task state is. Those of the others follow, two entries each.
const TASK_STATE: usize = 3;

/// The global descriptor table, loaded by the boot code. The descriptor of a task state takes two entries.
pub(super) static GDT: [AtomicU64; TASK_STATE + 2 * MOST] = {
    let mut table = [const { AtomicU64::new(0) }; TASK_STATE + 2 * MOST];
    table[CODE.0 as usize / ENTRY] = AtomicU64::new(DescriptorFlags::KERNEL_CODE64.bits());
    table[DATA.0 as usize / ENTRY] = AtomicU64::new(DescriptorFlags::KERNEL_DATA.bits());
    table
};

// Indices into the table of interrupt stacks.
/// For every exception but one.
pub(super) const EXCEPTION_STACK: u16 = 0;
/// For the double fault: an exception could not be delivered, perhaps for want of a stack.
pub(super) const EMERGENCY_STACK: u16 = 1;

static mut TASKS: [TaskStateSegment; MOST] = [const { TaskStateSegment::new() }; MOST];

/// Gives the exceptions of `core`, which this is, their stacks, by their bases.
pub(super) fn init(core: usize, exception: usize, emergency: usize) {
    assert!(core < MOST);
    let task = (&raw mut TASKS).cast::<TaskStateSegment>().wrapping_add(core);
    // SAFETY: in bounds; each core has its own, and calls this once.
    let task: &'static mut TaskStateSegment = unsafe { &mut *task };
    task.interrupt_stack_table[usize::from(EXCEPTION_STACK)] = VirtAddr::new(exception as u64);
    task.interrupt_stack_table[usize::from(EMERGENCY_STACK)] = VirtAddr::new(emergency as u64);

    let index = TASK_STATE + 2 * core;
    match Descriptor::tss_segment(task) {
        Descriptor::SystemSegment(low, high) => {
            GDT[index].store(low, Relaxed);
            GDT[index + 1].store(high, Relaxed);
        }
        Descriptor::UserSegment(_) => unreachable!("a task state segment is a system segment"),
    }

    // SAFETY: the selector is that of the descriptor just written, in the table that the boot code loaded.
    unsafe { load_tss(SegmentSelector::new(index as u16, PrivilegeLevel::Ring0)) };
}

/// Which core this is, by the task state that it has loaded; the first before it has loaded any.
pub(super) fn core() -> usize {
    let selector: u64;
    // SAFETY: reads the task register, which privileged code may.
    unsafe { asm!("str {}", out(reg) selector, options(nomem, nostack, preserves_flags)) };
    (SegmentSelector(selector as u16).index() as usize).saturating_sub(TASK_STATE) / 2
}
