//! The control block: the record of one greenlet.
//!
//! It lies at the base of the greenlet's stack and has no type parameters: the types of values and errors are known to
//! the functions that hold a typed handle, the type of the body to [`DropBody`] and to the entry function.
//!
//! ```text
//!                 create ①            start ②             die ③
//!   (free slot) ─────────► unstarted ─────────► alive ──────────► dead ──► (free slot)
//!                              │                                   ▲  free ④
//!                              ├── free ④ ──► (free slot)          │
//!                              └── ② by an error or an exit ───────┘
//! ```
//!
//! ① `Builder::bare`: the greenlet has no body yet, and the flag [`NO_BODY`]; `body::install` puts the body there.
//! ② The first transfer to it: `transfer::life::entry` calls the body with a value, or drops it for an error or an
//!   exit.
//! ③ `transfer::life`: [`BlockPtr::die`].
//! ④ `references::free`, when the last reference is released.
//!
//! An alive greenlet is running if it is its core's current greenlet, else suspended.

mod birth;

use crate::arch::{Bounds, Context, FrameRecord, RECORD_AT};
use crate::records::attached::{Attached, Shared};
#[cfg(feature = "abandon")]
use crate::records::band::lay_band;
use crate::records::band::{BAND, Canary};
use crate::records::busy::Count;
use crate::records::core_state::{Core, Link};
pub(crate) use crate::records::flags::{ABANDONED, DEAD, ENDED, Flags, LEAKED, NO_BODY, PINNED, REPLACING, SETTLING};
use crate::records::mail::Number;
use crate::records::pool::{Fate, Home, LESS, MORE};
use core::cell::Cell;
use core::mem;
use core::ops::Deref;
use core::ptr::{self, NonNull};

/// The record of one greenlet. A switch uses only the fields in the first cache line. `CONTRIBUTING.md` of the
/// repository lists what a new field touches.
#[repr(C, align(64))]
pub(crate) struct Block {
    /// The saved registers. `link` is the parent, a counted reference; null for main and in ended trees.
    pub(crate) context: Context,
    /// [`Flags::NONE`] if the greenlet can be switched to on the fast path.
    pub(crate) flags: Cell<Flags>,
    /// How many references there are: handles, parent fields of children, kills in progress, pins, and the packet with
    /// which the greenlet left. The current greenlet may have 0, because being current is not counted.
    pub(crate) refs: Cell<u32>,
    /// Where the stack pointer may be. Without bounds for main, whose stack is not the crate's.
    pub(crate) bounds: Bounds,

    /// Two zero words, where a walk along frame pointers ends.
    pub(crate) record: Cell<FrameRecord>,
    /// One of three things:
    ///
    /// - with [`PINNED`], the pin: a reference to the greenlet that a pending `up` switched to, released when the `up`
    ///   returns;
    /// - while the greenlet has a body that has not started, the [`DropBody`] of that: the closure lies at the
    ///   context's sp;
    /// - else null.
    ///
    /// A greenlet with a pin has started, so there is never both.
    body_or_pin: Cell<*const ()>,
    /// The neighbours in the ring of all greenlets of the tree, in the order of creation. Main is its head. In a free
    /// slot, `next` is the link of the pool's free list.
    pub(crate) next: Cell<*const Block>,
    pub(crate) prev: Cell<*const Block>,
    /// The pool to which the stack returns.
    pub(crate) home: Cell<Home>,
    /// Bytes of the stack that are reserved for interrupt frames. A body must fit beside them.
    pub(crate) headroom: Cell<u32>,
    /// How many operations of the kernel are in progress on the greenlet's stack: see [`crate::records::busy`].
    pub(crate) busy: Count,
    pub(crate) core: Cell<Link>,
    pub(crate) name: Cell<Option<&'static str>>,
    /// The context (data, as set by `Greenlet::set_context`), a counted reference; null for none.
    pub(crate) local_context: Cell<*const Shared>,
    /// The first of the greenlet's values of `GreenletLocal`s; null for none.
    pub(crate) attached: Cell<*const Attached>,
    /// The id, which no other greenlet ever has, and the pending requests from elsewhere. It stays an atomic for ever,
    /// because weak and remote handles on any core may read it after the slot was reused.
    pub(crate) id: Number,
}

/// Drops a body in place.
pub(crate) type DropBody = unsafe fn(*mut u8);

