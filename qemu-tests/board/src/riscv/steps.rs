//! Steps: machine mode has none. A RISC-V processor steps for a debugger outside of it, and the trigger that counts
//! instructions is not in QEMU's.

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
