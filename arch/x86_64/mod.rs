//! x86_64: the System V ABI, hosted and bare; and UEFI, which has the C ABI of Microsoft.

#[macro_use]
mod control;
mod cpu;
mod switch;
mod trampoline;
