//! What is noted while operations run, for the audit to compare with what the kernel reports.

use crate::numbers::{Numbers, mixed};
use crate::values::Handle;
use crate::world::{self, PLACES, with};
use crate::{Order, Story};
use core::fmt::{self, Write as _};
use core::mem::ManuallyDrop;
use greenlet::{Stack, State};
use heapless::String;

/// The books of one soak.
pub(crate) struct Books {
    pub(crate) numbers: Numbers,
    /// How many operations are to be done, and how many were.
    pub(crate) count: u64,
    pub(crate) done: u64,
    pub(crate) digest: u64,
    pub(crate) story: Story,
    pub(crate) failure: Option<String<256>>,
    /// Told of every stack that a greenlet is about to use.
    pub(crate) prepare: fn(Stack),
    /// Told of every millionth operation.
    pub(crate) progress: fn(u64),
    pub(crate) entries: [Entry; PLACES],
    /// Parents that were changed since a kill began, of those that are in progress.
    pub(crate) moves: u32,
}

/// What is noted of the greenlet at one place.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    /// Its number.
    pub(crate) id: u64,
    /// Handles in the hands of operations in progress.
    pub(crate) hands: u32,
    /// The receiver of its value, while it waits in `up`.
    pub(crate) up: Option<u8>,
    /// Its parent, when no kill stands in for one; `None` when it was changed while one did.
    pub(crate) parent: Option<u8>,
    /// It was reported leaked: a kill that is over keeps a reference until it dies.
    pub(crate) leaked: bool,
    /// It has or had a body.
    pub(crate) body: bool,
    /// It has a local value.
    pub(crate) local: bool,
    /// A wake was left for it that was not taken.
    pub(crate) woken: bool,
    /// How the last audit saw it; `None` when there is none.
    pub(crate) last: Option<State>,
}

impl Entry {
    pub(crate) const EMPTY: Self = Self {
        id: 0,
        hands: 0,
        up: None,
        parent: None,
        leaked: false,
        body: false,
        local: false,
        woken: false,
        last: None,
    };
}

impl Books {
    pub(crate) const fn new() -> Self {
        Self {
            numbers: Numbers::new(0),
            count: 0,
            done: 0,
            digest: 0,
            story: Story { made: 0, most: 0, kills: 0, leaks: 0, full: 0 },
            failure: None,
            prepare: |_| (),
            progress: |_| (),
            entries: [Entry::EMPTY; PLACES],
            moves: 0,
        }
    }

    pub(crate) fn open(&mut self, order: Order, prepare: fn(Stack), progress: fn(u64)) {
        *self = Self { numbers: Numbers::new(mixed(order.seed)), count: order.count, prepare, progress, ..Self::new() };
    }

    /// Whether it is over: then all greenlets end.
    pub(crate) fn over(&self) -> bool {
        self.done >= self.count || self.failure.is_some()
    }

    /// Adds what came back to the digest.
    pub(crate) fn came(&mut self, what: u64) {
        self.digest = mixed(self.digest ^ what);
    }

    /// Whether it was reported leaked.
    pub(crate) fn is_leaked(&self, place: usize) -> bool {
        self.entries[place].leaked
    }

    pub(crate) fn leaked(&mut self, place: usize, references: u32) {
        self.entries[place].leaked = true;
        self.story.leaks += 1;
        // The kill's, and that of the hook.
        if references != 2 {
            self.fail(format_args!("greenlet {place} is reported leaked, and has {references} references, not 2"));
        }
    }

    /// Notes what is wrong. The first thing counts: what follows from it would hide it.
    pub(crate) fn fail(&mut self, what: fmt::Arguments<'_>) {
        if self.failure.is_none() {
            let mut text = String::new();
            // A text that is too long is cut.
            let _cut = text.write_fmt(what);
            self.failure = Some(text);
        }
    }
}

/// Notes what is wrong.
pub(crate) fn fail(what: fmt::Arguments<'_>) {
    with(|world| world.books.fail(what));
}

/// A handle in the hand of an operation, entered in the books until it is let go of.
///
/// Letting go may end the greenlet, and so run others: that is part of the operation.
pub(crate) struct Hand {
    handle: ManuallyDrop<Handle>,
    place: usize,
}

impl Hand {
    pub(crate) fn of(handle: Handle) -> Self {
        let place = world::place_of(&handle);
        with(|world| world.books.entries[place].hands += 1);
        Self { handle: ManuallyDrop::new(handle), place }
    }

    /// The greenlet at `place`, if it exists.
    pub(crate) fn at(place: usize) -> Option<Self> {
        world::find(place).map(Self::of)
    }

    pub(crate) fn place(&self) -> usize {
        self.place
    }

    /// The handle, for a place that the audit counts.
    pub(crate) fn into_handle(self) -> Handle {
        with(|world| world.books.entries[self.place].hands -= 1);
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is not dropped, and not used again.
        unsafe { ManuallyDrop::take(&mut this.handle) }
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        // The entry goes first: the greenlet may be gone in a moment, and another one have its place.
        with(|world| world.books.entries[self.place].hands -= 1);
        // SAFETY: once, and here.
        unsafe { ManuallyDrop::drop(&mut self.handle) }
    }
}

impl core::ops::Deref for Hand {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}
