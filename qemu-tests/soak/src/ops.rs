//! The operations that move control, or may: what each does, and what must come of it where that can be known before.

use crate::GREENLETS;
use crate::books::{Hand, fail};
use crate::population;
use crate::values::{Handle, Out, Value};
use crate::world::{PLACES, POCKETS, with};
use greenlet::{Refusal, State, Thrown};

/// A number below `end`.
pub(crate) fn below(end: usize) -> usize {
    with(|world| world.books.numbers.below(end))
}

/// A greenlet that exists, most often not main.
pub(crate) fn any_greenlet() -> Hand {
    // With few greenlets most places are empty: then main it is.
    let found = (0..6).find_map(|_| Hand::at(below(PLACES)));
    found.or_else(|| Hand::at(0)).unwrap_or_else(|| unreachable!("main exists"))
}

/// Does one operation of the current greenlet; returns what came back to it.
pub(crate) fn one(me: &Handle) -> Out {
    match below(100) {
        0..=33 => transfer(|to, value| to.switch(value)),
        34..=38 => transfer(|to, value| to.throw(value)),
        39..=40 => transfer(|to, value| {
            drop(value); // before, as it would be counted while this waits
            to.kill()
        }),
        41..=42 => transfer(|to, value| to.kill_with(value)),
        43..=46 => cancel(me),
        47..=62 => population::spawn(me),
        63..=65 => population::bare(me),
        66..=68 => population::set_run(),
        69..=75 => population::set_parent(me),
        76..=80 => let_go(below(GREENLETS) + 1),
        81..=83 => empty_pocket(),
        84..=87 => population::pocket(),
        88..=89 => population::hold(),
        90 => population::remote_kill(),
        91..=92 => population::remote_wake(),
        93..=94 => population::woken(me),
        95 => population::attend(me),
        96..=97 => population::context(),
        _ => population::local(),
    }
}

/// An operation that is over, with a number for the digest.
pub(crate) fn done(number: u64) -> Out {
    Ok(Value::new(number))
}

/// Whether a transfer to `to` ends at a greenlet without a body: the nearest of it and its parents that is not dead is
/// one.
fn cannot_arrive(to: &Handle) -> bool {
    let mut at = to.handle();
    while at.is_dead() {
        match at.parent() {
            Some(parent) => at = parent,
            None => return false,
        }
    }
    at.state() == State::Unstarted && !with(|world| world.books.entries[crate::world::place_of(&at)].body)
}

fn transfer(send: fn(&Handle, Value) -> Out) -> Out {
    let to = any_greenlet();
    let refused = cannot_arrive(&to);
    let value = Value::new(below(1000) as u64);
    let outcome = send(&to, value);
    if refused && !matches!(outcome, Err(Thrown::NoRun)) {
        fail(format_args!("a transfer to greenlet {} ends at one without a body, and something came", to.place()));
    }
    outcome
}

fn cancel(me: &Handle) -> Out {
    let victim = any_greenlet();
    let refusal = if victim.is_main() {
        Some(Refusal::Main)
    } else if is_above(&victim, me) {
        Some(Refusal::Cycle)
    } else {
        None
    };
    // While a kill is in progress, the handle counts as its reference to the victim.
    with(|world| world.books.entries[victim.place()].hands -= 1);
    let outcome = victim.cancel();
    with(|world| world.books.entries[victim.place()].hands += 1);
    let found = match &outcome {
        Err(Thrown::Refused(refusal, _)) => Some(*refusal),
        _ => None,
    };
    if found != refusal {
        fail(format_args!("cancel of greenlet {}: expected {refusal:?}, found {found:?}", victim.place()));
    }
    // A refusal stays here: an end of the body with it would count as a refusal elsewhere.
    if found.is_some() { done(1) } else { outcome }
}

/// Whether `above` is `other`, or a parent of it, near or far.
pub(crate) fn is_above(above: &Handle, other: &Handle) -> bool {
    let mut at = Some(other.handle());
    while let Some(greenlet) = at {
        if greenlet == *above {
            return true;
        }
        at = greenlet.parent();
    }
    false
}

/// Gives up the handle that is held of the greenlet at `place`.
pub(crate) fn let_go(place: usize) -> Out {
    let handle = with(|world| world.held[place].take());
    let had = handle.is_some();
    drop(handle);
    done(u64::from(had))
}

pub(crate) fn empty_pocket() -> Out {
    let pocket = below(POCKETS);
    let handle = with(|world| world.pockets[pocket].take());
    let had = handle.is_some();
    drop(handle);
    done(u64::from(had))
}
