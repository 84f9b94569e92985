//! The limit of the process stack: the register PSPLIM, which v8-M has. All contexts of a core share it, or, with the
//! feature `stack-limit`, each context has its own: a greenlet the floor of its stack, main what it entered the tree
//! with.
//!
//! An instruction that would move sp below the limit is a usage fault (CFSR.STKOF), and neither moves it nor stores. So
//! is a store of the processor's own, of the frame of an exception: it leaves sp at the limit (Armv8-M, B3.21). Loads
//! and stores by other registers are not checked.

/// Lines of a switch that set sp to r4 and the limit to that of `to`, in r2, by way of r1. The limit lies behind the
/// five words from the saved sp on.
///
/// There is none in between: an interrupt that comes then is checked, too, and either limit may be above the other
/// stack.
#[cfg(stack_limit)]
macro_rules! to_stack {
    () => {
        "movs r1, #0
         msr psplim, r1
         mov sp, r4
         ldr r1, [r2, #{SP} + 20]
         msr psplim, r1"
    };
}

#[cfg(stack_limit)]
const _: () = assert!(crate::arch::offset::LIMIT == crate::arch::offset::SP + 20, "the lines above expect it there");

/// Lines that leave sp without a limit, by way of r4.
#[cfg(stack_limit)]
macro_rules! no_limit {
    () => {
        "movs r4, #0
         msr psplim, r4"
    };
}

/// The limit belongs to the core.
#[cfg(not(stack_limit))]
macro_rules! to_stack {
    () => {
        "mov sp, r4"
    };
}

/// No line.
#[cfg(not(stack_limit))]
macro_rules! no_limit {
    () => {
        ""
    };
}
