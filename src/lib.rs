// Markdown uses the first definition of a link. So in rustdoc the links of `links.md`, to pages of this crate, replace
// those at the end of each document, which are paths for readers of the files.
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

mod api;
mod kernel;
mod records;

#[cfg(feature = "abandon")]
pub use api::abandon::AbandonError;
pub use api::builder::Builder;
pub use api::claimed::Claimed;
pub use api::core_identity::CoreIdentity;
#[cfg(bare)]
pub use api::core_identity::SingleCore;
pub use api::handle::{State, WeakGreenlet};
#[cfg(feature = "high-water")]
pub use api::high_water::deepest_stack;
pub use api::local::{AnyContext, Context, ContextPool, GreenletLocal, LocalError};
#[cfg(feature = "alloc")]
pub use api::pools::HeapStacks;
pub use api::pools::{Byte, StackRegion, TooSmall};
pub use api::pools::{Guarded, Layout, Placed, Plain};
pub use api::pools::{GuardedStackPool, SharedStackPool, StackPool, Stacks};
#[doc(hidden)]
pub use api::pools::{Inline, RawStacks, StackMemory};
#[cfg(feature = "abandon")]
pub use api::reclaim::ReclaimError;
pub use api::remote::{Gone, RemoteGreenlet};
#[cfg(feature = "std")]
pub use api::report::name_panics;
pub use api::report::{current_report, stack_of};
pub use api::report_all::report_all;
#[cfg(feature = "defmt")]
pub use api::trace::DefmtTrace;
#[cfg(feature = "recorder")]
pub use api::trace::{Record, Recorder, RecorderBusy};
#[cfg(feature = "watchpoint")]
pub use api::watch::watch_stacks;
#[allow(unused_imports, unreachable_pub, reason = "empty for an instruction set that has no item of its own")]
pub use arch::exports::*;
pub use kernel::handle::Greenlet;
pub use kernel::me::{Main, Me};
pub use kernel::overflow::Overflow;
pub use kernel::thrown::{Outcome, Sent, Thrown};
pub use kernel::trace::{Event, Trace, Tracer};
#[cfg(not(miri))]
#[doc(hidden)]
pub use kernel::transfer::foreign;
pub use kernel::tree::Tree;
pub use records::errors::{EnterError, ParentError, Refused, RunError, SpawnError};
pub use records::identity::Identity;
pub use records::refusal::Refusal;
pub use records::stack::Stack;
