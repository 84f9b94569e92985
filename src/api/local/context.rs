//! Contexts: counted values that a greenlet has, and may share with other greenlets.
//!
//! A context may refer to a context below it, of any type, and that to another. A context is created after those below
//! it, so there are no cycles. A search for a type starts at the top.

use crate::api::local::{AnyContext, LocalError};
use crate::kernel::handle::Greenlet;
use crate::records::attached::{Shared, release, retain};
use crate::records::busy::Busy;
use crate::records::errors::Refused;
use crate::records::pool::{Claimed, Slots};
use core::any::TypeId;
use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ops::Deref;
use core::ptr::{self, NonNull};

/// A pool of `N` contexts of type `C`, as a `static`.
///
/// Creating a context takes constant time and is lock-free; one pool may serve several cores.
///
/// ```
/// use core::cell::Cell;
/// use greenlet::{ContextPool, StackPool, Tree};
///
/// #[derive(Clone)]
/// struct Request { user: Cell<u32> }
///
/// static CONTEXTS: ContextPool<Request, 4> = ContextPool::new();
/// static STACKS: StackPool<1, 8192> = StackPool::new();
/// static TREE: Tree<u32> = Tree::new();
///
/// TREE.enter(|main| {
///     let context = CONTEXTS.create(Request { user: Cell::new(7) }).unwrap();
///     main.set_context(Some(context.clone()));
///     let child = main.spawn(&STACKS, |me, x| Ok(me.context::<Request>().map_or(0, |c| c.user.get()) + x)).unwrap();
///     assert!(child.context::<Request>().is_none()); // a greenlet starts without a context
///     child.set_context(Some(CONTEXTS.create(Request::clone(&context)).unwrap())); // a copy
///     context.user.set(8); // does not change the copy
///     assert_eq!(child.switch(1), Ok(8));
/// }).unwrap();
/// ```
pub struct ContextPool<C: 'static, const N: usize> {
    slots: Slots<N>,
    places: [UnsafeCell<MaybeUninit<Place<C>>>; N],
}

// SAFETY: a place is used only through handles to the context that claimed its slot. Handles are not `Send`, so a
// context stays on the core that created it until its slot is released there, and a `C` never leaves that core.
unsafe impl<C: 'static, const N: usize> Sync for ContextPool<C, N> {}

#[repr(C)]
struct Place<C> {
    shared: Shared,
    value: C,
}

/// A counted handle to a context. Not `Send`, like a [`Greenlet`].
///
/// It dereferences to the value; a value that changes is a `Cell` or `RefCell`, or contains them. The context is
/// dropped with its last handle. A greenlet that has the context counts as one.
///
/// ```
/// # use greenlet::{ContextPool, StackPool, Tree};
/// # static STACKS: StackPool<1, 16384> = StackPool::new();
/// # static TREE: Tree<u32> = Tree::new();
/// # use core::cell::Cell;
/// static COUNTERS: ContextPool<Cell<u32>, 2> = ContextPool::new();
/// # TREE.enter(|main| {
/// let shared = COUNTERS.create(Cell::new(0)).unwrap();
/// let g = main.bare(&STACKS).unwrap();
/// g.set_context(Some(shared.clone()));
/// shared.set(5);
/// assert_eq!(g.context::<Cell<u32>>().unwrap().get(), 5); // one context with two handles
/// # }).unwrap();
/// ```
pub struct Context<C: 'static> {
    pub(super) shared: NonNull<Shared>,
    types: PhantomData<*mut C>,
}

