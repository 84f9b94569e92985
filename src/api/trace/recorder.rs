//! A tracer that keeps the last events of a tree in a ring, for a report after a failure.

use crate::api::handle::State;
use crate::kernel::handle::Greenlet;
use crate::kernel::trace::{Event, Trace};
use crate::records::busy::Busy;
use crate::records::identity::Identity;
use crate::records::sync::atomic::{AtomicU32, Ordering::Relaxed};
use core::fmt;
use heapless::HistoryBuf;
use spin::mutex::SpinMutex;

/// A tracer that keeps the last `N` transfers of a tree, with the time of each.
///
/// It is a `static`, and an argument of [`Greenlet::set_trace`]. The program provides the clock: a function that
/// returns a number, in a unit of its choice. The memory is 88 bytes for each of the `N` events, or less on a 32-bit
/// processor. While the recorder is not set as a tracer, it costs nothing else.
///
/// It can be read at any time, in a panic handler as well. Neither side ever waits: an event during a read is
/// [lost](Self::lost), and a read during a write, which runs on another core or was interrupted, returns
/// [`RecorderBusy`].
///
/// ```
/// use greenlet::{Recorder, StackPool, Tree};
/// # use std::sync::atomic::{AtomicU64, Ordering};
///
/// static STACKS: StackPool<1, 16384> = StackPool::new();
/// static TREE: Tree<u32> = Tree::new();
/// static RECORDER: Recorder<32> = Recorder::new(ticks);
/// # fn ticks() -> u64 { static T: AtomicU64 = AtomicU64::new(0); T.fetch_add(1, Ordering::Relaxed) }
///
/// TREE.enter(|main| {
///     main.set_trace(Some(&RECORDER));
///     let g = main.build(&STACKS).name("parser").spawn(|_me, x| Ok(x)).unwrap();
///     g.switch(1).unwrap();
/// }).unwrap();
///
/// let mut lines = Vec::new();
/// RECORDER.for_each(|record| lines.push(record.to_string())).unwrap();
/// assert_eq!(lines, [
///     "0: switch from main greenlet to greenlet 1 \"parser\"",
///     "1: switch from greenlet 1 \"parser\" to main greenlet",
/// ]);
/// ```
pub struct Recorder<const N: usize> {
    clock: fn() -> u64,
    records: SpinMutex<HistoryBuf<Record, N>>,
    lost: AtomicU32,
}

/// One transfer in a [`Recorder`].
///
/// ```
/// # use greenlet::{Event, Recorder, StackPool, State, Tree};
/// # static STACKS: StackPool<1, 16384> = StackPool::new();
/// # static TREE: Tree<u32> = Tree::new();
/// static RECORDER: Recorder<4> = Recorder::new(|| 0);
/// # TREE.enter(|main| {
/// main.set_trace(Some(&RECORDER));
/// let g = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
/// g.switch(1).unwrap();
/// let mut last = None;
/// RECORDER.for_each(|record| last = Some(*record)).unwrap();
/// let last = last.unwrap(); // the result of the body
/// assert_eq!((last.event, last.origin_state, last.origin_stack), (Event::Switch, State::Dead, 16384));
/// assert!(last.origin.id == g.id() && last.target.is_main);
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Record {
    /// The time of the recorder's clock when the target had control, before it resumed.
    pub time: u64,
    /// The kind of the transfer.
    pub event: Event,
    /// The state of the greenlet that sent. [`State::Dead`]: its body has ended, and this is its result.
    pub origin_state: State,
    /// Bytes of its stack that the greenlet that sent has in use, its control block included. Of a dead one, with the
    /// feature `high-water`, the most that it has ever used; otherwise 0. 0 for main, whose stack is not of this crate.
    pub origin_in_use: u32,
    /// Bytes of its whole stack; 0 for main.
    pub origin_stack: u32,
    /// The greenlet that sent.
    pub origin: Identity,
    /// The greenlet that received, and resumed.
    pub target: Identity,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} from {} to {}", self.time, self.event, self.origin, self.target)
    }
}

/// The error of a read while another core, or code that was interrupted, accesses the recorder.
///
/// ```
/// # use greenlet::{Recorder, RecorderBusy, Tree};
/// # static TREE: Tree<u32> = Tree::new();
/// static RECORDER: Recorder<4> = Recorder::new(|| 0);
/// # TREE.enter(|main| {
/// main.set_trace(Some(&RECORDER));
/// main.switch(1).unwrap();
/// RECORDER.for_each(|_| assert_eq!(RECORDER.for_each(|_| ()), Err(RecorderBusy))).unwrap(); // two at once
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RecorderBusy;

impl fmt::Display for RecorderBusy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the recorder is being written to, by another core or by code that was interrupted; ask again later",
        )
    }
}

impl core::error::Error for RecorderBusy {}

impl<const N: usize> Recorder<N> {
    /// Creates an empty recorder, which calls `clock` for the time of each event.
    ///
    /// ```
    /// # use greenlet::Recorder;
    /// # fn read_cycle_counter() -> u64 { 0 }
    /// static RECORDER: Recorder<64> = Recorder::new(read_cycle_counter);
    /// ```
    #[must_use]
    pub const fn new(clock: fn() -> u64) -> Self {
        Self { clock, records: SpinMutex::new(HistoryBuf::new()), lost: AtomicU32::new(0) }
    }

