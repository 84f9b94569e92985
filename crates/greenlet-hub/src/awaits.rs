//! What the body of a `Stackful` waits with, and how the two find each other.
//!
//! ```text
//!   the future: pinned, anywhere              its greenlet's stack
//!   ┌─ Stackful ──────────────┐               ┌─ the body's frames ─┐
//!   │ handle ─────────────────┼─ keeps ─────► │  Await ──┐          │
//!   │ ┌─ Anchor ────────────┐ │               │          ▼          │
//!   │ │ waker, link ────────┼─┼───────────────┼──►     Link         │
//!   │ │                   ◄─┼─┼───────────────┼───── anchor         │
//!   │ └─────────────────────┘ │               └─────────────────────┘
//!   └─────────────────────────┘
//! ```
//!
//! Either side may end first: the future, when it is dropped, or the body, when it returns. The side that ends sets the
//! pointer of the other one to null, in a step that runs no user code. So a pointer that is not null is valid.

use crate::futures::Waits;
use core::cell::Cell;
use core::fmt;
use core::future::Future;
use core::pin::pin;
use core::ptr::{self, NonNull};
use core::task::{Context, Poll, Waker};
use greenlet::{Greenlet, Me, Thrown};

/// The future's side. It is pinned with the future.
pub(crate) struct Anchor {
    /// Null if the body has not begun, or has ended.
    link: Cell<*const Link>,
    /// The waker of the last poll. `None` before the first one, and while it is being cloned.
    waker: Cell<Option<Waker>>,
    /// Whether the body has begun. From then on it reaches the anchor only through its link.
    begun: Cell<bool>,
    /// Whether a poll has passed control to the body, and has not returned.
    polling: Cell<bool>,
}

/// The body's side, in the outermost frame of the greenlet's stack.
pub(crate) struct Link {
    /// Null if the future was dropped.
    anchor: Cell<*const Anchor>,
    /// Whether an exit of the kernel was delivered. It holds until the body has ended.
    exits: Cell<bool>,
}

impl Anchor {
    pub(crate) fn new() -> Self {
        Self {
            link: Cell::new(ptr::null()),
            waker: Cell::new(None),
            begun: Cell::new(false),
            polling: Cell::new(false),
        }
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun.get()
    }

    /// Keeps a waker for the body.
    pub(crate) fn set_waker(&self, waker: &Waker) {
        let old = self.waker.take();
        let new = match old {
            Some(old) if old.will_wake(waker) => old,
            _ => waker.clone(),
        };
        self.waker.set(Some(new));
    }

    pub(crate) fn take_waker(&self) -> Option<Waker> {
        self.waker.take()
    }

    /// Marks a poll, until the guard is dropped.
    pub(crate) fn poll(&self) -> impl Drop + '_ {
        struct Polling<'a>(&'a Anchor);
        impl Drop for Polling<'_> {
            fn drop(&mut self) {
                self.0.polling.set(false);
            }
        }
        self.polling.set(true);
        Polling(self)
    }

    pub(crate) fn is_polling(&self) -> bool {
        self.polling.get()
    }

    /// Ends the link from the future's side.
    pub(crate) fn unlink(&self) {
        // SAFETY: `Link::drop` sets it to null, so the link exists. No other code runs in this statement.
        if let Some(link) = unsafe { self.link.replace(ptr::null()).as_ref() } {
            link.anchor.set(ptr::null());
        }
    }
}

impl Link {
    pub(crate) fn new() -> Self {
        Self { anchor: Cell::new(ptr::null()), exits: Cell::new(false) }
    }

    /// Links the two. Neither moves before its drop.
    ///
    /// # Safety
    ///
    /// The anchor exists, and [`Anchor::unlink`] is called before it does not.
    pub(crate) unsafe fn link(&self, anchor: *const Anchor) {
        self.anchor.set(anchor);
        // SAFETY: it exists.
        let anchor = unsafe { &*anchor };
        anchor.link.set(self);
        anchor.begun.set(true);
    }

    /// Returns the future's side, if the future exists. Valid until other code runs.
    pub(crate) fn anchor(&self) -> Option<&Anchor> {
        // SAFETY: `Anchor::unlink` sets it to null, so the anchor exists.
        unsafe { self.anchor.get().as_ref() }
    }

    /// Returns a clone of the waker, if the future exists. Cloning runs code of the executor, which may drop the
    /// future.
    pub(crate) fn waker(&self) -> Option<Waker> {
        let Some(waker) = self.anchor()?.waker.take() else { return Some(Waker::noop().clone()) };
        let clone = waker.clone();
        let old = match self.anchor() {
            Some(anchor) => anchor.waker.replace(Some(waker)),
            None => Some(waker),
        };
        drop(old);
        Some(clone)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(anchor) = self.anchor() {
            anchor.link.set(ptr::null());
        }
    }
}

