//! For code of other languages that switches by assembly of its own: what the fast path of `switch` and `up` reads and
//! writes, and the slow way back.

use super::arrival;
use super::out_of_line;
use crate::arch::{BAND_WORDS, Bounds, Context, offset};
use crate::kernel::handle::Greenlet;
use crate::kernel::thrown::Outcome;
use crate::records::band::CHECKED;
use crate::records::block::Block;
use crate::records::core_state::FastPath;
use core::mem::offset_of;

#[cfg(not(any(feature = "std", feature = "cores")))]
pub use crate::records::core_state::RECORD;
/// Not used, since this build is not [plain](Places::PLAIN).
#[cfg(any(feature = "std", feature = "cores"))]
pub static RECORD: Option<crate::records::core_state::Core> = None;

/// Byte offsets.
#[doc(hidden)]
#[derive(Debug)]
pub struct Places;

impl Places {
    /// Whether a switch is what the fast path of the default features is, hosted: one core at a fixed address, no
    /// interrupt mask, no control words, no watchpoint. Else the assembly leaves each switch to a function.
    pub const PLAIN: bool =
        cfg!(all(hosted, not(any(feature = "std", feature = "cores", feature = "fp-control", feature = "watchpoint"))));
    /// Whether the stack is checked.
    pub const CHECKED: bool = CHECKED;
    /// In [`RECORD`]: the current greenlet.
    pub const CURRENT: usize = <FastPath as crate::arch::Places>::CURRENT;
    /// In [`RECORD`]: the reasons for the slow path.
    pub const SLOW: usize = <FastPath as crate::arch::Places>::SLOW;
    /// In a greenlet: its flags.
    pub const FLAGS: usize = <FastPath as crate::arch::Places>::FLAGS;
    /// In a greenlet: the address of the canary band's lowest word less its own.
    pub const REACH: usize = <FastPath as crate::arch::Places>::BOUNDS + offset_of!(Bounds, reach);
    /// In a greenlet: the parent.
    pub const PARENT: usize = offset_of!(Block, context) + offset_of!(Context, link);
    /// In a greenlet: the stack pointer.
    pub const SP: usize = offset::SP;
    /// In a greenlet: where it resumes.
    pub const PC: usize = offset::PC;
    /// In a greenlet: the frame pointer.
    pub const FRAME: usize = offset::FRAME;
    /// In a greenlet: the register that the compiler reserves.
    pub const RESERVED: usize = offset::RESERVED;
    /// From the lowest word of a canary band to its highest.
    pub const BAND: usize = (BAND_WORDS - 1) * size_of::<usize>();
}

impl<V: 'static, E: 'static> Greenlet<V, E> {
    /// Receives a packet, with which the current greenlet was resumed by a switch that it made in assembly.
    ///
    /// # Safety
    ///
    /// The switch was the last thing that happened, and the current greenlet is of a tree of these types. Called once.
    #[doc(hidden)]
    #[cold]
    pub unsafe fn received(packet: *const ()) -> Outcome<V, E> {
        out_of_line(|place| {
            // SAFETY: the same contract.
            unsafe { arrival::receive_packet(packet, place) }
        })
    }
}
