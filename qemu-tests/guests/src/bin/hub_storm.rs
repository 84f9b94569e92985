//@ icount
//@ timeout: 300
//@ stack: 4096
#![no_std]
#![no_main]
//! A storm of wakes: a timer raises a signal at random distances, some of them while the core is awake, and none is
//! lost.

use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::SeqCst;

use board::{check, interrupts, println};
use greenlet::StackPool;
use greenlet_hub::{Hub, Signal, Stop, Task};

#[path = "hub/machine.rs"]
mod machine;

board::guest!(main);

static HUB: Hub<4> = Hub::new(&machine::Machine);
static STACKS: StackPool<4, 16384> = StackPool::new();
static SIGNAL: Signal = Signal::new();
static RAISED: AtomicU32 = AtomicU32::new(0);

/// How many wakes, unless the input says another number.
const WAKES: u32 = if cfg!(debug_assertions) { 5_000 } else { 30_000 };

fn main() {
    interrupts::on(|| {
        RAISED.fetch_add(1, SeqCst);
        SIGNAL.raise(1);
    });
    interrupts::enable();
    let wakes = core::str::from_utf8(board::input()).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(WAKES);
    let ran = HUB.run(|main| {
        board::record(main.greenlet());
        let storm = main.spawn(&STACKS, move |me| storm(me, wakes)).expect("a stack is free");
        let taken = storm.join(main);
        println!("# raised {} times, taken {taken:?}", RAISED.load(SeqCst));
        check!(taken == Ok(Ok(wakes)));
    });
    check!(ran.is_ok());
    println!("no wake was lost");
}

/// Each raise is awaited, so each that is lost would be waited for. The hub has no timer of its own here: the storm
/// uses it.
fn storm(me: &Task, wakes: u32) -> Result<u32, Stop> {
    let mut state = 0x2545_f491_u32;
    for taken in 0..wakes {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let distance = 1 + state % if taken % 4 == 0 { 20_000 } else { 1_500 };
        interrupts::raise_after(distance);
        if taken % 3 == 0 {
            me.yield_now()?;
        }
        SIGNAL.wait(me)?;
    }
    Ok(wakes)
}
