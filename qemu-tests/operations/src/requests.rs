//! Requests from other cores, settled here. The tree has one greenlet besides main.

use crate::meter::{Done, Run, unexpected};
use crate::stacks::{STACKS, in_tree};
use crate::{Main, Operation};

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::whole("remote_wake", |run| in_tree(|main| wakes(run, main))),
    Operation::whole("life_remote_kill", |run| in_tree(|main| kills(run, main))),
    Operation::whole("woken_none", |run| in_tree(|main| woken(run, main))),
    Operation::whole("attend_none", |run| in_tree(|main| attends(run, main))),
];

/// A wake is left and taken.
fn wakes(run: &Run<'_>, main: &Main) -> Done {
    let greenlet = main.bare(&STACKS).map_err(unexpected)?;
    let remote = greenlet.remote();
    run.each(|_| {
        remote.wake().map_err(unexpected)?;
        main.woken().map(drop).ok_or(()).map_err(unexpected)
    })
}

/// A whole life: started by a switch, a kill is requested and settled.
fn kills(run: &Run<'_>, main: &Main) -> Done {
    run.each(|_| {
        let greenlet = main.spawn(&STACKS, |me, x| me.up(x)).map_err(unexpected)?;
        greenlet.switch(1).map_err(unexpected)?;
        greenlet.remote().kill().map_err(unexpected)?;
        if main.attend() == 1 { Ok(()) } else { Err(unexpected(greenlet)) }
    })
}

fn woken(run: &Run<'_>, main: &Main) -> Done {
    run.each(|_| main.woken().map_or(Ok(()), |greenlet| Err(unexpected(greenlet))))
}

fn attends(run: &Run<'_>, main: &Main) -> Done {
    run.each(|_| if main.attend() == 0 { Ok(()) } else { Err(unexpected(())) })
}
