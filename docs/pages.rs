#![doc = include_str!("links.md")]
//! The documents of the repository as pages, and the words of the project in [glossary.md].
//!
//! # Files of the repository
//!
//! These are not pages, because they concern the repository alone or have plots: `CONTRIBUTING.md`,
//! `docs/performance.md`, `crates/greenlet-c`, `crates/greenlet-hub`, `crates/greenlet-tasklets` and `qemu-tests`.

#[doc = include_str!("links.md")]
#[doc = include_str!("../CHANGELOG.md")]
pub mod changelog {}
#[doc = include_str!("links.md")]
#[doc = include_str!("containment.md")]
pub mod containment {}
#[doc = include_str!("links.md")]
#[doc = include_str!("costs.md")]
pub mod costs {}
#[doc = include_str!("links.md")]
#[doc = include_str!("debugging.md")]
#[doc = "\n## The picture `timeline.svg`\n"]
#[doc = include_str!("timeline.svg")]
pub mod debugging {}
#[doc = include_str!("links.md")]
#[doc = include_str!("design.md")]
pub mod design {}
#[doc = include_str!("links.md")]
#[doc = include_str!("embedding.md")]
pub mod embedding {}
#[doc = include_str!("links.md")]
#[doc = include_str!("firmware.md")]
pub mod firmware {}
#[doc = include_str!("links.md")]
#[doc = include_str!("glossary.md")]
pub mod glossary {}
#[doc = include_str!("links.md")]
#[doc = include_str!("greenlet.md")]
pub mod greenlet {}
#[doc = include_str!("links.md")]
#[doc = include_str!("hub.md")]
pub mod hub {}
#[doc = include_str!("links.md")]
#[doc = include_str!("limits.md")]
pub mod limits {}
#[doc = include_str!("links.md")]
#[doc = include_str!("porting.md")]
pub mod porting {}
#[doc = include_str!("links.md")]
#[doc = include_str!("registers.md")]
pub mod registers {}
#[doc = include_str!("links.md")]
#[doc = include_str!("reentry.md")]
pub mod reentry {}
#[doc = include_str!("links.md")]
#[doc = include_str!("reliability.md")]
pub mod reliability {}
#[doc = include_str!("links.md")]
#[doc = include_str!("semantics.md")]
pub mod semantics {}
#[doc = include_str!("links.md")]
#[doc = include_str!("size.md")]
pub mod size {}
#[doc = include_str!("links.md")]
#[doc = include_str!("soundness.md")]
pub mod soundness {}
#[doc = include_str!("links.md")]
#[doc = include_str!("soundness-hub.md")]
pub mod soundness_hub {}
#[doc = include_str!("links.md")]
#[doc = include_str!("stack-sizing.md")]
pub mod stack_sizing {}
#[doc = include_str!("links.md")]
#[doc = include_str!("stackless.md")]
pub mod stackless {}
#[doc = include_str!("links.md")]
#[doc = include_str!("targets.md")]
pub mod targets {}
#[doc = include_str!("links.md")]
#[doc = include_str!("unikernel.md")]
#[doc = "\n## The plot `unikernel.svg`\n"]
#[doc = include_str!("unikernel.svg")]
pub mod unikernel {}
