//! The report: which task waits for what.

use crate::mutex::Held;
use crate::slot::{GIVEN_UP, Slot, SlotRef};
use crate::task::Task;
use crate::what::Waiting;
use core::fmt;
use core::ptr;

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

    /// Reads a row. No code of the program runs meanwhile, so the frames of the tasks that wait are there.
    fn row(&self, slot: &Slot<V, E>) -> Row {
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
        Row { given_up, task: slot.name().unwrap_or("?"), what: what.map(|what| (what.kind, what.name)), other }
    }

    /// Returns the name of the task whose slot begins at this address.
    fn name(&self, address: *const ()) -> &'static str {
        let slot = self.0.state().all().find(|slot| ptr::eq(ptr::from_ref(slot.base()).cast(), address));
        slot.and_then(Slot::name).unwrap_or("?")
    }
}

/// A row of a report, which refers to nothing of a task: the program's `fmt::Write` may wait, and meanwhile frames are left.
struct Row {
    task: &'static str,
    given_up: bool,
    what: Option<(Waiting, Option<&'static str>)>,
    /// The task on which the wait depends.
    other: Option<&'static str>,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {:<10} ", self.task)?;
        let Some((kind, name)) = self.what else {
            return f.write_str(if self.given_up {
                "was given up, tasks of its scope are left\n"
            } else {
                "is ready\n"
            });
        };
        write!(f, "{kind}")?;
        if let Some(name) = name {
            write!(f, " {name}")?;
        }
        match (kind, self.other) {
            (Waiting::Lock, Some(holder)) => write!(f, ", which {holder} has")?,
            (_, Some(other)) => write!(f, " {other}")?,
            _ => {}
        }
        f.write_str("\n")
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
