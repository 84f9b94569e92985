//! Creation and end of a tasklet.

use crate::me::{Me, Place};
use crate::raised::{Raised, SpawnError};
use crate::record::{At, Handle, Place as Where};
use crate::scheduler::Home;
use crate::state::State;
use crate::tasklet::Tasklet;
use core::convert::Infallible;
use greenlet::{Builder, Outcome, Refused, Stacks};

/// # Tasklets
impl<V: Default + 'static, E: 'static> Me<'_, V, E> {
    /// Creates a tasklet that runs `body` at its turn, and puts it at the end of the ring: `stackless.tasklet(f)()`.
    ///
    /// The body receives a borrow of its own `Me`. The tasklet ends with what the body returns, an error that `?`
    /// passes on included. A body whose captured data cannot fit into the stack is rejected at compile time:
    ///
    /// ```compile_fail
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::Scheduler;
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1> = Scheduler::new();
    /// let large = [0u8; 8192]; // room for two copies and the control block is more than 16384
    /// TASKLETS.enter(|main| { main.spawn(&STACKS, move |_me| { assert_eq!(large[0], 0); Ok(()) }).unwrap(); });
    /// ```
    ///
    /// # Errors
    ///
    /// The error returns the body, with one of these reasons:
    /// - [`SpawnError::TooMany`]: as many tasklets live as the scheduler has room for.
    /// - [`SpawnError::NoStack`]: the pool has no stack for it.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::Scheduler;
    /// static STACKS: StackPool<2, 16384> = StackPool::new();
    /// static TASKLETS: Scheduler<2> = Scheduler::new();
    /// TASKLETS.enter(|main| {
    ///     for name in ["one", "two"] {
    ///         main.spawn(&STACKS, move |_me| { println!("{name}"); Ok(()) }).unwrap();
    ///     }
    ///     main.run_all().unwrap();
    /// }).unwrap();
    /// ```
    pub fn spawn<P: Stacks, F>(&self, stacks: &'static P, body: F) -> Result<Tasklet<V, E>, Refused<SpawnError, F>>
    where
        F: FnOnce(&Me<'_, V, E>) -> Result<(), Raised<E>> + 'static,
    {
        let made = self.create(stacks, body)?;
        self.state.append(made);
        Ok(self.handle(made))
    }

    /// Creates a tasklet as [`spawn`](Self::spawn) does, but leaves it paused: Stackless' `bind`.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn).
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::Scheduler;
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1> = Scheduler::new();
    /// # TASKLETS.enter(|main| {
    /// let t = main.make(&STACKS, |_me| Ok(())).unwrap();
    /// main.run_all().unwrap(); // does not run a paused tasklet
    /// t.run(main).unwrap();
    /// assert!(!t.is_alive(main));
    /// # }).unwrap();
    /// ```
    pub fn make<P: Stacks, F>(&self, stacks: &'static P, body: F) -> Result<Tasklet<V, E>, Refused<SpawnError, F>>
    where
        F: FnOnce(&Me<'_, V, E>) -> Result<(), Raised<E>> + 'static,
    {
        self.create(stacks, body).map(|made| self.handle(made))
    }

    fn create<P: Stacks, F>(&self, stacks: &'static P, body: F) -> Result<At, Refused<SpawnError, F>>
    where
        F: FnOnce(&Me<'_, V, E>) -> Result<(), Raised<E>> + 'static,
    {
        let (Some(at), Some(home)) = (self.state.free.get(), self.state.home.get()) else {
            let tasklets = self.state.records.len();
            return Err(Refused { reason: SpawnError::TooMany { tasklets }, returned: body });
        };
        // Every tasklet's greenlet is a child of main, so control returns to main when it ends.
        let bare = match self.place {
            Place::Main(main) => main.bare(stacks),
            Place::Tasklet(greenlet) => greenlet.parent().bare(stacks),
        };
        let greenlet = match bare {
            Ok(greenlet) => greenlet,
            Err(reason) => return Err(Refused { reason: SpawnError::NoStack(reason), returned: body }),
        };
        let body = whole(home, at, body);
        must_fit::<P, _>(&body);
        if greenlet.set_run(body).is_err() {
            unreachable!("the greenlet is new, and whether the body fits was checked when the program was built");
        }
        let record = self.state.at(at);
        self.state.free.set(record.next.take());
        record.id.set(greenlet.id());
        record.greenlet.set(Some(greenlet));
        record.place.set(Where::Paused);
        Ok(at)
    }
}

/// Applies the compile-time check of `greenlet` to the body: one that does not fit into the stacks of the pool fails
/// the build.
///
/// Names the function that has the check, and does not call it.
fn must_fit<P: Stacks, B>(_: &B)
where
    B: FnOnce(&greenlet::Me<(), Infallible>, ()) -> Outcome<(), Infallible> + 'static,
{
    let _asked: fn(Builder<'static, (), Infallible, P>, B) -> _ = Builder::spawn::<B>;
}

/// Returns the body of a tasklet's greenlet, which runs `body` and records its end.
fn whole<V: Default + 'static, E: 'static, F>(
    home: &'static dyn Home<V, E>,
    at: At,
    body: F,
) -> impl FnOnce(&greenlet::Me<(), Infallible>, ()) -> Outcome<(), Infallible> + 'static
where
    F: FnOnce(&Me<'_, V, E>) -> Result<(), Raised<E>> + 'static,
{
    move |greenlet, ()| {
        let main: Handle = greenlet.parent();
        let mut body = Some(body);
        home.with(&main, &mut |state| {
            let Some(body) = body.take() else { return };
            let mut end = End { state, at, outcome: Ok(()) };
            // An error that was thrown into the tasklet before it began is its result. A value in its cell is dropped.
            end.outcome = match state.at(at).take() {
                Ok(_) => body(&Me::new(state, Place::Tasklet(greenlet))),
                Err(raised) => {
                    drop(body);
                    Err(raised)
                }
            };
        });
        Ok(())
    }
}

/// A guard that records the end of a tasklet, also if its body panics. The panic is resumed in main, and raises no
/// further error.
struct End<'a, V: Default + 'static, E: 'static> {
    state: &'a State<V, E>,
    at: At,
    outcome: Result<(), Raised<E>>,
}

impl<V: Default + 'static, E: 'static> Drop for End<'_, V, E> {
    fn drop(&mut self) {
        let outcome = core::mem::replace(&mut self.outcome, Ok(()));
        self.state.end(self.at, outcome);
    }
}
