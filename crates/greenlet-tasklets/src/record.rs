//! What is known of each tasklet: one record, and its links to whoever is beside it.

use crate::channel::Channel;
use crate::raised::Raised;
use core::cell::Cell;
use core::convert::Infallible;
use core::num::NonZeroU16;
use greenlet::Greenlet;

/// A greenlet of the scheduler's tree. Values travel in cells, so that a switch carries none.
pub(crate) type Handle = Greenlet<(), Infallible>;

/// What a cell holds: a value, or what its tasklet will find raised.
pub(crate) type Contents<V, E> = Result<V, Raised<E>>;

/// A record of the table: main's, or one of the tasklets'.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct At(NonZeroU16);

impl At {
    pub(crate) const MAIN: Self = Self(NonZeroU16::MIN);

    /// The record with that index among the tasklets'. There are at most [`MOST`](Self::MOST).
    pub(crate) fn tasklet(index: usize) -> Option<Self> {
        u16::try_from(index + 2).ok().and_then(NonZeroU16::new).map(Self)
    }

    /// The most tasklets that can be told apart, main aside.
    pub(crate) const MOST: usize = u16::MAX as usize - 1;

    /// The index among the tasklets', which for main is one that no table has.
    #[inline(always)]
    pub(crate) fn index(self) -> usize {
        usize::from(self.0.get()).wrapping_sub(2)
    }

    /// As a channel keeps it: 0 is nobody.
    #[inline(always)]
    pub(crate) fn pack(at: Option<Self>) -> u16 {
        at.map_or(0, |at| at.0.get())
    }

    #[inline(always)]
    pub(crate) fn unpack(word: u16) -> Option<Self> {
        NonZeroU16::new(word).map(Self)
    }
}

/// Where a tasklet is. One that lives is in one place at a time, so that one pair of links is enough.
pub(crate) enum Place<V: 'static, E: 'static> {
    /// Nowhere: it is over, or the record was never used.
    Dead,
    /// In the ring: it can run.
    Ring,
    /// In the queue of a channel.
    Blocked(&'static Channel<V, E>),
    /// Alive, and in neither.
    Paused,
}

// Not derived: that would ask for `V: Copy`.
impl<V, E> Clone for Place<V, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V, E> Copy for Place<V, E> {}

/// One tasklet.
pub(crate) struct Record<V: 'static, E: 'static> {
    /// The number of its greenlet, which no other one has: whoever has a handle compares it. 0 before there was one.
    pub(crate) id: Cell<u64>,
    /// Its greenlet, while it is suspended. Main's is not here; that of the running one is in main's frame.
    pub(crate) greenlet: Cell<Option<Handle>>,
    pub(crate) contents: Cell<Contents<V, E>>,
    pub(crate) place: Cell<Place<V, E>>,
    /// Who comes after it in the ring or in the queue, or among the records that are free.
    pub(crate) next: Cell<Option<At>>,
    pub(crate) previous: Cell<Option<At>>,
    /// Whether it is inside `run_all`, and who was before it began to.
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

    /// Empties the cell: a value is what an operation returns, an error what it raises.
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

    /// The channel in whose queue it is.
    pub(crate) fn channel(&self) -> Option<&'static Channel<V, E>> {
        match self.place.get() {
            Place::Blocked(channel) => Some(channel),
            _ => None,
        }
    }
}
