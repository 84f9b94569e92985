//! The control block: what the kernel keeps of one greenlet.
//!
//! It stands at the base of the greenlet's stack and is untyped: value, error and body types are known to the functions
//! that hold a typed handle, and to the body's own table.
//!
//! ```text
//!                 create ①            depart ②             die ③
//!   (free slot) ─────────► unstarted ─────────► alive ──────────► dead ──► (free slot)
//!                              │                                   ▲  free ④
//!                              └── free ④ ──► (free slot)          │
//!                              └── depart ② with an error or exit ─┘
//! ```
//!
//! ① `Builder::bare`, ② `transfer`, ③ `transfer::life`, ④ `references::free`, when the last reference goes. An unstarted greenlet
//! has a body, or is bare. *Alive* is running when it is the core's current greenlet, else suspended.

use crate::arch::{Context, RECORD_AT, Record};
use crate::here::{Here, Link};
use crate::local::{Attached, Shared};
use crate::mail::Number;
use crate::overflow::{BAND, Canary};
use crate::pool::{Home, LESS, Lot, MORE};
use core::cell::Cell;
use core::mem;
use core::ops::Deref;
use core::ptr::{self, NonNull};
#[cfg(feature = "abandon")]
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// A greenlet that has not started and has no body, so that it cannot.
pub(crate) const BARE: u32 = 1;
/// A greenlet whose body is over.
pub(crate) const DEAD: u32 = 2;
/// A greenlet whose tree has ended: nothing is resumed any more, handles only count.
pub(crate) const ENDED: u32 = 4;
/// A greenlet that refused to end when the last reference to it went. The kill that asked it keeps its reference, so that it
/// exists for ever, or until it dies after all.
pub(crate) const LEAKED: u32 = 8;
/// A greenlet whose parent changed while it waited in `up`, or whose `up` took the slow path: `pin` refers to the one that it switched
/// to.
pub(crate) const PINNED: u32 = 16;
/// A bare greenlet whose body is somebody's affair: its old one is being dropped where it lies, to be replaced, or it was claimed
/// to be given one. No other may be put there.
pub(crate) const REPLACING: u32 = 32;
/// A dead greenlet whose stack must stay as it is: its slot is not given back. Nobody is, without the feature.
pub(crate) const ABANDONED: u32 = if cfg!(feature = "abandon") { 64 } else { 0 };

/// The record of one greenlet. The first cache line is what a switch touches.
#[repr(C, align(64))]
pub(crate) struct Block {
    /// Where the greenlet stands. Its `link` is the parent: a counted reference, null for main and for ended trees.
    pub(crate) context: Context,
    /// 0 when the greenlet can be switched to without further thought: it has a body, is not dead, nor is its tree ended.
    pub(crate) flags: Cell<u32>,
    /// Handles, children's parent fields, kills in progress, and the transfer that brings it to rest. Being current is not
    /// counted: the current greenlet may have 0.
    pub(crate) refs: Cell<u32>,
    /// Where the part of the stack ends that may be used: right above the canary band.
    pub(crate) floor: Cell<*const Canary>,
    /// Bytes from there to the control block, which is as far up as the stack pointer may be; all there are for main, which
    /// runs on a stack that is not ours.
    pub(crate) span: Cell<usize>,

    /// Where walks along frame pointers end.
    pub(crate) record: Cell<Record>,
    /// With [`PINNED`]: a reference to the greenlet that a pending `up` switched to, released when that returns. Else a
    /// [`DropBody`] that drops the body, while there is one that was not started; its closure stands at the context's sp. Else null.
    /// Never both: who waits in `up` has started.
    body_or_pin: Cell<*const ()>,
    /// Neighbours in the ring of all greenlets of the tree, in the order of creation; main is its head.
    pub(crate) next: Cell<*const Block>,
    pub(crate) prev: Cell<*const Block>,
    /// Where the stack goes back to.
    pub(crate) home: Cell<Home>,
    /// Bytes of the stack that a body must leave to interrupts.
    pub(crate) headroom: Cell<u32>,
    /// What the kernel is at work at on its stack; see [`crate::busy`].
    #[cfg(feature = "abandon")]
    pub(crate) busy: AtomicU32,
    pub(crate) core: Cell<Link>,
    pub(crate) name: Cell<Option<&'static str>>,
    /// The context, a counted reference; null for none.
    pub(crate) local_context: Cell<*const Shared>,
    /// The values of `GreenletLocal`s, a chain.
    pub(crate) attached: Cell<*const Attached>,
    /// The number, never given twice, and requests from elsewhere. Weak and remote handles of any core may look at it, whoever
    /// holds the slot now: it is an atomic for ever.
    pub(crate) id: Number,
}

