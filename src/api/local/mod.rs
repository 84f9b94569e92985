//! What a program keeps for each greenlet: values of its own, and the context that greenlets may share.

mod any_context;
mod context;
mod value;

pub use any_context::AnyContext;
pub use context::{Context, ContextPool};
pub use value::{GreenletLocal, LocalError};
