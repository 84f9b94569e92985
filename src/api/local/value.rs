//! Greenlet-local values, as `thread_local!` has them for threads.

use crate::kernel::handle::Greenlet;
use crate::records::attached::Attached;
use crate::records::block::BlockPtr;
use crate::records::busy::Busy;
use crate::records::pool::{Claimed, Slots};
use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::mem::{self, MaybeUninit};
use core::ptr;

/// A static with one value of type `T` per greenlet, for up to `N` greenlets at a time.
///
/// The value of a greenlet is created when it is first used, and dropped when the greenlet is freed. There is no heap:
/// the static has room for `N` values, and takes 40 bytes and the size of a `T` for each. To find a value takes as many
/// steps as the greenlet has values of different statics.
///
/// This is the counterpart of the attribute dictionary that each greenlet of the Python package has.
///
/// ```
/// use core::cell::Cell;
/// use greenlet::{GreenletLocal, StackPool, Tree};
///
/// static STACKS: StackPool<2, 8192> = StackPool::new();
/// static TREE: Tree<u32> = Tree::new();
/// static CALLS: GreenletLocal<Cell<u32>, 2> = GreenletLocal::new(|| Cell::new(0));
///
/// TREE.enter(|main| {
///     let count = |me: &greenlet::Me<u32, &'static str>, mut x| loop {
///         let calls = CALLS.with(me, |calls| { calls.set(calls.get() + 1); calls.get() }).unwrap();
///         x = me.up(calls + 0 * x)?;
///     };
///     let a = main.spawn(&STACKS, count).unwrap();
///     let b = main.spawn(&STACKS, count).unwrap();
///     assert_eq!((a.switch(0), a.switch(0), b.switch(0)), (Ok(1), Ok(2), Ok(1)));
///     assert_eq!(CALLS.with(&a, |calls| calls.get()), Ok(2)); // from another greenlet, by a handle
///     assert!(CALLS.with(main, |_| ()).is_err()); // N is 2, and both places are taken
/// }).unwrap();
/// ```
pub struct GreenletLocal<T: 'static, const N: usize> {
    init: fn() -> T,
    slots: Slots<N>,
    entries: [UnsafeCell<MaybeUninit<Entry<T>>>; N],
}

// SAFETY: only the core that claimed the slot of an entry uses the entry, until it releases the slot. That core is the
// core of the greenlet to which the entry is attached, so a `T` never leaves it.
unsafe impl<T: 'static, const N: usize> Sync for GreenletLocal<T, N> {}

/// The value of one greenlet, after a head that does not depend on its type.
#[repr(C)]
struct Entry<T> {
    head: Attached,
    value: T,
}

/// Why a value of a [`GreenletLocal`], or a context of a [`ContextPool`](crate::ContextPool), could not be created.
///
/// ```
/// # use greenlet::{GreenletLocal, LocalError, StackPool, Tree};
/// # static STACKS: StackPool<1, 16384> = StackPool::new();
/// # static TREE: Tree<u32> = Tree::new();
/// static ONE: GreenletLocal<u32, 1> = GreenletLocal::new(|| 7);
/// # TREE.enter(|main| {
/// assert_eq!(ONE.with(main, |n| *n), Ok(7));
/// let g = main.bare(&STACKS).unwrap();
/// assert_eq!(ONE.with(&g, |n| *n), Err(LocalError::Full { capacity: 1 }));
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum LocalError {
    /// All `N` places are taken.
    Full {
        /// The number of places, `N`.
        capacity: usize,
    },
}

impl fmt::Display for LocalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Full { capacity } = self;
        write!(
            f,
            "this `GreenletLocal` or `ContextPool` has no free place: {capacity} taken; give it a larger N, or drop \
             greenlets or contexts that are no longer needed"
        )
    }
}

impl core::error::Error for LocalError {}

