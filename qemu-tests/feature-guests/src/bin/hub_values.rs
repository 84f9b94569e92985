//@ profiles: release
//@ stack: 8192
#![no_std]
#![no_main]
//! Hubs whose values are large: they arrive whole, and a task that panics while it makes one is given up. The tasks of
//! its scopes end before it, and one that has not its body yet never begins.

use core::cell::Cell;
use core::panic::PanicInfo;
use core::ptr;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicPtr, AtomicU32};

use board::{check, interrupts, println};
use greenlet::{Event, Greenlet, Refused, StackPool};
use greenlet_hub::{Channel, Hub, MainTask, Stop, Task};

#[path = "../../../guests/src/bin/hub/machine.rs"]
mod machine;

board::guest!(main);
greenlet::core_identity!(feature_guests::OneCore);

/// After how many more values the next one panics; `NEVER`: none does.
static LEFT: AtomicU32 = AtomicU32::new(NEVER);
const NEVER: u32 = u32::MAX;

/// What the hub sends, of `W` bytes.
struct Wide<const W: usize>([u8; W]);

impl<const W: usize> Default for Wide<W> {
    fn default() -> Self {
        match LEFT.load(Relaxed) {
            NEVER => {}
            0 => {
                LEFT.store(NEVER, Relaxed);
                panic!("a value");
            }
            left => LEFT.store(left - 1, Relaxed),
        }
        Self([0xa5; W])
    }
}

// SAFETY: the tasks of this guest wait for no future, and lend nothing from their frames but to tasks of their scopes.
static HUB_64: Hub<8, Wide<64>> = unsafe { Hub::new(&machine::Machine).reclaiming() };
// SAFETY: the same.
static HUB_256: Hub<8, Wide<256>> = unsafe { Hub::new(&machine::Machine).reclaiming() };
static STACKS: StackPool<8, 65536> = StackPool::new();

fn panicked(_: &PanicInfo<'_>) {
    // SAFETY: this is the only core. What these tasks share with others is sound when half changed.
    let Err(Refused { .. }) = unsafe { HUB_64.abandon_current("gone") };
    // SAFETY: the same. Of the two, the other hub is not running, and has refused.
    let Err(Refused { reason, .. }) = unsafe { HUB_256.abandon_current("gone") };
    println!("not given up: {reason}");
}

fn main() {
    board::before_panic(panicked);
    interrupts::on(|| ());
    interrupts::enable();
    run(&HUB_64);
    run(&HUB_256);
}

fn run<const W: usize>(hub: &'static Hub<8, Wide<W>>) {
    let ran = hub.run(|main| {
        arrive(main);
        in_spawn(main);
        before_it_begins(main);
    });
    check!(ran.is_ok() && STACKS.free() == 8);
    println!("{W} bytes");
}

/// Beside tasks that take turns, exchange numbers and end, a generator returns what it is sent.
fn arrive<const W: usize>(main: &MainTask<Wide<W>>) {
    static NUMBERS: Channel<u64> = Channel::new();
    let echo = main.greenlet().spawn(&STACKS, |me, mut value| {
        loop {
            value = me.up(value)?;
        }
    });
    let echo = echo.expect("a stack is free");
    let sender = main.spawn(&STACKS, |me| {
        for n in 0..100 {
            me.yield_now()?;
            NUMBERS.send(me, n)?;
        }
        Ok(())
    });
    let sender = sender.expect("a stack is free");
    for n in 0..100 {
        let sent: [u8; W] = core::array::from_fn(|at| (at as u8).wrapping_mul(31).wrapping_add(n));
        let returned = echo.switch(Wide(sent));
        check!(returned.is_ok_and(|value| value.0 == sent));
        check!(NUMBERS.receive(main) == Ok(n.into()) && main.yield_now() == Ok(()));
    }
    check!(sender.join(main) == Ok(Ok(())));
}

/// In `spawn` of a scope: the first value is made before there is a task, the second one by that, when it has its body.
fn in_spawn<const W: usize>(main: &MainTask<Wide<W>>) {
    for left in 0..3 {
        let begun = Cell::new(0);
        let ended = main.scope(|scope| {
            scope.spawn(&STACKS, |spawner: &Task<Wide<W>>| {
                spawner.scope(|own| {
                    LEFT.store(left, Relaxed);
                    own.spawn(&STACKS, |task| {
                        begun.set(begun.get() + 1);
                        task.yield_now()
                    })?;
                    Ok(())
                })
            })?;
            Ok(())
        });
        LEFT.store(NEVER, Relaxed);
        check!(ended == Err(Stop::Error("gone")), "{left}: {ended:?}");
        for _ in 0..4 {
            check!(main.yield_now() == Ok(()));
        }
        check!(begun.get() == 0 && STACKS.free() == 8, "{left}: {} {}", begun.get(), STACKS.free());
    }
}

/// The greenlet of the task with the scope.
static PARENT: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// A tracer of the first arrival at a new task of the scope: it resumes the task of the scope, which makes a value.
fn resume_parent<const W: usize>(
    _: Event,
    origin: &Greenlet<Wide<W>, &'static str>,
    _: &Greenlet<Wide<W>, &'static str>,
) -> Result<(), &'static str> {
    origin.set_trace(None);
    // SAFETY: of this type, and the task waits for those of its scope.
    let parent = unsafe { &*PARENT.load(Relaxed).cast::<Greenlet<Wide<W>, &'static str>>() };
    let value = Wide([0; W]);
    LEFT.store(0, Relaxed);
    let _resumed = parent.switch(value);
    Ok(())
}

/// A task of a scope spawns another one there, and before that has its body, the task of the scope panics.
fn before_it_begins<const W: usize>(main: &MainTask<Wide<W>>) {
    static BEGUN: AtomicU32 = AtomicU32::new(0);
    let parent = main.spawn(&STACKS, |parent| {
        PARENT.store(ptr::from_ref(parent.greenlet()).cast_mut().cast(), Relaxed);
        parent.scope(|scope| {
            scope.spawn(&STACKS, move |spawner| {
                spawner.yield_now()?;
                spawner.greenlet().set_trace(Some(&resume_parent::<W>));
                scope.spawn(&STACKS, |task| {
                    BEGUN.fetch_add(1, Relaxed);
                    task.yield_now()
                })?;
                Ok(())
            })?;
            Ok(())
        })
    });
    let ended = parent.expect("a stack is free").join(main);
    check!(ended == Ok(Err(Stop::Error("gone"))), "{ended:?}");
    for _ in 0..4 {
        check!(main.yield_now() == Ok(()));
    }
    check!(BEGUN.load(Relaxed) == 0 && STACKS.free() == 8, "{} {}", BEGUN.load(Relaxed), STACKS.free());
}
