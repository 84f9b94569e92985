//! The peers, a file each.

mod corosensei;
#[cfg(fcontext)]
mod fcontext;
mod generator;
mod greenlet;
mod raw;
pub(crate) mod rtos;
pub(crate) mod stackless;
mod ucontext;
mod wasmtime;

pub(crate) use corosensei::Corosensei;
#[cfg(fcontext)]
pub(crate) use fcontext::Fcontext;
pub(crate) use generator::Generator;
pub(crate) use greenlet::{ByHandle, ByUp, Greenlets};
pub(crate) use raw::Raw;
pub(crate) use ucontext::Ucontext;
pub(crate) use wasmtime::Wasmtime;
