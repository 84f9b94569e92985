//! Cortex-M, with Thumb-2 (v7-M, v7E-M and the mainline of v8-M) or Thumb-1 (v6-M), bare, in privileged thread mode;
//! and Armv7-A, in Arm state (A32), bare, in a privileged mode. AAPCS with and without floating-point registers; for
//! A32 without.

#[cfg(feature = "watchpoint")]
compile_error!(
    "greenlet's feature `watchpoint` is not implemented for 32-bit Arm; leave it out. The canary band detects overflows, \
     and a region of the memory protection unit below a stack (`GuardedStackPool`) stops them"
);

#[cfg(feature = "fp-control")]
compile_error!(
    "greenlet's feature `fp-control` is not implemented for 32-bit Arm; leave it out. A greenlet that changes FPSCR \
     restores it before it switches"
);

#[cfg(all(feature = "cores", not(target_has_atomic = "64")))]
compile_error!(
    "greenlet's feature `cores` needs atomics of 64 bits, which a Cortex-M does not have; leave it out: the trees of \
     such a program are all on one core"
);

// A clobber of d8 to d15 does not compile for a soft-float target, and one of q4 to q7 is ignored without NEON.
#[cfg(all(a32, target_abi = "eabihf"))]
compile_error!(
    "greenlet's switch for Armv7-A does not keep registers of floating point, in which code for `eabihf` keeps values; \
     build for `armv7a-none-eabi`"
);

#[macro_use]
mod lines;
#[macro_use]
#[cfg(not(any(thumb_1, a32)))]
mod limit;
#[cfg_attr(a32, path = "cpu_a32.rs")]
mod cpu;
#[cfg_attr(thumb_1, path = "thumb_1.rs")]
#[cfg_attr(a32, path = "a32.rs")]
mod switch;
mod trampoline;
