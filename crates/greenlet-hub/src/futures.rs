//! Waiting for futures.

use crate::room;
use crate::stop::Stop;
use crate::task::{MainTask, Task};
use crate::waker::waker;
use crate::what::{Waiting, What};
use core::future::Future;
use core::pin::pin;
use core::ptr;
use core::task::{Context, Poll, Waker};

/// What can wait for a future from ordinary code: a [`Task`], a [`MainTask`], and what other crates add.
///
/// An adaptor that turns an asynchronous driver into a blocking one takes a `Waits`, and so depends on no hub.
///
/// ```
/// use core::future::Future;
/// use greenlet_hub::{Hub, Threads, Waits};
/// fn twice<W: Waits, F: Future<Output = u32>>(waits: &W, mut make: impl FnMut() -> F) -> Result<u32, W::Stop> {
///     Ok(waits.wait(make())? + waits.wait(make())?)
/// }
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// HUB.run(|main| assert_eq!(twice(main, || async { 21 }), Ok(42))).unwrap();
/// ```
pub trait Waits {
    /// Why a wait ends before the future is ready.
    type Stop;

    /// Waits until the future is ready, and returns its output. The future is dropped before this returns.
    ///
    /// # Errors
    ///
    /// A reason to stop. The future is dropped half-way then, which is how futures are cancelled.
    fn wait<F: Future>(&self, future: F) -> Result<F::Output, Self::Stop>;
}

impl<V: Default + 'static, E: 'static> Waits for Task<V, E> {
    type Stop = Stop<E>;

    fn wait<F: Future>(&self, future: F) -> Result<F::Output, Stop<E>> {
        Task::wait(self, future)
    }
}

impl<V: Default + 'static, E: 'static> Waits for MainTask<V, E> {
    type Stop = Stop<E>;

    fn wait<F: Future>(&self, future: F) -> Result<F::Output, Stop<E>> {
        Task::wait(self, future)
    }
}

impl<W: Waits + ?Sized> Waits for &W {
    type Stop = W::Stop;

    fn wait<F: Future>(&self, future: F) -> Result<F::Output, W::Stop> {
        (**self).wait(future)
    }
}

/// # Futures
impl<V: Default + 'static, E: 'static> Task<V, E> {
    /// Waits until the future is ready, and returns its output. Elsewhere this is `block_on`; here other tasks run
    /// meanwhile.
    ///
    /// The future lies in this call's frame, so it needs no allocation and may borrow from the caller. If its `poll`
    /// itself waits in this task, the future is polled again at once, because that wait may have consumed its wake.
    ///
    /// # Errors
    ///
    /// A reason to stop. The future is dropped half-way then, which is how futures are cancelled.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # HUB.run(|main| {
    /// let name = String::from("sensor");
    /// assert_eq!(main.wait(async { name.len() }), Ok(6));
    /// # }).unwrap();
    /// ```
    pub fn wait<F: Future>(&self, future: F) -> Result<F::Output, Stop<E>> {
        self.wait_as(None, future)
    }

    /// [`wait`](Self::wait), with a name for what the future waits for, which reports show.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    /// # HUB.run(|main| {
    /// let bytes = core::future::pending::<u8>(); // of a socket, for instance
    /// let reader = main.build(&STACKS).name("reader").spawn(|me| me.wait_for("bytes", bytes)).unwrap();
    /// main.yield_now().unwrap();
    /// assert_eq!(main.report().to_string(), "  reader     waits for bytes\n");
    /// # reader.kill();
    /// # }).unwrap();
    /// ```
    pub fn wait_for<F: Future>(&self, what: &'static str, future: F) -> Result<F::Output, Stop<E>> {
        self.wait_as(Some(what), future)
    }

    fn wait_as<F: Future>(&self, name: Option<&'static str>, future: F) -> Result<F::Output, Stop<E>> {
        room::probe_for::<(), V, E>();
        let mut future = pin!(future);
        let waker = self.waker();
        let mut context = Context::from_waker(&waker);
        let what = What::named(Waiting::Future, name, ptr::null());
        self.check()?;
        loop {
            let turns = self.slot.schedule().turns();
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Ok(output);
            }
            self.check_seen()?;
            // A wait inside of `poll` may have consumed the wake.
            if self.slot.schedule().turns() == turns {
                self.pause_external(&what).end()?;
            }
        }
    }

    /// Returns a waker of this task, for code that polls futures itself.
    ///
    /// It is one word that refers to static memory: it may be used in interrupt handlers, on other cores, and after the
    /// task has ended. Cloning and dropping it does nothing. If another task has the same slot by then, that task is
    /// woken, and continues to wait.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # HUB.run(|main| {
    /// let waker = main.waker();
    /// std::thread::spawn(move || waker.wake());
    /// main.park().unwrap();
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn waker(&self) -> Waker {
        waker(self.slot)
    }
}
