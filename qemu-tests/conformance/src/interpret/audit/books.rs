//! What the interpreter notes while ops run, for the audit to compare with what the kernel reports.

use greenlet::State;

use crate::interpret::Sink;
use crate::scenario::MAX_SLOTS;

/// The books of one scenario. Ops write into them always, which costs next to nothing; whether
/// are compared is decided by [`Books::opened_for`].
#[derive(Clone)]
pub(in crate::interpret) struct Books {
    /// Where a violation is reported; `None` when nothing is audited.
    pub(super) say: Option<Sink>,
    /// A violation was found. There is no second look: what follows from it would hide it.
    pub(super) violated: bool,
    /// Pins are not noted. That is wrong, and shows that an audit can fail.
    forgetful: bool,
    pub(super) entries: [Entry; MAX_SLOTS],
    /// Parents that were changed since a kill began, of those that are in progress.
    pub(super) moves: u32,
    /// A greenlet that was reported leaked and had not the one reference that its kill keeps, but so many.
    pub(super) wrongly_leaked: Option<(u8, u32)>,
}

/// What is noted of the greenlet of one slot.
#[derive(Clone, Copy)]
pub(in crate::interpret) struct Entry {
    /// References that ops in progress hold.
    pub(super) pins: u8,
    /// The receiver of its value, while it waits in [`Me::up`](greenlet::Me::up).
    pub(super) up: Option<u8>,
    /// Whether it was given a script to run.
    pub(super) has_body: bool,
    /// Whether it was reported leaked: a kill that is over keeps a reference.
    pub(super) leaked: bool,
    /// How the last audit saw it.
    pub(super) last: Life,
}

/// A greenlet's life, from audit to audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::interpret) enum Life {
    NotYet,
    Is(State),
    Freed,
}

impl Books {
    /// Books that are not audited.
    pub(in crate::interpret) const fn closed() -> Self {
        Self {
            say: None,
            violated: false,
            forgetful: false,
            entries: [const { Entry { pins: 0, up: None, has_body: false, leaked: false, last: Life::NotYet } };
                MAX_SLOTS],
            moves: 0,
            wrongly_leaked: None,
        }
    }

    /// Books that are audited after every op; the first violation is passed to `say`.
    pub(in crate::interpret) const fn opened_for(say: Sink, forgetful: bool) -> Self {
        Self { say: Some(say), forgetful, ..Self::closed() }
    }

    /// An op in progress refers to the greenlet of `slot`.
    pub(in crate::interpret) fn pin(&mut self, slot: u8) {
        if !self.forgetful {
            self.entries[usize::from(slot)].pins += 1;
        }
    }

    /// It does so no more.
    pub(in crate::interpret) fn unpin(&mut self, slot: u8) {
        if !self.forgetful {
            self.entries[usize::from(slot)].pins -= 1;
        }
    }

    /// The greenlet of `slot` has a script to run.
    pub(in crate::interpret) fn has_body(&mut self, slot: u8) {
        self.entries[usize::from(slot)].has_body = true;
    }

    /// The greenlet of `slot` is reported leaked, when it has so many references.
    pub(in crate::interpret) fn leaked(&mut self, slot: usize, references: u32) {
        self.entries[slot].leaked = true;
        if references != 1 {
            self.wrongly_leaked = Some((slot as u8, references));
        }
    }

    /// The greenlet of `slot` enters `Me::up`, which refers to the parent in a way of its own; or is back from it.
    pub(in crate::interpret) fn up(&mut self, slot: u8, parent: Option<u8>) {
        self.entries[usize::from(slot)].up = parent;
    }

    /// A parent is about to be changed while `kills` are in progress.
    pub(in crate::interpret) fn moves(&mut self, kills: u32) {
        if kills > 0 {
            self.moves += 1;
        }
    }
}
