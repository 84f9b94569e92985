//@ icount
//@ not-a-test
#![no_std]
#![no_main]
//! Counts the instructions of the hub's operations.

use core::future::{poll_fn, ready};
use core::mem;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;
use core::task::Poll;
use core::time::Duration;

use board::{check, instructions, interrupts, println};
use greenlet::{StackPool, Tree};
use greenlet_hub::{Bounded, Channel, Hub, MainTask, Mutex, Preference, Signal, Stop, Task, select};

#[path = "hub/machine.rs"]
mod machine;

board::guest!(main);

static HUB: Hub<68> = Hub::new(&machine::Machine);
static STACKS: StackPool<68, 8192> = StackPool::new();
static TREE: Tree<()> = Tree::new();

/// How often each operation is done.
const N: u64 = 1000;

/// Prints what `times` operations take, each.
fn per<R>(what: &str, times: u64, body: impl FnOnce() -> R) -> R {
    let begun = instructions();
    let result = body();
    println!("{what}: {}", (instructions() - begun) / times);
    result
}

/// Does an operation [`N`] times.
fn repeat<R>(mut operation: impl FnMut(u64) -> R) {
    for n in 0..N {
        let _ = operation(n);
    }
}

fn main() {
    interrupts::on(handle);
    interrupts::enable();
    let kernel = TREE.enter(|main| {
        let Ok(greenlet) = main.spawn(&STACKS, |me, ()| {
            loop {
                me.up(())?;
            }
        }) else {
            return;
        };
        per("kernel: a round trip", N, || repeat(|_| greenlet.switch(())));
    });
    check!(kernel.is_ok());
    let ran = HUB.run(|main| -> Result<(), Stop> {
        turns(main)?;
        channels(main)?;
        lives(main)?;
        futures(main)?;
        wakes(main)?;
        timers(main)
    });
    check!(matches!(ran, Ok(Ok(()))));
    println!("bytes of a hub without tasks: {}", size_of::<Hub<0>>());
    println!("bytes of a task: {}", (size_of::<Hub<64>>() - size_of::<Hub<0>>()) / 64);
    println!("bytes of its tree: {}", size_of::<Tree<()>>());
    println!("bytes of a channel: {}", size_of::<Channel<u64>>());
}

/// Spawns a task and waits for its end.
fn task<T: 'static>(
    main: &MainTask,
    body: impl FnOnce(&Task) -> Result<T, Stop> + 'static,
) -> greenlet_hub::JoinHandle<T> {
    main.spawn(&STACKS, body).expect("a stack is free")
}

fn turns(main: &MainTask) -> Result<(), Stop> {
    task(main, |me| {
        per("yield, alone", N, || repeat(|_| me.yield_now()));
        Ok(())
    })
    .join(main)??;
    let other = task(main, |me| {
        for _ in 0..N + 10 {
            me.yield_now()?;
        }
        Ok(())
    });
    task(main, |me| {
        per("yield, two tasks, each", 2 * N, || repeat(|_| me.yield_now()));
        Ok(())
    })
    .join(main)??;
    other.join(main)?
}

fn channels(main: &MainTask) -> Result<(), Stop> {
    static NEITHER: Channel<u64> = Channel::new().preferring(Preference::Neither);
    static RECEIVER: Channel<u64> = Channel::new();
    static ROOM: Bounded<u64, 16> = Bounded::new();
    static LOCK: Mutex<u64> = Mutex::new(0);
    for (what, channel) in [
        ("a value by rendezvous, neither preferred", &NEITHER),
        ("a value by rendezvous, receiver preferred", &RECEIVER),
    ] {
        let receiver = task(main, move |me| {
            let mut sum = 0;
            for _ in 0..N {
                sum += channel.receive(me)?;
            }
            Ok(sum)
        });
        let sender = task(main, move |me| {
            for n in 0..N {
                channel.send(me, n)?;
            }
            Ok(())
        });
        check!(per(what, N, || receiver.join(main)) == Ok(Ok(N * (N - 1) / 2)));
        sender.join(main)??;
    }
    let receiver = task(main, |me| {
        let mut sum = 0;
        for _ in 0..N {
            sum += ROOM.receive(me)?;
        }
        Ok(sum)
    });
    let sender = task(main, |me| {
        for n in 0..N {
            ROOM.send(me, n)?;
        }
        Ok(())
    });
    check!(per("a value by a bounded channel of 16", N, || receiver.join(main)) == Ok(Ok(N * (N - 1) / 2)));
    sender.join(main)??;
    per("a mutex that is free, locked and unlocked", N, || {
        for _ in 0..N {
            *LOCK.lock(main)? += 1;
        }
        Ok::<_, Stop>(())
    })?;
    let sender = task(main, |me| {
        for n in 0..N {
            NEITHER.send(me, n)?;
        }
        Ok(())
    });
    per("a value by a select of two channels", N, || {
        for _ in 0..N {
            select(main, [NEITHER.receiving(), RECEIVER.receiving()])?.1?;
        }
        Ok::<_, Stop>(())
    })?;
    sender.join(main)?
}

