//! The report: which task waits for what.

use crate::mutex::Held;
use crate::slot::{Life, Slot};
use crate::task::Task;
use crate::what::{Waiting, What};
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

    fn line(&self, f: &mut fmt::Formatter<'_>, slot: &Slot<V, E>) -> fmt::Result {
        write!(f, "  {:<10} ", slot.name().unwrap_or("?"))?;
        // SAFETY: null, or in a frame that waits.
        let Some(what) = (unsafe { slot.base().what.get().as_ref() }).copied() else {
            return f.write_str("is ready\n");
        };
        write!(f, "{}", what.kind)?;
        if let Some(name) = what.name {
            write!(f, " {name}")?;
        }
        self.other(f, &what)?;
        f.write_str("\n")
    }

    /// Names the other task on which the wait depends.
    fn other(&self, f: &mut fmt::Formatter<'_>, what: &What) -> fmt::Result {
        match what.kind {
            Waiting::Join => write!(f, " {}", self.name(what.object)),
            Waiting::Lock => {
                // SAFETY: of a lock, the object is its `Held`, which the frame that waits borrows.
                let holder = unsafe { &*what.object.cast::<Held>() }.holder.get();
                let address = holder.map_or(ptr::null(), |slot| slot.address());
                write!(f, ", which {} has", self.name(address))
            }
            _ => Ok(()),
        }
    }

    /// Returns the name of the task whose slot begins at this address.
    fn name(&self, address: *const ()) -> &'static str {
        let all = self.0.state().slots.get().iter().chain([&self.0.state().main]);
        let slot = all.into_iter().find(|slot| ptr::eq(ptr::from_ref(slot.base()).cast(), address));
        slot.and_then(Slot::name).unwrap_or("?")
    }
}

impl<V: 'static, E: 'static> fmt::Display for Report<'_, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for slot in self.0.state().slots.get() {
            if !matches!(slot.base().life.get(), Life::Free | Life::Dead) {
                self.line(f, slot)?;
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
