//! The switch between two stacks, one folder an instruction set.
//!
//! This room knows registers and stacks, and nothing of greenlets: no tree, no parent, no value type. What the kernel
//! in `src/` asks of an instruction set is small:
//!
//! | item | contract |
//! |---|---|
//! | [`switch`] | saves where this context stands in `from`, goes on where `to` stands with a word; returns when somebody comes back |
//! | [`send`] | the same with a packet |
//! | [`depart`], [`leave`] | the same two without saving: the context that calls them is over |
//! | [`call_on`] | calls a function that does not return, on another stack |
//! | [`interrupts`], [`masked`] | which kinds of interrupts this core masks, in bits 6 to 29: the kernel uses the others |
//! | [`in_handler`] | on bare metal: whether IRQs are masked, as they are in a handler |
//! | [`state`] | with the feature `abandon`: bits that must not be new where a greenlet is given up |
//! | [`interrupts_come_here`] | the same: whether an interrupt is pushed onto the stack of who runs, by the processor |
//! | [`xor_load`] | a word that other cores change, exclusive or with bits |
//! | [`stack_pointer`] | where the stack of the caller stands |
//! | [`stands`] | whether that is within bounds, and two words at the lower bound are as they should be |
//! | [`opaque`] | an address of which the compiler knows nothing |
//! | [`first_not`] | with the feature `high-water`: where memory stops being one word over and over |
//! | [`watch`], [`start_watching`] | with the feature `watchpoint`: has a store below an address trap |
//! | [`Mpidr`] | cores told apart by a register; public, on bare aarch64 |
//! | [`trampoline`] | where a [`fresh`](Context::fresh) context starts: calls the entry with what [`switch`] was given |
//!
//! # What a switch keeps
//!
//! `switch` is inline assembly in its caller. Two registers are saved by hand, the frame pointer and the one register
//! that the compiler keeps for itself; every other register that a function must preserve is declared clobbered, so that
//! the compiler saves those, and only those, that are live at this very place. The two integer argument words travel in
//! registers that the C ABI uses for its first arguments, so that an entry function is called without moving anything.
//!
//! # How a packet is told from a word
//!
//! By the register in which `to` travels: it arrives as it was sent when a word came, and null when a packet did. So the fast way,
//! with a word, sets no register for that.
//!
//! # How a switch is marked
//!
//! By an instruction right before the address at which it resumes, which is never executed. That costs nothing where it is made;
//! who asks a context later, [`Context::is_marked`], reads the code before the address that it stands at. So code must be readable,
//! which it is but where a linker was told otherwise (`--execute-only`): there the reading faults.
//!
//! Not kept: the floating point control and status words (MXCSR, x87 control word; FPCR, FPSR), the condition flags, the
//! interrupt mask. They belong to the core, not to a context. With the feature `fp-control` a context has control words of its
//! own: see `control.rs` of an instruction set.
//!
//! # How a fresh context looks
//!
//! ```text
//!   base   ┌────────────────────────┐ highest address of the stack
//!          │ control block          │   begins with the Context: sp pc bp bx link, and control with the feature; the
//!          ├────────────────────────┤   record stands RECORD_AT bytes above its beginning
//!          │ whatever the entry is  │
//!          │ to find                │
//!   sp ──► ├────────────────────────┤ aligned to STACK_ALIGN; pc = trampoline, bx = entry
//!          │ free                   │ bp ──► record, two zero words: where a walk along
//!          │                        │        frame pointers ends
//!   limit  └────────────────────────┘ lowest address
//! ```
//!
//! Inside the trampoline the frame pointer stays on the record. Its call frame information says: the frame above is where
//! the context behind [`Context::link`] stands. So a debugger that walks a stack goes on in the context that was linked.

use core::cell::Cell;
use core::mem::MaybeUninit;
use core::ptr;
#[cfg(not(all(not(miri), target_arch = "x86_64", bare)))]
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

#[cfg(all(not(miri), target_arch = "aarch64"))]
#[path = "aarch64/mod.rs"]
mod isa;

#[cfg(all(not(miri), target_arch = "x86_64"))]
#[path = "x86_64/mod.rs"]
mod isa;

#[cfg(miri)]
#[path = "miri/mod.rs"]
mod isa;

#[cfg(not(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_pointer_width = "64",
    target_endian = "little",
    any(bare, hosted),
)))]
compile_error!(
    "greenlet has stack switches for x86_64 and little-endian aarch64, and its build script says which of the two cfgs holds: \
     bare, or hosted"
);

