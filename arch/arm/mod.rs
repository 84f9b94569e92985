//! Cortex-M, with Thumb-2 (v7-M, v7E-M and the mainline of v8-M) or Thumb-1 (v6-M). AAPCS with and without
//! floating-point registers. Bare, in privileged thread mode.

#[cfg(feature = "watchpoint")]
compile_error!(
    "greenlet's feature `watchpoint` is not implemented for Cortex-M; leave it out. The canary band detects overflows, \
     and a region of the memory protection unit below a stack (`GuardedStackPool`) stops them"
);

#[cfg(feature = "fp-control")]
compile_error!(
    "greenlet's feature `fp-control` is not implemented for Cortex-M; leave it out. A greenlet that changes FPSCR \
     restores it before it switches"
);

#[cfg(all(feature = "cores", not(target_has_atomic = "64")))]
compile_error!(
    "greenlet's feature `cores` needs atomics of 64 bits, which a Cortex-M does not have; leave it out: the trees of \
     such a program are all on one core"
);

#[macro_use]
mod lines;
#[macro_use]
#[cfg(not(thumb_1))]
mod limit;
mod cpu;
#[cfg_attr(thumb_1, path = "thumb_1.rs")]
mod switch;
mod trampoline;
