// Markdown uses the first definition of a link: in rustdoc this one, to the crate; in the file the one to its README.
#![doc = "[`greenlet`]: ::greenlet"]
#![doc = include_str!("../README.md")]
#![allow(clippy::needless_doctest_main, reason = "the README shows whole programs")]
#![no_std]

#[cfg(feature = "std")]
extern crate std;

mod awaits;
#[cfg(feature = "std")]
mod host;
mod hub;
#[cfg(target_os = "none")]
mod idle;
mod inbox;
mod join;
mod node;
mod platform;
mod ready;
mod remote_task;
mod report;
mod schedule;
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
mod waits;
mod waker;
mod what;

pub use awaits::Await;
#[cfg(feature = "std")]
pub use host::Threads;
pub use hub::{Hub, RunError};
#[cfg(target_os = "none")]
pub use idle::sleep_if;
pub use join::JoinHandle;
pub use platform::Platform;
pub use remote_task::RemoteTask;
pub use report::Report;
pub use signal::Signal;
pub use spawn::{SpawnError, TaskBuilder};
pub use stackful::Stackful;
pub use stop::{Refusal, Stop, TimeoutScope};
pub use task::{MainTask, Task};
pub use time::{Instant, Interval};
pub use waits::Waits;
