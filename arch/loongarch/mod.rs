//! LoongArch, 64-bit: the ABIs LP64D and LP64S; bare, at the privilege level PLV0.

#[cfg(feature = "watchpoint")]
compile_error!(
    "greenlet's feature `watchpoint` is not implemented for LoongArch; leave it out. The canary band detects overflows"
);

#[cfg(feature = "fp-control")]
compile_error!(
    "greenlet's feature `fp-control` is not implemented for LoongArch; leave it out. A greenlet that changes the \
     rounding mode in fcsr restores it before it switches"
);

#[cfg(feature = "abandon")]
compile_error!(
    "greenlet's feature `abandon` is not implemented for LoongArch; leave it out. What a fault handler has to restore \
     there is not checked yet"
);

#[cfg(feature = "cores")]
compile_error!(
    "greenlet's feature `cores` was not tried on LoongArch; leave it out: the trees of a program are all on one core"
);

mod cpu;
mod switch;
mod trampoline;
