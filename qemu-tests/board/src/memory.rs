//! What the linker script laid out, as addresses. `linker/qemu-*.ld` defines these symbols, by the same names.

use core::ops::Range;

use crate::cores;
use crate::machine::cores as machine_cores;

/// Something in the image of which only the place is known.
#[repr(C)]
struct Symbol([u8; 0]);

impl Symbol {
    fn address(&'static self) -> usize {
        (&raw const *self).addr()
    }
}

unsafe extern "C" {
    safe static image_start: Symbol;
    safe static data_start: Symbol;
    safe static guest_stack_guard: Symbol;
    safe static guest_stack_limit: Symbol;
    safe static guest_stack_base: Symbol;
    safe static input_start: Symbol;
    safe static input_end: Symbol;
}

#[cfg(not(any(all(target_arch = "arm", not(target_has_atomic = "64")), target_arch = "loongarch64")))]
unsafe extern "C" {
    safe static exception_stack_guard: Symbol;
    safe static emergency_stack_guard: Symbol;
}

#[cfg(any(target_arch = "aarch64", all(target_arch = "arm", target_has_atomic = "64"), target_arch = "x86_64"))]
unsafe extern "C" {
    safe static image_end: Symbol;
}

#[cfg(target_arch = "x86_64")]
unsafe extern "C" {
    safe static exception_stack_base: Symbol;
    safe static emergency_stack_base: Symbol;
}

/// Bytes in a page, of the machines' page tables and of a guard.
pub(crate) const PAGE: usize = 4096;

/// The stack that a guest's `main` runs on: from its limit, the lowest address, to its base. 256 KiB.
///
/// The page below it is not mapped.
pub fn guest_stack() -> Range<usize> {
    guest_stack_limit.address()..guest_stack_base.address()
}

/// Takes pages out of the map: from now on an access to them faults. For guards below stacks.
///
/// # Panics
///
/// When these are not whole pages of the guest's writable statics, or other cores were started, which may remember what
/// was mapped there.
pub fn unmap(pages: Range<usize>) {
    let statics = data_start.address()..guest_stack_guard.address();
    assert!(
        pages.start.is_multiple_of(PAGE) && pages.end.is_multiple_of(PAGE),
        "{pages:#x?} are not whole pages: align what is to be unmapped to {PAGE} bytes"
    );
    assert!(
        statics.start <= pages.start && pages.end <= statics.end,
        "{pages:#x?} is not memory of a writable static: nothing else may be unmapped"
    );
    assert!(cores::are_asleep(), "unmap pages before other cores are started");
    pages.step_by(PAGE).for_each(machine_cores::unmap);
}

/// Whether an access to `address` was one below the guest's stack.
pub(crate) fn is_guest_stack_guard(address: usize) -> bool {
    (guest_stack_guard.address()..guest_stack_limit.address()).contains(&address)
}

/// The pages that must not be mapped, each below a stack.
#[cfg(not(any(all(target_arch = "arm", not(target_has_atomic = "64")), target_arch = "loongarch64")))]
pub(crate) fn guard_pages() -> [usize; 3] {
    [guest_stack_guard.address(), exception_stack_guard.address(), emergency_stack_guard.address()]
}

/// Code and constants: whole pages.
pub fn constants() -> Range<usize> {
    image_start.address()..data_start.address()
}

/// The end of the image: of everything that the linker placed.
#[cfg(any(target_arch = "aarch64", all(target_arch = "arm", target_has_atomic = "64"), target_arch = "x86_64"))]
pub(crate) fn end_of_image() -> usize {
    image_end.address()
}

/// Where the host puts what it hands in: RAM that nothing else uses, to the end of it.
pub(crate) fn input_area() -> Range<usize> {
    input_start.address()..input_end.address()
}

/// The base of the stack that exceptions are handled on.
#[cfg(target_arch = "x86_64")]
pub(crate) fn exception_stack() -> usize {
    exception_stack_base.address()
}

/// The base of the stack for exceptions that strike while one is being delivered.
#[cfg(target_arch = "x86_64")]
pub(crate) fn emergency_stack() -> usize {
    emergency_stack_base.address()
}
