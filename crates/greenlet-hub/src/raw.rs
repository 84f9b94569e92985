//! A hub whose number of tasks is known at run time only: for wrappers in other languages, which lay out its memory.

use crate::channel::Channel;
use crate::hub::{RunError, State};
use crate::platform::Platform;
use crate::signal::Signal;
use crate::slot::Slot;
use crate::task::MainTask;
use core::mem;
use core::slice;
use greenlet::{Refused, Tree};

/// A hub without slots of its own, for a tree with hooks. Not for Rust programs.
///
/// A wrapper declares slots, signals and channels as memory that is all zeros, and has a [`RawHub`] in a static.
#[doc(hidden)]
pub struct RawHub<V: 'static, E: 'static> {
    state: State<V, E>,
    tree: &'static Tree<V, E>,
}

impl<V: Default + 'static, E: 'static> RawHub<V, E> {
    /// Bytes of a slot, which is aligned as a `u64` is.
    pub const SLOT: usize = {
        assert!(align_of::<Slot<V, E>>() <= align_of::<u64>());
        // SAFETY: the compiler evaluates this, and refuses zeros that are no slot.
        let zeros: Slot<V, E> = unsafe { mem::zeroed() };
        assert!(zeros.is_new(), "a slot of zeros is a new one");
        mem::forget(zeros);
        size_of::<Slot<V, E>>()
    };

    /// Creates a hub for that tree, on the core with this platform.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(tree: &'static Tree<V, E>, platform: &'static dyn Platform) -> Self {
        Self { state: State::new(platform), tree }
    }

    /// Runs `main` as [`Hub::run`](crate::Hub::run) does, with as many tasks as there are slots.
    ///
    /// # Errors
    ///
    /// [`RunError`], with `main`.
    ///
    /// # Safety
    ///
    /// At `slots` is room for that many slots, in a static, which nothing else uses. It is all zeros, or was passed to
    /// this hub before.
    #[doc(hidden)]
    pub unsafe fn run<R, F>(&'static self, slots: *const u64, tasks: usize, main: F) -> Result<R, Refused<RunError, F>>
    where
        F: FnOnce(&MainTask<V, E>) -> R,
    {
        let _zeros_are_slots = Self::SLOT;
        // SAFETY: the caller's contract.
        let slots = unsafe { slice::from_raw_parts(slots.cast::<Slot<V, E>>(), tasks) };
        self.state.run(self.tree, slots, main)
    }
}

/// A signal and a channel of zeros are new ones: for wrappers in other languages. Their sizes in bytes.
#[doc(hidden)]
#[must_use]
pub const fn zeros_are_new<T, E: 'static>() -> (usize, usize) {
    // SAFETY: the compiler evaluates this in a constant, and refuses zeros that are none.
    let signal: Signal = unsafe { mem::zeroed() };
    // SAFETY: the same.
    let channel: Channel<T, E> = unsafe { mem::zeroed() };
    assert!(signal.is_new() && channel.is_new());
    (size_of::<Signal>(), size_of::<Channel<T, E>>())
}
