//! Hosted, with `std`: every thread is a core of its own.

use super::Here;
use core::ptr;
use std::thread_local;

thread_local! {
    static THREAD: Here = const { Here::new() };
    static EXIT: Exit = const { Exit };
}

/// Dropped when the thread ends: by `process::exit`, if a tree is entered.
struct Exit;

impl Drop for Exit {
    fn drop(&mut self) {
        thread().exit();
    }
}

/// From the first call on, [`Here::exit`] is called when the thread ends, before the values of thread-locals are dropped that were used
/// earlier. Those that are first used later are dropped before that.
pub(super) fn notice_exit() {
    // Gone already: the destructor of a thread-local enters a tree, and no other is in progress.
    let _registered = EXIT.try_with(|_exit| ());
}

/// The record of this thread.
#[inline(always)]
fn thread() -> &'static Here {
    // SAFETY: the record has no destructor, so that it lives as long as its thread. It never leaves that: what is `'static`
    // here is used at once, by code of a greenlet, which stays on its thread, and is asked for again after every switch.
    THREAD.with(|here| unsafe { &*ptr::from_ref(here) })
}

/// The record of the core that this code runs on.
pub(crate) fn this_core() -> Option<&'static Here> {
    Some(thread())
}

/// The same, for a report from a handler.
pub(crate) fn reported_core() -> Option<&'static Here> {
    Some(thread())
}

/// How a control block finds its core's record: who holds it is on the right thread.
#[derive(Clone, Copy)]
pub(crate) struct Link;

impl Link {
    pub(crate) fn to(_here: &'static Here) -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn here(self) -> &'static Here {
        thread()
    }
}
