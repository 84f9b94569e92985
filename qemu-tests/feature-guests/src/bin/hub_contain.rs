//@ icount
//@ profiles: debug release small
//@ stack: 262144
//@ timeout: 120
//@ long
#![no_std]
#![no_main]
//! Tasks of a hub panic and overflow their stacks, a thousand in a row each, while others run; and in each operation,
//! with each number of bytes left.

use core::future::poll_fn;
use core::hint::black_box;
use core::panic::PanicInfo;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering::Relaxed};
use core::task::Poll;
use core::time::Duration;

use board::faults::{self, Access, Land};
use board::overrun::{dig, huge};
use board::{check, interrupts, println};
use feature_guests::left;
use greenlet::{GuardedStackPool, Overflow, Refused, StackPool};
use greenlet_hub::{
    Bounded, Channel, Condition, Event, Hub, JoinHandle, Mutex, Refusal, Remote, Semaphore, Signal, Task, select,
};
use spin::Mutex as Spin;

#[path = "../../../guests/src/bin/hub/machine.rs"]
mod machine;

// With the feature `timeline` each operation is swept with a recorder, which takes more of the stack: `--timeline`.
#[cfg_attr(feature = "timeline", path = "../../../guests/src/bin/hub/recorder.rs")]
#[cfg_attr(not(feature = "timeline"), path = "../../../guests/src/bin/hub/no_recorder.rs")]
mod recorder;

board::guest!(main);
greenlet::core_identity!(feature_guests::OneCore);

/// What a task ends with.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Failure {
    Panicked(Option<&'static str>),
    Overflowed,
}

type Me = Task<(), Failure>;
type Stop = greenlet_hub::Stop<Failure>;

/// How many panics, and how many overflows, in a row.
const ROUNDS: u32 = 1_000;
const SIZE: usize = 262_144;
const HOUR: Duration = Duration::from_secs(3600);
const TICK: Duration = Duration::from_micros(50);

// SAFETY: the tasks of this guest wait for no future, and lend nothing from their frames but to tasks of their scopes.
static HUB: Hub<8, (), Failure> = recorder::traced(unsafe { Hub::new(&machine::Machine).reclaiming() });
/// One stack, so that each task is on that of the one before.
static GUARDED: GuardedStackPool<1, SIZE> = GuardedStackPool::new();
static OTHERS: StackPool<7, SIZE> = StackPool::new();

static OVERFLOW: Spin<Option<Overflow>> = Spin::new(None);

fn panicked(info: &PanicInfo<'_>) {
    let failure = Failure::Panicked(info.message().as_str());
    // SAFETY: this is the only core. What these tasks share with others is sound when half changed.
    let Err(Refused { reason, .. }) = unsafe { HUB.abandon_current(failure) };
    println!("not given up: {reason}");
}

fn stopped(access: &Access) -> Option<Land> {
    // SAFETY: this is the core of the hub.
    *OVERFLOW.lock() = Some(unsafe { Overflow::at(access.address, access.sp) }?);
    Some(land)
}

fn land() -> ! {
    let overflow = OVERFLOW.lock().take().expect("the handler has left it");
    // SAFETY: a guard page has stopped it; no function of it is written in C or assembly. This stack is for nothing
    // else.
    let Err(Refused { reason, .. }) = unsafe { HUB.abandon(&overflow, Failure::Overflowed) };
    check!(false, "not given up: {reason}");
    board::finish()
}

static LINE: Channel<u32, Failure> = Channel::new().named("line");
static BACK: Channel<u32, Failure> = Channel::new();
static ROOM: Bounded<u32, 2> = Bounded::new();
static LOCK: Mutex<u32> = Mutex::new(0).named("lock");
static SIGNAL: Signal = Signal::new();
/// How many values the others have got, and how many ticks.
static SERVED: AtomicU32 = AtomicU32::new(0);
static TICKS: AtomicU32 = AtomicU32::new(0);