#[cfg(all(bare, target_arch = "aarch64"))]
pub use isa::Mpidr;
#[cfg(feature = "high-water")]
pub(crate) use isa::first_not;
#[cfg(all(feature = "abandon", bare, target_arch = "x86_64"))]
pub(crate) use isa::interrupts_come_here;
#[cfg(all(feature = "abandon", not(miri), any(target_arch = "x86_64", bare)))]
pub(crate) use isa::state;
pub(crate) use isa::{call_on, depart, leave, send, stack_pointer, switch, trampoline};
#[cfg(bare)]
pub(crate) use isa::{in_handler, interrupts, masked};
#[cfg(all(feature = "watchpoint", bare))]
pub(crate) use isa::{start_watching, watch};

#[cfg(all(not(miri), target_arch = "aarch64"))]
pub(crate) use isa::stands;
#[cfg(all(not(miri), target_arch = "x86_64", bare))]
pub(crate) use isa::xor_load;

/// Whether the stack pointer is `span` bytes above `floor` at most, and not below it, and the two words below `floor` are its
/// address: with its sign changed the higher one, as it is the lower one.
///
/// # Safety
///
/// The two words exist.
#[cfg(not(all(not(miri), target_arch = "aarch64")))]
#[inline(always)]
pub(crate) unsafe fn stands(floor: &Cell<*const Cell<usize>>, span: &Cell<usize>) -> bool {
    // First of all, and all else is loaded where it is used: so that loads are parts of other instructions, on x86_64.
    let sp = stack_pointer().addr();
    let floor = floor.get();
    // SAFETY: by the contract.
    let higher = unsafe { &*floor.wrapping_sub(1) };
    // SAFETY: by the contract.
    let lower = unsafe { &*floor.wrapping_sub(2) };
    sp.wrapping_add(higher.get()) <= span.get() && lower.get() == floor.addr()
}

/// The address, by a way that the compiler does not see: it reckons with any.
#[cfg(not(miri))]
#[inline(always)]
pub(crate) fn opaque<T>(address: *const T) -> usize {
    let mut address = address.addr();
    // SAFETY: no instruction at all.
    unsafe { core::arch::asm!("/* {0} */", inout(reg) address, options(nomem, nostack, preserves_flags)) };
    address
}

/// There is no compiler, and one address is as good as another.
#[cfg(miri)]
pub(crate) fn opaque<T>(_address: *const T) -> usize {
    0
}

/// `bits` exclusive or with the `AtomicU32` that lies `OFFSET` bytes above `base`, by a relaxed load.
///
/// # Safety
///
/// It lies there, as long as this runs.
#[cfg(not(all(not(miri), target_arch = "x86_64", bare)))]
#[inline(always)]
pub(crate) unsafe fn xor_load<const OFFSET: usize>(base: *const (), bits: u32) -> u32 {
    // SAFETY: by the contract.
    let word = unsafe { &*base.wrapping_byte_add(OFFSET).cast::<AtomicU32>() };
    bits ^ word.load(Relaxed)
}

/// An operating system keeps its interrupts to itself.
#[cfg(not(bare))]
#[inline(always)]
pub(crate) fn interrupts() -> u32 {
    0
}

/// The same.
#[cfg(not(bare))]
#[inline(always)]
pub(crate) fn masked(_interrupts: u32) -> u32 {
    0
}

/// What there is to see of the state is the operating system's.
#[cfg(all(feature = "abandon", any(miri, all(target_arch = "aarch64", not(bare)))))]
pub(crate) fn state() -> u32 {
    0
}

/// Such interrupts are handled by the operating system; and aarch64 pushes nothing.
#[cfg(all(feature = "abandon", not(all(bare, target_arch = "x86_64"))))]
pub(crate) fn interrupts_come_here() -> bool {
    false
}

/// Debug registers are the operating system's.
#[cfg(all(feature = "watchpoint", not(bare)))]
#[inline(always)]
pub(crate) fn watch(_end: *const ()) {}

/// The same.
///
/// # Safety
///
/// None.
#[cfg(all(feature = "watchpoint", not(bare)))]
pub(crate) unsafe fn start_watching() {}

/// Alignment of a stack pointer at a call, in bytes; both ABIs ask for 16.
pub(crate) const STACK_ALIGN: usize = 16;

/// One machine word on its way from one context to another. It may be a pointer, an integer, part of a value with padding
/// in it, or nothing at all; `MaybeUninit` lets all of these through unchanged, provenance included.
pub(crate) type Word = MaybeUninit<*const ()>;

/// What comes with control.
#[derive(Clone, Copy)]
pub(crate) struct Landing {
    word: Word,
    /// The context that was gone to; null when a packet came.
    direct: *const Context,
    packet: *const (),
}

impl Landing {
    /// The word, or else the packet.
    #[inline(always)]
    pub(crate) fn received(self) -> Result<Word, *const ()> {
        if self.direct.is_null() { Err(self.packet) } else { Ok(self.word) }
    }
}

/// What a context is called with when it starts: what came with the control, in the registers of a [`Landing`], and itself.
pub(crate) type Entry =
    unsafe extern "C" fn(word: Word, this: *const Context, direct: *const Context, packet: *const ()) -> !;

