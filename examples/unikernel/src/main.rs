//! A server without an operating system: TCP and HTTP on QEMU's `virt` or microvm, a greenlet for each connection.
//!
//! ```text
//!   board     the machine; all `unsafe` code
//!   net       smoltcp's sockets, and the task that polls them
//!   stream    a connection as a stream with embedded-io's traits
//!   serve     accepting, and the requests of a connection
//!   pages     what is served
//!   tally     what is counted
//!   timeline  the last transfers between greenlets; without that feature `no_timeline`, nothing
//!   faults    with the feature of that name: pages that go wrong
//!   escape    (in the library) text in pages
//!   http      (in the library) requests and responses, without I/O
//! ```

#![no_std]
#![no_main]

mod board;
mod faults;
mod net;
mod pages;
mod serve;
mod stream;
mod tally;
#[cfg_attr(not(feature = "timeline"), path = "no_timeline.rs")]
mod timeline;

use board::{CLOCK, Frame, println};
use core::fmt;
use core::time::Duration;
use greenlet::stack_pool;
use greenlet_hub::{Chosen4, Event, Hub, select};
use net::{Net, SOCKETS};
use serve::CONNECTIONS;
use static_cell::{ConstStaticCell, StaticCell};

/// An error that ends a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The other side has reset the connection, or does not answer.
    Reset,
    /// The task has panicked, and was given up.
    Panicked,
    /// The task has overflowed its stack, and was given up.
    Overflowed,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reset => f.write_str("the other side has reset the connection; connect again"),
            Self::Panicked => f.write_str("a panic, which the console has; mend what panics"),
            Self::Overflowed => f.write_str("a stack overflow, which the console has; give the pool a larger SIZE"),
        }
    }
}

type Task = greenlet_hub::Task<(), Fault>;
type Stop = greenlet_hub::Stop<Fault>;
type Result<T = (), E = Stop> = core::result::Result<T, E>;

/// The tasks that run as long as the server.
const SERVICES: usize = 3;
/// The bytes of the stack of each.
const SERVICE_STACK: usize = 8192;

// SAFETY: nothing refers to the frames of a task that was given up. What a connection's task lends from them it lends
// to functions that it calls: sockets copy bytes, the network keeps its wakers, which are no pointers to frames, and
// what the end of a connection needs is in its context.
static HUB: Hub<{ SERVICES + CONNECTIONS }, (), Fault> = unsafe { Hub::new(&CLOCK).reclaiming() };
stack_pool! {
    static STACKS: GuardedStackPool<SERVICES, SERVICE_STACK>;
}
/// RAM for the stacks.
static FRAMES: ConstStaticCell<[Frame; (SERVICES * SERVICE_STACK + CONNECTIONS * serve::STACK) / Frame::SIZE]> =
    ConstStaticCell::new([Frame::UNUSED; _]);
static NET: StaticCell<Net> = StaticCell::new();
/// Ends the server when it is set.
static END: Event = Event::new().named("the end");

/// Called by the start-up code, with interrupts unmasked.
fn main() -> ! {
    board::map_stacks(FRAMES.take(), STACKS.guards().chain(serve::STACKS.guards()));
    let net: &'static Net = NET.init(Net::new(80));
    let ran = HUB.run(|main| {
        timeline::begin(main.greenlet());
        let spare = "there is a stack for each service";
        let mut network = main.build(&STACKS).name("network").spawn(move |me| net.run(me)).expect(spare);
        let mut accept = main.build(&STACKS).name("accept").spawn(move |me| serve::accept(me, net)).expect(spare);
        let mut clock = main.build(&STACKS).name("clock").spawn(count_seconds).expect(spare);
        println!("serving");
        select(main, (END.setting(), network.joining(), accept.joining(), clock.joining()))
    });
    if !matches!(ran, Ok(Ok(Chosen4::First(())))) {
        panic!("the network, accept or clock has ended: {ran:?}");
    }
    let closed = net.end();
    println!("ended, {} of {CONNECTIONS} stacks free, {closed} of {SOCKETS} sockets closed", serve::STACKS.free());
    board::power_off()
}

/// Computes the rate of requests, once a second.
fn count_seconds(me: &Task) -> Result {
    let mut second = me.interval(Duration::from_secs(1));
    loop {
        let missed = second.tick(me)?;
        tally::end_of_interval(missed + 1);
    }
}
