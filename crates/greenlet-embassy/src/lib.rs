// Markdown uses the first definition of a link: in rustdoc this one, to the crate; in the file the one to its README.
#![doc = "[`greenlet-hub`]: ::greenlet_hub"]
#![doc = include_str!("../README.md")]
#![allow(clippy::needless_doctest_main, reason = "the README shows whole programs")]
#![no_std]

mod executor;
mod queue;
mod time;

pub use embassy_time_driver::time_driver_impl;
pub use executor::Executor;
pub use time::TimeDriver;
