// Markdown uses the first definition of a link: in rustdoc this one, to the crate; in the file the one to its README.
#![doc = "[`greenlet`]: ::greenlet"]
#![doc = include_str!("../README.md")]
#![allow(clippy::needless_doctest_main, reason = "the README shows whole programs")]
#![no_std]
#![forbid(unsafe_code)]

mod cell;
mod channel;
mod debug;
mod me;
mod number;
mod queue;
mod raised;
mod record;
mod scheduler;
mod spawn;
mod state;
mod tasklet;

pub use channel::{Channel, Iter, Preference};
pub use me::Me;
pub use raised::{Raised, Refusal, SpawnError};
pub use scheduler::Scheduler;
pub use tasklet::Tasklet;
