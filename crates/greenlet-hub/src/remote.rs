//! A channel from anywhere to a hub: other cores, interrupt handlers, other threads.

use crate::room;
use crate::slot::SlotRef;
use crate::stop::{Refusal, Stop};
use crate::task::Task;
use crate::wakes::ring::Ring;
use crate::wakes::waiter::Waiter;
use crate::what::{Waiting, What};
use core::fmt;
use core::ptr::{self, NonNull};

/// A bounded channel of `N` values, into which any code may put values, and from which one task at a time receives.
///
/// [`try_send`](Self::try_send) never waits, so interrupt handlers and other cores may call it; a sender that finds it
/// full gets the value back. It is lock-free: a sender that is interrupted between its two steps delays the receiver,
/// and no other sender. `N` is a power of two, and at least 2.
///
/// ```
/// # use greenlet_hub::{Hub, Threads};
/// use greenlet_hub::Remote;
/// static SAMPLES: Remote<u16, 8> = Remote::new();
///
/// fn handler() { // of an interrupt
///     let _lost = SAMPLES.try_send(500).is_err();
/// }
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// # std::thread::spawn(handler);
/// # HUB.run(|main| {
/// assert_eq!(SAMPLES.receive(main), Ok(500));
/// # }).unwrap();
/// ```
pub struct Remote<T, const N: usize> {
    ring: Ring<T, N>,
    waiter: Waiter,
    name: Option<&'static str>,
}

impl<T, const N: usize> Remote<T, N> {
    /// Creates an empty channel.
    ///
    /// ```
    /// # use greenlet_hub::Remote;
    /// static SAMPLES: Remote<u16, 8> = Remote::new();
    /// assert_eq!(SAMPLES.try_send(1), Ok(()));
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { ring: Ring::new(), waiter: Waiter::new(), name: None }
    }

    /// Names the channel, for reports.
    ///
    /// ```
    /// # use greenlet_hub::Remote;
    /// static SAMPLES: Remote<u16, 8> = Remote::new().named("samples");
    /// assert!(format!("{SAMPLES:?}").contains("samples"));
    /// ```
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// Puts a value in, and wakes the task that waits. Any code may call it.
    ///
    /// # Errors
    ///
    /// The value, if the channel is full.
    ///
    /// ```
    /// # use greenlet_hub::Remote;
    /// static SAMPLES: Remote<u16, 2> = Remote::new();
    /// assert_eq!((SAMPLES.try_send(1), SAMPLES.try_send(2)), (Ok(()), Ok(())));
    /// assert_eq!(SAMPLES.try_send(3), Err(3));
    /// ```
    pub fn try_send(&self, value: T) -> Result<(), T> {
        self.ring.send(value)?;
        if let Some(bell) = NonNull::new(self.waiter.get()) {
            // SAFETY: `receive` has set it to that of a slot.
            unsafe { SlotRef::of_bell(bell) }.wake();
        }
        Ok(())
    }

    /// Receives the next value: waits while there is none.
    ///
    /// # Errors
    ///
    /// A reason to stop; [`Refusal::SecondWaiter`] if another task waits to receive.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Remote, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static SAMPLES: Remote<u16, 8> = Remote::new();
    /// # HUB.run(|main| {
    /// std::thread::spawn(|| for n in 0..5 { SAMPLES.try_send(n).unwrap(); });
    /// for n in 0..5 {
    ///     assert_eq!(SAMPLES.receive(main), Ok(n));
    /// }
    /// # }).unwrap();
    /// ```
    pub fn receive<V: Default + 'static, E: 'static>(&self, me: &Task<V, E>) -> Result<T, Stop<E>> {
        room::probe_for::<T, V, E>();
        me.check()?;
        if !self.waiter.enter(me.slot.bell().as_ptr()) {
            return Err(Stop::Refused(Refusal::SecondWaiter { name: self.name }));
        }
        /// Removes the waiter on every way out, also if a panic unwinds through this.
        struct Waits<'a>(&'a Waiter);
        impl Drop for Waits<'_> {
            fn drop(&mut self) {
                self.0.leave();
            }
        }
        let _waits = Waits(&self.waiter);
        let what = What::named(Waiting::Remote, self.name, ptr::from_ref(&self.waiter).cast());
        loop {
            // SAFETY: this task is the waiter, and no other one becomes that before `_waits` is dropped.
            if let Some(value) = unsafe { self.ring.take() } {
                return Ok(value);
            }
            me.check_seen()?;
            me.pause_external(&what).end()?;
        }
    }
}

impl<T, const N: usize> Drop for Remote<T, N> {
    fn drop(&mut self) {
        // SAFETY: the only reference.
        while unsafe { self.ring.take() }.is_some() {}
    }
}

impl<T, const N: usize> Default for Remote<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize> fmt::Debug for Remote<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("name", &self.name).finish_non_exhaustive()
    }
}
