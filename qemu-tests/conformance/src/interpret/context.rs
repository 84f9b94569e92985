//! The ops around the context variable: `cset`, `cget`, `ctx`.

use core::cell::Cell;

use greenlet::{Context, ContextPool};

use super::counted::{Counter, One};
use super::log::Here;
use super::pin::Pin;
use super::value::Value;
use crate::op::Sharing;
use crate::scenario::MAX_SLOTS;

/// A context holds the one variable there is.
pub(super) struct Variable {
    value: Cell<Option<u16>>,
    _alive: One,
}

/// The contexts that exist.
pub(super) static ALIVE: Counter = Counter::new();

/// Each greenlet has one context at most; one more lives while a copy is handed over.
static CONTEXTS: ContextPool<Variable, { MAX_SLOTS + 1 }> = ContextPool::new();

/// `cset C`
pub(super) fn set(here: Here<'_>, value: u16) {
    if let Some(context) = of_current(here) {
        context.value.set(Some(value));
        drop(context);
        here.log(format_args!("ok"));
    }
}

/// `cget`
pub(super) fn get(here: Here<'_>) {
    let value = here.greenlet.context::<Variable>().and_then(|context| context.value.get());
    here.log(format_args!("var {}", Value::from(value)));
}

/// `ctx T copy`, `ctx T share`, `ctx T none`
pub(super) fn give(here: Here<'_>, slot: u8, sharing: Sharing) {
    let Some(target) = Pin::of(here.greenlet, slot) else {
        here.log(format_args!("err noref"));
        return;
    };
    let context = match sharing {
        Sharing::Copy => {
            let Some(copy) = of_current(here).and_then(|context| create(here, context.value.get())) else {
                return;
            };
            Some(copy)
        }
        Sharing::Share => here.greenlet.context(),
        Sharing::None => None,
    };
    target.set_context(context);
    drop(target);
    here.log(format_args!("ok"));
}

/// The context of the current greenlet, which gets an empty one if it has none.
fn of_current(here: Here<'_>) -> Option<Context<Variable>> {
    here.greenlet.context().or_else(|| {
        let context = create(here, None)?;
        here.greenlet.set_context(Some(context.clone()));
        Some(context)
    })
}

fn create(here: Here<'_>, value: Option<u16>) -> Option<Context<Variable>> {
    match CONTEXTS.create(Variable { value: Cell::new(value), _alive: ALIVE.one() }) {
        Ok(context) => Some(context),
        Err(refused) => {
            here.unexpected(format_args!("refusal: {refused}"));
            None
        }
    }
}
