//! A small RTOS, `pudding-kernel`: two tasks of one priority, and a semaphore for each direction. Hosted, where its
//! locks do nothing, because there are no interrupts to mask: to its favour. It exchanges a number, and does no other
//! work.

use crate::peer::USUAL;
use crate::work::Work;
use crate::works::{Sample, WARM_UP, laps};
use pudding_kernel::{Order, Semaphore, Task, initialize};
use std::cell::Cell;
use std::sync::OnceLock;

/// What the tasks share. They take turns: one runs while the other waits for a semaphore.
struct Link {
    /// Round trips are asked for.
    asked: Semaphore,
    there: Semaphore,
    back: Semaphore,
    /// How many.
    trips: Cell<u64>,
    value: Cell<u64>,
    ping: Task,
    pong: Task,
}

/// The tasks, which exist once: the kernel is a static.
struct Tasks(*mut Link);

// SAFETY: one thread at a time measures, as everywhere in this package.
unsafe impl Send for Tasks {}
// SAFETY: the same.
unsafe impl Sync for Tasks {}

pub(crate) fn pudding(work: Work, count: usize) -> Option<Sample> {
    static TASKS: OnceLock<Tasks> = OnceLock::new();
    if work != Work::RoundTrip {
        return None;
    }
    let link = TASKS.get_or_init(start).0;
    // SAFETY: `start` made it for good; the field is only shared.
    let trips = unsafe { &(*link).trips };
    // SAFETY: the same.
    let value = unsafe { &(*link).value };
    value.set(0);
    let time = laps(count, |times| {
        trips.set(times as u64);
        // SAFETY: both tasks wait, the first one for this semaphore. It takes no part in what a task does with `&mut`:
        // that is over when the task waits. The call returns when both wait again.
        unsafe { (*link).asked.signal() };
    });
    assert_eq!(value.get(), (count + count / WARM_UP) as u64, "not each round trip was answered");
    Some(time.into())
}

fn start() -> Tasks {
    let semaphore = || Semaphore::new(0, Order::Fifo);
    let link = Box::leak(Box::new(Link {
        asked: semaphore(),
        there: semaphore(),
        back: semaphore(),
        trips: Cell::new(0),
        value: Cell::new(0),
        ping: Task::new(),
        pong: Task::new(),
    }));
    let link = &raw mut *link;
    let stack = || vec![0; USUAL].leak();
    // SAFETY: no task exists yet.
    unsafe { initialize() };
    // SAFETY: nothing else uses this task yet.
    let ping_task = unsafe { &mut (*link).ping };
    // SAFETY: the same.
    let pong_task = unsafe { &mut (*link).pong };
    ping_task.create(link.expose_provenance() as isize, ping, 1, stack());
    pong_task.create(link.expose_provenance() as isize, pong, 1, stack());
    // Each runs until it waits.
    ping_task.activate();
    pong_task.activate();
    Tasks(link)
}

fn ping(link: isize) {
    let link = std::ptr::with_exposed_provenance_mut::<Link>(link as usize);
    loop {
        // SAFETY: as in `pudding`.
        unsafe { (*link).asked.wait() };
        // SAFETY: the same.
        let trips = unsafe { (*link).trips.get() };
        for _ in 0..trips {
            // SAFETY: the same.
            unsafe { (*link).there.signal() };
            // SAFETY: the same.
            unsafe { (*link).back.wait() };
        }
    }
}

fn pong(link: isize) {
    let link = std::ptr::with_exposed_provenance_mut::<Link>(link as usize);
    loop {
        // SAFETY: as in `pudding`.
        unsafe { (*link).there.wait() };
        // SAFETY: the same.
        let value = unsafe { &(*link).value };
        value.set(value.get() + 1);
        // SAFETY: the same.
        unsafe { (*link).back.signal() };
    }
}
