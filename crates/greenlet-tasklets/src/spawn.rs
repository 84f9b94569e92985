//! How a tasklet comes into being, and how it ends.

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
    /// Makes a tasklet that runs `body` when it is its turn, and puts it at the end of the ring: `stackless.tasklet(f)()`.
    ///
    /// The body gets a borrow of its own `Me`. What it returns, or passes on with `?`, it dies of. A body that cannot fit the
    /// stack does not compile:
    ///
    /// ```compile_fail
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::Scheduler;
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1> = Scheduler::new();
    /// let large = [0u8; 8192]; // twice that, and a control block, is more than 16384
    /// TASKLETS.enter(|main| { main.spawn(&STACKS, move |_me| { assert_eq!(large[0], 0); Ok(()) }).unwrap(); });
    /// ```
    ///
    /// # Errors
    ///
    /// The body comes back, with [`SpawnError::TooMany`] or [`SpawnError::NoStack`].
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

    /// Makes a tasklet as [`spawn`](Self::spawn) does, but leaves it paused: Stackless' `bind`.
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
    /// main.run_all().unwrap(); // not that one
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
        // All are main's children: what a tasklet ends in is main.
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
            unreachable!("the greenlet is new, and whether the body fits was asked when the program was built");
        }
        let record = self.state.at(at);
        self.state.free.set(record.next.take());
        record.id.set(greenlet.id());
        record.greenlet.set(Some(greenlet));
        record.place.set(Where::Paused);
        Ok(at)
    }
}

/// Has the kernel's own question asked when the program is built: a body that the stacks of the pool have no room for does not
/// compile. Nothing is called.
fn must_fit<P: Stacks, B>(_: &B)
where
    B: FnOnce(&greenlet::Me<(), Infallible>, ()) -> Outcome<(), Infallible> + 'static,
{
    let _asked: fn(Builder<'static, (), Infallible, P>, B) -> _ = Builder::spawn::<B>;
}

/// The body of a tasklet's greenlet.
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
            // What was thrown into one that has not begun is what it dies of. A value has nobody to take it.
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

/// The end of a tasklet, also by a panic: that goes on in main, and the tasklet is over without a word.
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