/// A pointer to a control block that exists: its slot is claimed, and the block is initialised.
///
/// It is freely copied. All fields that change are cells, so any number of copies may be in use while other greenlets
/// run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockPtr(NonNull<Block>);

impl BlockPtr {
    /// # Safety
    ///
    /// The block is initialised, and stays so for as long as the pointer is used. To ensure this, the user of the
    /// pointer has a reference (a count), or is the greenlet itself, or has not let user code run since it got the
    /// pointer from one of these.
    pub(crate) unsafe fn new(block: *const Block) -> Self {
        debug_assert!(!block.is_null());
        // SAFETY: not null, by the contract.
        Self(unsafe { NonNull::new_unchecked(block.cast_mut()) })
    }

    pub(crate) fn as_ptr(self) -> *const Block {
        self.0.as_ptr()
    }

    /// The context. It is the first field of the block, so both have the same address and provenance.
    pub(crate) fn context(self) -> *const Context {
        self.0.as_ptr().cast_const().cast()
    }

    /// The inverse of [`context`](Self::context).
    ///
    /// # Safety
    ///
    /// As for [`new`](Self::new); `context` came from a block.
    pub(crate) unsafe fn from_context(context: *const Context) -> Self {
        // SAFETY: the context is the first field of its block, and the pointer has the provenance of the whole block.
        unsafe { Self::new(context.cast()) }
    }

    /// The parent; `None` for main, and for every greenlet of an ended tree.
    pub(crate) fn parent(self) -> Option<Self> {
        let parent = self.context.link.get();
        // SAFETY: the parent field owns a reference, so the parent exists as long as this block does.
        (!parent.is_null()).then(|| unsafe { Self::from_context(parent) })
    }

    /// Replaces the parent; returns the old one. The reference in the parent field passes to the caller, and the
    /// caller's reference to `parent` passes to the field.
    ///
    /// A pending `up` needs a reference to its target, which is the old parent. If this greenlet waits in `up`, the
    /// target gets one more reference, the pin, and the flag [`PINNED`] makes the next arrival a slow one, which
    /// releases it.
    #[must_use]
    #[inline]
    pub(crate) fn replace_parent(self, parent: Self) -> Option<Self> {
        if let Some(target) = self.parent()
            && self.parent_field_holds_target()
            && !self.has(PINNED)
        {
            self.pin(target.retain());
        }
        self.take_parent_for(parent.context())
    }

    /// Pins `target`, with its reference, until the next arrival in this greenlet, which has started and has no pin.
    pub(crate) fn pin(self, target: Self) {
        self.set(PINNED);
        self.body_or_pin.set(target.as_ptr().cast());
    }

    /// Takes the parent away, with its reference, from a greenlet that is never resumed.
    #[must_use]
    #[inline]
    pub(crate) fn take_parent(self) -> Option<Self> {
        self.take_parent_for(ptr::null())
    }

    #[inline]
    fn take_parent_for(self, link: *const Context) -> Option<Self> {
        let old = self.parent();
        self.context.link.set(link);
        old
    }

    /// Whether the greenlet is suspended in a fast `up`, which relies on the reference of the parent field and has none
    /// of its own. An `up` that took the slow path counts as false: it has a pin.
    fn parent_field_holds_target(self) -> bool {
        self.core().current_ptr() != self.as_ptr() && self.context.is_marked()
    }

    /// The word with its id, as a pointer for the lists of requests. It has the provenance of the whole block, so that
    /// the block can be found from it.
    pub(crate) fn number(self) -> NonNull<Number> {
        // SAFETY: in bounds of the block.
        unsafe { self.0.byte_add(mem::offset_of!(Block, id)) }.cast()
    }

    pub(crate) fn has(self, flags: Flags) -> bool {
        self.flags.get().has(flags)
    }

    pub(crate) fn set(self, flags: Flags) {
        self.flags.set(self.flags.get() | flags);
    }

    pub(crate) fn clear(self, flags: Flags) {
        self.flags.set(self.flags.get().without(flags));
    }

    /// Takes the pin: the reference to the target of a pending `up`, kept by [`pin`](Self::pin).
    pub(crate) fn take_pin(self) -> Option<Self> {
        self.has(PINNED).then(|| {
            self.clear(PINNED);
            // SAFETY: the pin owns a count.
            unsafe { Self::new(self.body_or_pin.replace(ptr::null()).cast()) }
        })
    }

