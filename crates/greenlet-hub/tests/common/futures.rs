//! What the tests of greenlets as futures share.
#![allow(dead_code, unused_macros, reason = "each test file uses a part")]

use greenlet::Thrown;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

pub(crate) type Error = Thrown<(), &'static str>;

pub(crate) fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Is ready at the poll after `n` others, and wakes itself meanwhile.
pub(crate) fn after(mut n: u32) -> impl Future<Output = ()> {
    poll_fn(move |context| {
        if n == 0 {
            return Poll::Ready(());
        }
        n -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

/// Counts its drops.
pub(crate) struct Drops(pub(crate) Rc<Cell<u32>>);

impl Drop for Drops {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// Without `std` there is one core, so one tree at a time.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Declares a tree, and `N` stacks.
#[macro_export]
macro_rules! tree {
    ($tree:ident, $stacks:ident, $n:literal) => {
        let _alone = $crate::futures::alone();
        static $tree: greenlet::Tree<()> = greenlet::Tree::new();
        static $stacks: greenlet::StackPool<$n, 65536> = greenlet::StackPool::new();
    };
}
