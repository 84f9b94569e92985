//! Transfers between greenlets that live on.

use crate::meter::{Done, Run, unexpected};
use crate::stacks::{STACKS, in_tree};
use crate::{Greenlet, Main, Me, Operation, Outcome, Tree};
use core::hint::black_box;
use greenlet::Thrown;

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::half("switch", |run| in_tree(|main| switches(run, main))),
    Operation::less("switch", "up", |run| in_tree(|main| ups(run, main))),
    // A greenlet has lost its last handle while it ran: that was slow once, and no switch afterwards is.
    Operation::half("switch_later", |run| in_tree(|main| unreferred(main).and_then(|()| switches(run, main)))),
    Operation::half("switch_weak", |run| in_tree(|main| weak(run, main))),
    // With the clone that is given up.
    Operation::half("switch_away", |run| in_tree(|main| hand_overs(run, main))),
    Operation::less("up", "throw", |run| in_tree(|main| throws(run, main, handles))),
    Operation::less("up", "throw_5_frames", |run| in_tree(|main| throws(run, main, climbs))),
    Operation::whole("switch_self", |run| in_tree(|main| itself(run, main))),
    Operation::whole("switch_dead", |run| in_tree(|main| dead(run, main))),
    Operation::whole("switch_no_run", |run| in_tree(|main| without_body(run, main))),
    Operation::whole("switch_ended", ended),
];

/// Round trips by handle.
pub(crate) fn switches<V: Default>(run: &Run<'_>, main: &Main<V>) -> Done {
    let other = main.spawn(&STACKS, |me, mut y| {
        let parent = me.parent();
        loop {
            y = parent.switch(y)?;
        }
    });
    let other = &other.map_err(unexpected)?;
    run.chain(other.switch(V::default()).map_err(unexpected)?, |x| other.switch(x).map_err(unexpected))
}

/// Round trips by weak handles.
fn weak(run: &Run<'_>, main: &Main) -> Done {
    let other = main.spawn(&STACKS, |me, mut y| {
        let parent = me.parent().downgrade();
        loop {
            y = parent.switch(y)?;
        }
    });
    let other = other.map_err(unexpected)?;
    let weak = &other.downgrade();
    run.chain(weak.switch(1).map_err(unexpected)?, |x| weak.switch(x).map_err(unexpected))
}

/// Round trips by handles that are made for each switch and given up by it.
fn hand_overs(run: &Run<'_>, main: &Main) -> Done {
    let other = main.spawn(&STACKS, |me, mut y| {
        let parent = me.parent();
        loop {
            y = parent.clone().switch_away(y)?;
        }
    });
    let other = &other.map_err(unexpected)?;
    run.chain(other.switch(1).map_err(unexpected)?, |x| other.clone().switch_away(x).map_err(unexpected))
}

/// Round trips there by handle, back by `up`.
pub(crate) fn ups<V: Default>(run: &Run<'_>, main: &Main<V>) -> Done {
    let other = main.spawn(&STACKS, |me, mut y| {
        loop {
            y = me.up(y)?;
        }
    });
    let other = &other.map_err(unexpected)?;
    run.chain(other.switch(V::default()).map_err(unexpected)?, |x| other.switch(x).map_err(unexpected))
}

/// Round trips of a throw and an `up`, in which `handle` waits and gets the error.
#[inline(always)]
fn throws(run: &Run<'_>, main: &Main, handle: impl Fn(&Me, u64) -> Outcome + 'static) -> Done {
    let other = main.spawn(&STACKS, move |me, mut y| {
        loop {
            y = handle(me, y)?;
        }
    });
    let other = &other.map_err(unexpected)?;
    run.chain(other.switch(1).map_err(unexpected)?, |_| other.throw("handled").map_err(unexpected))
}

#[inline(always)]
fn handles(me: &Me, y: u64) -> Outcome {
    match me.up(y) {
        Err(Thrown::Error(_)) => Ok(y),
        other => other,
    }
}

/// [`handles`] an error that has left five frames by then.
#[inline(always)]
fn climbs(me: &Me, y: u64) -> Outcome {
    match frame(me, y, 5) {
        Err(Thrown::Error(_)) => Ok(y),
        other => other,
    }
}

/// A function that calls another, and looks at what that returned, so that its frame stays.
#[inline(never)]
fn frame(me: &Me, y: u64, frames: u32) -> Outcome {
    if frames == 1 {
        return me.up(y);
    }
    let y = frame(me, y, frames - 1)?;
    Ok(black_box(y))
}

fn itself(run: &Run<'_>, main: &Main) -> Done {
    let main: &Greenlet = main;
    run.chain(1, |x| main.switch(x).map_err(unexpected))
}

fn dead(run: &Run<'_>, main: &Main) -> Done {
    let dead = main.spawn(&STACKS, |_, x| Ok(x)).map_err(unexpected)?;
    dead.switch(1).map_err(unexpected)?;
    run.chain(1, |x| dead.switch(x).map_err(unexpected))
}

fn without_body(run: &Run<'_>, main: &Main) -> Done {
    let bare = main.bare(&STACKS).map_err(unexpected)?;
    run.each(|_| match bare.switch(1) {
        Err(Thrown::NoRun) => Ok(()),
        other => Err(unexpected(other)),
    })
}

/// To a greenlet of a tree that has ended.
fn ended(run: &Run<'_>) -> Done {
    static ENDED: Tree = Tree::new();
    let inert = ENDED.enter(|main| main.bare(&STACKS)).map_err(unexpected)?.map_err(unexpected)?;
    run.each(|_| match inert.switch(1) {
        Err(Thrown::Refused(..)) => Ok(()),
        other => Err(unexpected(other)),
    })
}

/// A greenlet loses its last reference while it runs: its successor must release it, this once.
fn unreferred(main: &Main) -> Done {
    let opener = main.spawn(&STACKS, |me, x| {
        let opener = (*me).clone();
        let forgotten = me.parent().spawn(&STACKS, move |me, x| {
            opener.cancel()?; // which held the only handle to this greenlet
            me.up(x)
        });
        forgotten.expect("a stack is free").switch(x)
    });
    match opener.map_err(unexpected)?.switch(1) {
        Ok(1) => Ok(()),
        other => Err(unexpected(other)),
    }
}
