//! `Debug` of the errors: the name of the variant and its message, which names the remedy, because `unwrap` prints
//! `{:?}`. The kernel's errors have the same form; one that is inside another shows both names.
//!
//! ```text
//!   called `Result::unwrap()` on an `Err` value: Refused(TooDeep: "more than 16 `with_timeout` in one another; ...")
//! ```

use crate::hub::RunError;
use crate::spawn::SpawnError;
use crate::stop::{Refusal, Stop};
use core::convert::Infallible;
use core::fmt;

/// Writes the name of an error and its message. The message contains the values of its fields.
fn named(f: &mut fmt::Formatter<'_>, name: &str, error: &dyn fmt::Display) -> fmt::Result {
    write!(f, "{name}: \"{error}\"")
}

/// A user's error is formatted by its own `Debug`.
impl<E: fmt::Debug> fmt::Debug for Stop<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The message does not depend on `E`, of which `Display` is not required here.
        type Same = Stop<Infallible>;
        match self {
            Self::Killed => named(f, "Killed", &Same::Killed),
            Self::Timeout(scope) => write!(f, "Timeout({}): \"{}\"", scope.depth(), Same::Timeout(*scope)),
            Self::Error(error) => f.debug_tuple("Error").field(error).finish(),
            Self::Closed => named(f, "Closed", &Same::Closed),
            Self::Deadlock => named(f, "Deadlock", &Same::Deadlock),
            Self::Refused(refusal) => f.debug_tuple("Refused").field(refusal).finish(),
            Self::Spawn(reason) => f.debug_tuple("Spawn").field(reason).finish(),
        }
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Kernel(refusal) => return f.debug_tuple("Kernel").field(refusal).finish(),
            Self::NotCurrent => "NotCurrent",
            Self::SecondWaiter { .. } => "SecondWaiter",
            Self::TooDeep => "TooDeep",
            Self::HolderGone { .. } => "HolderGone",
            Self::LockCycle { .. } => "LockCycle",
        };
        named(f, name, self)
    }
}

impl fmt::Debug for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::NoSlot { .. } => "NoSlot",
            Self::NoStack(reason) => return f.debug_tuple("NoStack").field(reason).finish(),
            Self::Over => "Over",
            Self::Refused(refusal) => return f.debug_tuple("Refused").field(refusal).finish(),
            Self::NotBegun => "NotBegun",
        };
        named(f, name, self)
    }
}

impl fmt::Debug for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enter(reason) => f.debug_tuple("Enter").field(reason).finish(),
            Self::Masked => named(f, "Masked", self),
        }
    }
}
