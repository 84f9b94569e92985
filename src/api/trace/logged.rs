//! A tracer that logs each transfer as a defmt frame, and the defmt formats of the types in it.
//!
//! Other types derive their formats where they are defined.

use crate::kernel::handle::Greenlet;
use crate::kernel::trace::{Event, Trace};
use crate::records::identity::Identity;
use defmt::Format;

/// A tracer that logs every transfer at level trace, such as `switch from greenlet 1 "parser" to main greenlet`.
///
/// It is an argument of [`Greenlet::set_trace`]. Each frame is complete before the target resumes, so the logger is
/// never held across a switch.
///
/// ```no_run
/// # use greenlet::{DefmtTrace, Greenlet};
/// fn begin(main: &Greenlet<u32, &'static str>) {
///     main.set_trace(Some(&DefmtTrace));
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct DefmtTrace;

impl<V: 'static, E: 'static> Trace<V, E> for DefmtTrace {
    fn event(&self, event: Event, origin: &Greenlet<V, E>, target: &Greenlet<V, E>) -> Result<(), E> {
        defmt::trace!("{} from {} to {}", event, origin, target);
        Ok(())
    }
}

impl Format for Event {
    fn format(&self, f: defmt::Formatter<'_>) {
        match self {
            Self::Switch => defmt::write!(f, "switch"),
            Self::Throw => defmt::write!(f, "throw"),
        }
    }
}

impl Format for Identity {
    fn format(&self, f: defmt::Formatter<'_>) {
        match self {
            Self { is_main: true, .. } => defmt::write!(f, "main greenlet"),
            Self { id, name: Some(name), .. } => defmt::write!(f, "greenlet {} \"{}\"", id, name),
            Self { id, name: None, .. } => defmt::write!(f, "greenlet {}", id),
        }
    }
}

impl<V: 'static, E: 'static> defmt::Format for Greenlet<V, E> {
    fn format(&self, f: defmt::Formatter<'_>) {
        self.block().identity().format(f);
    }
}
