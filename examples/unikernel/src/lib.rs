//! The parts of the server that need no machine: HTTP, and the text of the pages.

#![no_std]

pub mod escape;
pub mod http;
