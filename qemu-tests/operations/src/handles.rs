//! Handles, and the reports that look for a greenlet.

use crate::meter::{Done, Run, unexpected};
use crate::stacks::{STACKS, in_tree, unstarted};
use crate::{Greenlet, MOST, Main, Operation};
use core::hint::black_box;

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::whole("clone_drop", |run| queried(run, |g| g.clone())),
    Operation::whole("upgrade", |run| in_tree(|main| upgrades(run, main))),
    Operation::whole("upgrade_freed", |run| in_tree(|main| upgrades_freed(run, main))),
    // What only reads what is at hand is not counted; a crowd must not matter to it all the same.
    #[cfg(feature = "crowd")]
    Operation::whole("questions", |run| queried(run, questions)),
    // For the reports of panics and faults.
    Operation::whole("current_report", |run| queried(run, |_| current_report())),
    Operation::whole("stack_of_last", |run| in_tree(|main| finds_stack(run, main))),
];

/// Queries a greenlet that waits, each turn another one.
#[inline(always)]
fn queried<T>(run: &Run<'_>, query: impl Fn(&Greenlet) -> T) -> Done {
    in_tree(|main| {
        let greenlets: [Greenlet; MOST] = unstarted(main, |me, x| me.up(x));
        for greenlet in &greenlets {
            greenlet.switch(1).map_err(unexpected)?;
        }
        run.each(|at| {
            black_box(query(&greenlets[at]));
            Ok(())
        })
    })
}

/// Queries of a greenlet and its pool that do not change them.
#[cfg(feature = "crowd")]
fn questions(g: &Greenlet) {
    black_box((g.state(), g.is_started(), g.is_active(), g.is_dead(), g.is_current(), g.is_main(), g.is_ended()));
    black_box((g.id(), g.name(), g.references(), g.kills_in_progress(), g.stack(), g.is_intact(), STACKS.free()));
    black_box((g.handle(), g.downgrade(), g.current(), g.parent(), g.remote(), g.trace().is_some(), g.any_context()));
}

fn current_report() -> bool {
    // SAFETY: operations run one at a time, on one core, and no tree is left meanwhile.
    unsafe { greenlet::current_report() }.is_some()
}

/// Whose stack an address is on: that of the last of ten greenlets.
fn finds_stack(run: &Run<'_>, main: &Main) -> Done {
    let greenlets = [(); 10].map(|()| main.bare(&STACKS));
    let Some(Ok(last)) = greenlets.last() else { return Err(unexpected(greenlets)) };
    let address = last.stack().ok_or(()).map_err(unexpected)?.base - 1;
    run.each(|_| {
        // SAFETY: as for `current_report`; and this is no code of the kernel's.
        unsafe { greenlet::stack_of(black_box(address)) }.map(drop).ok_or(()).map_err(unexpected)
    })
}

/// A weak handle becomes a counted one, which is dropped.
fn upgrades(run: &Run<'_>, main: &Main) -> Done {
    let weak = main.downgrade();
    run.each(|_| weak.upgrade().map(|greenlet| drop(black_box(greenlet))).ok_or(()).map_err(unexpected))
}

/// A weak handle to what is gone.
fn upgrades_freed(run: &Run<'_>, main: &Main) -> Done {
    let weak = main.bare(&STACKS).map_err(unexpected)?.downgrade();
    run.each(|_| weak.upgrade().map_or(Ok(()), |greenlet| Err(unexpected(greenlet))))
}
