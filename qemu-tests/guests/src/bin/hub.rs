//@ icount
//@ stack: 4096
#![no_std]
#![no_main]
//! A hub: tasks sleep by a timer interrupt, wait for signals and futures that a handler wakes, and a deadlock is
//! reported.

use core::cell::Cell;
use core::fmt::{self, Write};
use core::ptr;
use core::sync::atomic::Ordering::SeqCst;
use core::sync::atomic::{AtomicBool, AtomicPtr};
use core::task::{Poll, Waker};
use core::time::Duration;

use board::{check, interrupts, println};
use greenlet::StackPool;
use greenlet_hub::{Channel, Hub, Mutex, Refusal, RunError, Signal, Stop, Task, sleep_if};

#[path = "hub/machine.rs"]
mod machine;
#[cfg_attr(feature = "timeline", path = "hub/recorder.rs")]
#[cfg_attr(not(feature = "timeline"), path = "hub/no_recorder.rs")]
mod recorder;

board::guest!(main);

static HUB: Hub<8> = recorder::traced(Hub::new(&machine::Machine));
static STACKS: StackPool<8, 16384> = StackPool::new();
static SIGNAL: Signal = Signal::new().named("signal");

/// Whether the handler raises the signal and uses the waker.
static RAISES: AtomicBool = AtomicBool::new(false);

/// A waker that the handler uses, and whether it has run. Used with interrupts masked.
struct Kept(Cell<Option<Waker>>, Cell<bool>);
// SAFETY: one core, interrupts masked.
unsafe impl Sync for Kept {}
static KEPT: Kept = Kept(Cell::new(None), Cell::new(false));

/// The task whose code `handle` is to wait in; null: none.
static INTERRUPTED: AtomicPtr<Task> = AtomicPtr::new(ptr::null_mut());

fn handle() {
    // SAFETY: the task runs, outside of the hub, until this was taken.
    if let Some(task) = unsafe { INTERRUPTED.swap(ptr::null_mut(), SeqCst).as_ref() } {
        waits_are_refused(task);
        let nested = HUB.run(|_main| ()).map_err(|refused| refused.reason);
        check!(nested == Err(RunError::Masked), "{nested:?}");
    }
    if RAISES.load(SeqCst) {
        SIGNAL.raise(1);
        KEPT.1.set(true);
        if let Some(waker) = KEPT.0.take() {
            waker.wake();
        }
    }
}

fn main() {
    let masked = HUB.run(|_main| ());
    check!(masked.is_err_and(|refused| refused.reason == RunError::Masked));
    interrupts::on(handle);
    interrupts::enable();
    let ran = HUB.run(|main| {
        recorder::record(main.greenlet());
        sleeps(main);
        intervals(main);
        futures(main);
        critical(main);
        deadlock(main);
    });
    check!(ran.is_ok());
    check!(STACKS.free() == 8);
}

const UNIT: Duration = Duration::from_micros(100);

fn sleeps(main: &Task) {
    let mut tasks = [(3, "three"), (1, "one"), (2, "two")].map(|(units, name)| {
        let sleeper = main.build(&STACKS).name(name).spawn(move |me| {
            let begun = me.now();
            me.sleep(UNIT * units)?;
            check!(me.since(begun) >= UNIT * units);
            println!("{} slept", me.greenlet().name().unwrap_or("?"));
            Ok(me.since(begun) - UNIT * units)
        });
        Some(sleeper.expect("a stack is free"))
    });
    let mut latest = Duration::ZERO;
    for task in &mut tasks {
        let late = task.take().map(|task| task.join(main));
        let Some(Ok(Ok(late))) = late else { return check!(false, "{late:?}") };
        latest = latest.max(late);
    }
    // While the machine sleeps, its time is that of the host.
    println!("# latest: {} ns", latest.as_nanos());
}

fn intervals(main: &Task) {
    let ticker = main.spawn(&STACKS, |me| {
        let mut interval = me.interval(Duration::from_micros(20));
        let first = interval.next();
        let second = {
            interval.tick(me)?;
            interval.next()
        };
        let period = second.ticks() - first.ticks();
        let (mut ticks, mut early, mut missed) = (1, 0, 0);
        while ticks < 1000 {
            let skipped = interval.tick(me)?;
            ticks += 1 + skipped;
            missed += skipped;
            early += u32::from(me.now().ticks() + period < interval.next().ticks());
        }
        println!("# of {ticks} ticks, {missed} were missed");
        Ok((interval.next().ticks() - first.ticks() - ticks * period, early))
    });
    let drift = ticker.expect("a stack is free").join(main);
    check!(drift == Ok(Ok((0, 0))), "{drift:?}");
    let none = main.spawn(&STACKS, |me| me.with_timeout(UNIT, || SIGNAL.wait(me))).expect("a stack is free");
    check!(none.join(main) == Ok(Ok(None)));
    println!("an interval and a timeout");
}

