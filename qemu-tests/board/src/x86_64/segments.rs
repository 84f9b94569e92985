//! Segments, which long mode hardly knows, and the task state segment, which holds the stacks for exceptions.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ::x86_64::PrivilegeLevel;
use ::x86_64::VirtAddr;
use ::x86_64::instructions::tables::load_tss;
use ::x86_64::structures::gdt::{Descriptor, DescriptorFlags, SegmentSelector};
use ::x86_64::structures::tss::TaskStateSegment;

use crate::memory;

// Selectors: where in the GDT a descriptor is.
pub(super) const CODE: SegmentSelector = SegmentSelector::new(1, PrivilegeLevel::Ring0);
pub(super) const DATA: SegmentSelector = SegmentSelector::new(2, PrivilegeLevel::Ring0);
const TASK_STATE: SegmentSelector = SegmentSelector::new(3, PrivilegeLevel::Ring0);

/// The global descriptor table, loaded by the boot code. The descriptor of the task state takes two entries.
pub(super) static GDT: [AtomicU64; 5] = [
    AtomicU64::new(0),
    AtomicU64::new(DescriptorFlags::KERNEL_CODE64.bits()),
    AtomicU64::new(DescriptorFlags::KERNEL_DATA.bits()),
    AtomicU64::new(0),
    AtomicU64::new(0),
];

// Indices into the table of interrupt stacks.
/// For every exception but one.
pub(super) const EXCEPTION_STACK: u16 = 0;
/// For the double fault: an exception could not be delivered, perhaps for want of a stack.
pub(super) const EMERGENCY_STACK: u16 = 1;

static mut TASK: TaskStateSegment = TaskStateSegment::new();

/// Gives the exceptions their stacks.
pub(super) fn init() {
    let task = &raw mut TASK;
    // SAFETY: called once, and nothing else refers to it.
    let task: &'static mut TaskStateSegment = unsafe { &mut *task };
    task.interrupt_stack_table[usize::from(EXCEPTION_STACK)] = VirtAddr::new(memory::exception_stack() as u64);
    task.interrupt_stack_table[usize::from(EMERGENCY_STACK)] = VirtAddr::new(memory::emergency_stack() as u64);

    let index = usize::from(TASK_STATE.index());
    match Descriptor::tss_segment(task) {
        Descriptor::SystemSegment(low, high) => {
            GDT[index].store(low, Relaxed);
            GDT[index + 1].store(high, Relaxed);
        }
        Descriptor::UserSegment(_) => unreachable!("a task state segment is a system segment"),
    }

    // SAFETY: the selector is that of the descriptor just written, in the table that the boot code loaded.
    unsafe { load_tss(TASK_STATE) };
}
