//! Debug registers that watch the limit of the current stack, for cores without an MMU or pools without guard
//! pages.
//!
//! The watchpoint follows the current greenlet: [`Core::set_current`](crate::records::core_state::Core::set_current)
//! writes the address of the new band to the debug registers. The crate itself never writes to the band of the
//! current greenlet: it writes bands on free stacks, and main's band, which is not on a stack, while no tree is
//! entered.

use crate::arch::{Cpu, Native};
use crate::records::block::BlockPtr;
use crate::records::core_state::reported_core;
use crate::records::watched;
use core::ptr;

/// Sets this core's debug registers to watch the canary band of the current greenlet: a store to it raises an
/// exception.
///
/// Needs the feature `watchpoint`, with which each switch sets the registers for the greenlet that it resumes. To
/// be called once on each core that enters trees, inside or outside of a tree. The firmware handles the exception,
/// on a stack of its own; [`Overflow::at`](crate::Overflow::at) names the greenlet, from the address and the stack
/// pointer. A handler that returns to the greenlet lets it continue to overwrite memory that is not its own.
///
/// | | aarch64 | x86_64 |
/// |---|---|---|
/// | watched | the band, 64 bytes | its upper half, 32 bytes |
/// | registers | DBGWVR0_EL1, DBGWCR0_EL1; MDE and KDE of MDSCR_EL1, OSLAR_EL1, PSTATE.D | DR0 to DR3, DR7 |
/// | exception | class 0x35, before the store | #DB, after the store |
/// | address | in FAR_EL1 | in one of DR0 to DR3; DR6 shows in which |
/// | in a handler | not watched, unless the handler clears PSTATE.D | watched |
/// | privilege | EL1, without a hypervisor that traps debug registers | ring 0 |
/// | additional instructions per switch | 4 | 9 |
///
/// Main's stack is not watched, because its limit is not known. In a hosted program this function does nothing. A build
/// for RISC-V with this feature is refused.
///
/// # Overflows that are not caught
///
/// A function whose frame reaches past the watched bytes without a store to them is not stopped. The check of the
/// next switch away may still detect it. This is frequent, one overflow in three to six, because frames are larger
/// than the band. In a test, each operation of this crate was started with every possible number of bytes left on
/// its stack, and a guard page below the band caught what the watchpoint missed: the watchpoint stopped 83 % of the
/// overflows on x86_64 and 67 % on aarch64, in debug builds 65 % and 73 %.
///
/// The watched area cannot be larger: the memory below the band belongs to others, in a pool to the control block
/// of the neighbouring stack, to which this crate writes; and a wider band takes its bytes from every stack. Where
/// there is an MMU, a guard page has no such gap.
///
/// # Safety
///
/// - No other code uses these registers: neither the firmware nor a debugger. Do not call this while a debugger is
///   attached.
/// - From this call on, the firmware handles the exception.
/// - The core has the privilege that the table names.
///
/// ```
/// # use greenlet::Tree;
/// # static TREE: Tree<u32> = Tree::new();
/// fn main() {
///     // install the exception vectors, then
///     // SAFETY: this core is at EL1, its vectors are installed, and no other code uses the debug registers.
///     unsafe { greenlet::watch_stacks() };
///     TREE.enter(|_main| { /* ... */ }).unwrap();
/// }
/// ```
pub unsafe fn watch_stacks() {
    let current = reported_core().map_or(ptr::null(), |core| core.current_ptr());
    if current.is_null() {
        watched::no_greenlet();
    } else {
        // SAFETY: inside `enter` the current greenlet exists, and it is of this core.
        watched::greenlet(unsafe { BlockPtr::new(current) });
    }
    // SAFETY: by the contract; the address to watch was set above.
    unsafe { Native::start_watching() };
}
