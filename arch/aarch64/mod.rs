//! aarch64, little-endian: AAPCS64, hosted and bare, with and without floating-point registers.

#[macro_use]
mod control;
mod cpu;
#[cfg(bare)]
mod mpidr;
mod switch;
mod trampoline;

#[cfg(bare)]
pub use mpidr::Mpidr;
