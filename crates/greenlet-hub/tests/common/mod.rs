//! What the tests of this crate share. No test file uses all of it.
#![allow(dead_code, unused_macros, reason = "each test file uses a part")]

use greenlet_hub::{Event, Stop, Task};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

pub(crate) const MS: Duration = Duration::from_millis(1);

/// What happened, in order.
pub(crate) type Log = Rc<RefCell<Vec<String>>>;

pub(crate) fn log() -> Log {
    Rc::default()
}

/// Waits on an event that is never set, despite kills; then catches the kernel's exits, and does not end.
pub(crate) fn refuse_to_end<E: 'static>(me: &Task<(), E>) -> Result<(), Stop<E>> {
    // Not a static: one belongs to one hub at a time, and the tests of a file run beside each other.
    let never = Event::new();
    let _killed = me.shield(|| never.wait(me));
    let main = me.greenlet().parent().unwrap().downgrade();
    loop {
        let _exit = main.switch(());
    }
}

/// Adds a line to a log.
#[macro_export]
macro_rules! say {
    ($log:expr, $($text:tt)*) => { $log.borrow_mut().push(format!($($text)*)) }
}

/// Declares a hub of eight tasks, and stacks for them.
#[macro_export]
macro_rules! hub {
    ($hub:ident, $stacks:ident) => {
        static PLATFORM: greenlet_hub::Threads = greenlet_hub::Threads::new();
        static $hub: greenlet_hub::Hub<8> = greenlet_hub::Hub::new(&PLATFORM);
        #[allow(dead_code, reason = "some tests need no task")]
        static $stacks: greenlet::StackPool<8, 65536> = greenlet::StackPool::new();
    };
}
