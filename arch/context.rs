//! Where a suspended stack is saved, and what arrives when it is resumed.
//!
//! ```text
//!                 ┌────────────────────────┐
//!   RECORD_AT ──► │ FrameRecord: 0, 0      │ where `frame` of a fresh or finished context points
//!                 ├────────────────────────┤
//!                 │ not of this module     │ fields of the control block
//!                 ├────────────────────────┤
//!                 │ control                │ with the feature `fp-control`
//!                 │ limit                  │ with the feature `stack-limit`
//!                 │ link                   │ the context that a debugger shows as the caller
//!                 │ reserved               │ LLVM's own register; the entry, while fresh
//!                 │ frame                  │ frame pointer
//!                 │ pc                     │ resume address
//!           0 ──► │ sp                     │ stack pointer
//!                 └────────────────────────┘
//! ```

use super::{Isa, Native};
use core::cell::Cell;
use core::mem::MaybeUninit;
use core::ptr;

/// Alignment of the stack pointer of a fresh context, in bytes: what the ABIs require at a call, or more (AAPCS: 8).
pub(crate) const STACK_ALIGN: usize = 16;

/// One machine word that a switch passes to another context. It may be a pointer, an integer, part of a value with
/// padding, or uninitialised; `MaybeUninit` preserves all of these, provenance included.
pub(crate) type Word = MaybeUninit<*const ()>;

/// Eight words that a switch passes to another context, aligned like a stack, because a trampoline stores them there.
#[repr(C, align(16))]
#[derive(Clone, Copy)]
pub(crate) struct Words(pub(crate) [Word; 8]);

const _: () = assert!(align_of::<Words>() == STACK_ALIGN && size_of::<Words>().is_multiple_of(STACK_ALIGN));

/// What arrives with control: a word or [`Words`], or a packet.
#[derive(Clone, Copy)]
pub(crate) struct Landing<W = Word> {
    pub(super) words: W,
    /// The target of the switch, if it sent words; null, if it sent a packet.
    pub(super) target: *const Context,
    pub(super) packet: *const (),
}

impl<W> Landing<W> {
    /// Creates a landing from the arguments of an [`Entry`]. If a packet arrived, `words` is unspecified; if words
    /// arrived, `packet` is.
    #[inline(always)]
    pub(crate) fn new(words: W, target: *const Context, packet: *const ()) -> Self {
        Self { words, target, packet }
    }

    /// Returns the words, or else the packet.
    #[inline(always)]
    pub(crate) fn received(self) -> Result<W, *const ()> {
        if self.target.is_null() { Err(self.packet) } else { Ok(self.words) }
    }

    /// Returns the words that arrived. Otherwise the error is the packet that arrived; or, if no switch was made, the
    /// tagged target, which [`target_not_left_for`] recognises, and the words that were to be sent.
    #[inline(always)]
    pub(crate) fn received_after_tests(self) -> Result<W, (*const (), W)> {
        if self.target.is_null() { Err((self.packet, self.words)) } else { Ok(self.words) }
    }
}

/// A tag bit. If a test failed and no switch was made, the address of the target is returned in the place of a packet,
/// with this bit set. The bit is clear in the address of a packet or a context, because of their alignment.
pub(super) const NOT_LEFT: usize = 1;

const _: () = assert!(align_of::<Context>() > NOT_LEFT);

/// Returns the context to which no switch was made, if [`Landing::received_after_tests`] returned that; `None` for a
/// packet.
#[inline]
pub(crate) fn target_not_left_for(packet: *const ()) -> Option<*const Context> {
    let is_target = packet.addr() & NOT_LEFT != 0;
    is_target.then(|| packet.map_addr(|address| address & !NOT_LEFT).cast())
}

/// The function that a trampoline calls: with the three parts of a [`Landing`], and the context that starts. Where
/// [`Words`] arrive, `word` is their address, on the stack that starts.
pub(crate) type Entry =
    unsafe extern "C" fn(word: Word, this: *const Context, target: *const Context, packet: *const ()) -> !;

/// The function that [`Isa::call_on`] calls.
pub(crate) type Diverging = unsafe extern "C" fn(argument: *const (), sp: *mut u8) -> !;

