//! The ops that move control: `sw`, `up`, `th`, `kill`.
//!
//! Each one refers to its target from the start until control is back here (the *pin*), and
//! gives that reference up before it logs: the log line comes after whatever the release does.

use greenlet::{Outcome, Thrown};

use super::Flow;
use super::log::Here;
use super::machine::{self, MACHINE};
use super::pin::Pin;
use super::value::{Code, Handle, Token, Value};
use crate::scenario::Catch;

/// `sw T V F`
pub(super) fn switch(here: Here<'_>, target: u8, value: Option<u16>, catch: Catch) -> Flow {
    at_slot(here, target, catch, |target| target.switch(Value::from(value)))
}

/// `th T C F`
pub(super) fn throw(here: Here<'_>, target: u8, code: u16, catch: Catch) -> Flow {
    at_slot(here, target, catch, |target| target.throw(Code(code)))
}

/// `kill T K F`
pub(super) fn kill(here: Here<'_>, target: u8, payload: Option<u16>, catch: Catch) -> Flow {
    at_slot(here, target, catch, |target| match payload {
        // The payload of a plain kill is the tree's own choice, an exit without one.
        None => target.kill(),
        payload => target.kill_with(Value::Exit(payload)),
    })
}

/// `up V F`
///
/// A program can say this in two ways, which must not differ in anything. Half of the slots take the one, half the
/// other, so that the logs hold both.
pub(super) fn up(here: Here<'_>, value: Option<u16>, catch: Catch) -> Flow {
    let value = Value::from(value);
    match here.me {
        Some(me) if here.slot.is_multiple_of(2) => {
            let parent = machine::slot_of(&me.parent());
            MACHINE.with(me, |machine| machine.books.up(here.slot, parent));
            let outcome = me.up(value);
            MACHINE.with(me, |machine| machine.books.up(here.slot, None));
            finish(here, catch, outcome)
        }
        Some(me) => transfer(here, Pin::on(me.parent()), catch, |parent| parent.switch(value)),
        None => {
            here.log(format_args!("err noparent"));
            Flow::Continue(())
        }
    }
}

/// Runs a transfer to the greenlet of a slot.
fn at_slot(here: Here<'_>, target: u8, catch: Catch, send: impl FnOnce(&Handle) -> Outcome<Value, Code>) -> Flow {
    match Pin::of(here.greenlet, target) {
        Some(target) => transfer(here, target, catch, send),
        None => {
            here.log(format_args!("err noref"));
            Flow::Continue(())
        }
    }
}

/// Runs a transfer and logs what it returns.
fn transfer(here: Here<'_>, target: Pin, catch: Catch, send: impl FnOnce(&Handle) -> Outcome<Value, Code>) -> Flow {
    let outcome = send(&target);
    drop(target);
    finish(here, catch, outcome)
}

/// Logs what a transfer returned, when its pin is gone.
fn finish(here: Here<'_>, catch: Catch, outcome: Outcome<Value, Code>) -> Flow {
    match outcome {
        Ok(value) => here.log(format_args!("got {value}")),
        Err(thrown) if catches(catch, &thrown) => {
            here.log(format_args!("caught {}", Token(&thrown)));
        }
        Err(thrown) => {
            if !Token(&thrown).is_known() {
                here.unexpected(format_args!("{thrown:?}"));
            }
            return Flow::Break(Err(here.dies(thrown)));
        }
    }
    Flow::Continue(())
}

fn catches(catch: Catch, thrown: &Thrown<Value, Code>) -> bool {
    match thrown {
        Thrown::Exit(_) => catch.exits,
        Thrown::Error(_) | Thrown::NoRun => catch.errors,
        // A refusal that no scenario can provoke: nothing may swallow it.
        _ => false,
    }
}
