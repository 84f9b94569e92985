//! Models of what greenlet's cores share. `run`, beside this folder's `Cargo.toml`, runs them.
//!
//! Three things cross cores: the free slots of a shared pool (`src/records/pool/slots.rs`), the free stacks of one that
//! cores take in turn (`src/records/pool/list.rs`), and requests to greenlets of another core (`src/records/mail.rs`),
//! also with the word in halves that 32-bit processors have (`src/records/narrow.rs`).
//! These files are compiled here as they stand, with the atomics of a scheduler in the place of the processor's, and
//! run by a few threads at a time in many different orders of steps.
//!
//! Of the crate `greenlet-hub`: its wakes, the bits of a signal, and the ring of a remote channel (`src/wakes` there),
//! in `hub`.
//!
//! | scheduler | orders | memory |
//! |---|---|---|
//! | shuttle | thousands: random ones, and *PCT*, which finds what few changes of thread at the right places can break | one order of all steps |
//! | Miri | tens, random | weak: a load may find an old value, unless the orderings of the atomics forbid it |
//!
//! Each model is also run with *mutants*, the same files with a known mistake in them (`build.rs` lists them), and must
//! notice.

#![cfg(test)]

mod hub;
mod list;
mod mail;
mod narrow;
mod schedule;
mod slots;

/// What the kernel's files find under this path.
mod records {
    /// What they take their atomics from.
    pub(crate) mod sync {
        #[cfg(not(miri))]
        pub(crate) use shuttle::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
        #[cfg(miri)]
        pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

        pub(crate) use AtomicU64 as Head;
        pub(crate) use AtomicU64 as Word;
        pub(crate) type Bits = u64;
    }

    /// What stands in for the word of a slot on 32-bit processors.
    #[allow(dead_code, unreachable_pub, reason = "the models use its word, and not its counter")]
    pub(crate) mod narrow {
        include!(concat!(env!("OUT_DIR"), "/narrow.rs"));
    }

    /// What the list of stacks needs of a control block.
    pub(crate) mod block {
        use std::cell::Cell;

        pub(crate) struct Block {
            pub(crate) next: Cell<*const Block>,
            /// Stands for the bits of its id: a request to its last greenlet is in a list.
            pub(crate) linked: Cell<bool>,
        }

        impl Default for Block {
            fn default() -> Self {
                Self { next: Cell::new(std::ptr::null()), linked: Cell::new(false) }
            }
        }
    }
}

/// What the list of stacks counts beside.
#[allow(dead_code, unreachable_pub, reason = "the models count nothing there")]
mod tally {
    include!(concat!(env!("OUT_DIR"), "/tally.rs"));
}
