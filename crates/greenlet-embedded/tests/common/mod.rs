//! What the tests of this crate share: asynchronous devices that take several polls for everything.

use std::future::{Future, poll_fn};
use std::task::Poll;

/// Is ready at the fourth poll, and wakes itself meanwhile.
pub(crate) fn some_polls() -> impl Future<Output = ()> {
    let mut left = 3;
    poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

/// Declares a hub of four tasks, and stacks for them if there is a name.
#[macro_export]
macro_rules! hub {
    ($hub:ident $(, $stacks:ident)?) => {
        static PLATFORM: greenlet_hub::Threads = greenlet_hub::Threads::new();
        static $hub: greenlet_hub::Hub<4> = greenlet_hub::Hub::new(&PLATFORM);
        $(static $stacks: greenlet::StackPool<4, 65536> = greenlet::StackPool::new();)?
    };
}
