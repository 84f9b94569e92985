//@ icount
//@ stack: 4096
#![no_std]
#![no_main]
//! The program for bare metal of the README of `greenlet-hub`: an interrupt wakes a task, which sends to another one; a
//! deadlock is reported.

use board::{interrupts, println};

#[path = "hub/machine.rs"]
mod machine;
use machine::Machine;

board::guest!(start);

fn start() {
    main();
    board::check!(BUTTON.take() == 0);
}

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use core::time::Duration;
use greenlet::StackPool;
use greenlet_hub::{Channel, Hub, Signal, Stop, Task};

static HUB: Hub<2> = Hub::new(&Machine); // the firmware's clock and alarm: a `Platform`
static STACKS: StackPool<2, 8192> = StackPool::new(); // a stack for each task
static PIN: AtomicU32 = AtomicU32::new(0); // stands for the register of a button
static BUTTON: Signal = Signal::new().named("button");
static PRESSES: Channel<u32> = Channel::new().named("presses");

/// The handler of all interrupts, the timer's included.
fn handler() {
    BUTTON.raise(PIN.swap(0, Relaxed));
}

fn debounce(me: &Task) -> Result<u32, Stop> {
    for press in 1..=3 {
        BUTTON.wait(me)?;
        me.sleep(Duration::from_micros(50))?; // others run meanwhile
        PRESSES.send(me, press)?;
    }
    Ok(3)
}

fn lights(me: &Task) -> Result<(), Stop> {
    loop {
        println!("pressed: {}", PRESSES.receive(me)?);
    }
}

fn main() {
    interrupts::on(handler);
    interrupts::enable();
    let ran = HUB.run(|main| {
        let button = main.build(&STACKS).name("button").level(1).spawn(debounce).unwrap();
        let lamp = main.build(&STACKS).name("lamp").spawn(lights).unwrap();
        for _ in 0..3 {
            PIN.store(1, Relaxed);
            interrupts::raise_after(1); // a press
            main.sleep(Duration::from_millis(1)).unwrap();
        }
        println!("{:?}", button.join(main));
        println!("{:?}\n{}", lamp.join(main), main.report()); // the button has ended: nothing wakes the lamp
    });
    ran.map_err(|refused| refused.reason).unwrap();
}
