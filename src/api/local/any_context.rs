//! Contexts whose type is not known where they are handed on.

use super::context::{Context, find};
use crate::records::attached::{Shared, let_go, retain};
use crate::records::busy::Busy;
use core::fmt;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

/// A counted handle to a context of whatever type, with all that it stands over: for code that hands contexts on and does not know
/// their types, such as a library that starts greenlets on behalf of its caller.
///
/// ```
/// use greenlet::{AnyContext, ContextPool, Greenlet, Me, Outcome, Refused, SpawnError, StackPool, Stacks, Tree};
///
/// /// Of a library: the greenlet that it starts has the context of whoever calls.
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
///     let kept: AnyContext = main.any_context().unwrap(); // to be handed on later
///     assert_eq!(kept.downcast::<u32>().as_deref(), Some(&7));
/// }).unwrap();
/// ```
pub struct AnyContext {
    shared: NonNull<Shared>,
}

impl AnyContext {
    /// A handle to the topmost context of type `C`, of this one and those that it stands over; `None` if there is none.
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
        // SAFETY: this handle refers to it.
        unsafe { find(self.shared.as_ptr()) }
    }

    /// A further reference to a context.
    ///
    /// # Safety
    ///
    /// The caller refers to it.
    pub(super) unsafe fn counted(shared: NonNull<Shared>) -> Self {
        // SAFETY: the same contract.
        unsafe { retain(shared.as_ptr()) };
        Self { shared }
    }

    /// The context, and the reference with it.
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
        // SAFETY: this handle refers to it.
        unsafe { Self::counted(self.shared) }
    }
}

impl Drop for AnyContext {
    fn drop(&mut self) {
        let _busy = Busy::on_this_core();
        // SAFETY: the reference is this handle's.
        unsafe { let_go(self.shared.as_ptr()) }
    }
}

/// Equality is identity: two handles to one context.
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