/// Drops a closure in place: what is known of a body without its types.
pub(crate) type DropBody = unsafe fn(*mut u8);

/// A control block that exists: its slot is claimed, the block is written.
///
/// Everything mutable in a block is a cell, so that any number of these may look at it while others run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockPtr(NonNull<Block>);

impl BlockPtr {
    /// # Safety
    ///
    /// The block is initialised, and stays so for as long as the pointer is used: the user of the pointer holds a reference
    /// (a count), or is the greenlet itself, or has not let user code run since it got the pointer from one of these.
    pub(crate) unsafe fn new(block: *const Block) -> Self {
        debug_assert!(!block.is_null());
        // SAFETY: not null, by the contract.
        Self(unsafe { NonNull::new_unchecked(block.cast_mut()) })
    }

    pub(crate) fn as_ptr(self) -> *const Block {
        self.0.as_ptr()
    }

    /// The context, which is the first field: the two addresses are one, and go by one provenance.
    pub(crate) fn context(self) -> *const Context {
        self.0.as_ptr().cast_const().cast()
    }

    /// The inverse of [`context`](Self::context).
    ///
    /// # Safety
    ///
    /// As for [`new`](Self::new); `context` came from a block.
    pub(crate) unsafe fn from_context(context: *const Context) -> Self {
        // SAFETY: a context that came from a block stands at its first byte, with the provenance of the whole.
        unsafe { Self::new(context.cast()) }
    }

    /// The parent; `None` for main, and for every greenlet of an ended tree.
    pub(crate) fn parent(self) -> Option<Self> {
        let parent = self.context.link.get();
        // SAFETY: the parent field owns a count, so the parent exists as long as this block does.
        (!parent.is_null()).then(|| unsafe { Self::from_context(parent) })
    }

    /// Puts `parent` in the place of the parent, and returns the old one. The counts go with the pointers.
    ///
    /// A transfer in progress refers to its target: if this greenlet waits in `up`, its next arrival is a slow one, which
    /// releases the target then.
    #[must_use]
    #[inline]
    pub(crate) fn replace_parent(self, parent: Self) -> Option<Self> {
        if let Some(target) = self.parent()
            && self.waits_in_up()
            && !self.has(PINNED)
        {
            self.pin(target.retain());
        }
        self.take_parent_for(parent.context())
    }

    /// Pins `target`, with the count, until the next arrival in this greenlet, which has started and has no pin.
    pub(crate) fn pin(self, target: Self) {
        self.set(PINNED);
        self.body_or_pin.set(target.as_ptr().cast());
    }

    /// Takes the parent away, with the count: from a greenlet that never goes on.
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

    /// Whether it waits in a fast `up`, which relies on the parent field's reference instead of one of its own.
    fn waits_in_up(self) -> bool {
        self.here().current_ptr() != self.as_ptr() && self.context.is_marked()
    }

    /// Its number, for lists of those who were asked: with the provenance of the whole block, to which one goes back from there.
    pub(crate) fn number(self) -> NonNull<Number> {
        // SAFETY: in bounds of the block.
        unsafe { self.0.byte_add(mem::offset_of!(Block, id)) }.cast()
    }

    pub(crate) fn has(self, flag: u32) -> bool {
        self.flags.get() & flag != 0
    }

    pub(crate) fn set(self, flag: u32) {
        self.flags.set(self.flags.get() | flag);
    }

    pub(crate) fn clear(self, flag: u32) {
        self.flags.set(self.flags.get() & !flag);
    }

    /// Takes the reference that [`replace_parent`](Self::replace_parent) kept for a pending `up`.
    pub(crate) fn take_pin(self) -> Option<Self> {
        self.has(PINNED).then(|| {
            self.clear(PINNED);
            // SAFETY: the pin owns a count.
            unsafe { Self::new(self.body_or_pin.replace(ptr::null()).cast()) }
        })
    }

