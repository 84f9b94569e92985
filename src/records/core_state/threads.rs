//! Hosted, with the feature `std`: every thread counts as a core.

use super::Core;
use core::ptr;
use std::thread_local;

thread_local! {
    static THREAD: Core = const { Core::new() };
    static EXIT: Exit = const { Exit };
}

/// Dropped when its thread ends. If a tree is entered then, the thread ends because it called `process::exit`; or the
/// tree was entered in a coroutine of another crate, which was suspended and forgotten.
struct Exit;

impl Drop for Exit {
    fn drop(&mut self) {
        thread().exit();
    }
}

/// Registers [`Exit`] for this thread: from the first call on, [`Core::exit`] is called when the thread ends. That is
/// before the thread-locals are dropped that were used earlier than this call, and after those that were first used
/// later.
pub(super) fn notice_exit() {
    // An error means that `EXIT` was dropped already, and a thread-local's destructor enters a tree. Then no other tree
    // is entered.
    let _registered = EXIT.try_with(|_exit| ());
}

/// The record of this thread.
#[inline(always)]
fn thread() -> &'static Core {
    // SAFETY: the record has no destructor, so it is valid until its thread ends. The `'static` reference does not
    // leave the thread: code of a greenlet uses it at once, stays on its thread, and gets it anew after every switch.
    THREAD.with(|core| unsafe { &*ptr::from_ref(core) })
}

/// The record of this thread. There are no interrupt handlers to exclude.
pub(crate) fn this_core() -> Option<&'static Core> {
    Some(thread())
}

/// The record of this thread, for reports.
pub(crate) fn reported_core() -> Option<&'static Core> {
    Some(thread())
}

/// How a control block refers to the record of its core: code that uses a block is on the block's thread, so this needs
/// no data.
#[derive(Clone, Copy)]
pub(crate) struct Link;

impl Link {
    pub(crate) fn to(_core: &'static Core) -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn record(self) -> &'static Core {
        thread()
    }
}