/// What the body of a [`Stackful`](crate::Stackful) waits with, as a task does with its [`Task`](crate::Task).
///
/// It is neither `Send` nor `Sync`, and cannot leave its body.
///
/// ```
/// use core::time::Duration;
/// use greenlet::{StackPool, Thrown};
/// use greenlet_hub::{Await, Hub, Stackful, Threads};
/// static PLATFORM: Threads = Threads::new();
/// static HUB: Hub<1> = Hub::new(&PLATFORM);
/// static STACKS: StackPool<1, 65536> = StackPool::new();
///
/// fn sum(waits: &Await, n: u32) -> Result<u32, Thrown<(), &'static str>> {
///     let part = waits.wait(async { n })?; // deep down in ordinary code
///     if n == 0 { Ok(0) } else { Ok(part + sum(waits, n - 1)?) }
/// }
/// HUB.run(|main| {
///     let future = Stackful::new(main.greenlet(), &STACKS, |waits| sum(waits, 4)).unwrap();
///     assert_eq!(main.wait(future), Ok(Ok(10)));
/// }).unwrap();
/// ```
pub struct Await<V: 'static = (), E: 'static = &'static str> {
    me: NonNull<Me<V, E>>,
    link: NonNull<Link>,
}

impl<V: Default + 'static, E: 'static> Await<V, E> {
    /// # Safety
    ///
    /// Both outlive this, and `me` is the greenlet in whose body this is used.
    pub(crate) unsafe fn new(me: &Me<V, E>, link: &Link) -> Self {
        Self { me: NonNull::from(me), link: NonNull::from(link) }
    }

    /// Waits until the future is ready, and returns its output. Meanwhile the executor that polls the
    /// [`Stackful`](crate::Stackful) runs other tasks.
    ///
    /// The future lies in this call's frame, so it needs no allocation and may borrow from the caller.
    ///
    /// # Errors
    ///
    /// The wait ended before the future was ready. The future is dropped, which cancels it:
    /// - [`Thrown::Exit`]: the `Stackful` was dropped, or the greenlet was asked to exit. Holds until the body has
    ///   ended: each later wait ends with it at once.
    /// - [`Thrown::Error`]: an error was thrown into the greenlet.
    /// - [`Thrown::Refused`]: for example, interrupts are masked.
    ///
    /// ```
    /// # use greenlet_hub::{Await, Hub, Stackful, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    /// # HUB.run(|main| {
    /// let future = Stackful::new(main.greenlet(), &STACKS, |waits: &Await| {
    ///     let name = String::from("sensor");
    ///     waits.wait(async { name.len() })
    /// });
    /// assert_eq!(main.wait(future.unwrap()), Ok(Ok(6)));
    /// # }).unwrap();
    /// ```
    pub fn wait<F: Future>(&self, future: F) -> Result<F::Output, Thrown<V, E>> {
        // SAFETY: it exists longer than this.
        let me = unsafe { self.me.as_ref() };
        // SAFETY: the same.
        let link = unsafe { self.link.as_ref() };
        let mut future = pin!(future);
        loop {
            if link.exits.get() {
                return Err(Thrown::Exit(V::default()));
            }
            let Some(waker) = link.waker() else { return Err(Thrown::Exit(V::default())) };
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Ok(output);
            }
            drop(waker);
            if let Err(thrown) = me.up(V::default()) {
                link.exits.set(matches!(thrown, Thrown::Exit(_)));
                return Err(thrown);
            }
        }
    }

    /// Returns the greenlet of this body, with which the kernel's own operations can be used.
    ///
    /// ```
    /// # use greenlet_hub::{Await, Hub, Stackful, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    /// # HUB.run(|main| {
    /// let future = Stackful::new(main.greenlet(), &STACKS, |waits: &Await| Ok(waits.greenlet().stack().is_some()));
    /// assert_eq!(main.wait(future.unwrap()), Ok(Ok(true)));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn greenlet(&self) -> &Greenlet<V, E> {
        // SAFETY: it exists longer than this.
        unsafe { self.me.as_ref() }
    }
}

impl<V: Default + 'static, E: 'static> Waits for Await<V, E> {
    type Stop = Thrown<V, E>;

    fn wait<F: Future>(&self, future: F) -> Result<F::Output, Thrown<V, E>> {
        Await::wait(self, future)
    }
}

impl<V: Default + 'static, E: 'static> fmt::Debug for Await<V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Await").field(self.greenlet()).finish()
    }
}