    /// What drops the body, while there is one that was not started.
    #[inline]
    pub(crate) fn body(self) -> Option<DropBody> {
        let body = if self.has(PINNED) { ptr::null() } else { self.body_or_pin.get() };
        // SAFETY: without a pin it is null or was a `DropBody`, which is a pointer; null is `None`.
        unsafe { mem::transmute::<*const (), Option<DropBody>>(body) }
    }

    /// Whether it has a body that was not started, if it has no pin: of one that does not wait in `up`.
    #[inline]
    pub(crate) fn has_body_or_pin(self) -> bool {
        !self.body_or_pin.get().is_null()
    }

    #[inline]
    pub(crate) fn set_body(self, drop: Option<DropBody>) {
        debug_assert!(!self.has(PINNED), "who has or had no body yet has not started, and does not wait in `up`");
        self.body_or_pin.set(drop.map_or(ptr::null(), |drop| drop as *const ()));
    }

    /// Notes that it is over, by `how`: [`DEAD`], with [`ABANDONED`] or without.
    #[inline]
    pub(crate) fn die(self, how: u32) {
        self.set(how);
        self.here().count_death();
        self.count(if self.has(ABANDONED) { Lot::Abandoned } else { Lot::Dead }, MORE);
    }

    /// Notes that it was asked to end and did not.
    pub(crate) fn leak(self) {
        self.set(LEAKED);
        self.count(Lot::Leaked, MORE);
    }

    /// The opposite of [`leak`](Self::leak): true if it was. The reference that a leak kept is the caller's.
    pub(crate) fn recover(self) -> bool {
        let leaked = self.has(LEAKED);
        if leaked {
            self.clear(LEAKED);
            self.count(Lot::Leaked, LESS);
        }
        leaked
    }

    /// Notes that its tree ends: what counts are dead ones of trees that are entered.
    pub(crate) fn count_no_more(self) {
        if self.has(DEAD) && !self.has(ABANDONED | ENDED) {
            self.count(Lot::Dead, LESS);
        }
    }

    #[inline]
    fn count(self, lot: Lot, change: u32) {
        self.home.get().count(lot, change);
    }

    /// Notes for [`Block::renew`] that the slot is still in lists of its tree, as [`Number::forget`] said. Of a block out of the
    /// ring, whose neighbours nobody looks at.
    #[cold]
    pub(crate) fn leave_in_lists(self) {
        self.prev.set(self.here().tree().cast());
    }

    /// The record of its core.
    #[inline(always)]
    pub(crate) fn here(self) -> &'static Here {
        self.core.get().here()
    }

    /// Whether this is a main greenlet.
    pub(crate) fn is_main(self) -> bool {
        self.span.get() == usize::MAX
    }

    /// Lowest address of its stack. Not of main's, which is unknown.
    pub(crate) fn limit(self) -> usize {
        self.floor.get().addr() - BAND
    }

    /// One past the highest address of its stack. Not of main's.
    pub(crate) fn base(self) -> usize {
        self.as_ptr().addr() + size_of::<Block>()
    }

    /// Whether nothing of it was ever run. So it is to the end with a greenlet that dies unstarted, but for [`DEAD`].
    #[inline]
    pub(crate) fn is_unstarted(self) -> bool {
        self.has(BARE) || self.has_body_or_pin() && !self.has(PINNED)
    }

    /// Bytes of its stack, control block included; 0 for main.
    pub(crate) fn stack_size(self) -> usize {
        if self.is_main() { 0 } else { self.base() - self.limit() }
    }

    /// Counts one more reference. Aborts when there are 2³² of them: a loop that forgets clones must not wrap to a count
    /// that frees what is still in use.
    #[inline]
    pub(crate) fn retain(self) -> Self {
        match self.refs.get().checked_add(1) {
            Some(refs) => self.refs.set(refs),
            None => too_many_references(),
        }
        self
    }

    /// Whether this is `other`, or its parent, near or far, dead ones included.
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

    /// Takes the block out of the ring; out of it already: does nothing.
    #[inline]
    pub(crate) fn unlink(self) {
        let (prev, next) = (self.prev.get(), self.next.get());
        // SAFETY: neighbours in the ring exist; a block out of the ring is its own neighbour.
        unsafe { Self::new(prev) }.next.set(next);
        // SAFETY: the same.
        unsafe { Self::new(next) }.prev.set(prev);
        self.next.set(self.as_ptr());
        self.prev.set(self.as_ptr());
    }

    /// Puts a block that is in no ring at the end of the ring that `self` heads.
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
        // SAFETY: by the contract of `new`. Blocks are shared and their mutable parts are cells.
        unsafe { self.0.as_ref() }
    }
}