fn lives(main: &MainTask) -> Result<(), Stop> {
    per("spawn, run, join", N, || {
        for n in 0..N {
            if task(main, move |_me| Ok(n)).join(main)?? != n {
                check!(false);
            }
        }
        Ok(())
    })
}

fn futures(main: &MainTask) -> Result<(), Stop> {
    let waits = task(main, |me| {
        per("a future that is ready", N, || repeat(|_| me.wait(ready(()))));
        per("a future that wakes itself once", N, || {
            for _ in 0..N {
                let mut first = true;
                me.wait(poll_fn(|context| match mem::take(&mut first) {
                    true => {
                        context.waker().wake_by_ref();
                        Poll::Pending
                    }
                    false => Poll::Ready(()),
                }))?;
            }
            Ok(())
        })
    });
    waits.join(main)?
}

static SIGNAL: Signal = Signal::new();
static BEFORE: AtomicU64 = AtomicU64::new(0);
static AFTER: AtomicU64 = AtomicU64::new(0);

fn handle() {
    BEFORE.store(instructions(), Relaxed);
    SIGNAL.raise(1);
    AFTER.store(instructions(), Relaxed);
}

fn wakes(main: &MainTask) -> Result<(), Stop> {
    for beside in [false, true] {
        let other = beside.then(|| task(main, |me| me.sleep(Duration::from_secs(1))));
        let waits = task(main, |me| {
            let (mut raises, mut wakes) = (0, 0);
            for n in 0..N {
                interrupts::raise_after(3000 + n as u32 % 100);
                SIGNAL.wait(me)?;
                wakes += instructions() - AFTER.load(Relaxed);
                raises += AFTER.load(Relaxed) - BEFORE.load(Relaxed);
            }
            Ok((raises / N, wakes / N))
        });
        let (raise, wake) = waits.join(main)??;
        if let Some(other) = other {
            println!("from there to the task, with a sleeper beside: {wake}");
            other.kill();
            let _killed = other.join(main)?;
        } else {
            println!("a raise in a handler: {raise}");
            println!("from there to the task: {wake}");
        }
    }
    Ok(())
}

fn timers(main: &MainTask) -> Result<(), Stop> {
    let hour = Duration::from_secs(3600);
    per("a timeout around nothing", N, || repeat(|_| main.with_timeout(hour, || Ok(()))));
    for (count, around, ends) in [
        (8, "a timeout around nothing, 8 sleepers", "a sleep that ends, of 8"),
        (60, "a timeout around nothing, 60 sleepers", "a sleep that ends, of 60"),
    ] {
        let base = main.after(Duration::from_millis(20)).ticks();
        let mut sleepers: [Option<_>; 60] = core::array::from_fn(|n| {
            let n = n as u64;
            let sleeper = move |me: &Task| {
                for k in 0..16 {
                    me.sleep_until(greenlet_hub::Instant::from_ticks(base + (k * 64 + n * 37 % 64) * 10))?;
                }
                Ok(())
            };
            (n < count).then(|| task(main, sleeper))
        });
        main.yield_now()?;
        per(around, N, || {
            repeat(|n| main.with_timeout(Duration::from_nanos(n * 104_729 % 100_000_000), || Ok(())));
        });
        main.sleep_until(greenlet_hub::Instant::from_ticks(base))?;
        per(ends, 16 * count, || {
            for sleeper in sleepers.iter_mut().filter_map(Option::take) {
                sleeper.join(main)??;
            }
            Ok::<_, Stop>(())
        })?;
    }
    Ok(())
}
