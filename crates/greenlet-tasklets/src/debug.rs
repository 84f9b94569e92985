//! `Debug` of the errors: the name of the variant and its message, which names the remedy, because `unwrap` prints
//! `{:?}`. The kernel's errors have the same form; one that is inside another shows both names.

use crate::raised::{Raised, Refusal, SpawnError};
use core::convert::Infallible;
use core::fmt;

/// Writes the name of an error and its message. The message contains the values of its fields.
fn named(f: &mut fmt::Formatter<'_>, name: &str, error: &dyn fmt::Display) -> fmt::Result {
    write!(f, "{name}: \"{error}\"")
}

/// A user's error is formatted by its own `Debug`.
impl<E: fmt::Debug> fmt::Debug for Raised<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The message does not depend on `E`, of which `Display` is not required here.
        type Same = Raised<Infallible>;
        let (name, same) = match self {
            Self::Error(error) => return f.debug_tuple("Error").field(error).finish(),
            Self::Refused(refusal) => return f.debug_tuple("Refused").field(refusal).finish(),
            Self::Exit => ("Exit", Same::Exit),
            Self::Stop => ("Stop", Same::Stop),
            Self::Deadlock => ("Deadlock", Same::Deadlock),
            Self::NoSender => ("NoSender", Same::NoSender),
            Self::NoReceiver => ("NoReceiver", Same::NoReceiver),
            Self::BlockTrap => ("BlockTrap", Same::BlockTrap),
            Self::Closed => ("Closed", Same::Closed),
        };
        named(f, name, &same)
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Blocked => "Blocked",
            Self::Dead => "Dead",
            Self::Current => "Current",
            Self::OtherScheduler => "OtherScheduler",
            Self::Masked => "Masked",
        };
        named(f, name, self)
    }
}

impl fmt::Debug for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { .. } => named(f, "TooMany", self),
            Self::NoStack(reason) => f.debug_tuple("NoStack").field(reason).finish(),
        }
    }
}
