//! What a greenlet tells of itself.

use super::Greenlet;
use crate::block::{DEAD, ENDED, UNSTARTED};
use core::fmt;

/// Where a greenlet is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum State {
    /// Created; no transfer has reached it.
    Unstarted,
    /// The current greenlet.
    Running,
    /// Started, and waiting in a transfer.
    Suspended,
    /// Its body is over, or its tree has ended.
    Dead,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unstarted => "unstarted",
            Self::Running => "running",
            Self::Suspended => "suspended",
            Self::Dead => "dead",
        })
    }
}

/// # Questions
///
/// All answers are of this moment; none of these functions moves control.
impl<V: 'static, E: 'static> Greenlet<V, E> {
    /// Where it is in its life.
    #[must_use]
    pub fn state(&self) -> State {
        let block = self.block();
        if block.has(DEAD | ENDED) {
            State::Dead
        } else if block.has(UNSTARTED) {
            State::Unstarted
        } else if block.here().current_ptr() == block.as_ptr() {
            State::Running
        } else {
            State::Suspended
        }
    }

    /// Whether a transfer has reached it, dead ones included: one killed before it ran has started, too.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.state() != State::Unstarted
    }

    /// Whether it is started and not dead.
    #[must_use]
    pub fn is_active(&self) -> bool {
        matches!(self.state(), State::Running | State::Suspended)
    }

    /// Whether it is dead.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.state() == State::Dead
    }

    /// Whether it is the greenlet that runs.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.state() == State::Running
    }

    /// Whether it is its tree's main greenlet.
    #[must_use]
    pub fn is_main(&self) -> bool {
        self.block().is_main()
    }

    /// Whether its tree has ended, so that this handle is inert.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.block().has(ENDED)
    }

    /// A number that no other greenlet of this core has, had or will have.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.block().id()
    }

    /// The name given to its [builder](Self::build).
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        self.block().name.get()
    }

    /// A handle to this greenlet: what `clone` gives, also where `clone` would clone a borrow, as with `&Me` and `&Main`.
    #[must_use]
    pub fn handle(&self) -> Self {
        self.clone()
    }

    /// The greenlet of this tree that runs now; `None` when the tree has ended.
    #[must_use]
    pub fn current(&self) -> Option<Self> {
        if self.is_ended() {
            return None;
        }
        // SAFETY: the tree is entered, and who holds a handle is code that it runs.
        let current = unsafe { self.block().here().current() };
        // SAFETY: counted here.
        Some(unsafe { Self::from_block(current.retain()) })
    }
}

/// `greenlet 3 "parser" (suspended)`: the states in the words of Python's greenlet, pending, current, suspended, dead.
impl<V: 'static, E: 'static> fmt::Debug for Greenlet<V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state() {
            State::Unstarted => "pending",
            State::Running => "current",
            State::Suspended => "suspended",
            State::Dead => "dead",
        };
        write!(f, "{} ({state})", self.block().identity())
    }
}
