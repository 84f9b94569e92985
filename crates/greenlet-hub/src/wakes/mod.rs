//! What handlers and other cores share with a hub: atomics alone. `qemu-tests/models` compiles these files as they are, with
//! a scheduler's atomics, and looks for an order of steps that loses a wake.

pub(crate) mod bell;
pub(crate) mod ring;
pub(crate) mod waiter;
