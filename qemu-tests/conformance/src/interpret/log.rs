//! Writes log lines. Each one is formatted straight into the sink, so that a line costs a
//! greenlet's stack no more than `core::fmt` itself.

use core::fmt::{self, Write as _};

use greenlet::{Me, State, Thrown};

use super::machine::MACHINE;
use super::value::{Code, Handle, Token, Value};
use super::{Sink, audit};

/// An op in progress: the greenlet that runs it, that greenlet's slot, the op's index.
#[derive(Clone, Copy)]
pub(super) struct Here<'a> {
    pub(super) greenlet: &'a Handle,
    /// The same, as its body sees it; main has no body.
    pub(super) me: Option<&'a Me<Value, Code>>,
    pub(super) slot: u8,
    pub(super) at: usize,
}

impl Here<'_> {
    /// Logs the result of the op.
    pub(super) fn log(self, result: fmt::Arguments<'_>) {
        line(self.greenlet, format_args!("{} {} {result}", self.slot, self.at));
    }

    /// Logs that `thrown` leaves the script, and hands it on.
    pub(super) fn dies(self, thrown: Thrown<Value, Code>) -> Thrown<Value, Code> {
        self.log(format_args!("died {}", Token(&thrown)));
        thrown
    }

    /// Logs something that no correct kernel does.
    pub(super) fn unexpected(self, what: fmt::Arguments<'_>) {
        line(self.greenlet, format_args!("* UNEXPECTED {what} (in {} {})", self.slot, self.at));
        audit::unexpected(self.greenlet, self.slot, what);
    }
}

/// Logs a line, unless the scenario is over.
pub(super) fn line(on: &Handle, line: fmt::Arguments<'_>) {
    if let Some(sink) = MACHINE.with(on, |machine| machine.sink()) {
        write(sink, line);
    }
}

/// Writes a line into a sink.
pub(crate) fn write(sink: Sink, line: fmt::Arguments<'_>) {
    struct Pieces(Sink);
    impl fmt::Write for Pieces {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            (self.0)(text);
            Ok(())
        }
    }
    // A sink cannot fail, and neither do the parts of a line.
    let _ = writeln!(Pieces(sink), "{line}");
}

/// The tree's hook: a kill by a lost reference ended in an error.
pub(super) fn unraisable(greenlet: &Handle, thrown: Thrown<Value, Code>) {
    let label = label_of(greenlet, greenlet.id());
    line(greenlet, format_args!("* unraisable {label} {}", Token(&thrown)));
}

/// The tree's hook: a killed greenlet is alive and nothing refers to it.
pub(super) fn leaked(greenlet: &Handle) {
    MACHINE.with(greenlet, |machine| {
        if let Some(slot) = machine.slot_of(greenlet.id()) {
            // All that the kernel counts but the one that the hook is lent.
            machine.books.leaked(slot, greenlet.references().wrapping_sub(1));
        }
    });
    line(greenlet, format_args!("* leak {}", label_of(greenlet, greenlet.id())));
}

/// A greenlet as the log names it.
pub(super) enum Label {
    Slot(usize),
    /// The parent of the main greenlet.
    None,
    /// The id of a greenlet which this scenario did not create.
    Unknown(u64),
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slot(slot) => write!(f, "{slot}"),
            Self::None => f.write_str("-"),
            Self::Unknown(id) => write!(f, "UNEXPECTED id {id}"),
        }
    }
}

/// Returns the label of a greenlet, or of none. It is found by its id; the handle is gone
/// when this returns.
pub(super) fn label(on: &Handle, greenlet: Option<Handle>) -> Label {
    greenlet.map_or(Label::None, |greenlet| label_of(on, greenlet.id()))
}

/// Returns the label of the greenlet with that id.
pub(super) fn label_of(on: &Handle, id: u64) -> Label {
    MACHINE.with(on, |machine| machine.slot_of(id)).map_or(Label::Unknown(id), Label::Slot)
}

/// Returns the state of a greenlet as the log writes it.
pub(super) fn state(greenlet: &Handle) -> &'static str {
    match greenlet.state() {
        State::Unstarted => "new",
        State::Running => "cur",
        State::Suspended => "susp",
        State::Dead => "dead",
    }
}
