//! Drivers from the registry, unchanged: blocking ones over an asynchronous bus, an asynchronous one from a task.
//! Hosted.
#![cfg(feature = "std")]

mod common;

use common::some_polls;
use embedded_hal::i2c::{ErrorKind, ErrorType, Operation};
use embedded_hal_async::delay::DelayNs;
use embedded_hal_async::i2c::I2c;
use greenlet_embedded::{Bridge, Error};
use greenlet_hub::{Await, Stackful, Stop, Task, Waits};
use lm75::{Address, Lm75};
use scd4x::{Scd4x, Scd4xAsync};
use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

/// A bus with both sensors. Each transfer takes several polls, or never ends.
#[derive(Default)]
struct Bus {
    silent: Rc<Cell<bool>>,
}

const LM75: u8 = 0x48;
/// 23.5 degrees.
const TEMPERATURE: [u8; 2] = [23, 0x80];
const ALTITUDE: u16 = 500;

impl ErrorType for Bus {
    type Error = ErrorKind;
}

impl I2c for Bus {
    async fn transaction(&mut self, address: u8, operations: &mut [Operation<'_>]) -> Result<(), ErrorKind> {
        for operation in operations {
            some_polls().await;
            if self.silent.get() {
                pending::<()>().await;
            }
            match operation {
                Operation::Read(data) if address == LM75 => data.copy_from_slice(&TEMPERATURE),
                Operation::Read(data) => {
                    let [high, low] = ALTITUDE.to_be_bytes();
                    data.copy_from_slice(&[high, low, crc(&[high, low])]);
                }
                Operation::Write(_) => {}
            }
        }
        Ok(())
    }
}

/// The checksum of the SCD4x.
fn crc(data: &[u8]) -> u8 {
    let shift = |crc: u8, _| if crc & 0x80 == 0 { crc << 1 } else { crc << 1 ^ 0x31 };
    data.iter().fold(0xff, |crc, byte| (0..8).fold(crc ^ byte, shift))
}

#[derive(Default)]
struct Delay {
    silent: Rc<Cell<bool>>,
}

impl DelayNs for Delay {
    async fn delay_ns(&mut self, _ns: u32) {
        some_polls().await;
        if self.silent.get() {
            pending::<()>().await;
        }
    }
}

/// Counts turns until it is killed.
fn others_turns(turns: &Rc<Cell<u32>>) -> impl FnOnce(&Task) -> Result<(), Stop> + 'static {
    let turns = turns.clone();
    move |me| loop {
        turns.set(turns.get() + 1);
        me.yield_now()?;
    }
}

fn temperature<W: Waits>(waits: W, bus: Bus) -> Result<f32, W::Stop> {
    let bridge = Bridge::new(waits);
    let mut sensor = Lm75::new(bridge.blocking(bus), Address::default());
    bridge.run(|| sensor.read_temperature().unwrap_or(f32::NAN))
}

#[test]
fn a_driver_of_the_blocking_traits_lets_others_run() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let turns = Rc::new(Cell::new(0));
        let other = main.spawn(&STACKS, others_turns(&turns)).unwrap();
        let sensor = main.spawn(&STACKS, |me| temperature(me, Bus::default())).unwrap();
        assert_eq!(sensor.join(main), Ok(Ok(23.5)));
        assert!(turns.get() >= 6, "{}", turns.get()); // two operations of three waits each
        other.kill();
    })
    .unwrap();
}

#[test]
fn the_blocking_variant_of_a_driver_and_the_asynchronous_one_do_the_same() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let turns = Rc::new(Cell::new(0));
        let other = main.spawn(&STACKS, others_turns(&turns)).unwrap();

        let mut asynchronous = Scd4xAsync::new(Bus::default(), Delay::default());
        assert_eq!(main.wait(asynchronous.altitude()), Ok(Ok(ALTITUDE)));
        let first = turns.replace(0);

        let bridge = Bridge::new(main);
        let mut blocking = Scd4x::new(bridge.blocking(Bus::default()), bridge.blocking(Delay::default()));
        assert_eq!(bridge.run(|| blocking.altitude()), Ok(Ok(ALTITUDE)));
        assert_eq!(turns.get(), first);
        assert!(first >= 6, "{first}");
        other.kill();
    })
    .unwrap();
}

#[test]
fn a_timeout_that_the_driver_does_not_implement_ends_it_and_the_bus_is_of_use_again() {
    hub!(HUB);
    HUB.run(|main| {
        let silent = Rc::new(Cell::new(true));
        let bridge = Bridge::new(main);
        let bus = Bus { silent: silent.clone() };
        let mut sensor = Lm75::new(bridge.blocking(bus), Address::default());
        let in_time = Duration::from_millis(2);
        let said = Cell::new(None);
        let stuck = main.with_timeout(in_time, || {
            bridge.run(|| {
                said.set(sensor.read_temperature().err());
                sensor.read_temperature().is_ok() // fails at once: nothing waits for a second timeout
            })
        });
        assert_eq!(stuck, Ok(None));
        assert!(matches!(said.take(), Some(lm75::Error::I2C(Error::Stopped))));
        silent.set(false);
        assert_eq!(bridge.run(|| sensor.read_temperature().unwrap()), Ok(23.5));
    })
    .unwrap();
}

#[test]
fn a_reason_that_is_delivered_once_is_not_lost_in_a_delay_or_an_error_of_the_driver() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        for (bus_is_silent, delay_is_silent) in [(true, false), (false, true)] {
            let task = main.spawn(&STACKS, move |me| {
                let bus = Bus { silent: Rc::new(Cell::new(bus_is_silent)) };
                let delay = Delay { silent: Rc::new(Cell::new(delay_is_silent)) };
                let bridge = Bridge::new(me);
                let mut sensor = Scd4x::new(bridge.blocking(bus), bridge.blocking(delay));
                // The driver makes an error of its own of it, or does not see it at all.
                let stopped = bridge.run(|| assert!(sensor.altitude().is_err())).unwrap_err();
                assert_eq!(bridge.take_stop(), None);
                assert_eq!(me.check(), Ok(()));
                Ok(stopped)
            });
            let task = task.unwrap();
            for _ in 0..20 {
                main.yield_now().unwrap();
            }
            task.throw("reload").unwrap();
            assert_eq!(task.join(main), Ok(Ok(Stop::Error("reload"))), "{bus_is_silent}");
        }
    })
    .unwrap();
}

#[test]
fn a_kill_ends_a_task_in_a_driver() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let task = main.spawn(&STACKS, |me| temperature(me, Bus { silent: Rc::new(Cell::new(true)) })).unwrap();
        main.sleep(Duration::from_millis(1)).unwrap();
        task.kill();
        assert_eq!(task.join(main), Ok(Err(Stop::Killed)));
        assert_eq!(STACKS.free(), 4);
    })
    .unwrap();
}

#[test]
fn a_blocking_driver_is_part_of_a_future() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let future = Stackful::new(main.greenlet(), &STACKS, |waits: &Await| temperature(waits, Bus::default()));
        assert_eq!(main.wait(async { future.unwrap().await.map(|degrees| degrees + 1.0) }), Ok(Ok(24.5)));

        let silent = Bus { silent: Rc::new(Cell::new(true)) };
        let future = Stackful::new(main.greenlet(), &STACKS, |waits: &Await| temperature(waits, silent));
        assert_eq!(main.with_timeout(Duration::from_millis(1), || main.wait(future.unwrap())), Ok(None));
        assert_eq!(STACKS.free(), 4);
    })
    .unwrap();
}
