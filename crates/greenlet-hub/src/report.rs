//! The report: which task waits for what.

use crate::mutex::Held;
use crate::slot::{GIVEN_UP, Slot, SlotRef};
use crate::task::Task;
use crate::what::Waiting;
use core::fmt;
use core::ptr;
use greenlet::{Greenlet, WeakGreenlet};

/// A report on the tasks of a hub. Made by [`Task::report`](crate::Task::report).
///
/// ```
/// # use core::time::Duration;
/// # use greenlet_hub::{Hub, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<2> = Hub::new(&PLATFORM);
/// # static STACKS: greenlet::StackPool<2, 65536> = greenlet::StackPool::new();
/// # HUB.run(|main| {
/// let clock = main.build(&STACKS).name("clock").spawn(|me| me.sleep(Duration::from_secs(1))).unwrap();
/// main.build(&STACKS).name("log").spawn(move |me| clock.join(me)).unwrap();
/// main.yield_now().unwrap();
/// assert_eq!(main.report().to_string(), "  clock      sleeps\n  log        waits for the end of clock\n");
/// # }).unwrap();
/// ```
pub struct Report<'a, V: 'static = (), E: 'static = &'static str>(&'a Task<V, E>);

impl<'a, V: 'static, E: 'static> Report<'a, V, E> {
    pub(crate) fn new(task: &'a Task<V, E>) -> Self {
        Self(task)
    }

    /// Returns a row for each task, main included: for a table of the program's own.
    ///
    /// The program may wait between two rows: a task that ends meanwhile has no row, and one that begins may have one.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    /// # HUB.run(|main| {
    /// let _clock = main.build(&STACKS).name("clock").spawn(|me| me.sleep(Duration::from_secs(1))).unwrap();
    /// main.yield_now().unwrap();
    /// for row in main.report().rows() {
    ///     let stack = row.greenlet().and_then(|greenlet| greenlet.stack()); // main has none
    ///     let in_use = stack.map_or(0, |stack| stack.in_use());
    ///     println!("{} {}, {in_use} bytes", row.name(), row.what()); // clock sleeps, 912 bytes
    ///     # assert!(row.name() == "main" || row.what().to_string() == "sleeps" && in_use > 0);
    /// }
    /// # assert_eq!(main.report().rows().count(), 2);
    /// # }).unwrap();
    /// ```
    pub fn rows(&self) -> impl Iterator<Item = Row<V, E>> {
        self.0.state().all().filter(|slot| slot.base().is_alive()).map(|slot| self.row(slot))
    }

    /// Reads a row. No code of the program runs meanwhile, so the frames of the waiting tasks exist.
    fn row(&self, slot: &Slot<V, E>) -> Row<V, E> {
        // SAFETY: null, or in a frame that waits.
        let what = unsafe { slot.base().what.get().as_ref() }.copied();
        let other = what.and_then(|what| match what.kind {
            Waiting::Join => Some(self.name(what.object)),
            Waiting::Lock => {
                // SAFETY: of a lock, the object is its `Held`, which the frame that waits borrows.
                let holder = unsafe { &*what.object.cast::<Held>() }.holder();
                Some(self.name(holder.map_or(ptr::null(), SlotRef::address)))
            }
            _ => None,
        });
        let given_up = slot.base().alerts.get() & GIVEN_UP != 0;
        let what = what.map(|what| (what.kind, what.name));
        Row { task: slot.name().unwrap_or("?"), greenlet: slot.weak(), what: Wait { what, other, given_up } }
    }

    /// Returns the name of the task whose slot begins at this address.
    fn name(&self, address: *const ()) -> &'static str {
        let slot = self.0.state().all().find(|slot| ptr::eq(ptr::from_ref(slot.base()).cast(), address));
        slot.and_then(Slot::name).unwrap_or("?")
    }
}

/// A task, and what it waits for. Made by [`Report::rows`].
///
/// It has no pointer into the task's frames: the program may wait while it has a row, and meanwhile these frames may be
/// left.
///
/// ```
/// # use greenlet_hub::{Hub, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// # HUB.run(|main| {
/// for row in main.report().rows() {
///     print!("{row}"); // the line of a report
///     # assert_eq!(row.to_string(), "  main       is ready\n");
/// }
/// # }).unwrap();
/// ```
pub struct Row<V: 'static = (), E: 'static = &'static str> {
    task: &'static str,
    greenlet: Option<WeakGreenlet<V, E>>,
    what: Wait,
}

impl<V: 'static, E: 'static> Row<V, E> {
    /// Returns the name of the task, or `?`.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # HUB.run(|main| {
    /// assert_eq!(main.report().rows().last().unwrap().name(), "main");
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.task
    }

    /// Returns what the task waits for, as text: a verb and its object.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # HUB.run(|main| {
    /// assert_eq!(main.report().rows().last().unwrap().what().to_string(), "is ready"); // main's own
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn what(&self) -> impl fmt::Display {
        self.what
    }

    /// Returns the greenlet of the task, for its id and its stack. `None` if it has ended meanwhile.
    ///
    /// A handle keeps the stack in use, so do not keep it across a wait.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # HUB.run(|main| {
    /// let row = main.report().rows().last().unwrap();
    /// assert!(row.greenlet().unwrap().is_main());
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn greenlet(&self) -> Option<Greenlet<V, E>> {
        self.greenlet.as_ref()?.upgrade()
    }
}

impl<V: 'static, E: 'static> fmt::Debug for Row<V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Row").field(&self.task).field(&format_args!("{}", self.what)).finish()
    }
}

/// What a task waits for.
#[derive(Clone, Copy)]
struct Wait {
    what: Option<(Waiting, Option<&'static str>)>,
    /// The task on which the wait depends.
    other: Option<&'static str>,
    given_up: bool,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In pieces, because each `write!` would take more of the stack.
        let Some((kind, name)) = self.what else {
            return f.write_str(if self.given_up { "was given up, tasks of its scope are left" } else { "is ready" });
        };
        match (kind, name) {
            (Waiting::Future, Some(_)) => f.write_str("waits for")?,
            _ => kind.fmt(f)?,
        }
        if let Some(name) = name.or(kind.is_for_an_object().then_some("?")) {
            f.write_str(" ")?;
            f.write_str(name)?;
        }
        let Some(other) = self.other else { return Ok(()) };
        if kind == Waiting::Lock {
            f.write_str(", which ")?;
            f.write_str(other)?;
            return f.write_str(" has");
        }
        f.write_str(" ")?;
        f.write_str(other)
    }
}

impl<V: 'static, E: 'static> fmt::Display for Row<V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {:<10} {}", self.task, self.what)
    }
}

impl<V: 'static, E: 'static> fmt::Display for Report<'_, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for slot in self.0.state().slots.get() {
            if slot.base().is_alive() {
                self.row(slot).fmt(f)?;
            }
        }
        Ok(())
    }
}

impl<V: 'static, E: 'static> fmt::Debug for Report<'_, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
