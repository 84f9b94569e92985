//! A hub of two tasks, a timer and a signal, on the server's board: what is left of this package when
//! the server is deleted.

#![no_std]
#![no_main]

#[allow(dead_code, unused_imports, reason = "the network card, and stacks with guard pages, are the server's")]
mod board;

use board::{CLOCK, println};
use core::time::Duration;
use greenlet::StackPool;
use greenlet_hub::{Hub, Signal};

/// The error that a task ends with, of `board/contain.rs`.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Panicked,
    Overflowed,
}

type Task = greenlet_hub::Task<(), Fault>;
type Result<T = ()> = core::result::Result<T, greenlet_hub::Stop<Fault>>;

static HUB: Hub<2, (), Fault> = Hub::new(&CLOCK); // two tasks and main
static STACKS: StackPool<2, 8192> = StackPool::new(); // a stack for each task
static BEAT: Signal = Signal::new().named("beat"); // interrupt handlers may raise it, too

/// Raises the signal three times, ten milliseconds apart.
fn beat(me: &Task) -> Result<u32> {
    let mut time = me.interval(Duration::from_millis(10));
    for _ in 0..3 {
        time.tick(me)?;
        BEAT.raise(1);
    }
    Ok(3)
}

fn blink(me: &Task) -> Result {
    loop {
        println!("blink {}", BEAT.wait(me)?);
    }
}

/// Called by the start-up code, with interrupts unmasked.
fn main() -> ! {
    let ran = HUB.run(|main| {
        let beat = main.build(&STACKS).name("beat").spawn(beat).expect("there are two stacks");
        let lamp = main.build(&STACKS).name("lamp").spawn(blink).expect("there are two stacks");
        println!("{:?}", beat.join(main));
        main.yield_now().expect("main is not killed"); // the lamp's turn
        println!("{}", main.report());
        lamp.kill();
        println!("{:?}", lamp.join(main));
    });
    println!("{ran:?}, {} stacks free", STACKS.free());
    board::power_off()
}
