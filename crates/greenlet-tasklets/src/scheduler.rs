//! The static that a program declares: room for a run's tasklets, and how a run begins and ends.

use crate::channel::Channel;
use crate::me::{Me, Place};
use crate::record::{At, Handle, Record};
use crate::state::State;
use core::convert::Infallible;
use core::fmt;
use greenlet::{EnterError, GreenletLocal, Overflow, Refused, Tree};

/// What a run knows, with room for `N` tasklets.
type Table<const N: usize, V, E> = State<V, E, [Record<V, E>; N]>;

/// A run's tasklets, up to `N` and main, with values `V` and errors `E`. A `static`.
///
/// `V` is what is sent and received. Where Stackless has `None`, there is `V::default()`: what a cell holds when nobody has put
/// anything into it.
///
/// RAM: 64 bytes a tasklet where `V` and `E` have no more than two words, and about 600 for the whole; and what the stacks take.
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
    /// One, main's: it is there as long as main is, and only who has main's handle comes to it.
    state: GreenletLocal<Table<N, V, E>, 1>,
}

impl<const N: usize, V: Default + 'static, E: 'static> Scheduler<N, V, E> {
    /// A scheduler that is not entered.
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

    /// Sets who hears of a tasklet that has not kept to its stack, as [`Tree::on_overflow`] does. A panic by default.
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

    /// A channel for the tasklets of this scheduler: the initial value of a `static`.
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

    /// Runs `main` as the main tasklet. When it returns, all that are left get their exit, in the order of their creation; those
    /// that never began do not begin.
    ///
    /// # Errors
    ///
    /// The closure comes back, not called, for the reasons of [`Tree::enter`]: one scheduler or tree is entered on a core at a
    /// time. [`EnterError::StillReferred`] is for ever: a tasklet of an earlier run refused to exit, and its frames refer to what
    /// the scheduler knew of it.
    ///
    /// ```
    /// use greenlet_tasklets::Scheduler;
    /// static TASKLETS: Scheduler<8, u32> = Scheduler::new();
    /// let answer = TASKLETS.enter(|main| main.schedule(7)); // nobody else: it comes back at once
    /// assert_eq!(answer.unwrap(), Ok(7));
    /// ```
    pub fn enter<R, F>(&'static self, main: F) -> Result<R, Refused<EnterError, F>>
    where
        F: FnOnce(&Me<'_, V, E>) -> R,
    {
        // Outside of what the tree gets, so that it comes back as it was.
        let mut main = Some(main);
        let entered = self.tree.enter(|greenlet| {
            let main = main.take();
            self.state.with(greenlet, |state: &Table<N, V, E>| {
                let state: &State<V, E> = state;
                state.run.set(greenlet.id() + 1); // the first is 0, and a channel that was never used is of no run
                state.main.id.set(greenlet.id());
                state.home.set(Some(self));
                let _over = Over(state);
                main.map(|main| main(&Me::new(state, Place::Main(greenlet))))
            })
        });
        // What comes back with a refusal is the closure above, with its borrow.
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

/// A scheduler, for those who need not know how many tasklets it has room for.
pub(crate) trait Home<V: 'static, E: 'static>: Sync {
    /// Calls `look` with the state of the run whose main this is.
    fn with(&'static self, main: &Handle, look: &mut dyn FnMut(&State<V, E>));
}

impl<const N: usize, V: Default + 'static, E: 'static> Home<V, E> for Scheduler<N, V, E> {
    fn with(&'static self, main: &Handle, look: &mut dyn FnMut(&State<V, E>)) {
        if self.state.with(main, |state: &Table<N, V, E>| look(state)).is_err() {
            unreachable!("main has had its state since it was entered");
        }
    }
}

/// Ends a run, also when main's closure panics.
struct Over<'a, V: 'static, E: 'static>(&'a State<V, E>);

impl<V: 'static, E: 'static> Drop for Over<'_, V, E> {
    fn drop(&mut self) {
        self.0.over.set(true);
        self.0.running.set(At::MAIN);
    }
}
