//! A server without an operating system: TCP and HTTP on QEMU's `virt` or microvm, a greenlet for each connection.
//!
//! ```text
//!   board     the machine; all `unsafe` code
//!   net       smoltcp's sockets, and the task that polls them
//!   stream    a connection as a stream with embedded-io's traits
//!   serve     accepting, and the requests of a connection
//!   pages     what is served
//!   tally     what is counted
//!   escape    (in the library) text in pages
//!   http      (in the library) requests and responses, without I/O
//! ```

#![no_std]
#![no_main]

mod board;
mod net;
mod pages;
mod serve;
mod stream;
mod tally;

use board::{CLOCK, println};
use core::fmt;
use core::time::Duration;
use greenlet::StackPool;
use greenlet_hub::Hub;
use net::Net;
use serve::CONNECTIONS;
use static_cell::StaticCell;

/// An error that ends a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The other side has reset the connection, or does not answer.
    Reset,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reset => f.write_str("the other side has reset the connection; connect again"),
        }
    }
}

type Task = greenlet_hub::Task<(), Fault>;
type Stop = greenlet_hub::Stop<Fault>;
type Result<T = (), E = Stop> = core::result::Result<T, E>;

/// The tasks that run as long as the server.
const SERVICES: usize = 3;

static HUB: Hub<{ SERVICES + CONNECTIONS }, (), Fault> = Hub::new(&CLOCK);
static STACKS: StackPool<SERVICES, 8192> = StackPool::new();
static NET: StaticCell<Net> = StaticCell::new();

/// Called by the start-up code, with interrupts unmasked.
fn main() -> ! {
    let net: &'static Net = NET.init(Net::new(80));
    let ran = HUB.run(|main| {
        let spare = "there is a stack for each service";
        let network = main.build(&STACKS).name("network").spawn(move |me| net.run(me)).expect(spare);
        main.build(&STACKS).name("accept").spawn(move |me| serve::accept(me, net)).map(drop).expect(spare);
        main.build(&STACKS).name("clock").spawn(count_seconds).map(drop).expect(spare);
        println!("serving");
        network.join(main)
    });
    panic!("the network has ended: {ran:?}");
}

/// Computes the rate of requests, once a second.
fn count_seconds(me: &Task) -> Result {
    let mut second = me.interval(Duration::from_secs(1));
    loop {
        let missed = second.tick(me)?;
        tally::end_of_interval(missed + 1);
    }
}
