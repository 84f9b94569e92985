//! A channel from anywhere to a hub: other cores, interrupt handlers, other threads.

use crate::slot::{Base, SlotRef};
use crate::stop::{Refusal, Stop};
use crate::task::Task;
use crate::what::{Waiting, What};
use core::cell::UnsafeCell;
use core::fmt;
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use core::sync::atomic::{AtomicPtr, AtomicUsize};

/// A bounded channel of `N` values, into which any code may put values, and from which one task at a time receives.
///
/// [`try_send`](Self::try_send) never waits, so interrupt handlers and other cores may call it; a sender that finds it full
/// gets the value back. It is lock-free: a sender that is interrupted between its two steps delays the receiver, and no
/// other sender. `N` is a power of two.
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
///
/// # How it works
///
/// A ring whose cells have a turn each. A sender claims the next place by a compare-exchange, writes the value, then
/// publishes it with the turn of the cell. The receiver takes what is published, in the order of the claims. Waking is as
/// in a [`Signal`](crate::Signal): the sender publishes, then reads the waiter; the receiver writes the waiter, then looks;
/// all of that is `SeqCst`.
pub struct Remote<T, const N: usize> {
    /// The next place to be claimed.
    tail: AtomicUsize,
    /// The next place to be taken. Only the receiver writes it.
    head: AtomicUsize,
    waiter: AtomicPtr<Base>,
    name: Option<&'static str>,
    cells: [Cell<T>; N],
}

struct Cell<T> {
    /// Of place `p` in this cell: `p` when it can be written, `p + 1` when it can be read. Less what the place is in the
    /// first round, so zeros are a fresh ring.
    turn: AtomicUsize,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: a value is written by the sender that claimed its cell, and read by the receiver after it was published.
unsafe impl<T: Send, const N: usize> Sync for Remote<T, N> {}

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
        const { assert!(N.is_power_of_two(), "the room of a `Remote` is a power of two") };
        Self {
            tail: AtomicUsize::new(0),
            head: AtomicUsize::new(0),
            waiter: AtomicPtr::new(ptr::null_mut()),
            name: None,
            cells: [const { Cell { turn: AtomicUsize::new(0), value: UnsafeCell::new(MaybeUninit::uninit()) } }; N],
        }
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

    /// Puts a value in, and wakes the task that waits. From anywhere.
    ///
    /// # Errors
    ///
    /// The value: the channel is full.
    ///
    /// ```
    /// # use greenlet_hub::Remote;
    /// static SAMPLES: Remote<u16, 2> = Remote::new();
    /// assert_eq!((SAMPLES.try_send(1), SAMPLES.try_send(2)), (Ok(()), Ok(())));
    /// assert_eq!(SAMPLES.try_send(3), Err(3));
    /// ```
    pub fn try_send(&self, value: T) -> Result<(), T> {
        let mut place = self.tail.load(Relaxed);
        let cell = loop {
            let cell = &self.cells[place % N];
            let turn = cell.turn.load(Acquire).wrapping_add(place % N);
            if turn == place {
                match self.tail.compare_exchange_weak(place, place.wrapping_add(1), Relaxed, Relaxed) {
                    Ok(_) => break cell,
                    Err(now) => place = now,
                }
            } else if turn.wrapping_sub(place).cast_signed() < 0 {
                return Err(value); // it still has the value of the round before
            } else {
                place = self.tail.load(Relaxed);
            }
        };
        // SAFETY: this sender has claimed the cell, which is empty.
        unsafe { (*cell.value.get()).write(value) };
        cell.turn.store(place.wrapping_add(1).wrapping_sub(place % N), SeqCst);
        // SAFETY: only `receive` writes it, and slots are static.
        if let Some(waiter) = unsafe { SlotRef::from_ptr(self.waiter.load(SeqCst)) } {
            waiter.wake();
        }
        Ok(())
    }

    /// Takes the next value.
    ///
    /// # Safety
    ///
    /// One caller at a time: the task that is the waiter.
    unsafe fn take(&self) -> Option<T> {
        let place = self.head.load(Relaxed);
        let cell = &self.cells[place % N];
        if cell.turn.load(SeqCst).wrapping_add(place % N) != place.wrapping_add(1) {
            return None;
        }
        self.head.store(place.wrapping_add(1), Relaxed);
        // SAFETY: published, and this is the only receiver.
        let value = unsafe { (*cell.value.get()).assume_init_read() };
        cell.turn.store(place.wrapping_add(N).wrapping_sub(place % N), Release);
        Some(value)
    }

    /// Receives the next value: waits while there is none.
    ///
    /// # Errors
    ///
    /// A reason to stop; [`Refusal::SecondWaiter`]: another task waits to receive.
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
        me.check()?;
        me.must_run()?;
        let slot = me.slot.as_ptr();
        // Acquire: sees what the receiver before took out.
        if self.waiter.compare_exchange(ptr::null_mut(), slot, SeqCst, SeqCst).is_err() {
            return Err(Stop::Refused(Refusal::SecondWaiter { name: self.name }));
        }
        /// Also when a panic passes through.
        struct Waits<'a>(&'a AtomicPtr<Base>);
        impl Drop for Waits<'_> {
            fn drop(&mut self) {
                self.0.store(ptr::null_mut(), SeqCst);
            }
        }
        let _waits = Waits(&self.waiter);
        let what = What::named(Waiting::Receive, self.name, ptr::null());
        loop {
            // SAFETY: this task is the waiter, and no other one becomes that before `_waits` is dropped.
            if let Some(value) = unsafe { self.take() } {
                return Ok(value);
            }
            me.check()?;
            me.pause_external(&what).end()?;
        }
    }
}

impl<T, const N: usize> Drop for Remote<T, N> {
    fn drop(&mut self) {
        // SAFETY: the only reference.
        while unsafe { self.take() }.is_some() {}
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
