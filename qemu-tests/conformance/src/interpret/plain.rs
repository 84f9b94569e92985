//! The ops that do not transfer control themselves. A reference that they release may: then the
//! greenlet is killed inside the op, before its log line.

use greenlet::{ParentError, RunError};

use super::body;
use super::log::{self, Here, label};
use super::machine::{self, MACHINE, STACKS};
use super::pin::Pin;

/// Refers to the greenlet of the slot that an op names, or logs that there is none.
fn named(here: Here<'_>, slot: u8) -> Option<Pin> {
    let found = Pin::of(here.greenlet, slot);
    if found.is_none() {
        here.log(format_args!("err noref"));
    }
    found
}

/// The same for an argument `P`, where `None` names the current greenlet.
fn named_parent(here: Here<'_>, slot: Option<u8>) -> Option<Pin> {
    slot.map_or_else(|| Some(Pin::on(here.greenlet.clone())), |slot| named(here, slot))
}

/// `new S P`, and `bare S P` without a run function.
pub(super) fn create(here: Here<'_>, slot: u8, parent: Option<u8>, with_run: bool) {
    if machine::used(here.greenlet, slot) {
        here.log(format_args!("err used"));
        return;
    }
    let Some(parent) = named_parent(here, parent) else {
        return;
    };
    let made = if with_run {
        parent.spawn(&STACKS, body(slot)).map_err(|refused| refused.reason)
    } else {
        parent.bare(&STACKS)
    };
    drop(parent);
    match made {
        Ok(made) => {
            machine::created(here.greenlet, slot, made);
            if with_run {
                has_body(here, slot);
            }
            here.log(format_args!("ok"));
        }
        Err(refusal) => here.unexpected(format_args!("refusal: {refusal}")),
    }
}

fn has_body(here: Here<'_>, slot: u8) {
    MACHINE.with(here.greenlet, |machine| machine.books.has_body(slot));
}

/// `run T`
pub(super) fn run(here: Here<'_>, slot: u8) {
    let Some(target) = named(here, slot) else {
        return;
    };
    let done = target.set_run(body(slot)).map_err(|refused| refused.reason);
    drop(target);
    match done {
        Ok(()) => {
            has_body(here, slot);
            here.log(format_args!("ok"));
        }
        Err(RunError::Main) => here.log(format_args!("err main")),
        Err(RunError::Started) => here.log(format_args!("err started")),
        Err(refusal) => here.unexpected(format_args!("refusal: {refusal}")),
    }
}

/// `par T P`
pub(super) fn parent(here: Here<'_>, slot: u8, parent: Option<u8>) {
    let Some(target) = named(here, slot) else {
        return;
    };
    let Some(parent) = named_parent(here, parent) else {
        return;
    };
    MACHINE.with(here.greenlet, |machine| machine.books.moves(here.greenlet.kills_in_progress()));
    let done = target.set_parent(&parent);
    // In this order: each release may kill, and the log shows which came first.
    drop(parent);
    drop(target);
    match done {
        Ok(()) => here.log(format_args!("ok")),
        Err(ParentError::Main) => here.log(format_args!("err main")),
        Err(ParentError::Cycle) => here.log(format_args!("err cycle")),
        Err(refusal) => here.unexpected(format_args!("refusal: {refusal}")),
    }
}

/// `st T`
pub(super) fn state(here: Here<'_>, slot: u8) {
    let Some(target) = named(here, slot) else {
        return;
    };
    let state = log::state(&target);
    let parent = label(here.greenlet, target.parent());
    drop(target);
    here.log(format_args!("state {slot} {state} {parent}"));
}

/// `cur`
pub(super) fn current(here: Here<'_>) {
    let Some(current) = here.greenlet.current() else {
        here.unexpected(format_args!("no greenlet is current"));
        return;
    };
    let parent = label(here.greenlet, current.parent());
    let current = label(here.greenlet, Some(current));
    here.log(format_args!("cur {current} {parent}"));
}

/// `drop S`
pub(super) fn clear(here: Here<'_>, slot: u8) {
    match machine::store(here.greenlet, slot, None) {
        Some(released) => {
            drop(released);
            here.log(format_args!("ok"));
        }
        None => here.log(format_args!("err noref")),
    }
}

/// `hold`
pub(super) fn hold(here: Here<'_>) {
    let Some(current) = here.greenlet.current() else {
        here.unexpected(format_args!("no greenlet is current"));
        return;
    };
    let before = machine::store(here.greenlet, here.slot, Some(current));
    drop(before);
    here.log(format_args!("ok"));
}
