//! Data that a program attaches to greenlets: greenlet-local values, and contexts, which greenlets may share.

mod any_context;
mod context;
mod value;

pub use any_context::AnyContext;
pub use context::{Context, ContextPool};
pub use value::{GreenletLocal, LocalError};
