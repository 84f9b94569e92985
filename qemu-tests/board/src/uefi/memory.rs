//! Memory of the program: statics where other machines have a linker script.

use core::cell::UnsafeCell;
use core::ops::Range;

use crate::cores::Memory;

/// Bytes in a page.
pub(crate) const PAGE: usize = 4096;

const STACK: usize = 256 << 10;
static GUEST_STACK: Memory<STACK> = Memory::new();

/// Memory for what the host hands in.
#[repr(C, align(4096))]
pub(crate) struct Input(UnsafeCell<[u8; 2 << 20]>);

// SAFETY: one core fills it, before the guest begins; from then on it is only read.
unsafe impl Sync for Input {}

pub(crate) static INPUT: Input = Input(UnsafeCell::new([0; 2 << 20]));

impl Input {
    /// Puts `bytes` there.
    ///
    /// # Panics
    ///
    /// When there are more than fit.
    pub(crate) fn fill(&self, bytes: impl Iterator<Item = u8>) {
        for (index, byte) in bytes.enumerate() {
            assert!(index < input_area().len(), "the input exceeds {} bytes set aside for it", input_area().len());
            let place = self.0.get().cast::<u8>().wrapping_add(index);
            // SAFETY: in bounds, and no other reference exists yet.
            unsafe { place.write(byte) };
        }
    }
}

/// The stack that a guest's `main` runs on: from its limit, the lowest address, to its base. 256 KiB.
pub fn guest_stack() -> Range<usize> {
    GUEST_STACK.base() - STACK..GUEST_STACK.base()
}

/// Refuses: memory is mapped as the firmware has it.
///
/// # Panics
///
/// Always.
pub fn unmap(_pages: Range<usize>) {
    panic!("the map of memory is the firmware's: boot this guest on another machine");
}

/// Refuses: nothing here tells where the firmware has loaded the code.
///
/// # Panics
///
/// Always.
pub fn constants() -> Range<usize> {
    panic!("the place of the code is the firmware's choice: boot this guest on another machine");
}

/// There is no guard page.
pub(crate) fn is_guest_stack_guard(_address: usize) -> bool {
    false
}

/// Where the input is.
pub(crate) fn input_area() -> Range<usize> {
    let start = INPUT.0.get().expose_provenance();
    start..start + size_of::<Input>()
}
