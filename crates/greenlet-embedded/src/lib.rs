// Markdown uses the first definition of a link: in rustdoc this one, to the crate; in the file the one to its README.
#![doc = "[`greenlet-hub`]: ::greenlet_hub"]
#![doc = include_str!("../README.md")]
#![allow(clippy::needless_doctest_main, reason = "the README shows whole programs")]
#![no_std]
#![forbid(unsafe_code)]

mod bridge;
mod error;
mod hal;
mod io;

pub use bridge::{Blocking, Bridge};
pub use error::Error;
