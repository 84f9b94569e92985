//! Parents, bodies given later, and all greenlets of a tree.

use crate::meter::{Done, Run, unexpected};
use crate::stacks::{STACKS, in_tree};
use crate::{Main, Operation};
use core::hint::black_box;

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::half("set_parent", |run| in_tree(|main| sets_parent(run, main))),
    Operation::whole("set_parent_cycle", |run| in_tree(|main| closes_cycle(run, main))),
    Operation::whole("set_run", |run| in_tree(|main| sets_run(run, main))),
    Operation::whole("census_10", |run| in_tree(|main| census(run, main))),
];

/// From one parent to another, and back.
fn sets_parent(run: &Run<'_>, main: &Main) -> Done {
    let child = main.bare(&STACKS).map_err(unexpected)?;
    let other = main.bare(&STACKS).map_err(unexpected)?;
    run.each(|_| {
        child.set_parent(&other).map_err(unexpected)?;
        child.set_parent(main).map_err(unexpected)
    })
}

/// A child as the parent of its parent is refused.
fn closes_cycle(run: &Run<'_>, main: &Main) -> Done {
    let parent = main.bare(&STACKS).map_err(unexpected)?;
    let child = parent.bare(&STACKS).map_err(unexpected)?;
    run.each(|_| black_box(&parent).set_parent(&child).map_or_else(|_| Ok(()), |()| Err(unexpected(()))))
}

/// A body in the place of another.
fn sets_run(run: &Run<'_>, main: &Main) -> Done {
    let child = main.bare(&STACKS).map_err(unexpected)?;
    run.each(|_| child.set_run(|_, x| Ok(x)).map_err(unexpected))
}

/// Looks at each of ten greenlets: main, and nine others.
fn census(run: &Run<'_>, main: &Main) -> Done {
    let others = [(); 9].map(|()| main.bare(&STACKS));
    if others.iter().any(Result::is_err) {
        return Err(unexpected(others));
    }
    run.each(|_| {
        let mut seen = 0_u32;
        main.for_each(|greenlet| {
            black_box(greenlet);
            seen += 1;
        });
        if seen >= 10 { Ok(()) } else { Err(unexpected(seen)) } // and a crowd, with the feature
    })
}