impl<T: 'static, const N: usize> GreenletLocal<T, N> {
    /// Creates a static without values; `init` is called to create the value of each greenlet.
    ///
    /// ```
    /// # use core::cell::Cell;
    /// # use greenlet::GreenletLocal;
    /// static RETRIES: GreenletLocal<Cell<u32>, 16> = GreenletLocal::new(|| Cell::new(3));
    /// ```
    #[must_use]
    pub const fn new(init: fn() -> T) -> Self {
        Self { init, slots: Slots::new(), entries: [const { UnsafeCell::new(MaybeUninit::uninit()) }; N] }
    }

    /// Calls `f` with the value of `greenlet`, which is created first if there is none.
    ///
    /// `f` may switch, and may call `with` for the same value again. It receives a shared borrow, so a value that
    /// changes is a `Cell` or a `RefCell`.
    ///
    /// # Errors
    ///
    /// [`LocalError::Full`]: the greenlet has no value, and `N` greenlets have one already. Neither `init` nor `f` was
    /// called.
    ///
    /// ```
    /// # use greenlet::{GreenletLocal, StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # use core::cell::Cell;
    /// static RETRIES: GreenletLocal<Cell<u32>, 16> = GreenletLocal::new(|| Cell::new(3));
    /// # TREE.enter(|main| {
    /// let g = main.bare(&STACKS).unwrap();
    /// RETRIES.with(&g, |left| left.set(left.get() - 1)).unwrap();
    /// assert_eq!(RETRIES.with(&g, Cell::get), Ok(2));
    /// assert_eq!(RETRIES.with(main, Cell::get), Ok(3)); // a value of its own
    /// # }).unwrap();
    /// ```
    pub fn with<V: 'static, E: 'static, R>(
        &'static self,
        greenlet: &Greenlet<V, E>,
        f: impl FnOnce(&T) -> R,
    ) -> Result<R, LocalError> {
        let block = greenlet.block();
        let entry = match self.find(block) {
            Some(entry) => entry,
            None => self.attach(block)?,
        };
        // SAFETY: an entry stays attached until its greenlet is freed, and the borrowed handle keeps the greenlet
        // alive.
        Ok(f(unsafe { &(*entry).value }))
    }

    fn key(&'static self) -> *const () {
        ptr::from_ref(self).cast()
    }

    fn find(&'static self, block: BlockPtr) -> Option<*const Entry<T>> {
        let mut at = block.attached.get();
        while !at.is_null() {
            // SAFETY: the entries in the chain of a greenlet that exists are initialized.
            let head = unsafe { &*at };
            if head.key == self.key() {
                return Some(at.cast());
            }
            at = head.next.get();
        }
        None
    }

    #[cold]
    fn attach(&'static self, block: BlockPtr) -> Result<*const Entry<T>, LocalError> {
        let _busy = Busy::in_tree_of(block);
        let Some((slot, _)) = self.slots.claim() else { return Err(LocalError::Full { capacity: N }) };
        // SAFETY: the slot was claimed above. This guard releases it, unless it is forgotten below once the entry is
        // used.
        let claimed = unsafe { Claimed::new(self.slots.erase(), slot) };
        let value = (self.init)();
        if let Some(entry) = self.find(block) {
            // `init` has itself called `with` for this greenlet: the value that this created stays, as with a
            // `OnceCell`.
            return Ok(entry);
        }
        mem::forget(claimed);
        let head = Attached {
            detach: detach::<T>,
            next: Cell::new(block.attached.get()),
            key: self.key(),
            home: self.slots.erase(),
            slot,
        };
        let entry = self.entries[slot as usize].get().cast::<Entry<T>>();
        // SAFETY: the slot is claimed, so no other code uses the entry, and it has no value.
        unsafe { entry.write(Entry { head, value }) };
        block.attached.set(entry.cast_const().cast());
        Ok(entry)
    }
}

impl<T: fmt::Debug + 'static, const N: usize> fmt::Debug for GreenletLocal<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GreenletLocal").field("capacity", &N).finish_non_exhaustive()
    }
}

/// Removes the first entry from a greenlet's chain, drops its value and releases its slot.
///
/// # Safety
///
/// The first entry is an `Entry<T>`, and there is no borrow of its value.
unsafe fn detach<T>(block: BlockPtr) {
    let first = block.attached.get();
    // SAFETY: the entries in a chain are initialized.
    let head = unsafe { &*first };
    block.attached.set(head.next.get());
    // SAFETY: `attach` claimed the slot; the value is dropped before this guard releases it.
    let _slot = unsafe { Claimed::new(head.home, head.slot) };
    let entry = first.cast_mut().cast::<Entry<T>>();
    // SAFETY: by the contract; `entries` are cells, so they may be written through the pointer that `attach` made.
    let value = unsafe { &raw mut (*entry).value };
    // SAFETY: the entry is out of the chain, so no further borrow of the value can be made.
    unsafe { value.drop_in_place() }
}