impl<C: 'static, const N: usize> ContextPool<C, N> {
    /// Creates a pool without contexts.
    ///
    /// ```
    /// # use greenlet::ContextPool;
    /// static NAMES: ContextPool<&'static str, 8> = ContextPool::new();
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { slots: Slots::new(), places: [const { UnsafeCell::new(MaybeUninit::uninit()) }; N] }
    }

    /// Creates a context, and returns the first handle to it.
    ///
    /// # Errors
    ///
    /// [`LocalError::Full`]: the pool has `N` contexts already. The error returns `value`.
    ///
    /// ```
    /// # use greenlet::{ContextPool, LocalError};
    /// static NAMES: ContextPool<&'static str, 1> = ContextPool::new();
    /// let first = NAMES.create("first").unwrap();
    /// assert_eq!(*first, "first");
    /// let refused = NAMES.create("second").unwrap_err();
    /// assert_eq!((refused.reason, refused.returned), (LocalError::Full { capacity: 1 }, "second"));
    /// ```
    pub fn create(&'static self, value: C) -> Result<Context<C>, Refused<LocalError, C>> {
        self.create_over(None, value)
    }

    /// Creates a context above another one, so that a greenlet with it has both, each found by its type.
    ///
    /// With this a library can add a context of its own to the application's. [`Greenlet::context`] finds the first
    /// context of a type from the top, in as many steps as there are contexts above that.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    ///
    /// ```
    /// # use greenlet::{ContextPool, StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # static USERS: ContextPool<u32, 1> = ContextPool::new(); // the application's
    /// struct Deadline(u64);
    /// static DEADLINES: ContextPool<Deadline, 4> = ContextPool::new(); // the library's
    /// # TREE.enter(|main| {
    /// main.set_context(Some(USERS.create(7).unwrap()));
    /// let g = main.bare(&STACKS).unwrap();
    /// g.set_context(Some(DEADLINES.create_over(main.any_context().as_ref(), Deadline(100)).unwrap()));
    /// assert_eq!(g.context::<u32>().as_deref(), Some(&7));
    /// assert_eq!(g.context::<Deadline>().unwrap().0, 100);
    /// # }).unwrap();
    /// ```
    pub fn create_over(
        &'static self,
        below: Option<&AnyContext>,
        value: C,
    ) -> Result<Context<C>, Refused<LocalError, C>> {
        let _busy = Busy::on_this_core();
        let Some((slot, _)) = self.slots.claim() else {
            return Err(Refused { reason: LocalError::Full { capacity: N }, returned: value });
        };
        let shared = Shared {
            destroy: destroy::<C>,
            refs: Cell::new(1),
            kind: TypeId::of::<C>(),
            below: below.map_or(ptr::null(), |below| below.clone().into_shared()),
            home: self.slots.erase(),
            slot,
        };
        let place = self.places[slot as usize].get().cast::<Place<C>>();
        // SAFETY: the slot was claimed above, so no other code uses the place, and it has no value.
        unsafe { place.write(Place { shared, value }) };
        // SAFETY: the address of a static is not null.
        let shared = unsafe { NonNull::new_unchecked(place.cast()) };
        Ok(Context { shared, types: PhantomData })
    }
}

impl<C: 'static, const N: usize> Default for ContextPool<C, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: 'static> Deref for Context<C> {
    type Target = C;

    fn deref(&self) -> &C {
        // SAFETY: a handle refers to a place with a `C`, which is initialized as long as there are handles.
        unsafe { &(*self.shared.as_ptr().cast::<Place<C>>()).value }
    }
}

impl<C: 'static> Clone for Context<C> {
    fn clone(&self) -> Self {
        // SAFETY: this handle keeps the context alive.
        unsafe { retain(self.shared.as_ptr()) };
        Self { shared: self.shared, types: PhantomData }
    }
}

impl<C: 'static> Drop for Context<C> {
    fn drop(&mut self) {
        let _busy = Busy::on_this_core();
        // SAFETY: this handle owns one reference, and releases it here.
        unsafe { release(self.shared.as_ptr()) }
    }
}

/// Two handles are equal if they refer to the same context.
impl<C: 'static> PartialEq for Context<C> {
    fn eq(&self, other: &Self) -> bool {
        self.shared == other.shared
    }
}

impl<C: 'static> Eq for Context<C> {}

impl<C: fmt::Debug + 'static> fmt::Debug for Context<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Context").field(&**self).finish()
    }
}

