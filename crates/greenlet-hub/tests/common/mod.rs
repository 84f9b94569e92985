//! What the tests of this crate share. No test file uses all of it.
#![allow(dead_code, unused_imports, unused_macros, reason = "each test file uses a part")]

#[cfg(feature = "std")]
pub(crate) use greenlet_hub::Threads;
use greenlet_hub::{Event, Stop, Task};
#[cfg(not(feature = "std"))]
pub(crate) use jumps::Threads;
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
        static PLATFORM: $crate::common::Threads = $crate::common::Threads::new();
        static $hub: greenlet_hub::Hub<8> = greenlet_hub::Hub::new(&PLATFORM);
        #[allow(dead_code, reason = "some tests need no task")]
        static $stacks: greenlet::StackPool<8, 65536> = greenlet::StackPool::new();
    };
}

/// Stands for `Threads` under Miri, where each task has a thread of its own: a clock that jumps to the alarm when the hub sleeps.
#[cfg(not(feature = "std"))]
mod jumps {
    use greenlet_hub::Platform;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    pub(crate) struct Threads {
        now: AtomicU64,
        alarm: AtomicU64,
    }

    impl Threads {
        pub(crate) const fn new() -> Self {
            Self { now: AtomicU64::new(0), alarm: AtomicU64::new(0) }
        }
    }

    impl Platform for Threads {
        fn now(&self) -> u64 {
            self.now.load(Relaxed)
        }

        fn hertz(&self) -> u32 {
            1_000_000_000
        }

        fn arm(&self, at: Option<u64>) {
            self.alarm.store(at.expect("a timer, or the hub sleeps for ever"), Relaxed);
        }

        fn idle(&self, sleep: &mut dyn FnMut() -> bool) {
            if sleep() {
                self.now.fetch_max(self.alarm.load(Relaxed), Relaxed);
            }
        }
    }
}
