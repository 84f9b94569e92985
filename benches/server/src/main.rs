//! The server of `examples/unikernel` with futures: embassy-executor and embassy-net, on the same board, card, version
//! of smoltcp, buffers, limits and parser.
//!
//! ```text
//!   board     the machine, its own files
//!   driver    its card, as embassy-net takes it
//!   time      its clock, as embassy-time takes it; critical sections
//!   serve     a task for each socket: accepts, and answers the requests of a connection
//!   pages     what is served
//! ```

#![no_std]
#![no_main]

mod board;
mod driver;
mod pages;
mod serve;
#[path = "../../../examples/unikernel/src/tally.rs"]
#[allow(dead_code, reason = "here a panic ends the program, and no stack overflows")]
mod tally;
mod time;

use board::nic::Nic;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use driver::{Driver, interrupted};
use embassy_executor::raw::Executor;
use embassy_net::{Config, Ipv4Address, Ipv4Cidr, Runner, StackResources, StaticConfigV4};
use embassy_time::{Duration, Ticker};
use serve::{Buffers, SOCKETS, connection};
use static_cell::{ConstStaticCell, StaticCell};

static EXECUTOR: StaticCell<Executor> = StaticCell::new();
static RESOURCES: StaticCell<StackResources<SOCKETS>> = StaticCell::new();
static BUFFERS: ConstStaticCell<[Buffers; SOCKETS]> = ConstStaticCell::new([Buffers::EMPTY; SOCKETS]);

/// A task was woken since the executor was polled.
static IS_WOKEN: AtomicBool = AtomicBool::new(false);

/// Called by the executor when a task is woken.
#[unsafe(export_name = "__pender")]
fn pend(_context: *mut ()) {
    IS_WOKEN.store(true, Relaxed);
}

/// Called by the start-up code, with interrupts unmasked.
fn main() -> ! {
    let card = Nic::find(interrupted).expect("QEMU is started with a virtio network card");
    let config = Config::ipv4_static(StaticConfigV4 {
        address: Ipv4Cidr::new(Ipv4Address::new(10, 0, 2, 15), 24),
        gateway: Some(Ipv4Address::new(10, 0, 2, 2)),
        dns_servers: Default::default(),
    });
    let (stack, runner) = embassy_net::new(Driver(card), config, RESOURCES.init(StackResources::new()), 7);
    let executor = EXECUTOR.init(Executor::new(ptr::null_mut()));
    let spawner = executor.spawner();
    spawner.spawn(network(runner).expect("it is the first"));
    spawner.spawn(count_seconds().expect("it is the first"));
    for buffers in BUFFERS.take() {
        spawner.spawn(connection(stack, buffers).expect("there are as many as sockets"));
    }
    board::print("serving");
    loop {
        IS_WOKEN.store(false, Relaxed);
        // SAFETY: not called within itself.
        unsafe { executor.poll() };
        time::rest(|| IS_WOKEN.load(Relaxed));
    }
}

/// The task of the network: passes frames between the card and the sockets, for ever.
#[embassy_executor::task]
async fn network(mut runner: Runner<'static, Driver>) {
    runner.run().await
}

/// Computes the rate of requests, once a second.
#[embassy_executor::task]
async fn count_seconds() {
    let mut second = Ticker::every(Duration::from_secs(1));
    loop {
        second.next().await;
        tally::end_of_interval(1);
    }
}