    /// Calls `visit` with each event that the recorder has, oldest first. Events during the call are lost.
    ///
    /// # Errors
    ///
    /// [`RecorderBusy`]: another read or write is in progress, and `visit` was not called.
    ///
    /// ```
    /// # use greenlet::{Recorder, Tree};
    /// # static TREE: Tree<u32> = Tree::new();
    /// static RECORDER: Recorder<4> = Recorder::new(|| 0);
    /// # TREE.enter(|main| {
    /// main.set_trace(Some(&RECORDER));
    /// for n in 0..9 { main.switch(n).unwrap(); }
    /// let mut count = 0;
    /// RECORDER.for_each(|_| count += 1).unwrap();
    /// assert_eq!(count, 4); // the last ones
    /// # }).unwrap();
    /// ```
    pub fn for_each(&self, visit: impl FnMut(&Record)) -> Result<(), RecorderBusy> {
        let _busy = Busy::on_this_core();
        let records = self.records.try_lock().ok_or(RecorderBusy)?;
        records.oldest_ordered().for_each(visit);
        Ok(())
    }

    /// Returns the oldest event after `time` that the recorder has: with the time of each event as the next argument,
    /// reads one event at a time, and what happens in between is recorded.
    ///
    /// The clock must return a later time for each event; otherwise events are left out. The cost is the logarithm of
    /// the number of events.
    ///
    /// # Errors
    ///
    /// [`RecorderBusy`]: another read or write is in progress.
    ///
    /// ```
    /// # use greenlet::{Recorder, Tree};
    /// # use std::sync::atomic::{AtomicU64, Ordering};
    /// # static TREE: Tree<u32> = Tree::new();
    /// # fn ticks() -> u64 { static T: AtomicU64 = AtomicU64::new(1); T.fetch_add(1, Ordering::Relaxed) }
    /// static RECORDER: Recorder<4> = Recorder::new(ticks);
    /// # TREE.enter(|main| {
    /// main.set_trace(Some(&RECORDER));
    /// for n in 0..9 { main.switch(n).unwrap(); }
    /// let (mut times, mut last) = (Vec::new(), 0);
    /// while let Some(record) = RECORDER.first_after(last).unwrap() {
    ///     last = record.time;
    ///     times.push(last); // this may switch
    /// }
    /// assert_eq!(times, [6, 7, 8, 9]);
    /// # }).unwrap();
    /// ```
    pub fn first_after(&self, time: u64) -> Result<Option<Record>, RecorderBusy> {
        let _busy = Busy::on_this_core();
        let records = self.records.try_lock().ok_or(RecorderBusy)?;
        let (old, new) = records.as_slices();
        let part = if old.last().is_some_and(|last| last.time > time) { old } else { new };
        Ok(part.get(part.partition_point(|record| record.time <= time)).copied())
    }

    /// Returns the number of events that were lost because a read was in progress.
    ///
    /// ```
    /// # use greenlet::{Recorder, Tree};
    /// # static TREE: Tree<u32> = Tree::new();
    /// static RECORDER: Recorder<4> = Recorder::new(|| 0);
    /// # TREE.enter(|main| {
    /// main.set_trace(Some(&RECORDER));
    /// main.switch(1).unwrap();
    /// RECORDER.for_each(|_| drop(main.switch(2))).unwrap(); // a transfer during a read
    /// assert_eq!(RECORDER.lost(), 1);
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn lost(&self) -> u32 {
        self.lost.load(Relaxed)
    }
}

impl<V: 'static, E: 'static, const N: usize> Trace<V, E> for Recorder<N> {
    fn event(&self, event: Event, origin: &Greenlet<V, E>, target: &Greenlet<V, E>) -> Result<(), E> {
        // Everything that can panic, such as the clock, runs before the lock is taken: a panic never leaves the lock
        // held.
        let record = Record {
            time: (self.clock)(),
            event,
            origin_state: origin.state(),
            origin_in_use: bytes(in_use(origin)),
            origin_stack: bytes(if origin.is_main() { 0 } else { origin.block().stack_size() }),
            origin: origin.block().identity(),
            target: target.block().identity(),
        };
        match self.records.try_lock() {
            Some(mut records) => records.write(record),
            None => {
                self.lost.fetch_add(1, Relaxed);
            }
        }
        Ok(())
    }
}

/// Bytes of a greenlet's stack in use; of a dead one, the most that it has used, if that can be found.
fn in_use<V: 'static, E: 'static>(greenlet: &Greenlet<V, E>) -> usize {
    if let Some(stack) = greenlet.stack() {
        return stack.in_use();
    }
    #[cfg(feature = "high-water")]
    if let Some(mark) = greenlet.high_water_mark() {
        return mark;
    }
    0
}

/// The number of bytes in the width that a record has for it.
fn bytes(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl<const N: usize> fmt::Debug for Recorder<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("capacity", &N).field("lost", &self.lost()).finish_non_exhaustive()
    }
}

const _: () =
    assert!(size_of::<usize>() != 8 || size_of::<Record>() == 88, "the doc of `Recorder` says how large an event is");
