//! The core identity of a program with one thread.

struct OneCore;

// SAFETY: this program has one thread, and no signal handler.
unsafe impl greenlet::CoreIdentity for OneCore {
    fn number() -> usize {
        0
    }

    fn in_handler() -> bool {
        false
    }
}

greenlet::core_identity!(OneCore);