fn main() {
    board::unmap(GUARDED.guards().next().expect("there is a stack"));
    faults::on(stopped);
    board::before_panic(panicked);
    interrupts::on(|| ());
    interrupts::enable();
    let ran = HUB.run(|main| {
        let server = spawn(main, |me| {
            loop {
                LINE.receive(me)?;
                SERVED.fetch_add(1, Relaxed);
            }
        });
        let sender = spawn(main, |me| {
            for n in 0.. {
                BACK.send(me, n)?;
            }
            Ok(())
        });
        let ticker = spawn(main, |me| {
            let mut interval = me.interval(TICK);
            loop {
                interval.tick(me)?;
                TICKS.fetch_add(1, Relaxed);
            }
        });
        let large = spawn(main, |me| {
            loop {
                LARGE.receive(me)?;
            }
        });
        let patient = spawn(main, |me| {
            loop {
                if let Err(Stop::Killed) = me.park() {
                    return Err(Stop::Killed);
                }
            }
        });
        // Transfers of the tree are recorded no longer than this: an overflow in that tracer is refused.
        recorder::record(main.greenlet());
        check!(REMOTE.try_send(1).is_ok() && main.yield_now().is_ok());
        main.greenlet().set_trace(None);
        PATIENT.store(ptr::from_ref(&patient).cast_mut(), Relaxed);
        in_a_row(main);
        locks(main);
        each_operation(main);
        for other in [server, sender, ticker, large, patient] {
            other.kill();
            check!(other.join(main) == Ok(Err(Stop::Killed)));
        }
    });
    check!(ran.is_ok() && GUARDED.free() == 1 && OTHERS.free() == 7);
}

fn spawn(me: &Me, body: fn(&Me) -> Result<(), Stop>) -> JoinHandle<(), (), Failure> {
    me.spawn(&OTHERS, body).expect("a stack is free")
}

/// Runs `body` in a task on the guarded stack; returns why it ended.
fn one(main: &Me, body: impl FnOnce(&Me) -> Result<(), Stop> + 'static) -> Result<(), Stop> {
    let Ok(task) = main.spawn(&GUARDED, body) else { return Err(Stop::Closed) };
    let ended = task.join(main)?;
    check!(GUARDED.free() == 1);
    ended
}

/// A request: it is served, waits, and then `last` does not return.
fn request(me: &Me, last: impl FnOnce()) -> Result<(), Stop> {
    me.with_timeout(HOUR, || {
        LINE.send(me, 1)?;
        me.sleep(Duration::from_nanos(1))?;
        last();
        Ok(())
    })?;
    Ok(())
}

fn in_a_row(main: &Me) {
    let panics =
        |_| one(main, |me| request(me, || panic!("broken"))) == Err(Stop::Error(Failure::Panicked(Some("broken"))));
    check!((0..ROUNDS).all(panics) && SERVED.load(Relaxed) == ROUNDS);
    println!("    panics | {ROUNDS} in a row, each was served");
    let overflows = |round: u32| {
        let last = move || _ = black_box(if round.is_multiple_of(2) { dig(1_000_000) } else { huge::<SIZE>(round) });
        one(main, move |me| request(me, last)) == Err(Stop::Error(Failure::Overflowed))
    };
    check!((0..ROUNDS).all(overflows) && SERVED.load(Relaxed) == 2 * ROUNDS);
    println!(" overflows | {ROUNDS} in a row, each was served");
    check!(TICKS.load(Relaxed) > 10);
}

/// The refusal of a lock that such a task holds names it, also to a task that waits for it.
fn locks(main: &Me) {
    let gone = Err(Stop::Refused(Refusal::HolderGone { name: Some("lock") }));
    let waits = spawn(main, |me| {
        me.yield_now()?;
        LOCK.lock(me).map(drop)
    });
    let ended = one(main, |me| {
        let mut locked = LOCK.lock(me)?;
        *locked = 7;
        me.sleep(TICK)?;
        panic!("with a lock")
    });
    check!(ended == Err(Stop::Error(Failure::Panicked(Some("with a lock")))));
    check!(waits.join(main) == Ok(gone) && LOCK.lock(main).map(drop) == gone);
    check!(LOCK.recover(main).is_some_and(|locked| *locked == 7) && LOCK.lock(main).is_ok());
    println!("     locks | refused by name, recovered");
}

