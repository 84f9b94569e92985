//! The name and id of a greenlet, for panic handlers, fault handlers and `Debug`.

use crate::records::block::BlockPtr;
use core::fmt;

/// A copy of a greenlet's id and name, which can outlive the greenlet.
///
/// Displayed as `greenlet 3 "parser"`, `greenlet 3`, or `main greenlet`.
///
/// ```
/// # use greenlet::Identity;
/// let parser = Identity { id: 3, name: Some("parser"), is_main: false };
/// assert_eq!(parser.to_string(), "greenlet 3 \"parser\"");
/// assert_eq!(Identity { name: None, ..parser }.to_string(), "greenlet 3");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// As [`Greenlet::id`](crate::Greenlet::id).
    pub id: u64,
    /// As [`Greenlet::name`](crate::Greenlet::name).
    pub name: Option<&'static str>,
    /// Whether it is a main greenlet.
    pub is_main: bool,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { is_main: true, .. } => f.write_str("main greenlet"),
            Self { id, name: Some(name), .. } => write!(f, "greenlet {id} {name:?}"),
            Self { id, name: None, .. } => write!(f, "greenlet {id}"),
        }
    }
}

impl BlockPtr {
    pub(crate) fn identity(self) -> Identity {
        Identity { id: self.id(), name: self.name.get(), is_main: self.is_main() }
    }
}
