//! Contexts: values that a greenlet carries along and may share with others.
//!
//! A context may stand over another one, of whatever type, and so on: what stands below was there before, so that there are no
//! circles. Who looks for a type looks from the top down.

#[cfg(feature = "abandon")]
use crate::busy::Busy;
use crate::errors::Refused;
use crate::handle::Greenlet;
use crate::local::{AnyContext, LocalError};
use crate::panic;
use crate::pool::{Claimed, Slots};
use core::any::TypeId;
use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ops::Deref;
use core::ptr::{self, NonNull};

/// Room for `N` contexts of type `C`. A `static`.
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

// SAFETY: a place belongs to whoever claimed its slot. The handle is not `Send`, so that a context stays on the core that
// made it until its slot is released there. A `C` never leaves that core.
unsafe impl<C: 'static, const N: usize> Sync for ContextPool<C, N> {}

#[repr(C)]
struct Place<C> {
    shared: Shared,
    value: C,
}

/// The head of a context: what is known without the type.
pub(crate) struct Shared {
    /// [`destroy`], of the value's type. Who frees a greenlet comes to it by this pointer alone, so that a program without
    /// contexts has none of that code.
    destroy: unsafe fn(*const Shared),
    refs: Cell<u32>,
    kind: TypeId,
    /// What it stands over, a counted reference; null for none.
    below: *const Shared,
    home: NonNull<Slots<0>>,
    slot: u32,
}

/// A counted handle to a context. `!Send`, as greenlets are.
///
/// The context is what [`Deref`] gives; a context that changes has cells in it. It is dropped with its last handle; a greenlet
/// that has it holds one.
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
/// assert_eq!(g.context::<Cell<u32>>().unwrap().get(), 5); // one context, two holders
/// # }).unwrap();
/// ```
pub struct Context<C: 'static> {
    pub(super) shared: NonNull<Shared>,
    types: PhantomData<*mut C>,
}

impl<C: 'static, const N: usize> ContextPool<C, N> {
    /// A pool with all places free.
    ///
    /// ```
    /// # use greenlet::ContextPool;
    /// static NAMES: ContextPool<&'static str, 8> = ContextPool::new();
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { slots: Slots::new(), places: [const { UnsafeCell::new(MaybeUninit::uninit()) }; N] }
    }

    /// Makes a context.
    ///
    /// # Errors
    ///
    /// [`LocalError::Full`]: no place is free; the value comes back.
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

    /// Makes a context that stands over another one: who has it has both, each by its own type. So a library can give a greenlet a
    /// context of the library's without taking away the application's.
    ///
    /// [`Greenlet::context`] finds the topmost of the type that it asks for. Takes as many steps as there are contexts above that.
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
        #[cfg(feature = "abandon")]
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
        // SAFETY: the slot is claimed, so the place is ours and empty.
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
        // SAFETY: a handle refers to a place of a `C`, which is written as long as there are handles.
        unsafe { &(*self.shared.as_ptr().cast::<Place<C>>()).value }
    }
}

impl<C: 'static> Clone for Context<C> {
    fn clone(&self) -> Self {
        // SAFETY: this handle refers to it.
        unsafe { retain(self.shared.as_ptr()) };
        Self { shared: self.shared, types: PhantomData }
    }
}

impl<C: 'static> Drop for Context<C> {
    fn drop(&mut self) {
        #[cfg(feature = "abandon")]
        let _busy = Busy::on_this_core();
        // SAFETY: the reference is this handle's.
        unsafe { let_go(self.shared.as_ptr()) }
    }
}

/// Equality is identity: two handles to one context.
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
    /// The context of this greenlet; `None` if it has none, or one of another type.
    ///
    /// A greenlet starts without a context and keeps what it has until it is freed, when it is dead as well.
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

    /// Gives this greenlet a context, its own or one that it shares with whoever has the handle; `None` takes it away. It
    /// counts at once, whatever state the greenlet is in.
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

    /// The context of this greenlet, of whatever type, with all that it stands over; `None` if it has none.
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

    /// [`set_context`](Self::set_context) with a context of whatever type: `child.set_any_context(me.any_context())` has `child`
    /// share what `me` has.
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
        #[cfg(feature = "abandon")]
        let _busy = Busy::in_tree_of(self.block());
        let old = self.block().local_context.replace(context.map_or(ptr::null(), AnyContext::into_shared));
        if !old.is_null() {
            // SAFETY: the greenlet held a reference to it.
            unsafe { let_go(old) };
        }
    }
}

/// A handle to the topmost context of type `C`, from `top` down.
///
/// # Safety
///
/// The caller refers to `top`, or it is null.
pub(super) unsafe fn find<C: 'static>(top: *const Shared) -> Option<Context<C>> {
    let mut at = top;
    while let Some(shared) = NonNull::new(at.cast_mut()) {
        // SAFETY: by the contract, or referred to by the one above.
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

/// # Safety
///
/// The caller refers to the context.
pub(super) unsafe fn retain(shared: *const Shared) {
    // SAFETY: by the contract.
    let refs = unsafe { &(*shared).refs };
    match refs.get().checked_add(1) {
        Some(more) => refs.set(more),
        None => crate::block::too_many_references(),
    }
}

/// Gives up a reference to a context of whatever type; and to what it stood over, if that was the last one, and so on.
///
/// # Safety
///
/// The caller owns the reference.
pub(super) unsafe fn let_go(shared: *const Shared) {
    let (mut at, mut panicked) = (shared, None);
    while !at.is_null() {
        // SAFETY: it exists: the reference is ours.
        let head = unsafe { &*at };
        let refs = head.refs.get() - 1;
        head.refs.set(refs);
        if refs > 0 {
            break;
        }
        let (below, destroy) = (head.below, head.destroy);
        if below.is_null() && panicked.is_none() {
            // Nothing is open: a panic is the caller's.
            // SAFETY: nobody refers to it; `create_over` put the function of its own type there.
            return unsafe { destroy(at) };
        }
        // SAFETY: the same.
        panicked = panic::last(panicked, panic::catch(|| unsafe { destroy(at) }).err());
        at = below; // the reference was that of the context above, which is gone
    }
    if let Some(payload) = panicked {
        panic::resume(payload);
    }
}

/// # Safety
///
/// `shared` is the head of a `Place<C>`, to which nobody refers.
unsafe fn destroy<C>(shared: *const Shared) {
    // SAFETY: by the contract, it exists.
    let head = unsafe { &*shared };
    // SAFETY: claimed by `create_over`; the value is gone when this is dropped.
    let _slot = unsafe { Claimed::new(head.home, head.slot) };
    let place = shared.cast_mut().cast::<Place<C>>();
    // SAFETY: by the contract; places are cells.
    let value = unsafe { &raw mut (*place).value };
    // SAFETY: nobody refers to it.
    unsafe { value.drop_in_place() }
}
