//! The scheduler, a static with room for the tasklets of a run; and the begin and end of a run.

use crate::channel::Channel;
use crate::me::{Me, Place};
use crate::record::{At, Handle, Record};
use crate::state::State;
use core::convert::Infallible;
use core::fmt;
use greenlet::{EnterError, GreenletLocal, Overflow, Refused, Tree};

/// The state of a run, with room for `N` tasklets.
type Table<const N: usize, V, E> = State<V, E, [Record<V, E>; N]>;

/// A scheduler of up to `N` tasklets and main, which send values `V` and errors `E`; as a `static`.
///
/// Where Stackless has `None`, there is `V::default()`: an empty cell contains it.
///
/// It takes 64 bytes of RAM per tasklet, if `V` and `E` have at most two words, and about 600 bytes besides. The stacks
/// are separate.
///
/// ```
/// use greenlet::StackPool;
/// use greenlet_tasklets::{Channel, Raised, Scheduler};
///
/// static STACKS: StackPool<2, 16384> = StackPool::new();
/// static TASKLETS: Scheduler<2, u32> = Scheduler::new();
/// static NUMBERS: Channel<u32> = TASKLETS.channel();
///
/// let sum = TASKLETS.enter(|main| {
///     main.spawn(&STACKS, |me| {
///         for n in 1..=4 { NUMBERS.send(me, n)?; }
///         NUMBERS.send_exception(me, Raised::Stop) // the end of the iteration
///     }).unwrap();
///     NUMBERS.iter(main).sum::<Result<u32, _>>()
/// });
/// assert_eq!(sum.unwrap(), Ok(10));
/// ```
pub struct Scheduler<const N: usize, V: 'static = (), E: 'static = &'static str> {
    tree: Tree<(), Infallible>,
    /// The state of the run, as a value of main: it lives as long as main, and is reached by a handle to main only.
    state: GreenletLocal<Table<N, V, E>, 1>,
}

impl<const N: usize, V: Default + 'static, E: 'static> Scheduler<N, V, E> {
    /// Creates a scheduler, which is not entered yet.
    ///
    /// ```
    /// use greenlet_tasklets::Scheduler;
    /// static TASKLETS: Scheduler<8, u32> = Scheduler::new();
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(N <= At::MOST, "greenlet-tasklets: a Scheduler has at most 65,534 tasklets") };
        Self { tree: Tree::new(), state: GreenletLocal::new(State::new) }
    }

    /// Sets the hook that is called when a tasklet has overflowed its stack, as [`Tree::on_overflow`] does. By default
    /// it panics.
    ///
    /// ```
    /// use greenlet_tasklets::Scheduler;
    /// static TASKLETS: Scheduler<8, u32> = Scheduler::new().on_overflow(|overflow| {
    ///     eprintln!("{overflow}");
    ///     std::process::exit(1) // reset the chip
    /// });
    /// ```
    #[must_use]
    pub const fn on_overflow(self, hook: fn(&Overflow) -> !) -> Self {
        Self { tree: self.tree.on_overflow(hook), state: self.state }
    }

    /// Returns a channel for the tasklets of this scheduler, as the initial value of a `static`.
    ///
    /// ```
    /// use greenlet_tasklets::{Channel, Scheduler};
    /// static TASKLETS: Scheduler<8, u32> = Scheduler::new();
    /// static REQUESTS: Channel<u32> = TASKLETS.channel();
    /// static ANSWERS: Channel<u32> = TASKLETS.channel();
    /// ```
    #[must_use]
    pub const fn channel(&'static self) -> Channel<V, E> {
        Channel::of(self)
    }

    /// Runs `main` as the main tasklet.
    ///
    /// When it returns, each remaining tasklet is asked to exit, in the order of their creation. The body of a tasklet
    /// that has not begun is dropped without running.
    ///
    /// # Errors
    ///
    /// The error returns the closure, which was not called, with a reason of [`Tree::enter`]: one scheduler or tree is
    /// entered on a core at a time. [`EnterError::StillReferred`] is permanent: a tasklet of an earlier run did not
    /// exit when it was asked to, and its frames refer to the state of that run.
    ///
    /// ```
    /// use greenlet_tasklets::Scheduler;
    /// static TASKLETS: Scheduler<8, u32> = Scheduler::new();
    /// let answer = TASKLETS.enter(|main| main.schedule(7)); // there is no other tasklet: returns at once
    /// assert_eq!(answer.unwrap(), Ok(7));
    /// ```
    pub fn enter<R, F>(&'static self, main: F) -> Result<R, Refused<EnterError, F>>
    where
        F: FnOnce(&Me<'_, V, E>) -> R,
    {
        // Outside of the closure for the tree, so that a refusal can return it unchanged.
        let mut main = Some(main);
        let entered = self.tree.enter(|greenlet| {
            let main = main.take();
            self.state.with(greenlet, |state: &Table<N, V, E>| {
                let state: &State<V, E> = state;
                state.run.set(greenlet.id() + 1); // ids begin at 0, which is the run of a channel that was never used
                state.main.id.set(greenlet.id());
                state.home.set(Some(self));
                let _over = Over(state);
                main.map(|main| main(&Me::new(state, Place::Main(greenlet))))
            })
        });
        // A refusal returns the closure above, which only borrows `main`.
        match (entered.map_err(|refused| refused.reason), main) {
            (Ok(Ok(Some(result))), _) => Ok(result),
            (Err(reason), Some(returned)) => Err(Refused { reason, returned }),
            _ => unreachable!("main is entered once, and the one state of a scheduler is free when its tree is"),
        }
    }
}

impl<const N: usize, V: Default + 'static, E: 'static> Default for Scheduler<N, V, E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize, V: 'static, E: 'static> fmt::Debug for Scheduler<N, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler").field("tasklets", &N).finish_non_exhaustive()
    }
}

/// A scheduler, without the number of its tasklets in the type.
pub(crate) trait Home<V: 'static, E: 'static>: Sync {
    /// Calls `look` with the state of the run whose main greenlet is `main`.
    fn with(&'static self, main: &Handle, look: &mut dyn FnMut(&State<V, E>));
}

impl<const N: usize, V: Default + 'static, E: 'static> Home<V, E> for Scheduler<N, V, E> {
    fn with(&'static self, main: &Handle, look: &mut dyn FnMut(&State<V, E>)) {
        if self.state.with(main, |state: &Table<N, V, E>| look(state)).is_err() {
            unreachable!("main has had its state since it was entered");
        }
    }
}

/// A guard that ends a run, also if main's closure panics.
struct Over<'a, V: 'static, E: 'static>(&'a State<V, E>);

impl<V: 'static, E: 'static> Drop for Over<'_, V, E> {
    fn drop(&mut self) {
        self.0.over.set(true);
        self.0.running.set(At::MAIN);
    }
}
