//! Random programs, the simulation of the hub's rules, and what runs a program on the hub.

mod channels;
mod joins;
mod locks;
mod log;
mod operations;
pub(crate) mod program;
pub(crate) mod real;
mod select;
pub(crate) mod state;
mod tasks;
mod turns;
