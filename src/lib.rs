// The first definition of a link counts: rustdoc reads those in `links.md`, which lead to pages of the crate, before those at the end of
// a document, which are paths for a reader of the files.
#![doc = include_str!("../docs/links.md")]
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![allow(clippy::needless_doctest_main, reason = "the README shows whole programs")]
#![no_std]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[path = "../arch/mod.rs"]
mod arch;

#[cfg(doc)]
#[path = "../docs/pages.rs"]
pub mod docs;

#[cfg(feature = "abandon")]
mod abandon;
mod block;
mod body;
mod builder;
#[cfg(feature = "abandon")]
mod busy;
mod claimed;
mod core_identity;
mod debug;
mod errors;
mod handle;
mod here;
#[cfg(feature = "high-water")]
mod high_water;
mod identity;
mod local;
mod mail;
mod me;
mod overflow;
mod panic;
mod pool;
mod references;
mod remote;
mod sync;
mod thrown;
mod trace;
mod transfer;
mod tree;
#[cfg(feature = "watchpoint")]
mod watch;

#[cfg(feature = "abandon")]
pub use abandon::AbandonError;
#[cfg(all(bare, target_arch = "aarch64"))]
pub use arch::Mpidr;
pub use builder::Builder;
pub use claimed::Claimed;
pub use core_identity::CoreIdentity;
#[cfg(bare)]
pub use core_identity::SingleCore;
pub use errors::{EnterError, ParentError, Refused, RunError, SpawnError};
pub use handle::{Greenlet, Stack, State, WeakGreenlet};
#[cfg(feature = "high-water")]
pub use high_water::deepest_stack;
pub use identity::{Identity, current_report};
pub use local::{AnyContext, Context, ContextPool, GreenletLocal, LocalError};
pub use me::{Main, Me};
pub use overflow::{Overflow, stack_of};
#[cfg(feature = "alloc")]
pub use pool::HeapStacks;
pub use pool::{Byte, StackRegion, TooSmall};
pub use pool::{Guarded, Layout, Placed, Plain};
pub use pool::{GuardedStackPool, SharedStackPool, StackPool, Stacks};
#[doc(hidden)]
pub use pool::{Inline, StackMemory};
pub use remote::{Gone, RemoteGreenlet};
pub use thrown::{Outcome, Refusal, Sent, Thrown};
#[cfg(feature = "defmt")]
pub use trace::DefmtTrace;
pub use trace::{Event, Trace, Tracer};
#[cfg(feature = "recorder")]
pub use trace::{Record, Recorder, RecorderBusy};
pub use tree::Tree;
#[cfg(feature = "watchpoint")]
pub use watch::watch_stacks;