/// Waits until the handler has run.
fn wait(me: &Task) -> Result<(), Stop> {
    me.wait(core::future::poll_fn(|context| {
        interrupts::disable();
        let ready = KEPT.1.get();
        if !ready {
            KEPT.0.set(Some(context.waker().clone()));
        }
        interrupts::enable();
        if ready { Poll::Ready(()) } else { Poll::Pending }
    }))
}

/// The handler uses a waker at many instructions, from before the future is polled until after the core sleeps.
fn futures(main: &Task) {
    RAISES.store(true, SeqCst);
    let mut woken = 0;
    for after in (1..3000).step_by(7) {
        KEPT.1.set(false);
        let task = main.spawn(&STACKS, move |me| {
            interrupts::raise_after(after);
            wait(me)
        });
        woken += u32::from(task.expect("a stack is free").join(main) == Ok(Ok(())));
    }
    check!(woken == (1..3000).step_by(7).count() as u32);
    KEPT.1.set(false);
    interrupts::raise_after(10_000);
    check!(wait(main) == Ok(()));
    RAISES.store(false, SeqCst);
    SIGNAL.take();
    println!("a task waits for a future, and so does main");
}

/// A wait in a critical section is refused, and changes nothing: whether another task is ready or the core would sleep.
fn critical(main: &Task) {
    interrupts::disable();
    waits_are_refused(main);
    let asked = Cell::new(0);
    interrupts::raise_after(1);
    for sleep in [false, true] {
        sleep_if(|| {
            asked.set(asked.get() + 1);
            sleep
        });
        check!(!interrupts::are_enabled() && asked.get() == 1 + u32::from(sleep));
    }
    interrupts::enable();
    sleep_if(|| false);
    check!(interrupts::are_enabled());
    let other = main.spawn(&STACKS, |me| Ok(me.greenlet().id())).expect("a stack is free");
    interrupts::disable();
    let refused = main.yield_now();
    interrupts::enable();
    check!(matches!(refused, Err(Stop::Refused(_))), "{refused:?}");
    check!(main.yield_now() == Ok(()) && other.join(main).is_ok());
    println!("a wait in a critical section is refused");
    for is_ready in [false, true] {
        let other = main.spawn(&STACKS, |me| me.park()).expect("a stack is free");
        check!(is_ready || main.yield_now() == Ok(()));
        INTERRUPTED.store(ptr::from_ref(main).cast_mut(), SeqCst);
        interrupts::raise();
        while !INTERRUPTED.load(SeqCst).is_null() {}
        other.kill();
        check!(other.join(main) == Ok(Err(Stop::Killed)));
    }
    println!("a wait in a handler is refused");
    let ends_masked = |_me: &Task| {
        interrupts::disable();
        Ok(Counted)
    };
    let other = main.spawn(&STACKS, ends_masked).expect("a stack is free");
    check!(main.yield_now() == Ok(()));
    let stayed = !interrupts::are_enabled();
    check!(stayed && other.is_over() && DROPPED.load(SeqCst));
    interrupts::enable();
    check!(other.join(main).is_ok_and(|result| result.is_err_and(|stop| stop == Stop::Killed)));
    println!("a result that cannot wait in a critical section is dropped");
}

/// Waits in each way, with interrupts masked.
fn waits_are_refused(task: &Task) {
    static NEVER: Channel<()> = Channel::new();
    let masked = Stop::Refused(Refusal::Kernel(greenlet::Refusal::Masked));
    let refused = [task.sleep(UNIT), SIGNAL.wait(task).map(drop), task.park(), NEVER.receive(task)];
    let stayed = !interrupts::are_enabled();
    check!(stayed && refused == [Err(masked); 4], "{refused:?}");
}

static DROPPED: AtomicBool = AtomicBool::new(false);

/// Records that it was dropped.
struct Counted;

impl Drop for Counted {
    fn drop(&mut self) {
        DROPPED.store(true, SeqCst);
    }
}

/// Prints to the transcript.
struct Out;

impl Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        board::print!("{text}");
        Ok(())
    }
}

fn deadlock(main: &Task) {
    static LOCK: Mutex<u32> = Mutex::new(0).named("lock");
    static REQUESTS: Channel<u32> = Channel::new().named("requests");
    static NEVER: Channel<()> = Channel::new();
    let one = main.build(&STACKS).name("one").spawn(|me| {
        let _guard = LOCK.lock(me)?;
        REQUESTS.receive(me)
    });
    let two = main.build(&STACKS).name("two").spawn(|me| LOCK.lock(me).map(|number| *number));
    let (one, two) = (one.expect("a stack is free"), two.expect("a stack is free"));
    check!(NEVER.receive(main) == Err(Stop::Deadlock));
    println!("deadlock:");
    let _printed = write!(Out, "{}", main.report());
    one.kill();
    check!(one.join(main) == Ok(Err(Stop::Killed)));
    check!(two.join(main) == Ok(Ok(0)));
}
