//! Steps: the debug monitor of a Cortex-M has them, and QEMU's does not.

/// Refuses.
///
/// # Panics
///
/// Always.
pub(crate) fn start() {
    panic!("this machine has no steps: sweep `raise_after` over the instructions instead");
}

/// Nothing: there are no steps.
pub(crate) fn stop() {}
