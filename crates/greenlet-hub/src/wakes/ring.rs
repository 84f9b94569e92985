//! A bounded ring of values with many senders and one receiver. Each cell has a turn, which says whether it can be
//! written or read.
//!
//! A sender claims the next place by a compare-exchange, writes the value, then publishes it with the turn of the cell.
//! The receiver takes what is published, in the order of the claims.

use crate::atomics::AtomicUsize;
use crate::atomics::Ordering::{Acquire, Relaxed, Release, SeqCst};
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

pub(crate) struct Ring<T, const N: usize> {
    /// The next place to be claimed.
    tail: AtomicUsize,
    /// The next place to be taken. Only the receiver writes it.
    head: AtomicUsize,
    cells: [Cell<T>; N],
}

struct Cell<T> {
    /// For place `p`, whose cell is `p % N`: `p` when the cell can be written, `p + 1` when it can be read. Stored less
    /// `p % N`, so that a ring of zeros is an empty one.
    turn: AtomicUsize,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: a value is written by the sender that claimed its cell, and read by the receiver after it was published.
unsafe impl<T: Send, const N: usize> Sync for Ring<T, N> {}

impl<T, const N: usize> Ring<T, N> {
    pub(crate) const fn new() -> Self {
        // With one cell, "can be read" for a place would be the same turn as "can be written" for the next place.
        const { assert!(N > 1 && N.is_power_of_two(), "the room of a `Remote` is a power of two, and at least 2") };
        Self {
            tail: AtomicUsize::new(0),
            head: AtomicUsize::new(0),
            cells: [const { Cell { turn: AtomicUsize::new(0), value: UnsafeCell::new(MaybeUninit::uninit()) } }; N],
        }
    }

    /// Puts a value in, from any core or handler. Returns it if the ring is full.
    pub(crate) fn send(&self, value: T) -> Result<(), T> {
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
                return Err(value); // the cell still has the value of the previous round
            } else {
                place = self.tail.load(Relaxed);
            }
        };
        // SAFETY: this sender has claimed the cell, which is empty. A `MaybeUninit` is laid out as its value.
        unsafe { cell.value.get().cast::<T>().write(value) };
        // `SeqCst`: before the waiter is read.
        cell.turn.store(place.wrapping_add(1).wrapping_sub(place % N), SeqCst);
        Ok(())
    }

    /// Takes the next value.
    ///
    /// # Safety
    ///
    /// There is one caller at a time, and each sees the changes of the previous one.
    pub(crate) unsafe fn take(&self) -> Option<T> {
        let place = self.head.load(Relaxed);
        let cell = &self.cells[place % N];
        // `SeqCst`: after the waiter was written.
        if cell.turn.load(SeqCst).wrapping_add(place % N) != place.wrapping_add(1) {
            return None;
        }
        self.head.store(place.wrapping_add(1), Relaxed);
        // SAFETY: published, so initialised, and this is the only receiver. A `MaybeUninit` is laid out as its value.
        let value = unsafe { cell.value.get().cast::<T>().read() };
        cell.turn.store(place.wrapping_add(N).wrapping_sub(place % N), Release);
        Some(value)
    }
}
