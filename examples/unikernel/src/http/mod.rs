//! HTTP/1.1 as a server of small pages needs it, without I/O: the head of a request, and heads of responses.
//!
//! A request is read piece by piece, as its bytes arrive, and only one line of it is kept. So a connection needs little
//! memory, and a client may send as long a head as [`HEAD`] allows.

#[cfg(test)]
mod check;
mod chunks;
mod line;
#[cfg(test)]
mod mutants;
mod request;
mod response;
mod target;
#[cfg(test)]
mod tests;

pub use chunks::Chunks;
pub use request::{HEAD, LINES, Method, PATH, Parser, Request};
pub use response::{Body, Refusal, Status};
