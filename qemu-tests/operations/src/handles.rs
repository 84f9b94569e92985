//! Handles, and what they are asked.

use crate::meter::{Done, Run, unexpected};
#[cfg(feature = "std")]
use crate::stacks::WORDS;
use crate::stacks::{STACKS, in_tree, unstarted};
use crate::{Greenlet, MOST, Main, Operation};
use core::hint::black_box;

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::whole("clone_drop", |run| asks(run, |g| g.clone())),
    Operation::whole("handle", |run| asks(run, |g| g.handle())),
    Operation::whole("downgrade", |run| asks(run, |g| g.downgrade())),
    Operation::whole("upgrade", |run| in_tree(|main| upgrades(run, main))),
    Operation::whole("upgrade_freed", |run| in_tree(|main| upgrades_freed(run, main))),
    Operation::whole("state", |run| asks(run, |g| g.state())),
    Operation::whole("is_started", |run| asks(run, |g| g.is_started())),
    Operation::whole("is_active", |run| asks(run, |g| g.is_active())),
    Operation::whole("is_dead", |run| asks(run, |g| g.is_dead())),
    Operation::whole("is_current", |run| asks(run, |g| g.is_current())),
    Operation::whole("is_main", |run| asks(run, |g| g.is_main())),
    Operation::whole("is_ended", |run| asks(run, |g| g.is_ended())),
    Operation::whole("id", |run| asks(run, |g| g.id())),
    Operation::whole("name", |run| asks(run, |g| g.name())),
    Operation::whole("current", |run| asks(run, |g| g.current())),
    Operation::whole("references", |run| asks(run, |g| g.references())),
    Operation::whole("kills_in_progress", |run| asks(run, |g| g.kills_in_progress())),
    Operation::whole("stack", |run| asks(run, |g| g.stack())),
    Operation::whole("is_intact", |run| asks(run, |g| g.is_intact())),
    Operation::whole("trace", |run| asks(run, |g| g.trace().is_some())),
    Operation::whole("remote", |run| asks(run, |g| g.remote())),
    // For the reports of panics and faults.
    Operation::whole("current_report", |run| asks(run, |_| current_report())),
    Operation::whole("stack_of_last", |run| in_tree(|main| finds_stack(run, main))),
    #[cfg(feature = "std")]
    Operation::whole("tree_current", |run| asks(run, |_| WORDS.current())),
    Operation::whole("pool_free", |run| asks(run, |_| STACKS.free())),
];

/// Asks a greenlet that waits, each turn another one.
#[inline(always)]
fn asks<T>(run: &Run<'_>, ask: impl Fn(&Greenlet) -> T) -> Done {
    in_tree(|main| {
        let greenlets: [Greenlet; MOST] = unstarted(main, |me, x| me.up(x));
        for greenlet in &greenlets {
            greenlet.switch(1).map_err(unexpected)?;
        }
        run.each(|at| {
            black_box(ask(&greenlets[at]));
            Ok(())
        })
    })
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
