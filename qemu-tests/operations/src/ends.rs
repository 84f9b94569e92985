//! The first switch to a greenlet and what ends it, each turn with another greenlet that stands ready.

use crate::meter::{Done, Run, unexpected};
use crate::stacks::{STACKS, in_tree, suspended, unstarted};
use crate::{Greenlet, MOST, Main, Me, Operation, Outcome};
use greenlet::Thrown;

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::whole("spawn", |run| in_tree(|main| spawns(run, main))),
    // There for the first time, back by `up`.
    Operation::less("up", "start", |run| in_tree(|main| turns(run, unstarted(main, |me, x| me.up(x)), switches))),
    // There by a switch, back by the end of the body.
    Operation::less("switch", "finish", |run| in_tree(|main| turns(run, suspended(main, |_, x| Ok(x))?, switches))),
    Operation::less("switch", "fail", |run| in_tree(|main| turns(run, suspended(main, fails)?, gets_error))),
    Operation::whole("kill", |run| in_tree(|main| turns(run, suspended(main, nothing)?, |g| expect(g.kill())))),
    Operation::whole("kill_unstarted", |run| {
        in_tree(|main| turns(run, unstarted(main, nothing), |g| expect(g.kill())))
    }),
    Operation::whole("cancel", |run| in_tree(|main| turns(run, suspended(main, nothing)?, |g| expect(g.cancel())))),
    Operation::whole("drop_suspended", |run| in_tree(|main| drops(run, suspended(main, nothing)?.map(Some)))),
    Operation::whole("drop_dead", |run| in_tree(|main| drops(run, dead(main)?.map(Some)))),
];

/// One turn a greenlet.
#[inline(always)]
fn turns(run: &Run<'_>, greenlets: [Greenlet; MOST], turn: impl Fn(&Greenlet) -> Done) -> Done {
    run.each(|at| turn(&greenlets[at]))
}

fn spawns(run: &Run<'_>, main: &Main) -> Done {
    let mut greenlets = [const { None }; MOST];
    run.each(|at| {
        greenlets[at] = Some(main.spawn(&STACKS, nothing).map_err(unexpected)?);
        Ok(())
    })
}

#[inline(always)]
fn drops(run: &Run<'_>, mut greenlets: [Option<Greenlet>; MOST]) -> Done {
    run.each(|at| {
        greenlets[at] = None;
        Ok(())
    })
}

#[inline(always)]
fn switches(greenlet: &Greenlet) -> Done {
    expect(greenlet.switch(1))
}

#[inline(always)]
fn gets_error(greenlet: &Greenlet) -> Done {
    match greenlet.switch(1) {
        Err(Thrown::Error(_)) => Ok(()),
        other => Err(unexpected(other)),
    }
}

#[inline(always)]
fn expect(outcome: Outcome) -> Done {
    outcome.map(drop).map_err(unexpected)
}

fn dead(main: &Main) -> Done<[Greenlet; MOST]> {
    let greenlets = unstarted(main, nothing);
    greenlets.iter().try_for_each(switches)?;
    Ok(greenlets)
}

fn nothing(_: &Me, x: u64) -> Outcome {
    Ok(x)
}

fn fails(_: &Me, _: u64) -> Outcome {
    Err("failed".into())
}