/// A frame record of two zero words, which ends a walk along frame pointers. The owner of a [`Context`] places one
/// [`RECORD_AT`] bytes above the context's beginning.
pub(crate) type FrameRecord = [usize; 2];

/// See [`FrameRecord`]. Before it are the fields that a switch reads and writes: the context, two words of 32 bits, and
/// the [`Bounds`]. They fit into the first cache line, except for one word with `fp-control`.
pub(crate) const RECORD_AT: usize = size_of::<Context>() + 2 * size_of::<u32>() + size_of::<Bounds>();

/// Words of a canary band: the lowest words of a stack, below its floor. 64 bytes.
pub(crate) const BAND_WORDS: usize = 64 / size_of::<usize>();

/// Where a stack pointer may be.
#[repr(C)]
pub(crate) struct Bounds {
    /// The upper end of the canary band: the lowest address that the code on the stack may use.
    pub(crate) floor: Cell<*const Cell<usize>>,
    /// The address of the canary band's lowest word less that of the context: a negative number, wrapped. 0 for a stack
    /// without bounds.
    pub(crate) reach: Cell<usize>,
}

/// The state of a suspended stack.
#[repr(C)]
pub(crate) struct Context {
    pub(super) sp: Cell<*mut u8>,
    pub(super) pc: Cell<*const ()>,
    /// The frame pointer: rbp, x29, s0, r7, r11.
    pub(super) frame: Cell<*const ()>,
    /// The register that LLVM reserves for itself, and that no clobber can name: rbx, x19, s1, r6. In a fresh context,
    /// the [`Entry`].
    pub(super) reserved: Cell<*const ()>,
    /// Where a debugger continues after it has walked this context's stack; null for nowhere.
    pub(crate) link: Cell<*const Context>,
    /// The lowest address that the processor lets the stack pointer have while this context runs; 0 for none.
    #[cfg(stack_limit)]
    pub(super) limit: Cell<usize>,
    /// The saved control words. In a fresh context, those of the code that made it fresh.
    #[cfg(feature = "fp-control")]
    pub(super) control: Cell<super::isa::Control>,
}

impl Context {
    /// Writes an [empty](Self::running) context.
    ///
    /// # Safety
    ///
    /// The memory is the caller's to give away.
    #[inline(always)]
    pub(crate) unsafe fn write_running(place: *mut Self) {
        // An empty context is zeros, unless it has more fields. At opt-level `s` and `z` the compiler would clear it by a
        // call of `memset`, which is larger than all that creates a greenlet, and which most firmware has for this
        // alone. It does not for volatile accesses.
        const WORDS: usize = 5;
        if cfg!(all(small, target_pointer_width = "32")) && size_of::<Self>() == WORDS * size_of::<usize>() {
            for word in 0..WORDS {
                // SAFETY: within the memory, by the test.
                unsafe { place.cast::<usize>().wrapping_add(word).write_volatile(0) };
            }
        } else {
            // SAFETY: by the contract.
            unsafe { place.write(Self::running()) };
        }
    }

    /// Creates an empty context. The first switch away from the code that runs fills it, or [`fresh`](Self::fresh)
    /// does.
    pub(crate) const fn running() -> Self {
        Self {
            sp: Cell::new(ptr::null_mut()),
            pc: Cell::new(ptr::null()),
            frame: Cell::new(ptr::null()),
            reserved: Cell::new(ptr::null()),
            link: Cell::new(ptr::null()),
            #[cfg(stack_limit)]
            limit: Cell::new(0),
            #[cfg(feature = "fp-control")]
            control: Cell::new(0),
        }
    }

    /// Makes this context fresh: the next switch to it calls `entry`, with the stack pointer at `sp`. `wide` says
    /// whether that switch sends [`Words`], if it sends no packet. With the feature `fp-control` it starts with the
    /// control words of the caller.
    ///
    /// `sp` is a multiple of [`STACK_ALIGN`]. The context [has no frames](Self::clear_frames): so two of its words are
    /// as a fresh context needs them.
    #[inline]
    pub(crate) fn fresh(&self, sp: *mut u8, entry: Entry, wide: bool) {
        debug_assert!(sp.addr().is_multiple_of(STACK_ALIGN));
        self.sp.set(sp);
        debug_assert!(!self.pc.get().is_null() && self.frame.get() == self.empty_frame());
        if wide {
            self.pc.set(Native::wide_trampoline());
        }
        self.reserved.set(entry as *const ());
        #[cfg(feature = "fp-control")]
        self.control.set(<Native as super::Cpu>::control());
    }

