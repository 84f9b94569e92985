//! Values that every greenlet has one of, in the manner of `thread_local!`.

use crate::kernel::handle::Greenlet;
use crate::records::attached::Attached;
use crate::records::block::BlockPtr;
use crate::records::busy::Busy;
use crate::records::pool::{Claimed, Slots};
use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::mem::{self, MaybeUninit};
use core::ptr;

/// A value of type `T` for each greenlet, for up to `N` greenlets at a time. A `static`.
///
/// A greenlet's value is made when it is first asked for, and dropped when the greenlet is freed. There is no heap: the values
/// lie in this static, `N` of them, 40 bytes each and those of a `T`. Finding a value takes as many steps as the greenlet has
/// values of different statics.
///
/// What Python's greenlet calls the attribute dictionary of a greenlet.
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
///     assert_eq!(CALLS.with(&a, |calls| calls.get()), Ok(2)); // from outside, by handle
///     assert!(CALLS.with(main, |_| ()).is_err()); // room for two
/// }).unwrap();
/// ```
pub struct GreenletLocal<T: 'static, const N: usize> {
    init: fn() -> T,
    slots: Slots<N>,
    entries: [UnsafeCell<MaybeUninit<Entry<T>>>; N],
}

// SAFETY: an entry belongs to the core that claimed its slot, which is the core of the greenlet that it is attached to, until
// the slot is released there. A `T` never leaves that core.
unsafe impl<T: 'static, const N: usize> Sync for GreenletLocal<T, N> {}

/// One greenlet's value. It begins with what is known without the type.
#[repr(C)]
struct Entry<T> {
    head: Attached,
    value: T,
}

/// Why a [`GreenletLocal`] has no value for a greenlet, or a [`ContextPool`](crate::ContextPool) no context.
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
    /// All places are taken.
    Full {
        /// How many.
        capacity: usize,
    },
}

impl fmt::Display for LocalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Full { capacity } = self;
        write!(
            f,
            "all {capacity} places of this `GreenletLocal` or `ContextPool` are taken; give it a larger N, or drop the \
             greenlets or contexts that are done with"
        )
    }
}

impl core::error::Error for LocalError {}

impl<T: 'static, const N: usize> GreenletLocal<T, N> {
    /// No greenlet has a value yet; `init` makes them.
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

    /// Calls `f` with the value of `greenlet`, which is made first if there is none.
    ///
    /// `f` may switch, and ask for this value again: it gets a shared borrow, so that a value which changes is a `Cell` or a
    /// `RefCell`.
    ///
    /// # Errors
    ///
    /// [`LocalError::Full`]: there is no value and no room for one; `init` was not called.
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
        // SAFETY: an entry is attached until its greenlet is freed, and the handle that was borrowed here refers to it.
        Ok(f(unsafe { &(*entry).value }))
    }

    fn key(&'static self) -> *const () {
        ptr::from_ref(self).cast()
    }

    fn find(&'static self, block: BlockPtr) -> Option<*const Entry<T>> {
        let mut at = block.attached.get();
        while !at.is_null() {
            // SAFETY: the chain of a greenlet that exists holds entries that are written.
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
        // SAFETY: claimed just now; forgotten when it is used.
        let claimed = unsafe { Claimed::new(self.slots.erase(), slot) };
        let value = (self.init)();
        if let Some(entry) = self.find(block) {
            // `init` asked for the value itself. That one stands, as it does in a `OnceCell`.
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
        // SAFETY: the slot is claimed, so the entry is ours and empty.
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

/// Takes the first entry out of a greenlet's chain and drops its value.
///
/// # Safety
///
/// It is an `Entry<T>`, and nobody looks at its value any more.
unsafe fn detach<T>(block: BlockPtr) {
    let first = block.attached.get();
    // SAFETY: entries in a chain are written.
    let head = unsafe { &*first };
    block.attached.set(head.next.get());
    // SAFETY: claimed when it was attached; its value is gone when this is dropped.
    let _slot = unsafe { Claimed::new(head.home, head.slot) };
    let entry = first.cast_mut().cast::<Entry<T>>();
    // SAFETY: by the contract; `entries` are cells, so that they may be written through the pointer that `attach` made.
    let value = unsafe { &raw mut (*entry).value };
    // SAFETY: out of the chain, so that nobody finds it again.
    unsafe { value.drop_in_place() }
}
