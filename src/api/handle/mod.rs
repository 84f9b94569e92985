//! The methods of [`Greenlet`](crate::Greenlet).

mod census;
mod family;
mod query;
mod send;
mod weak;

pub use query::State;
pub use weak::WeakGreenlet;
