//! The record of a tasklet, with the links of the list that it is in.

use crate::channel::Channel;
use crate::raised::Raised;
use core::cell::Cell;
use core::convert::Infallible;
use core::num::NonZeroU16;
use greenlet::Greenlet;

/// A greenlet of the scheduler's tree. Values are passed in cells, so a switch carries none.
pub(crate) type Handle = Greenlet<(), Infallible>;

/// The contents of a cell: a value, or what is going to be raised in its tasklet.
pub(crate) type Contents<V, E> = Result<V, Raised<E>>;

/// The index of a record: that of main, or of one of the tasklets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct At(NonZeroU16);

impl At {
    pub(crate) const MAIN: Self = Self(NonZeroU16::MIN);

    /// Returns the record with that index among those of the tasklets; `None` if it is [`MOST`](Self::MOST) or more.
    pub(crate) fn tasklet(index: usize) -> Option<Self> {
        u16::try_from(index + 2).ok().and_then(NonZeroU16::new).map(Self)
    }

    /// The largest number of tasklets, not counting main.
    pub(crate) const MOST: usize = u16::MAX as usize - 1;

    /// Returns the index among the tasklets. For main it is larger than any table.
    #[inline(always)]
    pub(crate) fn index(self) -> usize {
        usize::from(self.0.get()).wrapping_sub(2)
    }

    /// Encodes a record for the atomics of a channel: 0 for `None`.
    #[inline(always)]
    pub(crate) fn pack(at: Option<Self>) -> u16 {
        at.map_or(0, |at| at.0.get())
    }

    #[inline(always)]
    pub(crate) fn unpack(word: u16) -> Option<Self> {
        NonZeroU16::new(word).map(Self)
    }
}

/// Where a tasklet is. A living tasklet is in one place at a time, so one pair of links is enough.
pub(crate) enum Place<V: 'static, E: 'static> {
    /// Nowhere: the tasklet has ended, or the record was never used.
    Dead,
    /// In the ring: the tasklet can run.
    Ring,
    /// In the queue of a channel.
    Blocked(&'static Channel<V, E>),
    /// Alive, and in neither.
    Paused,
}

// Not derived: a derive would require `V: Copy`.
impl<V, E> Clone for Place<V, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V, E> Copy for Place<V, E> {}

/// The record of one tasklet.
pub(crate) struct Record<V: 'static, E: 'static> {
    /// The id of its greenlet, which no other greenlet has; a handle compares it with its own. 0 if the record was
    /// never used.
    pub(crate) id: Cell<u64>,
    /// Its greenlet, while that is suspended. `None` for main, and for the running tasklet, whose handle is in main's
    /// frame.
    pub(crate) greenlet: Cell<Option<Handle>>,
    pub(crate) contents: Cell<Contents<V, E>>,
    pub(crate) place: Cell<Place<V, E>>,
    /// The next record in the ring, in the queue of a channel, or in the list of free records.
    pub(crate) next: Cell<Option<At>>,
    pub(crate) previous: Cell<Option<At>>,
    /// Whether it waits in `run_all`; and in `below` the tasklet that called `run_all` before it.
    pub(crate) waits: Cell<bool>,
    pub(crate) below: Cell<Option<At>>,
    pub(crate) trap: Cell<bool>,
}

impl<V: Default, E> Record<V, E> {
    pub(crate) fn unused() -> Self {
        Self {
            id: Cell::new(0),
            greenlet: Cell::new(None),
            contents: Cell::new(Ok(V::default())),
            place: Cell::new(Place::Dead),
            next: Cell::new(None),
            previous: Cell::new(None),
            waits: Cell::new(false),
            below: Cell::new(None),
            trap: Cell::new(false),
        }
    }

    /// Empties the cell and returns its contents: the result of the operation in which the tasklet waited.
    pub(crate) fn take(&self) -> Contents<V, E> {
        self.contents.replace(Ok(V::default()))
    }
}

impl<V, E> Record<V, E> {
    pub(crate) fn is_paused(&self) -> bool {
        matches!(self.place.get(), Place::Paused)
    }

    pub(crate) fn is_alive(&self) -> bool {
        !matches!(self.place.get(), Place::Dead)
    }

    /// Returns the channel in whose queue it is.
    pub(crate) fn channel(&self) -> Option<&'static Channel<V, E>> {
        match self.place.get() {
            Place::Blocked(channel) => Some(channel),
            _ => None,
        }
    }
}
