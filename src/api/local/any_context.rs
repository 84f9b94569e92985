//! Handles to contexts of unknown type.

use super::context::{Context, find};
use crate::records::attached::{Shared, release, retain};
use crate::records::busy::Busy;
use core::fmt;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

/// A counted handle to a context of any type, together with the contexts below it.
///
/// For code that passes contexts on and does not know their types, such as a library that starts greenlets for its
/// caller. See [`ContextPool::create_over`](crate::ContextPool::create_over) for contexts above one another.
///
/// ```
/// use greenlet::{AnyContext, ContextPool, Greenlet, Me, Outcome, Refused, SpawnError, StackPool, Stacks, Tree};
///
/// /// A library function: the greenlet that it starts gets the context of `me`.
/// fn spawn_like_me<V, E, P: Stacks, F>(me: &Greenlet<V, E>, pool: &'static P, body: F)
///     -> Result<Greenlet<V, E>, Refused<SpawnError, F>>
/// where
///     F: FnOnce(&Me<V, E>, V) -> Outcome<V, E> + 'static,
/// {
///     let child = me.spawn(pool, body)?;
///     child.set_any_context(me.any_context());
///     Ok(child)
/// }
///
/// static USERS: ContextPool<u32, 1> = ContextPool::new();
/// static STACKS: StackPool<1, 16384> = StackPool::new();
/// static TREE: Tree<u32> = Tree::new();
/// TREE.enter(|main| {
///     main.set_context(Some(USERS.create(7).unwrap()));
///     let g = spawn_like_me(main, &STACKS, |me, x| Ok(*me.context::<u32>().unwrap() + x)).unwrap();
///     assert_eq!(g.switch(1), Ok(8));
///     let kept: AnyContext = main.any_context().unwrap(); // can be passed on later
///     assert_eq!(kept.downcast::<u32>().as_deref(), Some(&7));
/// }).unwrap();
/// ```
pub struct AnyContext {
    shared: NonNull<Shared>,
}

impl AnyContext {
    /// Returns a handle to the first context of type `C` among this one and those below it; `None` if there is none.
    ///
    /// ```
    /// # use greenlet::{AnyContext, ContextPool};
    /// # static NAMES: ContextPool<&'static str, 1> = ContextPool::new();
    /// let any = AnyContext::from(NAMES.create("name").unwrap());
    /// assert_eq!(any.downcast::<&str>().as_deref(), Some(&"name"));
    /// assert!(any.downcast::<u32>().is_none());
    /// ```
    #[must_use]
    pub fn downcast<C: 'static>(&self) -> Option<Context<C>> {
        // SAFETY: this handle keeps the context alive.
        unsafe { find(self.shared.as_ptr()) }
    }

    /// Makes a further handle to a context.
    ///
    /// # Safety
    ///
    /// The caller has a reference to the context.
    pub(super) unsafe fn counted(shared: NonNull<Shared>) -> Self {
        // SAFETY: the same contract.
        unsafe { retain(shared.as_ptr()) };
        Self { shared }
    }

    /// Returns the context; the reference that this handle counted passes to the caller.
    pub(super) fn into_shared(self) -> *const Shared {
        ManuallyDrop::new(self).shared.as_ptr()
    }
}

impl<C: 'static> From<Context<C>> for AnyContext {
    fn from(context: Context<C>) -> Self {
        Self { shared: ManuallyDrop::new(context).shared }
    }
}

impl Clone for AnyContext {
    fn clone(&self) -> Self {
        // SAFETY: this handle keeps the context alive.
        unsafe { Self::counted(self.shared) }
    }
}

impl Drop for AnyContext {
    fn drop(&mut self) {
        let _busy = Busy::on_this_core();
        // SAFETY: this handle owns one reference, and releases it here.
        unsafe { release(self.shared.as_ptr()) }
    }
}

/// Two handles are equal if they refer to the same context.
impl PartialEq for AnyContext {
    fn eq(&self, other: &Self) -> bool {
        self.shared == other.shared
    }
}

impl Eq for AnyContext {}

impl fmt::Debug for AnyContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyContext").finish_non_exhaustive()
    }
}
