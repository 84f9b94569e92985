//! `exit` inside of a callback, while a thread-local holds the last handle to a greenlet that waits: its destructor
//! drops that, so that a greenlet is ended inside of the callback, inside of `exit`.

use super::callbacks::CALLBACKS;
use super::{ACT, LAST, prepare};
use crate::values::Handle;
use crate::world::tree;
use std::cell::RefCell;
use std::thread_local;

thread_local! {
    static KEPT: RefCell<Option<Handle>> = const { RefCell::new(None) };
}

/// Ends the program with the status 70, in the callback of that name.
///
/// # Panics
///
/// When there is none.
pub fn exit_inside(name: &str) {
    let callback = CALLBACKS.iter().find(|callback| callback.name == name).expect("a name of `callbacks`");
    tree(|main| {
        prepare(main);
        ACT.set(|| {
            KEPT.set(LAST.take());
            std::process::exit(70)
        });
        (callback.fire)(main);
    });
}