type Operation = fn(&Me) -> Result<(), Stop>;

/// An operation that moves small values is done with so many bytes, of which a recorder takes some; one of large
/// values, with so many.
const FEW: usize = if cfg!(feature = "timeline") { 9216 } else { 8192 };
const MANY: usize = 196_608;

/// The name of an operation, a number of bytes with which it is done, and the operation.
const OPERATIONS: [(&str, usize, Operation); 22] = [
    ("yield_now", FEW, |me| me.yield_now()),
    ("sleep", FEW, |me| me.sleep(Duration::from_nanos(1))),
    ("with_timeout and park", FEW, |me| me.with_timeout(Duration::from_nanos(1), || me.park()).map(drop)),
    ("send", FEW, |me| Ok(LINE.send(me, 1)?)),
    ("receive", FEW, |me| BACK.receive(me).map(drop)),
    ("a bounded channel", FEW, |me| {
        ROOM.send(me, 1)?;
        ROOM.receive(me).map(drop)
    }),
    ("lock", FEW, |me| {
        let locked = LOCK.lock(me)?;
        me.yield_now()?;
        drop(locked);
        Ok(())
    }),
    // Joined, its result would be lost with the handle in the frames.
    ("spawn", FEW, |me| {
        drop(spawn(me, |me| me.yield_now()));
        Ok(())
    }),
    ("scope", FEW, |me| {
        me.scope(|scope| {
            scope.spawn(&OTHERS, |me| me.yield_now())?;
            Ok(())
        })
    }),
    ("select", FEW, |me| select(me, (BACK.receiving(), me.sleeping(TICK))).map(drop)),
    ("a select that waits", FEW, |me| select(me, (LOCKED.receiving(), me.sleeping(Duration::from_nanos(1)))).map(drop)),
    ("signal", FEW, |me| {
        SIGNAL.raise(1);
        SIGNAL.wait(me)?;
        me.with_timeout(Duration::from_nanos(1), || SIGNAL.wait(me)).map(drop)
    }),
    ("a condition", FEW, |me| {
        let locked = LOCK.lock(me)?;
        me.with_timeout(Duration::from_nanos(1), || RISEN.wait(me, locked).map(drop)).map(drop)
    }),
    ("an event", FEW, |me| me.with_timeout(Duration::from_nanos(1), || EVENT.wait(me)).map(drop)),
    ("a semaphore", FEW, |me| {
        let permit = PERMITS.acquire(me)?;
        me.with_timeout(Duration::from_nanos(1), || PERMITS.acquire(me).map(drop))?;
        drop(permit);
        Ok(())
    }),
    ("a remote channel", FEW, |me| {
        REMOTE.receive(me)?; // of the audit: a sender has no room of its own, as it may be a handler
        me.with_timeout(Duration::from_nanos(1), || REMOTE.receive(me)).map(drop)
    }),
    ("throw", FEW, |me| {
        // SAFETY: main keeps the handle, and this is its core.
        let patient = unsafe { &*PATIENT.load(Relaxed) };
        patient.throw(Failure::Overflowed).map_err(Stop::Error)?;
        me.yield_now()
    }),
    ("a future", FEW, |me| {
        let mut woken = false;
        me.wait(poll_fn(move |context| {
            context.waker().wake_by_ref();
            if core::mem::replace(&mut woken, true) { Poll::Ready(()) } else { Poll::Pending }
        }))
    }),
    ("send a large value", MANY, |me| Ok(LARGE.send(me, [1; WIDTH])?)),
    ("receive a large value", MANY, |me| {
        select(me, (NEVER.receiving(), me.sleeping(Duration::from_nanos(1)))).map(drop)
    }),
    ("a bounded channel of large values", MANY, |me| {
        WIDE.send(me, [1; WIDTH])?;
        WIDE.send(me, [2; WIDTH])?;
        me.with_timeout(Duration::from_nanos(1), || Ok(WIDE.send(me, [3; WIDTH])?))?;
        WIDE.receive(me).map(drop)
    }),
    ("a large body", MANY, |me| {
        let captured = [1u8; WIDTH];
        me.scope(|scope| {
            scope.spawn(&OTHERS, move |me| {
                black_box(&captured);
                me.yield_now()
            })?;
            Ok(())
        })
    }),
];

