//! Trees: entered and left, climbed by an error, traced.

use crate::meter::{Done, Run, unexpected};
use crate::stacks::{STACKS, in_tree};
use crate::transfers::switches;
use crate::{Greenlet, Main, Me, Operation, Outcome, Tree};
use core::hint::black_box;
use greenlet::{Event, SharedStackPool, Thrown};

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::whole("enter", enters),
    Operation::whole("enter_refused", |run| in_tree(|_| enters_again(run))),
    Operation::whole("enter_end_10", ends),
    Operation::whole("life_chain_10", |run| in_tree(|main| chains(run, main, nothing))),
    Operation::whole("life_climb_10", |run| in_tree(|main| chains(run, main, fails))),
    Operation::half("switch_traced", |run| in_tree(|main| traced(run, main))),
];

/// A tree of its own, so that none but main was ever in it.
static ENTERED: Tree = Tree::new();

fn enters(run: &Run<'_>) -> Done {
    run.each(|_| ENTERED.enter(|main| black_box(main.id())).map(|_| ()).map_err(unexpected))
}

/// A core that has entered a tree enters no other: the body comes back.
fn enters_again(run: &Run<'_>) -> Done {
    run.each(|_| ENTERED.enter(|_| ()).map_or_else(|_| Ok(()), |()| Err(unexpected(()))))
}

/// The end of a tree ends ten greenlets that wait.
fn ends(run: &Run<'_>) -> Done {
    /// Apart, since a greenlet keeps its stack until its handle goes, which is after its tree.
    static TEN: SharedStackPool<10, { crate::stacks::SIZE }> = SharedStackPool::new();
    run.each(|_| {
        let waiting = ENTERED.enter(|main| {
            let waiting = [(); 10].map(|()| main.spawn(&TEN, |me, x| me.up(x)).expect("a stack is free"));
            waiting.iter().try_for_each(|greenlet| greenlet.switch(1).map(drop)).map(|()| waiting).map_err(unexpected)
        });
        drop(black_box(waiting.map_err(unexpected)??));
        Ok(())
    })
}

/// A chain of ten greenlets is made, each a child of the one before, and what the last one ends with goes through all
/// of them.
fn chains(run: &Run<'_>, main: &Main, last: fn(&Me, u64) -> Outcome) -> Done {
    run.each(|_| {
        let first = main.spawn(&STACKS, move |me, x| link(me, x, 9, last)).map_err(unexpected)?;
        match first.switch(1) {
            Ok(1) | Err(Thrown::Error("failed")) => Ok(()),
            other => Err(unexpected(other)),
        }
    })
}

fn link(me: &Me, x: u64, more: u32, last: fn(&Me, u64) -> Outcome) -> Outcome {
    if more == 0 {
        return last(me, x);
    }
    me.spawn(&STACKS, move |me, x| link(me, x, more - 1, last)).expect("a stack is free").switch(x)
}

fn nothing(_: &Me, x: u64) -> Outcome {
    Ok(x)
}

fn fails(_: &Me, _: u64) -> Outcome {
    Err("failed".into())
}

/// Hears of a transfer and does nothing about it.
fn trace(_: Event, origin: &Greenlet, target: &Greenlet) -> Result<(), &'static str> {
    black_box((origin, target));
    Ok(())
}

fn traced(run: &Run<'_>, main: &Main) -> Done {
    main.set_trace(Some(&trace));
    switches(run, main)
}
