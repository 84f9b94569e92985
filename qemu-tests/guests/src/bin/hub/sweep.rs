//! A wake at each nanosecond in turn: from before the task looks for it until after the core sleeps. So with a kill,
//! and with the end of a task that another one joins.

use core::ptr;
use core::sync::atomic::Ordering::SeqCst;
use core::sync::atomic::{AtomicPtr, AtomicU32};

use board::{check, interrupts, println};
use greenlet::StackPool;
use greenlet_hub::{Hub, Platform, RemoteTask, Signal, Stop, Task};

use crate::machine::Machine;

static STACKS: StackPool<2, 16384> = StackPool::new();
static SIGNAL: Signal = Signal::new();

/// The task that the handler kills; null: none.
static VICTIM: AtomicPtr<RemoteTask> = AtomicPtr::new(ptr::null_mut());

/// How often the core has slept.
static SLEEPS: AtomicU32 = AtomicU32::new(0);

/// How many nanoseconds are swept. Without optimization, the look takes more of them.
const OFFSETS: u32 = if cfg!(debug_assertions) { 12_000 } else { 2500 };

/// Sweeps a hub on a [`Sweeping`] platform.
pub(crate) fn run(hub: &'static Hub<2>) {
    interrupts::on(handler);
    interrupts::enable();
    let ran = hub.run(|main| {
        let alone = main.spawn(&STACKS, sweep).expect("a stack is free").join(main);
        report("alone", alone);
        // With another task that takes turns, and sleeps by the same timer at times.
        let other = main.spawn(&STACKS, |me| {
            loop {
                me.yield_now()?;
                if false {
                    break Ok(());
                }
            }
        });
        let beside = main.spawn(&STACKS, sweep).expect("a stack is free").join(main);
        report("beside a busy task", beside);
        let other = other.expect("a stack is free");
        other.kill();
        check!(other.join(main) == Ok(Err(Stop::Killed)));
        report("joined", main.spawn(&STACKS, |me| lives(me, false)).expect("a stack is free").join(main));
        report("killed", main.spawn(&STACKS, |me| lives(me, true)).expect("a stack is free").join(main));
    });
    check!(ran.is_ok());
}

fn handler() {
    // SAFETY: null, or in the frame of `lives`, on this core, which sets it to null before it is left.
    match unsafe { VICTIM.load(SeqCst).as_ref() } {
        Some(victim) if victim.kill() => {}
        Some(_) => check!(false, "it has ended before the kill"),
        None => SIGNAL.raise(1),
    }
}

/// Joins tasks that the handler ends: by the signal for which they wait, or by a kill. It may come before they begin.
fn lives(me: &Task, by_kill: bool) -> Result<u32, Stop> {
    let mut slept = 0;
    for after in 1..OFFSETS {
        let before = SLEEPS.load(SeqCst);
        let task = me.spawn(&STACKS, |me| SIGNAL.wait(me)).map_err(|refused| Stop::Spawn(refused.reason))?;
        let mut remote = task.remote();
        if by_kill {
            VICTIM.store(&raw mut remote, SeqCst);
        }
        interrupts::raise_after(after);
        let ended = task.join(me);
        VICTIM.store(ptr::null_mut(), SeqCst);
        if ended? != (if by_kill { Err(Stop::Killed) } else { Ok(1) }) {
            check!(false, "{after}: {ended:?}");
        }
        slept += u32::from(SLEEPS.load(SeqCst) != before);
    }
    Ok(slept)
}

fn sweep(me: &Task) -> Result<u32, Stop> {
    let mut slept = 0;
    for after in 1..OFFSETS {
        let before = SLEEPS.load(SeqCst);
        interrupts::raise_after(after);
        let bits = SIGNAL.wait(me)?;
        if bits != 1 {
            check!(false, "{bits}");
        }
        slept += u32::from(SLEEPS.load(SeqCst) != before);
    }
    Ok(slept)
}

fn report(how: &str, slept: Result<Result<u32, Stop>, Stop>) {
    println!("# {how}: of {} wakes, {slept:?} came when the core was about to sleep, or slept", OFFSETS - 1);
    check!(slept.is_ok_and(|slept| slept.is_ok()));
    println!("{how}: no wake was lost");
}

/// The machine with another `idle`, whose argument counts the sleeps.
pub(crate) struct Sweeping(pub(crate) fn(&mut dyn FnMut() -> bool));

impl Platform for Sweeping {
    fn now(&self) -> u64 {
        Machine.now()
    }

    fn hertz(&self) -> u32 {
        Machine.hertz()
    }

    fn arm(&self, at: Option<u64>) {
        Machine.arm(at);
    }

    fn idle(&self, sleep: &mut dyn FnMut() -> bool) {
        (self.0)(&mut || {
            let sleeps = sleep();
            if sleeps {
                SLEEPS.fetch_add(1, SeqCst);
            }
            sleeps
        });
    }
}
