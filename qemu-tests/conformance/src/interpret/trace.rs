//! The ops around the trace callback: `trace`, `boom`, `tq`.

use greenlet::{Event, Tracer};

use super::log::{Here, label_of, line};
use super::machine::MACHINE;
use super::value::{Code, Handle, Value};

/// `trace on`, `trace off`
pub(super) fn set(here: Here<'_>, on: bool) {
    install(here, on.then_some(&logging));
}

/// `boom C`
pub(super) fn boom(here: Here<'_>, code: u16) {
    MACHINE.with(here.greenlet, |machine| machine.boom = Code(code));
    install(here, Some(&booming));
}

/// `tq`
pub(super) fn query(here: Here<'_>) {
    tracing(here, here.greenlet.trace());
}

fn install(here: Here<'_>, tracer: Option<Tracer<Value, Code>>) {
    tracing(here, here.greenlet.set_trace(tracer));
}

fn tracing(here: Here<'_>, tracer: Option<Tracer<Value, Code>>) {
    here.log(format_args!("tracing {}", u8::from(tracer.is_some())));
}

/// Logs one event.
fn logging(event: Event, origin: &Handle, target: &Handle) -> Result<(), Code> {
    let event = match event {
        Event::Switch => "switch",
        Event::Throw => "throw",
        _ => "UNEXPECTED",
    };
    let (from, to) = (label_of(target, origin.id()), label_of(target, target.id()));
    line(target, format_args!("* trace {event} {from} {to}"));
    if !target.is_current() {
        line(target, format_args!("* UNEXPECTED trace: {to} is not current"));
    }
    Ok(())
}

/// Logs one event, then raises the error that `boom` named.
fn booming(event: Event, origin: &Handle, target: &Handle) -> Result<(), Code> {
    logging(event, origin, target)?;
    Err(MACHINE.with(target, |machine| machine.boom))
}
