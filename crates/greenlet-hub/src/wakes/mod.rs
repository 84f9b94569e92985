//! What handlers and other cores share with a hub: atomics alone. `qemu-tests/models` compiles these files unchanged,
//! with the atomics of a test scheduler, which searches for an order of steps that loses a wake.

pub(crate) mod bell;
#[cfg(not(target_has_atomic = "64"))]
pub(crate) mod narrow;
pub(crate) mod ring;
pub(crate) mod waiter;
