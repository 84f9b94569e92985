//! RISC-V, 64-bit and 32-bit: the ABIs LP64 and ILP32, with and without floating-point registers; bare, in machine
//! mode.

#[cfg(feature = "watchpoint")]
compile_error!(
    "greenlet's feature `watchpoint` is not implemented for RISC-V; leave it out. The canary band detects overflows, and \
     pages that physical memory protection closes (`GuardedStackPool`) stop them"
);

#[cfg(all(feature = "cores", not(target_has_atomic = "64")))]
compile_error!(
    "greenlet's feature `cores` needs atomics of 64 bits, which a 32-bit RISC-V processor does not have; leave it out: \
     the trees of such a program are all on one core"
);

#[macro_use]
mod control;
#[macro_use]
mod lines;
mod cpu;
mod switch;
mod trampoline;
