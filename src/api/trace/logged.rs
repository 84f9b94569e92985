//! A tracer that logs: every transfer becomes a defmt frame. And how those look that it tells of; the formats of plain enums
//! are derived where they are.

use crate::kernel::handle::Greenlet;
use crate::kernel::trace::{Event, Trace};
use crate::records::identity::Identity;
use defmt::Format;

/// Logs every transfer at level trace, as `switch from greenlet 1 "parser" to main greenlet`; give it to
/// [`Greenlet::set_trace`].
///
/// The frame is complete before the transfer goes on, so that no logger is held across a switch.
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
