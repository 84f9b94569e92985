//! `Debug` of the errors: the name of the variant and its message, which names the remedy, because `unwrap` prints
//! `{:?}`.
//!
//! ```text
//!   called `Result::unwrap()` on an `Err` value: Refused { reason: Ended: "the parent's tree has ended; ...", .. }
//! ```

use crate::records::errors::{EnterError, ParentError, RunError, SpawnError};
use crate::records::refusal::Refusal;
use core::fmt;

/// Writes the name of an error and its message. The message contains the values of its fields.
pub(crate) fn named(f: &mut fmt::Formatter<'_>, name: &str, error: &dyn fmt::Display) -> fmt::Result {
    write!(f, "{name}: \"{error}\"")
}

impl fmt::Debug for EnterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::NoCore => "NoCore",
            Self::CoreBusy => "CoreBusy",
            Self::OtherCore => "OtherCore",
            Self::StillReferred => "StillReferred",
        };
        named(f, name, self)
    }
}

impl fmt::Debug for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::PoolEmpty { .. } => "PoolEmpty",
            Self::OtherCore => "OtherCore",
            Self::StackTooSmall { .. } => "StackTooSmall",
            Self::NoMemory { .. } => "NoMemory",
            Self::Ended => "Ended",
        };
        named(f, name, self)
    }
}

impl fmt::Debug for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Main => "Main",
            Self::Started => "Started",
            Self::TooLarge { .. } => "TooLarge",
            Self::Busy => "Busy",
            Self::Ended => "Ended",
        };
        named(f, name, self)
    }
}

impl fmt::Debug for ParentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Main => "Main",
            Self::Cycle => "Cycle",
            Self::Ended => "Ended",
        };
        named(f, name, self)
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Ended => "Ended",
            Self::Main => "Main",
            Self::Cycle => "Cycle",
            Self::Masked => "Masked",
            Self::Overflow => "Overflow",
            Self::Exit => "Exit",
            Self::Gone => "Gone",
        };
        named(f, name, self)
    }
}