    /// The function that drops the body, while the greenlet has one that has not started.
    #[inline]
    pub(crate) fn body(self) -> Option<DropBody> {
        let body = if self.has(PINNED) { ptr::null() } else { self.body_or_pin.get() };
        // SAFETY: without a pin the field is null or was a `DropBody`, which is a pointer; null is `None`.
        unsafe { mem::transmute::<*const (), Option<DropBody>>(body) }
    }

    /// Whether the greenlet has a pin, or a body that has not started.
    #[inline]
    pub(crate) fn has_body_or_pin(self) -> bool {
        !self.body_or_pin.get().is_null()
    }

    #[inline]
    pub(crate) fn set_body(self, drop: Option<DropBody>) {
        debug_assert!(!self.has(PINNED), "a body and a pin exclude each other");
        self.body_or_pin.set(drop.map_or(ptr::null(), |drop| drop as *const ()));
    }

    /// Marks the greenlet dead. `how` is [`DEAD`], or also [`ABANDONED`].
    #[cfg_attr(small, inline(never))] // one copy
    #[cfg_attr(not(small), inline(always))]
    pub(crate) fn die(self, how: Flags) {
        self.set(how);
        self.core().note_death();
        self.count(if self.has(ABANDONED) { Fate::Abandoned } else { Fate::Dead }, MORE);
    }

    /// Marks the greenlet leaked: it was asked to end and did not.
    pub(crate) fn leak(self) {
        self.set(LEAKED);
        self.count(Fate::Leaked, MORE);
    }

    /// Undoes [`leak`](Self::leak); true if the greenlet was leaked. The reference that the leak kept is the caller's
    /// then.
    pub(crate) fn unleak(self) -> bool {
        let leaked = self.has(LEAKED);
        if leaked {
            self.clear(LEAKED);
            self.count(Fate::Leaked, LESS);
        }
        leaked
    }

    /// Makes an abandoned greenlet an ordinary dead one, whose stack returns to its pool with the last reference.
    /// Writes the canary band anew, which a dead greenlet's stack must have and an overflow may have changed.
    ///
    /// # Safety
    ///
    /// The greenlet is abandoned, and its tree has not ended. Nothing uses the frames on its stack any more.
    #[cfg(feature = "abandon")]
    pub(crate) unsafe fn reclaim(self) {
        self.count(Fate::Abandoned, LESS);
        self.clear(ABANDONED);
        self.count(Fate::Dead, MORE);
        // SAFETY: the band is part of the stack, which nothing uses, by the contract.
        unsafe { lay_band(self.floor().cast_mut().cast::<u8>().wrapping_sub(BAND), self.as_ptr().cast()) };
    }

    /// Removes a dead greenlet from its pool's count, because its tree ends: only dead greenlets of trees that have not
    /// ended are counted.
    pub(crate) fn count_no_more(self) {
        if self.has(DEAD) && !self.has(ABANDONED | ENDED) {
            self.count(Fate::Dead, LESS);
        }
    }

    #[inline]
    fn count(self, fate: Fate, change: u32) {
        self.home.get().count(fate, change);
    }

    /// Notes for [`Block::renew`] whether the slot is still in lists of its tree, as [`Number::forget`] said: stores
    /// the tree in `prev`, or null. That link is free for this, for the block is out of the ring. What it held must go
    /// in either case: the oldest greenlet of a tree follows main, whose block may be the tree's first field and thus
    /// have the tree's address.
    #[inline]
    pub(crate) fn note_lists(self, are_of_its_tree: bool) {
        self.prev.set(if are_of_its_tree { self.core().tree().cast() } else { ptr::null() });
    }

