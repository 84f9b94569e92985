//! A wake at each nanosecond in turn: from before the task looks for it until after the core sleeps.

use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::SeqCst;

use board::{check, interrupts, println};
use greenlet::StackPool;
use greenlet_hub::{Hub, Signal, Stop, Task};

static STACKS: StackPool<2, 16384> = StackPool::new();
static SIGNAL: Signal = Signal::new();

/// How often the core has slept.
pub(crate) static SLEEPS: AtomicU32 = AtomicU32::new(0);

/// How many nanoseconds are swept. Without optimization, the look takes more of them.
const OFFSETS: u32 = if cfg!(debug_assertions) { 12_000 } else { 2500 };

/// Sweeps a hub of this platform, which counts in [`SLEEPS`].
pub(crate) fn run(hub: &'static Hub<2>) {
    interrupts::on(|| SIGNAL.raise(1));
    interrupts::enable();
    let ran = hub.run(|main| {
        let alone = main.spawn(&STACKS, sweep).expect("a stack is free").join(main);
        tell("alone", alone);
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
        tell("beside a busy task", beside);
        drop(other);
    });
    check!(ran.is_ok());
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

fn tell(how: &str, slept: Result<Result<u32, Stop>, Stop>) {
    println!("# {how}: of {} wakes, {slept:?} came when the core was about to sleep, or slept", OFFSETS - 1);
    check!(slept.is_ok_and(|slept| slept.is_ok()));
    println!("{how}: no wake was lost");
}

/// Counts the sleeps of a platform that sleeps by `idle`.
pub(crate) fn counting(sleep: &mut dyn FnMut() -> bool) -> bool {
    let sleeps = sleep();
    if sleeps {
        SLEEPS.fetch_add(1, SeqCst);
    }
    sleeps
}
