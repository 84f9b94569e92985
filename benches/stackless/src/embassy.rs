//! Two tasks of one executor of Embassy, each of which waits for a signal of the other.

use core::cell::Cell;
use core::ptr;
use embassy_executor::raw::{Executor, TaskStorage};
use embassy_sync::blocking_mutex::raw::{CriticalSectionRawMutex, NoopRawMutex, RawMutex};
use embassy_sync::signal::Signal;

/// For signals between tasks of one executor: no lock.
pub type SameCore = NoopRawMutex;

/// For signals from anywhere, an interrupt handler too, as statics have them: a critical section for each access.
pub type Shared = CriticalSectionRawMutex;

/// What the tasks share.
struct Link<M: RawMutex> {
    /// How many round trips are to be made.
    asked: Signal<M, u64>,
    there: Signal<M, u64>,
    back: Signal<M, u64>,
    /// How many were answered since the beginning.
    answered: Cell<u64>,
    /// The round trips that were asked for are made.
    done: Cell<bool>,
}

/// Runs with two tasks, and a function that polls their executor until so many round trips are made.
///
/// # Panics
///
/// When a task was spawned before, which cannot be: they are made here.
pub fn with_tasks<M: RawMutex + 'static, R>(run: impl FnOnce(&mut dyn FnMut(u64) -> u64) -> R) -> R {
    let link = Link::<M> {
        asked: Signal::new(),
        there: Signal::new(),
        back: Signal::new(),
        answered: Cell::new(0),
        done: Cell::new(false),
    };
    let executor = Executor::new(ptr::null_mut());
    let (ping_task, pong_task) = (TaskStorage::new(), TaskStorage::new());
    // SAFETY: used by the two tasks and by `trips`. Tasks run only in `poll`, which only `trips` calls, and that is
    // gone when `run` returns or unwinds, before these variables are.
    let link = unsafe { forever(&link) };
    // SAFETY: the same.
    let executor = unsafe { forever(&executor) };
    // SAFETY: the same.
    let ping_task = unsafe { forever(&ping_task) };
    // SAFETY: the same.
    let pong_task = unsafe { forever(&pong_task) };
    executor.spawner().spawn(ping_task.spawn(|| ping(link)).expect("this task is new"));
    executor.spawner().spawn(pong_task.spawn(|| pong(link)).expect("this task is new"));
    run(&mut |trips| {
        link.done.set(false);
        link.asked.signal(trips);
        while !link.done.get() {
            // SAFETY: no task polls.
            unsafe { executor.poll() };
        }
        link.answered.get()
    })
}

/// # Safety
///
/// Nothing uses the result once `variable` is gone.
unsafe fn forever<T>(variable: &T) -> &'static T {
    // SAFETY: by the contract.
    unsafe { &*ptr::from_ref(variable) }
}

async fn ping<M: RawMutex>(link: &Link<M>) {
    let mut value = 0;
    loop {
        for _ in 0..link.asked.wait().await {
            link.there.signal(value);
            value = link.back.wait().await;
        }
        link.answered.set(value);
        link.done.set(true);
    }
}

async fn pong<M: RawMutex>(link: &Link<M>) {
    loop {
        link.back.signal(link.there.wait().await + 1);
    }
}

/// Called by the executor when a task is woken while none waits to run. An interrupt handler would have to wake the
/// core; here the executor is polled until the tasks are done.
#[unsafe(export_name = "__pender")]
fn pender(_: *mut ()) {}