    /// The record of its core.
    #[inline(always)]
    pub(crate) fn core(self) -> &'static Core {
        self.core.get().record()
    }

    /// Whether this is a main greenlet.
    pub(crate) fn is_main(self) -> bool {
        self.bounds.reach.get() == 0
    }

    /// The upper end of its canary band.
    #[inline]
    pub(crate) fn floor(self) -> *const Canary {
        self.bounds.floor.get()
    }

    /// Bytes from the floor up to the control block, where the stack pointer must be. Not for main.
    #[inline]
    pub(crate) fn span(self) -> usize {
        self.as_ptr().addr() - self.floor().addr()
    }

    /// The lowest address of its stack. Not for main, whose stack is unknown.
    pub(crate) fn limit(self) -> usize {
        self.floor().addr() - BAND
    }

    /// One past the highest address of its stack. Not for main.
    pub(crate) fn base(self) -> usize {
        self.as_ptr().addr() + size_of::<Block>()
    }

    /// The saved stack pointer. If the greenlet has no body, or none yet, that of an empty stack: null is saved then,
    /// or what the last greenlet on the stack had.
    pub(crate) fn saved_sp(self) -> usize {
        let is_current = self.core().current_ptr() == self.as_ptr();
        let is_empty = !is_current && self.context.is_unused() && self.body().is_none();
        if is_empty { self.as_ptr().addr() } else { self.context.sp().addr() }
    }

    /// Whether its body has not started, or it has no body yet.
    #[inline]
    pub(crate) fn is_unstarted(self) -> bool {
        self.has(NO_BODY) || self.has_body_or_pin() && !self.has(PINNED)
    }

    /// Bytes of its stack, the control block included; 0 for main.
    pub(crate) fn stack_size(self) -> usize {
        if self.is_main() { 0 } else { self.base() - self.limit() }
    }

    /// Counts one more reference. Aborts when there would be 2³² of them, as a loop with `mem::forget(handle.clone())`
    /// can bring about: a count that wraps would free what is still in use.
    #[inline]
    pub(crate) fn retain(self) -> Self {
        match self.refs.get().checked_add(1) {
            Some(refs) => self.refs.set(refs),
            None => too_many_references(),
        }
        self
    }

    /// Whether this is `other` or an ancestor of it. Dead ones count.
    pub(crate) fn is_above(self, other: Self) -> bool {
        let mut at = Some(other);
        while let Some(block) = at {
            if block == self {
                return true;
            }
            at = block.parent();
        }
        false
    }

    /// Takes the block out of the ring, for a greenlet that is being freed. Does nothing after
    /// [`unlink`](Self::unlink).
    #[inline]
    pub(crate) fn leave_ring(self) {
        let (prev, next) = (self.prev.get(), self.next.get());
        // SAFETY: neighbours in the ring exist, and a block out of the ring is its own neighbour.
        unsafe { Self::new(prev) }.next.set(next);
        // SAFETY: the same.
        unsafe { Self::new(next) }.prev.set(prev);
    }

    /// Takes the block out of the ring, for a greenlet that lives on: it is its own neighbour then.
    pub(crate) fn unlink(self) {
        self.leave_ring();
        self.next.set(self.as_ptr());
        self.prev.set(self.as_ptr());
    }

    /// Puts a block that is in no ring at the end of the ring whose head is `self`.
    #[inline]
    pub(crate) fn append(self, block: Self) {
        let last = self.prev.get();
        block.prev.set(last);
        block.next.set(self.as_ptr());
        // SAFETY: neighbours in the ring exist.
        unsafe { Self::new(last) }.next.set(block.as_ptr());
        self.prev.set(block.as_ptr());
    }

    /// The next block of the ring.
    pub(crate) fn successor(self) -> Self {
        // SAFETY: neighbours in the ring exist.
        unsafe { Self::new(self.next.get()) }
    }
}

impl Deref for BlockPtr {
    type Target = Block;

    fn deref(&self) -> &Block {
        // SAFETY: by the contract of `new`. Only `&Block`s exist, and fields that change are cells.
        unsafe { self.0.as_ref() }
    }
}

impl Block {
    pub(crate) fn id(&self) -> u64 {
        self.id.get()
    }
}

const _: () = assert!(
    size_of::<Block>()
        == if cfg!(target_pointer_width = "32") {
            128
        } else if cfg!(all(feature = "cores", feature = "fp-control", not(feature = "std"))) {
            256
        } else {
            192
        },
    "the documents give these sizes"
);

const _: () = assert!(mem::offset_of!(Block, record) == RECORD_AT, "`arch` looks for the record there");

/// Aborts, because the count must not be used again. `extern "C"` turns the panic into an abort where panics unwind.
#[cold]
#[inline(never)]
pub(crate) extern "C" fn too_many_references() -> ! {
    panic!("a greenlet has 2^32 - 1 references: is something leaking handles, such as `mem::forget(handle.clone())`?")
}
