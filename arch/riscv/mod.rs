//! RISC-V, 64-bit and 32-bit: the ABIs LP64 and ILP32, with and without floating-point registers; bare, in machine mode.

#[cfg(feature = "watchpoint")]
compile_error!(
    "greenlet's feature `watchpoint` is not implemented for RISC-V; leave it out. The canary band detects overflows, and \
     pages that physical memory protection closes (`GuardedStackPool`) stop them"
);

#[macro_use]
mod control;
#[macro_use]
mod lines;
mod cpu;
mod switch;
mod trampoline;