    /// Sets the lowest address that the stack pointer may have while this context runs, a multiple of 8; 0 for any.
    /// Without the feature `stack-limit` it does nothing.
    #[inline(always)]
    pub(crate) fn set_limit(&self, _limit: usize) {
        #[cfg(stack_limit)]
        self.limit.set(_limit);
    }

    /// Sets the saved stack pointer to null: nothing is on the stack.
    #[inline]
    pub(crate) fn clear_sp(&self) {
        self.sp.set(ptr::null_mut());
    }

    /// Sets the saved stack pointer of a context that was forced off its stack.
    pub(crate) fn set_sp(&self, sp: *mut u8) {
        self.sp.set(sp);
    }

    /// The frame pointer of a context without frames.
    #[inline]
    fn empty_frame(&self) -> *const () {
        ptr::from_ref(self).wrapping_byte_add(RECORD_AT + Native::FRAME_ABOVE).cast()
    }

    /// Sets the resume address and the frame pointer of a context that is finished, or is to be made
    /// [fresh](Self::fresh), so that a debugger sees an empty stack and continues at the link. The values that the last
    /// switch saved there would lead it into memory that may have other uses by now. The context must not move from now
    /// on.
    #[cfg_attr(small, inline(never))] // one copy
    #[cfg_attr(not(small), inline)]
    pub(crate) fn clear_frames(&self) {
        // Unchanged, if no switch has left this context since.
        if self.pc.get() != Native::trampoline() {
            self.pc.set(Native::trampoline());
            self.frame.set(self.empty_frame());
        }
    }

    /// Whether the last switch away was a marked one. False for a fresh or empty context. The context does not run.
    pub(crate) fn is_marked(&self) -> bool {
        let pc = self.pc.get();
        // SAFETY: `pc` is not that of an empty or finished context. So a switch saved it, or it is a trampoline's.
        !pc.is_null() && pc != Native::trampoline() && unsafe { Native::is_mark(pc) }
    }

    /// Whether a switch to this context would begin in a trampoline: no switch away has saved anything, or it is
    /// finished.
    pub(crate) fn is_unused(&self) -> bool {
        [Native::trampoline(), Native::wide_trampoline()].contains(&self.pc.get())
    }

    /// The address at which the last switch away resumes.
    pub(crate) fn pc(&self) -> *const () {
        self.pc.get()
    }

    /// The stack pointer that the last switch away saved.
    pub(crate) fn sp(&self) -> *mut u8 {
        self.sp.get()
    }
}

/// Whether a trampoline begins with an instruction that never runs, before its resume address.
///
/// Unwinders look up a caller by the byte before its address, because a call that does not return may be the last
/// instruction of its function. Debuggers and GCC's unwinder look up the caller of a signal frame by the address
/// itself; LLVM's unwinder, which musl, Apple's systems and Android have, does not.
#[cfg(not(miri))]
pub(super) const HAS_BYTE_BEFORE: bool = cfg!(all(hosted, not(target_env = "gnu")));

/// Byte offsets of the fields that assembly reads and writes.
#[cfg(not(miri))]
pub(crate) mod offset {
    use super::{Context, Isa, Native, RECORD_AT};
    use core::mem::offset_of;

    pub(crate) const SP: usize = offset_of!(Context, sp);
    pub(crate) const PC: usize = offset_of!(Context, pc);
    pub(crate) const FRAME: usize = offset_of!(Context, frame);
    pub(crate) const RESERVED: usize = offset_of!(Context, reserved);
    #[cfg(stack_limit)]
    pub(in crate::arch) const LIMIT: usize = offset_of!(Context, limit);

    /// From the frame pointer of a trampoline back to the link: one byte of SLEB128.
    pub(in crate::arch) const LINK_FROM_FRAME: u8 = {
        let distance = RECORD_AT + Native::FRAME_ABOVE - offset_of!(Context, link);
        assert!(distance <= 64, "a one-byte SLEB128 reaches down to -64");
        (128 - distance) as u8
    };
}
