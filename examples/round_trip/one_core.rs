//! The core identity of an example, which runs on one thread.

struct OneCore;

// SAFETY: this program has one thread, and no handler of signals.
unsafe impl greenlet::CoreIdentity for OneCore {
    fn number() -> usize {
        0
    }

    fn in_handler() -> bool {
        false
    }
}

greenlet::core_identity!(OneCore);
