//! Who a greenlet is, in words: for panic handlers, fault handlers and `Debug`.

use crate::records::block::BlockPtr;
use crate::records::here::reported_core;
use core::fmt;

/// A greenlet's number and name, apart from the greenlet.
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

/// The greenlet that runs, for a report: a panic handler's, or a fault handler's. `None` outside [`Tree::enter`].
///
/// Code that was handed a greenlet asks that instead, without `unsafe`: [`Greenlet::current`].
///
/// # Safety
///
/// Called on the core that entered the tree, if one is entered: from its code, or from a handler that interrupts it. On
/// another core, or in another thread of a hosted program, the greenlet could be freed meanwhile.
///
/// [`Tree::enter`]: crate::Tree::enter
/// [`Greenlet::current`]: crate::Greenlet::current
///
/// ```
/// # use greenlet::{StackPool, Tree};
/// # static STACKS: StackPool<1, 8192> = StackPool::new();
/// # static TREE: Tree<u32> = Tree::new();
/// fn report() -> String {
///     // SAFETY: this program has one thread.
///     unsafe { greenlet::current_report() }.map_or("nobody".into(), |who| who.to_string())
/// }
/// assert_eq!(report(), "nobody");
/// TREE.enter(|main| {
///     assert_eq!(report(), "main greenlet");
///     let g = main.build(&STACKS).name("parser").spawn(|_, _| { assert_eq!(report(), "greenlet 1 \"parser\""); Ok(0) });
///     g.unwrap().switch(0).unwrap();
/// }).unwrap();
/// ```
#[must_use]
pub unsafe fn current_report() -> Option<Identity> {
    let current = reported_core()?.current_ptr();
    // SAFETY: inside `enter` the current greenlet exists, and the caller is on its core.
    (!current.is_null()).then(|| unsafe { BlockPtr::new(current) }.identity())
}