/// The landing that an [`Entry`] was called with.
#[inline(always)]
pub(crate) fn landing(word: Word, direct: *const Context, packet: *const ()) -> Landing {
    Landing { word, direct, packet }
}

/// What [`call_on`] calls.
pub(crate) type Last = unsafe extern "C" fn(argument: *const (), sp: *mut u8) -> !;

/// An all-zero frame record, where a walk along the frame pointers of a context ends. Whoever keeps a [`Context`] keeps one
/// with it, [`RECORD_AT`] bytes above the context's beginning.
pub(crate) type Record = [usize; 2];

/// See [`Record`]. One cache line: what a switch touches has the first one for itself. With the feature `fp-control` that is a
/// word more than a line.
pub(crate) const RECORD_AT: usize = if cfg!(feature = "fp-control") { 72 } else { 64 };

/// The control words of the floating point unit, as an instruction set keeps them.
#[cfg(feature = "fp-control")]
pub(crate) type Control = u64;

/// Where a context stands while it does not run.
#[repr(C)]
pub(crate) struct Context {
    sp: Cell<*mut u8>,
    pc: Cell<*const ()>,
    /// Frame pointer: rbp, x29.
    bp: Cell<*const ()>,
    /// The register that LLVM reserves for itself and that no clobber may name: rbx, x19. The entry, while fresh.
    bx: Cell<*const ()>,
    /// Where a debugger goes on when it has walked this context's stack to its end; null: nowhere.
    pub(crate) link: Cell<*const Context>,
    /// What the floating point unit is to be set to; while fresh, what it was set to when the context was made so.
    #[cfg(feature = "fp-control")]
    control: Cell<Control>,
}

impl Context {
    /// A context that runs already, or is not yet prepared. It gets its state when it switches away.
    pub(crate) const fn running() -> Self {
        Self {
            sp: Cell::new(ptr::null_mut()),
            pc: Cell::new(ptr::null()),
            bp: Cell::new(ptr::null()),
            bx: Cell::new(ptr::null()),
            link: Cell::new(ptr::null()),
            #[cfg(feature = "fp-control")]
            control: Cell::new(0),
        }
    }

    /// Makes this context fresh: the next switch to it calls `entry` on the stack that ends at `sp`. It begins with the control
    /// words of who makes it fresh, where contexts have such.
    ///
    /// `sp` is a multiple of [`STACK_ALIGN`]. The context must not move from now on.
    #[inline]
    pub(crate) fn fresh(&self, sp: *mut u8, entry: Entry) {
        debug_assert!(sp.addr().is_multiple_of(STACK_ALIGN));
        self.sp.set(sp);
        self.pc.set(trampoline as *const ());
        self.bp.set(self.record());
        self.bx.set(entry as *const ());
        #[cfg(feature = "fp-control")]
        self.control.set(isa::control());
    }

    /// Forgets where the stack stood: there is nothing on it.
    #[inline]
    pub(crate) fn vacate(&self) {
        self.sp.set(ptr::null_mut());
    }

    /// Notes where the stack of a context stood that was made to leave it for good.
    pub(crate) fn stop(&self, sp: *mut u8) {
        self.sp.set(sp);
    }

    /// Where `bp` of a context that has no frames points.
    #[inline]
    fn record(&self) -> *const () {
        ptr::from_ref(self).wrapping_byte_add(RECORD_AT).cast()
    }

    /// Lets a debugger see this context as fresh, whatever ran on it: nothing but the way to its link is left.
    ///
    /// For a context that is over. A walk through it must not read what the last switch found on its stack.
    #[inline]
    pub(crate) fn over(&self) {
        self.pc.set(trampoline as *const ());
        self.bp.set(self.record());
    }

    /// Whether the last switch away was a marked one. Of a context that does not run.
    pub(crate) fn is_marked(&self) -> bool {
        isa::is_mark(self.pc.get())
    }

    /// The stack pointer that the last switch away left behind.
    pub(crate) fn sp(&self) -> *mut u8 {
        self.sp.get()
    }
}

/// Byte offsets of the fields that the assembly of both instruction sets reads and writes.
#[cfg(not(miri))]
mod offset {
    use super::Context;
    use core::mem::offset_of;

    pub(super) const SP: usize = offset_of!(Context, sp);
    pub(super) const PC: usize = offset_of!(Context, pc);
    pub(super) const BP: usize = offset_of!(Context, bp);
    pub(super) const BX: usize = offset_of!(Context, bx);

    /// From the record, where the frame pointer of a trampoline stands, back to the link: one byte of SLEB128.
    pub(super) const LINK_FROM_RECORD: u8 = {
        let distance = super::RECORD_AT - offset_of!(Context, link);
        assert!(distance <= 64, "a one-byte SLEB128 reaches down to -64");
        (128 - distance) as u8
    };
}
