//! One core, and no handlers.

struct OneCore;

// SAFETY: the machine has one core, and nothing that interrupts it.
unsafe impl greenlet::CoreIdentity for OneCore {
    fn number() -> usize {
        0
    }

    fn in_handler() -> bool {
        false
    }
}

greenlet::core_identity!(OneCore);
