//! The kernel [`greenlet`] for C and C++: each function of `include/greenlet.h` and
//! `include/greenlet_hub.h`, which document them.
//!
//! Firmware in C links the archive of this crate; firmware that has Rust parts of its own depends on this crate, since
//! two archives of Rust code do not link together. The README has the commands for both.
//!
//! | module | contents |
//! |---|---|
//! | `handle` | what C calls `greenlet`: a control block, counted by `greenlet_ref` and `greenlet_unref` |
//! | `outcome` | `greenlet_result`, and the kinds of it |
//! | `tree` | `greenlet_enter`, the hooks, the current greenlet |
//! | `body` | `greenlet_spawn`: a C function as the body of a greenlet |
//! | `transfer` | switch, up, throw, kill, cancel |
//! | `in_place` | switch and up where the header has assembly for them
//! | `query` | state, name, parent, all greenlets of the tree |
//! | `remote` | tokens: weak handles, requests from interrupt handlers |
//! | `trace` | the tracer |
//! | `hub` | `include/greenlet_hub.h`: tasks, signals, channels |
//! | `text` | texts of C programs |
//! | `version` | the number of the interface, the sizes of its structs, texts for its kinds |
//! | `panic_handler` | what a panic calls in the archive |
//!
//! # Safety of the functions
//!
//! A C function cannot be called wrongly in only one way that a compiler sees, so each is `unsafe` and states the
//! contract in a word or two. Everywhere the following holds:
//!
//! - A *handle* is null, or a `greenlet *` that this crate made and that the caller has a reference to: one that
//!   `greenlet_unref` was not called for, or a borrow whose greenlet exists. Null is refused, with `GREENLET_NULL`.
//! - Handles are used on the thread or core that entered the tree, and not in interrupt handlers.
//! - Other pointers are null where the header allows it, or valid for the time that the header states.
//! - A function of the program returns: no `longjmp` and no C++ exception leaves it.

#![no_std]

pub mod body;
pub mod handle;
#[cfg(target_has_atomic = "ptr")]
pub mod hub;
#[cfg(all(not(miri), target_arch = "x86_64", target_os = "linux"))]
pub mod in_place;
pub mod outcome;
#[cfg(feature = "panic-handler")]
mod panic_handler;
pub mod query;
pub mod remote;
mod text;
pub mod trace;
pub mod transfer;
pub mod tree;
pub mod version;
