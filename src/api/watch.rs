//! The limit of the stack that runs, watched by the processor: for cores without an MMU, or pools without guards.
//!
//! Who becomes current is watched from then on, and who leaves is not any more, by one store to the debug registers in
//! [`Here::set_current`](crate::records::here::Here::set_current). Nothing that the kernel does writes to the band of the greenlet that
//! runs: bands are laid on stacks that are free, and main's, where nobody stands, while no tree is entered.

use crate::arch;
use crate::records::block::BlockPtr;
use crate::records::here::reported_core;
use crate::records::watched;
use core::ptr;

/// Has this core's debug registers watch the canary band at the limit of the stack of whichever greenlet runs: a store there
/// is an exception. Needs the feature `watchpoint`, with which a switch retargets them.
///
/// Called once on each core that enters trees, inside or outside of one. It is for the firmware to catch the exception, on a
/// stack of its own; [`Overflow::at`](crate::Overflow::at) tells of whom it is, by the address and the stack pointer. What comes
/// back to a greenlet from there goes on, into memory that is not its own.
///
/// | | aarch64 | x86_64 |
/// |---|---|---|
/// | watched | the band, 64 bytes | its upper half, 32 bytes |
/// | registers | DBGWVR0_EL1, DBGWCR0_EL1; MDE and KDE of MDSCR_EL1, OSLAR_EL1, PSTATE.D | DR0 to DR3, DR7 |
/// | exception | class 0x35, before the store; the address in FAR_EL1 | #DB, after the store; DR6 tells in which of DR0 to DR3 the address is |
/// | in a handler | not watched unless it clears PSTATE.D | watched |
/// | privilege | EL1, without a hypervisor that traps debug registers | ring 0 |
/// | instructions of a switch, more | 4 | 9 |
///
/// A function whose frame skips what is watched, or that does not write to all of it, is not stopped there; the check as it leaves
/// may find it still. That is no exception but one case in three to six, for frames are larger than the band: when the crate's own
/// operations began with every number of bytes left, and a guard page lay below the band for what came through, what was watched
/// stopped 83 % of them on x86_64 and 67 % on aarch64, in debug builds 65 % and 73 %. More cannot be watched: below the band is what
/// belongs to others, on the stack of a pool the control block of a neighbour, which the kernel writes to; and each byte more of a
/// band is one less of every stack. Where there is an MMU, a guard page has no such gap.
///
/// Main's stack has no limit that is known. Hosted, this does nothing.
///
/// # Safety
///
/// - These registers are nobody else's: no debugger's, and no other code of the firmware's. A debugger that is attached uses them,
///   too: then do not call this.
/// - The exception is caught, from now on.
/// - The core is privileged as the table says.
///
/// ```
/// # use greenlet::Tree;
/// # static TREE: Tree<u32> = Tree::new();
/// fn main() {
///     // install the exception vectors, then
///     // SAFETY: this core is at EL1, its vectors are installed, and nobody else uses the debug registers.
///     unsafe { greenlet::watch_stacks() };
///     TREE.enter(|_main| { /* ... */ }).unwrap();
/// }
/// ```
pub unsafe fn watch_stacks() {
    let current = reported_core().map_or(ptr::null(), |here| here.current_ptr());
    if current.is_null() {
        watched::nobody();
    } else {
        // SAFETY: inside `enter` the current greenlet exists, and it is of this core.
        watched::greenlet(unsafe { BlockPtr::new(current) });
    }
    // SAFETY: by the contract; what is to be watched was set.
    unsafe { arch::start_watching() };
}
