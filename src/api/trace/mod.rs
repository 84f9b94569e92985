//! Tracers that are ready-made.

#[cfg(feature = "defmt")]
mod logged;
#[cfg(feature = "recorder")]
mod recorder;

#[cfg(feature = "defmt")]
pub use logged::DefmtTrace;
#[cfg(feature = "recorder")]
pub use recorder::{Record, Recorder, RecorderBusy};
