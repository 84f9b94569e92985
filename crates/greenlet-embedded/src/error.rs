//! Why an operation of a blocking device failed.

use core::fmt;

/// Why an operation of a [`Blocking`](crate::Blocking) device failed.
///
/// Its kind, in embedded-hal and embedded-io, is that of the device's error, and `Other` for `Stopped`.
///
/// ```
/// use embedded_hal::i2c::{Error as _, ErrorKind};
/// use greenlet_embedded::Error;
/// assert_eq!(Error::Device(ErrorKind::Overrun).kind(), ErrorKind::Overrun);
/// assert_eq!(Error::<ErrorKind>::Stopped.kind(), ErrorKind::Other);
/// assert!(Error::<ErrorKind>::Stopped.to_string().contains("`Bridge::run`"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error<D> {
    /// The device's own error.
    Device(D),
    /// The wait ended for a reason that has nothing to do with the device: a kill, a timeout. The
    /// [`Bridge`](crate::Bridge) keeps the reason.
    Stopped,
}

impl<D: fmt::Debug> fmt::Display for Error<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(error) => write!(f, "the device reports {error:?}"),
            Self::Stopped => f.write_str(
                "the wait for the device was stopped; `Bridge::run` around the call of the driver returns the reason",
            ),
        }
    }
}

/// The name of the variant and its message, which names the remedy: `unwrap` prints `{:?}`. A device's error is
/// formatted by its own `Debug`.
impl<D: fmt::Debug> fmt::Debug for Error<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(error) => f.debug_tuple("Device").field(error).finish(),
            Self::Stopped => write!(f, "Stopped: \"{self}\""),
        }
    }
}

impl<D: fmt::Debug> core::error::Error for Error<D> {}

impl<D: embedded_hal::i2c::Error> embedded_hal::i2c::Error for Error<D> {
    fn kind(&self) -> embedded_hal::i2c::ErrorKind {
        match self {
            Self::Device(error) => error.kind(),
            Self::Stopped => embedded_hal::i2c::ErrorKind::Other,
        }
    }
}

impl<D: embedded_hal::spi::Error> embedded_hal::spi::Error for Error<D> {
    fn kind(&self) -> embedded_hal::spi::ErrorKind {
        match self {
            Self::Device(error) => error.kind(),
            Self::Stopped => embedded_hal::spi::ErrorKind::Other,
        }
    }
}

impl<D: embedded_io::Error> embedded_io::Error for Error<D> {
    fn kind(&self) -> embedded_io::ErrorKind {
        match self {
            Self::Device(error) => error.kind(),
            Self::Stopped => embedded_io::ErrorKind::Other,
        }
    }
}
