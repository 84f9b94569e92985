//! Methods that set the tracer of a tree, and the tracers that this crate provides.

#[cfg(feature = "defmt")]
mod logged;
#[cfg(feature = "recorder")]
mod recorder;

#[cfg(feature = "defmt")]
pub use logged::DefmtTrace;
#[cfg(feature = "recorder")]
pub use recorder::{Record, Recorder, RecorderBusy};

use crate::kernel::handle::Greenlet;
use crate::kernel::trace::{Listener, Tracer};
use crate::kernel::tree::Tree;
use crate::records::busy::Busy;

/// # Tracing
impl<V: 'static, E: 'static> Greenlet<V, E> {
    /// Sets the tracer, which is called for each transfer of this greenlet's tree; `None` removes it. Returns the
    /// previous one.
    ///
    /// While a tracer is set, every transfer takes the slow path. Without one, tracing costs no instruction. The end of
    /// the tree removes the tracer. With an inert handle this does nothing and returns `None`.
    ///
    /// ```
    /// # use greenlet::{Event, Greenlet, StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// TREE.enter(|main| {
    ///     let g = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
    ///     let was = main.set_trace(Some(&|event, origin: &Greenlet<u32, _>, target: &Greenlet<u32, _>| {
    ///         println!("{event:?} {origin:?} -> {target:?}");
    ///         Ok(())
    ///     }));
    ///     assert!(was.is_none());
    ///     g.switch(1).unwrap(); // calls the tracer twice: for this switch, and when the body's result is delivered
    ///     assert!(main.set_trace(None).is_some());
    /// }).unwrap();
    /// ```
    pub fn set_trace(&self, tracer: Option<Tracer<V, E>>) -> Option<Tracer<V, E>> {
        if self.is_ended() {
            return None;
        }
        let _busy = Busy::in_tree_of(self.block());
        let listener = tracer.map(Listener::new);
        // SAFETY: the handle is of a tree of `V` and `E` that has not ended.
        let tree = unsafe { Tree::<V, E>::of(self.block()) };
        tree.replace_listener(self.block().core(), listener).map(Listener::tracer)
    }

    /// Returns the tracer of this greenlet's tree, if one is set.
    ///
    /// ```
    /// # use greenlet::{Event, Tree};
    /// # static TREE: Tree<u32> = Tree::new();
    /// # type Handle = greenlet::Greenlet<u32, &'static str>;
    /// # TREE.enter(|main| {
    /// assert!(main.trace().is_none());
    /// main.set_trace(Some(&|_: Event, _: &Handle, _: &Handle| Err("traced")));
    /// assert!(main.trace().is_some());
    /// assert!(main.switch(1).is_err()); // a tracer that returns an error is removed
    /// assert!(main.trace().is_none());
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn trace(&self) -> Option<Tracer<V, E>> {
        if self.is_ended() {
            return None;
        }
        // SAFETY: the handle is of a tree of `V` and `E` that has not ended.
        unsafe { Tree::<V, E>::of(self.block()) }.listener.get().map(Listener::tracer)
    }
}