impl Block {
    /// Writes a block into a slot that was never used. It has one reference, for the handle that creation returns.
    ///
    /// # Safety
    ///
    /// As for [`write`](Self::write), but that nothing is asked of the memory.
    pub(crate) unsafe fn write_first(
        place: *mut Self,
        bounds: (*const Canary, usize),
        home: (Home, u32),
        here: &'static Here,
    ) -> BlockPtr {
        // SAFETY: in bounds of the caller's memory.
        let number = unsafe { &raw mut (*place).id };
        // SAFETY: nobody had the slot, so nobody looks at it.
        unsafe { number.write(Number::nobody()) };
        // SAFETY: the caller's contract.
        unsafe { Self::write(place, bounds, home, here) }
    }

    /// Writes a block, but for the number, which stays and says who it is.
    ///
    /// # Safety
    ///
    /// `place` is aligned and writable for a block, its number is one, nobody else uses the rest of the memory, and it stays a block
    /// until its slot is released.
    pub(crate) unsafe fn write(
        place: *mut Self,
        (floor, span): (*const Canary, usize),
        (home, headroom): (Home, u32),
        here: &'static Here,
    ) -> BlockPtr {
        // SAFETY: `id` may be looked at by a weak handle to the slot's last owner, and by who takes it out of a list: it is an
        // atomic for ever, and never written as part of the whole. If it is in a list, then it is main's, of the same tree.
        unsafe { &(*place).id }.set(here.new_id(), || true);
        let me = place.cast_const();
        macro_rules! fill {
            ($($field:ident: $value:expr,)*) => {$(
                // SAFETY: the caller gives the memory away; no reference to this field exists.
                unsafe { (&raw mut (*place).$field).write($value) };
            )*};
        }
        fill! {
            context: Context::running(),
            flags: Cell::new(0),
            refs: Cell::new(1),
            floor: Cell::new(floor),
            span: Cell::new(span),
            record: Cell::new([0; 2]),
            body_or_pin: Cell::new(ptr::null()),
            next: Cell::new(me),
            prev: Cell::new(me),
            home: Cell::new(home),
            headroom: Cell::new(headroom),
            core: Cell::new(Link::to(here)),
            name: Cell::new(None),
            local_context: Cell::new(ptr::null()),
            attached: Cell::new(ptr::null()),
        }
        #[cfg(feature = "abandon")]
        {
            // SAFETY: in bounds, as for the others.
            let busy = unsafe { &raw mut (*place).busy };
            // SAFETY: as for the others.
            unsafe { busy.write(AtomicU32::new(0)) };
        }
        // SAFETY: all fields are written.
        unsafe { BlockPtr::new(place) }
    }

    /// A block again, of which [`write`](Self::write) made one before: what its stack and its pool determine is as it was, and so is
    /// what a freed greenlet leaves empty.
    ///
    /// # Safety
    ///
    /// `place` is a block whose greenlet was freed, and which was not given to anybody since.
    #[inline]
    pub(crate) unsafe fn renew(place: *const Self, here: &'static Here) -> BlockPtr {
        // SAFETY: a freed block is initialised as before.
        let me = unsafe { BlockPtr::new(place) };
        debug_assert!(me.parent().is_none() && me.body().is_none() && !crate::local::is_attached(me));
        me.id.set(here.new_id(), || ptr::eq(me.prev.get().cast(), here.tree()));
        me.context.vacate();
        me.refs.set(1);
        me.core.set(Link::to(here));
        #[cfg(feature = "abandon")]
        me.busy.store(0, Relaxed);
        me
    }

    pub(crate) fn id(&self) -> u64 {
        self.id.get()
    }
}

const _: () = assert!(
    size_of::<Block>()
        == if cfg!(all(feature = "cores", feature = "fp-control", not(feature = "std"))) { 256 } else { 192 },
    "the documents say so"
);

const _: () = assert!(mem::offset_of!(Block, record) == RECORD_AT, "`arch` looks for the record there");

/// Aborts. `extern "C"` turns the panic into an abort where panics unwind: the count must not be used again.
#[cold]
#[inline(never)]
pub(crate) extern "C" fn too_many_references() -> ! {
    panic!("a greenlet has 2^32 - 1 references: is something leaking handles, such as `mem::forget(handle.clone())`?")
}
