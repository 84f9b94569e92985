//! Signals: bits that handlers and other cores set for a task.

use crate::room;
use crate::slot::SlotRef;
use crate::stop::{Refusal, Stop};
use crate::task::Task;
use crate::wakes::waiter::Flags;
use crate::what::{Waiting, What};
use core::fmt;
use core::ptr::{self, NonNull};

/// 32 bits that any code may raise, and for which one task at a time waits.
///
/// [`raise`](Self::raise) never waits and needs no mask, so interrupt handlers and other cores may call it. Bits that
/// are raised twice before the task takes them are taken once; use a [`Remote`](crate::Remote) for what must be
/// counted.
///
/// ```
/// # use greenlet_hub::{Hub, Threads};
/// use greenlet_hub::Signal;
/// static BUTTON: Signal = Signal::new().named("button");
///
/// fn handler() { // of an interrupt
///     BUTTON.raise(1 << 3);
/// }
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// # std::thread::spawn(handler);
/// # HUB.run(|main| {
/// assert_eq!(BUTTON.wait(main), Ok(1 << 3));
/// # }).unwrap();
/// ```
///
/// # No wake is lost
///
/// `raise` writes the bits, then reads the waiter; `wait` writes the waiter, then reads the bits. All four are
/// `SeqCst`: in their single order one of the two reads comes after the other side's write.
pub struct Signal {
    flags: Flags,
    name: Option<&'static str>,
}

impl Signal {
    /// Creates a signal without bits.
    ///
    /// ```
    /// static BUTTON: greenlet_hub::Signal = greenlet_hub::Signal::new();
    /// assert_eq!(BUTTON.take(), 0);
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { flags: Flags::new(), name: None }
    }

    /// Names the signal, for reports.
    ///
    /// ```
    /// static BUTTON: greenlet_hub::Signal = greenlet_hub::Signal::new().named("button");
    /// assert!(format!("{BUTTON:?}").contains("button"));
    /// ```
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// Returns whether it is as [`new`](Self::new) makes it, as far as zeros might not be.
    pub(crate) const fn is_new(&self) -> bool {
        self.name.is_none()
    }

    /// Raises bits, and wakes the task that waits. Any code may call it.
    ///
    /// ```
    /// static BUTTON: greenlet_hub::Signal = greenlet_hub::Signal::new();
    /// BUTTON.raise(0b01);
    /// BUTTON.raise(0b10);
    /// assert_eq!(BUTTON.take(), 0b11);
    /// ```
    #[inline]
    pub fn raise(&self, bits: u32) {
        if let Some(bell) = NonNull::new(self.flags.raise(bits)) {
            // SAFETY: `wait` has set it to that of a slot.
            unsafe { SlotRef::of_bell(bell) }.wake();
        }
    }

    /// Takes the bits that are raised; 0 if none is.
    ///
    /// ```
    /// static BUTTON: greenlet_hub::Signal = greenlet_hub::Signal::new();
    /// BUTTON.raise(1);
    /// assert_eq!(BUTTON.take(), 1);
    /// assert_eq!(BUTTON.take(), 0);
    /// ```
    pub fn take(&self) -> u32 {
        self.flags.take()
    }

    /// Waits until bits are raised, and takes them.
    ///
    /// # Errors
    ///
    /// A reason to stop; [`Refusal::SecondWaiter`] if another task waits for this signal.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Signal, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static BUTTON: Signal = Signal::new();
    /// # HUB.run(|main| {
    /// std::thread::spawn(|| BUTTON.raise(1));
    /// assert_eq!(BUTTON.wait(main), Ok(1));
    /// # }).unwrap();
    /// ```
    pub fn wait<V: Default + 'static, E: 'static>(&self, me: &Task<V, E>) -> Result<u32, Stop<E>> {
        room::probe_for::<(), V, E>();
        me.check()?;
        if !self.flags.waiter.enter(me.slot.bell().as_ptr()) {
            return Err(Stop::Refused(Refusal::SecondWaiter { name: self.name }));
        }
        /// Removes the waiter on every way out, also if a panic unwinds through this.
        struct Waits<'a>(&'a Flags);
        impl Drop for Waits<'_> {
            fn drop(&mut self) {
                self.0.waiter.leave();
            }
        }
        let _waits = Waits(&self.flags);
        let what = What::named(Waiting::Signal, self.name, ptr::from_ref(&self.flags.waiter).cast());
        loop {
            let bits = self.take();
            if bits != 0 {
                return Ok(bits);
            }
            me.check_seen()?;
            me.pause_external(&what).end()?;
        }
    }
}

impl Default for Signal {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waits = !self.flags.waiter.get().is_null();
        f.debug_struct("Signal").field("name", &self.name).field("waited_for", &waits).finish_non_exhaustive()
    }
}
