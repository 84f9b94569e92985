// Markdown uses the first definition of a link. In rustdoc that is this one, to the crate; in the README as a file it
// is the one at its end.
#![doc = "[`greenlet`]: ::greenlet"]
#![doc = include_str!("../README.md")]
#![allow(clippy::needless_doctest_main, reason = "the README shows whole programs")]
#![no_std]

#[cfg(feature = "std")]
extern crate std;

#[cfg(not(target_has_atomic = "ptr"))]
compile_error!(
    "greenlet-hub needs compare-and-swap, which this target does not have: wakes come from interrupts. On Armv6-M, and on RISC-V \
     without the extension A, use `greenlet` and `greenlet-tasklets`, which do without"
);

#[cfg(all(feature = "recorder", target_has_atomic = "ptr", not(target_has_atomic = "64")))]
compile_error!(
    "the feature `recorder` of greenlet-hub needs atomics of 64 bits, which this target does not have: a wake notes its time and its \
     place in one. Leave the feature out"
);

#[cfg(all(feature = "abandon", target_arch = "arm", not(target_has_atomic = "64")))]
compile_error!("the feature `abandon` of greenlet-hub was not tried on Cortex-M: leave it out");

#[cfg(target_arch = "loongarch64")]
compile_error!(
    "greenlet-hub does not run on LoongArch: it sleeps with interrupts masked, and whether `idle` ends then was not tried. \
     Use `greenlet` and `greenlet-tasklets` there"
);

mod atomics;
mod awaits;
mod bounded;
mod channel;
mod condition;
mod debug;
mod event;
mod futures;
#[cfg(feature = "abandon")]
mod given_up;
#[cfg_attr(not(feature = "recorder"), path = "no_history.rs")]
mod history;
#[cfg(feature = "std")]
mod host;
mod hub;
#[cfg(target_os = "none")]
mod idle;
mod join;
#[cfg(doctest)]
mod misuse;
mod mutex;
#[cfg(not(feature = "abandon"))]
mod never_given_up;
mod node;
mod owner;
mod panics;
mod platform;
mod raw;
mod ready;
#[cfg(feature = "recorder")]
mod recorder;
mod remote;
mod remote_task;
mod report;
mod room;
mod schedule;
mod scope;
mod select;
mod semaphore;
mod signal;
mod slot;
mod spawn;
mod stackful;
mod stop;
mod task;
mod time;
mod timeout;
mod timers;
mod wait;
mod waker;
mod wakes;
mod what;

pub use awaits::Await;
pub use bounded::Bounded;
pub use channel::{Channel, Preference};
pub use condition::Condition;
pub use event::Event;
pub use futures::Waits;
#[cfg(feature = "std")]
pub use host::Threads;
pub use hub::{Hub, RunError};
#[cfg(target_os = "none")]
pub use idle::sleep_if;
pub use join::JoinHandle;
pub use mutex::{Guard, Mutex};
pub use platform::Platform;
#[doc(hidden)]
pub use raw::{RawHub, zeros_are_new};
#[cfg(feature = "recorder")]
pub use recorder::{Place, Record, Recorder, Step, Trace, WokenBy};
pub use remote::Remote;
pub use remote_task::RemoteTask;
pub use report::{Report, Row};
pub use scope::Scope;
pub use select::{
    Arm, Choices, Chosen2, Chosen3, Chosen4, Chosen5, Chosen6, EventArm, JoinArm, Receive, Send, Sleep, select,
};
pub use semaphore::{Permit, Semaphore};
pub use signal::Signal;
pub use spawn::{SpawnError, TaskBuilder};
pub use stackful::Stackful;
pub use stop::{Refusal, Stop, TimeoutScope};
pub use task::{MainTask, Task};
pub use time::{Instant, Interval};
