//! What a task waits for, for the report.

use core::fmt;
use core::ptr;

/// Lies in the frame that waits.
#[derive(Clone, Copy)]
pub(crate) struct What {
    pub(crate) kind: Waiting,
    /// The name of the object that is waited for.
    pub(crate) name: Option<&'static str>,
    /// For a lock, its `Held`; for a join, the base of the slot; for a signal or a remote channel, its `Waiter`; for an
    /// object with a list of waiting tasks, the node in that list; for a select, its first node.
    pub(crate) object: *const (),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    Time,
    Send,
    Receive,
    Lock,
    Event,
    Permit,
    Condition,
    Join,
    Children,
    Select,
    Result,
    // From here on, the event may come from outside of the hub.
    Closing,
    Remote,
    Signal,
    Future,
    Wake,
}

impl What {
    pub(crate) fn new(kind: Waiting) -> Self {
        Self { kind, name: None, object: ptr::null() }
    }

    pub(crate) fn named(kind: Waiting, name: Option<&'static str>, object: *const ()) -> Self {
        Self { kind, name, object }
    }

    /// Returns `true` if the event may come from a handler, another core or a waker.
    pub(crate) fn is_external(&self) -> bool {
        matches!(self.kind, Waiting::Closing | Waiting::Remote | Waiting::Signal | Waiting::Future | Waiting::Wake)
    }
}

impl Waiting {
    /// Returns `true` if the words want a name after them.
    pub(crate) fn is_for_an_object(self) -> bool {
        use Waiting::{Condition, Event, Lock, Permit, Receive, Remote, Send, Signal};
        matches!(self, Send | Receive | Remote | Lock | Event | Permit | Condition | Signal)
    }

    /// The words of the report.
    #[inline(always)]
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Self::Time => "sleeps",
            Self::Send => "waits to send to",
            Self::Receive | Self::Remote => "waits to receive from",
            Self::Lock => "waits for the lock",
            Self::Event => "waits for the event",
            Self::Permit => "waits for a permit of",
            Self::Condition => "waits for the condition",
            Self::Join => "waits for the end of",
            Self::Children | Self::Closing => "waits for its children to end",
            Self::Select => "waits in a select",
            Self::Result => "has ended, its result was not taken",
            Self::Signal => "waits for the signal",
            Self::Future => "waits for a future",
            Self::Wake => "is parked",
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}