/// Larger than what the room of an operation has for values, if it does not count them.
const WIDTH: usize = 2_500;
static LARGE: Channel<[u8; WIDTH], Failure> = Channel::new();
static NEVER: Channel<[u8; WIDTH], Failure> = Channel::new();
static WIDE: Bounded<[u8; WIDTH], 2> = Bounded::new();
static RISEN: Condition = Condition::new();
static EVENT: Event = Event::new();
static PERMITS: Semaphore = Semaphore::new(1);
static REMOTE: Remote<u32, 2> = Remote::new();
/// The handle of a task that forgets what is thrown into it.
static PATIENT: AtomicPtr<JoinHandle<(), (), Failure>> = AtomicPtr::new(ptr::null_mut());

/// Of this channel no task receives.
static LOCKED: Channel<u32, Failure> = Channel::new();

/// Each operation, from where there is room for all of it down to where it cannot begin: it is done, or the task is
/// given up, and in both cases the others continue.
fn each_operation(main: &Me) {
    for (name, most, operation) in OPERATIONS {
        let (mut done, mut overflowed) = (0, 0);
        for bytes in (128..most).step_by(16.max(most / 256)) {
            let ended = one(main, move |me| {
                let limit = me.greenlet().stack().map_or(0, |stack| stack.limit);
                let mut result = Ok(());
                left::with(limit, bytes, &mut || result = operation(me));
                result
            });
            match ended {
                Ok(()) => done += 1,
                Err(Stop::Error(Failure::Overflowed)) => overflowed += 1,
                _ => check!(false, "{name}, with {bytes} bytes: {ended:?}"),
            }
            audit(main, name, bytes);
        }
        check!(done > 0 && overflowed > 0, "{name}: {done} done, {overflowed} overflowed");
        println!(" operation | {name}");
    }
}

/// Nothing that the task had in the hub is left, and nothing of the others is lost.
fn audit(main: &Me, name: &str, bytes: usize) {
    let wait = main.sleep(Duration::from_nanos(1));
    if LOCK.lock(main).is_err() {
        drop(LOCK.recover(main));
    }
    while ROOM.count(main) > 0 {
        let _value = ROOM.receive(main);
    }
    while WIDE.count(main) > 0 {
        let _value = WIDE.receive(main);
    }
    if PERMITS.try_acquire(main).is_none() {
        PERMITS.add(main); // that of the task is lost
    }
    RISEN.notify_all(main);
    EVENT.set(main);
    EVENT.clear(main);
    while REMOTE.try_send(1).is_ok() {}
    let remote = (REMOTE.receive(main), REMOTE.receive(main)) == (Ok(1), Ok(1)) && REMOTE.try_send(1).is_ok();
    let large = LARGE.send(main, [1; WIDTH]).is_ok()
        && WIDE.try_send(main, [1; WIDTH]).is_ok()
        && WIDE.try_receive(main).is_ok();
    let served = SERVED.load(Relaxed);
    let sent = LINE.send(main, 1).is_ok() && SERVED.load(Relaxed) == served + 1;
    let received = BACK.receive(main).is_ok();
    SIGNAL.raise(1);
    let signalled = SIGNAL.wait(main) == Ok(1);
    let wait = wait.and(main.yield_now()); // the sender waits again
    let balances = (LINE.balance(main), BACK.balance(main), LOCKED.balance(main)) == (-1, 1, 0)
        && (LARGE.balance(main), NEVER.balance(main)) == (-1, 0);
    check!(
        wait.is_ok() && remote && large && sent && received && signalled && balances && OTHERS.free() == 2,
        "{name}, with {bytes} bytes: {remote} {large} {sent} {received} {signalled} {balances} {}",
        OTHERS.free()
    );
}
