//! The operations. Each returns a number that encodes its result.

use greenlet::Thrown;

use crate::handler::{close, during, open};
use crate::observed::{MAIN, OTHER, kept, switch, throw, up};
use crate::stacks::STACKS;
use crate::{Greenlet, Main, Me, Outcome};

/// What is interrupted.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Main) -> usize,
}

macro_rules! operations {
    ($($name:literal: $run:ident,)*) => { [$(Operation { name: $name, run: $run },)*] };
}

pub(crate) const ALL: [Operation; 13] = operations! {
    "a switch there and back, by handles": switches,
    "a switch there, and up": switches_up,
    "a spawn": spawns,
    "a first start": starts,
    "a spawn, a first start and a death": lives,
    "a death, to main that waits": dies,
    "a throw that is handled": throws,
    "a throw to main": throws_up,
    "a throw that ends the other": throws_to_end,
    "a throw into an unstarted one": throws_early,
    "a kill": kills,
    "the drop of a last handle": drops,
    "the drop of an unstarted one": drops_early,
};

fn spawned(main: &Main, body: impl FnOnce(&Me, usize) -> Outcome + 'static) -> Greenlet {
    main.spawn(&STACKS, body).expect("the stack is free")
}

/// One that has started, and waits in its first transfer.
fn waiting(main: &Main, body: impl FnOnce(&Me, usize) -> Outcome + 'static) -> Greenlet {
    let other = spawned(main, |me, x| {
        close();
        let end = body(me, x);
        open(); // for the death
        end
    });
    // Not interrupted yet.
    let first = switch(MAIN, &other, 1);
    assert!(first.is_ok(), "it waits, with {first:?}");
    other
}

/// A number for each outcome.
fn number(outcome: Outcome) -> usize {
    match outcome {
        Ok(value) => value,
        Err(Thrown::Error(error)) => 1_000_000 + error,
        Err(Thrown::Exit(value)) => 2_000_000 + value,
        Err(_) => 3_000_000,
    }
}

fn switches(main: &Main) -> usize {
    let other = waiting(main, |me, mut x| {
        let parent = me.parent();
        loop {
            x = switch(OTHER, &parent, x + 10)?;
        }
    });
    number(during(|| switch(MAIN, &other, 100)))
}

fn switches_up(main: &Main) -> usize {
    let other = waiting(main, |me, mut x| {
        loop {
            x = up(me, x + 20)?;
        }
    });
    number(during(|| switch(MAIN, &other, 200)))
}

fn spawns(main: &Main) -> usize {
    let captured = 30;
    let other = during(|| kept(MAIN, || spawned(main, move |_, x| Ok(x + captured))));
    number(switch(MAIN, &other, 300))
}

fn starts(main: &Main) -> usize {
    let other = spawned(main, |me, x| {
        close();
        up(me, x + 40)
    });
    number(during(|| switch(MAIN, &other, 400)))
}

fn lives(main: &Main) -> usize {
    let spawn = || kept(MAIN, || spawned(main, |_, x| Ok(x + 50)));
    number(during(|| switch(MAIN, &spawn(), 500)))
}

fn dies(main: &Main) -> usize {
    let other = waiting(main, |me, x| Ok(up(me, x)? + 60));
    number(during(|| switch(MAIN, &other, 600)))
}

fn throws(main: &Main) -> usize {
    let other = waiting(main, |me, x| match up(me, x) {
        Err(Thrown::Error(error)) => up(me, error + 70),
        unexpected => unexpected,
    });
    number(during(|| throw(MAIN, &other, 700)))
}

fn throws_up(main: &Main) -> usize {
    let other = waiting(main, |me, x| {
        let parent = me.parent();
        let x = up(me, x)?;
        throw(OTHER, &parent, x + 80)
    });
    number(during(|| switch(MAIN, &other, 800)))
}

fn throws_to_end(main: &Main) -> usize {
    let other = waiting(main, up);
    number(during(|| throw(MAIN, &other, 900)))
}

fn throws_early(main: &Main) -> usize {
    let other = spawned(main, |_, x| Ok(x));
    number(during(|| throw(MAIN, &other, 1000)))
}

fn kills(main: &Main) -> usize {
    let other = waiting(main, up);
    number(during(|| kept(MAIN, || other.kill_with(1100))))
}

fn drops(main: &Main) -> usize {
    let other = waiting(main, up);
    let weak = other.downgrade();
    during(|| kept(MAIN, || drop(other)));
    weak.upgrade().is_none().into()
}

fn drops_early(main: &Main) -> usize {
    let other = spawned(main, |_, x| Ok(x));
    let weak = other.downgrade();
    during(|| kept(MAIN, || drop(other)));
    weak.upgrade().is_none().into()
}