/// # Context
impl<V: 'static, E: 'static> Greenlet<V, E> {
    /// Returns the context of type `C` of this greenlet; `None` if it has none of that type.
    ///
    /// A greenlet has no context when it is created. It keeps its context until it is freed, also while it is dead.
    ///
    /// ```
    /// # use greenlet::{ContextPool, StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # static NUMBERS: ContextPool<u32, 1> = ContextPool::new();
    /// # TREE.enter(|main| {
    /// let g = main.bare(&STACKS).unwrap();
    /// assert!(g.context::<u32>().is_none());
    /// g.set_context(Some(NUMBERS.create(7).unwrap()));
    /// assert_eq!(g.context::<u32>().as_deref(), Some(&7));
    /// assert!(g.context::<u64>().is_none()); // of another type
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn context<C: 'static>(&self) -> Option<Context<C>> {
        // SAFETY: the greenlet holds a reference to its context.
        unsafe { find(self.block().local_context.get()) }
    }

    /// Sets the context of this greenlet, which it shares with all other handles to that context; `None` removes it.
    ///
    /// Takes effect at once, in whatever state the greenlet is.
    ///
    /// ```
    /// # use greenlet::{ContextPool, StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # static NUMBERS: ContextPool<u32, 1> = ContextPool::new();
    /// # TREE.enter(|main| {
    /// main.set_context(Some(NUMBERS.create(7).unwrap()));
    /// let g = main.bare(&STACKS).unwrap();
    /// g.set_context(main.context::<u32>()); // shared
    /// main.set_context::<u32>(None);
    /// assert_eq!(g.context::<u32>().as_deref(), Some(&7));
    /// # }).unwrap();
    /// ```
    pub fn set_context<C: 'static>(&self, context: Option<Context<C>>) {
        self.set_any_context(context.map(AnyContext::from));
    }

    /// Returns the context of this greenlet, of any type, with the contexts below it; `None` if it has none.
    ///
    /// ```
    /// # use greenlet::{ContextPool, StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # static NUMBERS: ContextPool<u32, 1> = ContextPool::new();
    /// # TREE.enter(|main| {
    /// assert!(main.any_context().is_none());
    /// main.set_context(Some(NUMBERS.create(7).unwrap()));
    /// assert_eq!(main.any_context().unwrap().downcast::<u32>(), main.context::<u32>());
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn any_context(&self) -> Option<AnyContext> {
        // SAFETY: the greenlet holds a reference to its context.
        NonNull::new(self.block().local_context.get().cast_mut()).map(|shared| unsafe { AnyContext::counted(shared) })
    }

    /// Sets the context of this greenlet, of any type, as [`set_context`](Self::set_context) does.
    ///
    /// After `child.set_any_context(me.any_context())`, `child` shares the context of `me`.
    ///
    /// ```
    /// # use greenlet::{ContextPool, StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # static NUMBERS: ContextPool<u32, 1> = ContextPool::new();
    /// # TREE.enter(|main| {
    /// main.set_context(Some(NUMBERS.create(7).unwrap()));
    /// let g = main.bare(&STACKS).unwrap();
    /// g.set_any_context(main.any_context());
    /// assert_eq!(g.context::<u32>(), main.context::<u32>()); // one context
    /// # }).unwrap();
    /// ```
    pub fn set_any_context(&self, context: Option<AnyContext>) {
        let _busy = Busy::in_tree_of(self.block());
        let old = self.block().local_context.replace(context.map_or(ptr::null(), AnyContext::into_shared));
        if !old.is_null() {
            // SAFETY: the greenlet held a reference to it.
            unsafe { release(old) };
        }
    }
}

/// Returns a handle to the first context of type `C` among `top` and those below it.
///
/// # Safety
///
/// The caller has a reference to `top`, or `top` is null.
pub(super) unsafe fn find<C: 'static>(top: *const Shared) -> Option<Context<C>> {
    let mut at = top;
    while let Some(shared) = NonNull::new(at.cast_mut()) {
        // SAFETY: the caller has a reference to the first, and each has one to the context below it.
        let head = unsafe { shared.as_ref() };
        if head.kind == TypeId::of::<C>() {
            // SAFETY: the same.
            unsafe { retain(at) };
            return Some(Context { shared, types: PhantomData });
        }
        at = head.below;
    }
    None
}

/// Drops the value of a context and releases its slot, also if the destructor of the value panics.
///
/// # Safety
///
/// `shared` is the head of a `Place<C>` to which there is no reference any more.
unsafe fn destroy<C>(shared: *const Shared) {
    // SAFETY: by the contract, it exists.
    let head = unsafe { &*shared };
    // SAFETY: `create_over` claimed the slot; the value is dropped before this guard releases it.
    let _slot = unsafe { Claimed::new(head.home, head.slot) };
    let place = shared.cast_mut().cast::<Place<C>>();
    // SAFETY: by the contract; places are cells, so they may be written through this pointer.
    let value = unsafe { &raw mut (*place).value };
    // SAFETY: there is no reference to the value.
    unsafe { value.drop_in_place() }
}
