//! A future that is polled by hand, without an executor: the least that `async` can be.

use core::cell::Cell;
use core::hint::black_box;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};

/// Runs with a function that polls a future so many times. The future finds a number in a cell, leaves the next one
/// there, and is pending. It is hidden from the optimizer at each poll, as the partners of other peers are.
///
/// # Panics
///
/// When the future ends, which it does not.
pub fn with_future<R>(run: impl FnOnce(&mut dyn FnMut(u64) -> u64) -> R) -> R {
    let cell = &Cell::new(0);
    let mut future: Pin<&mut dyn Future<Output = ()>> = pin!(async move {
        loop {
            cell.set(cell.get() + 1);
            Pause { is_over: false }.await;
        }
    });
    let mut context = Context::from_waker(Waker::noop());
    let mut value = 0;
    run(&mut |trips| {
        for _ in 0..trips {
            cell.set(value);
            let polled = black_box(&mut future).as_mut().poll(&mut context);
            assert!(polled.is_pending(), "the future has ended");
            value = cell.get();
        }
        value
    })
}

/// Is pending once.
struct Pause {
    is_over: bool,
}

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if core::mem::replace(&mut self.is_over, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}
