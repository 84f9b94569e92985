//! The audit: after every op, does all that the kernel reports agree with all that the interpreter
//! has recorded?
//!
//! The interpreter keeps [books](books): which greenlet holds which reference, which has a body. After each op it takes
//! a [census](census) of all greenlets, by the kernel's public API. Whether the two agree is for [`judge`] to say:
//!
//! - exactly one greenlet runs, it is current, and it is the one that calls the audit;
//! - no greenlet goes back in its life cycle: unstarted, then running or suspended, then dead, then freed;
//! - all that exist are listed in the order of creation, and all chains of parents end in main;
//! - every reference is accounted for, and the kernel counts none that is not there;
//! - stacks lie in the pool, none is shared, and those that are not free are those of the greenlets that exist;
//! - there are as many bodies as greenlets that have one to run, as many contexts as greenlets have between them.
//!
//! When the tree has ended nothing is left: no stack, no body, no context; and the next run begins.

pub(super) mod books;
mod census;
mod judge;
#[cfg(test)]
mod tests;
pub(super) mod violation;

use core::fmt;

use self::books::Books;
use self::census::Census;
use self::violation::Violation;
use super::machine::{BODIES, MACHINE, STACKS, TREE};
use super::value::Handle;
use super::{Sink, context, log};
use crate::op::Op;
use crate::scenario::Scenario;

/// Runs one scenario without its log and audits it after every op; says whether all was well.
///
/// The first violation is passed to `say`, as one line:
///
/// ```text
/// AUDIT KIND: scenario NAME, greenlet G, op I `drop 3`: WHAT: expected ..., found ...
/// ```
///
/// The scenario is broken off then. If the kernel is still sound enough to end the tree, this returns.
///
/// With `forgetful`, the interpreter does not note which greenlet pins which. Then its books are wrong, and the audit
/// must find that.
#[must_use]
pub fn audit(scenario: &Scenario, say: Sink, forgetful: bool) -> bool {
    let (violation, place) = match super::enter(scenario, None, Books::opened_for(say, forgetful)) {
        Ok(books) if books.violated => return false,
        Ok(_) => match after_the_end() {
            Ok(()) => return true,
            Err(violation) => (violation, "the end"),
        },
        Err(reason) => (Violation::Enter { reason }, "the beginning"),
    };
    tell(say, scenario.name(), violation, format_args!("{place}"));
    false
}

/// Looks at everything, from the greenlet of slot `me`, which runs. `op` is what it has done: `None` for its start.
pub(super) fn look(on: &Handle, me: u8, op: Option<(usize, Op)>) {
    // Nothing is audited that ends.
    let Some(say) = MACHINE.with(on, |machine| machine.books.say.filter(|_| !machine.ended)) else {
        return;
    };
    let judged =
        Census::take(on, me).and_then(|census| MACHINE.with(on, |machine| judge::judge(&census, &mut machine.books)));
    if let Err(violation) = judged {
        violated(on, say, violation, me, op);
    }
}

/// The interpreter met something that the format has no words for.
pub(super) fn unexpected(on: &Handle, me: u8, what: fmt::Arguments<'_>) {
    if let Some(say) = MACHINE.with(on, |machine| machine.books.say) {
        log::write(say, format_args!("# {what}"));
        violated(on, say, Violation::Unexpected, me, None);
    }
}

fn violated(on: &Handle, say: Sink, violation: Violation, me: u8, op: Option<(usize, Op)>) {
    // A copy, because the machine must be closed when the line is written.
    let name = MACHINE.with(on, |machine| {
        machine.books.violated = true;
        machine.ended = true;
        machine.name()
    });
    match op {
        Some((at, op)) => tell(say, &name, violation, format_args!("greenlet {me}, op {at} `{op}`")),
        None => tell(say, &name, violation, format_args!("greenlet {me}, its start")),
    }
}

fn tell(say: Sink, scenario: &str, violation: Violation, place: fmt::Arguments<'_>) {
    log::write(say, format_args!("AUDIT {}: scenario {scenario}, {place}: {violation}", violation.kind()));
}

/// The tree has ended and the slots are empty. Nothing is left: no script continues once its scenario is over, so none
/// can have refused to end.
fn after_the_end() -> Result<(), Violation> {
    TREE.enter(|_| ()).map_err(|refused| Violation::Enter { reason: refused.reason })?;
    let found = STACKS.count() - STACKS.free();
    if found != 0 {
        return Err(Violation::Stacks { expected: 0, found });
    }
    if BODIES.alive() != 0 {
        return Err(Violation::Bodies { expected: 0, found: BODIES.alive() });
    }
    if context::ALIVE.alive() != 0 {
        return Err(Violation::Contexts { expected: 0, found: context::ALIVE.alive() });
    }
    Ok(())
}
