//! Values and contexts of a greenlet, claimed and given back.

use crate::meter::{Done, Run, unexpected};
use crate::stacks::{STACKS, in_tree, unstarted};
use crate::{MOST, Main, Operation};
use core::cell::Cell;
use core::hint::black_box;
use greenlet::{AnyContext, ContextPool, GreenletLocal};

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::whole("local_first", |run| in_tree(|main| first(run, main))),
    Operation::whole("context_create", |run| in_tree(|_| creates(run))),
    Operation::whole("context_set", |run| in_tree(|main| context_sets(run, main))),
    Operation::whole("context_create_over", |run| in_tree(|_| creates_over(run))),
];

static VALUES: GreenletLocal<Cell<u64>, MOST> = GreenletLocal::new(|| Cell::new(7));
static CONTEXTS: ContextPool<u64, 2> = ContextPool::new();

/// The value of a greenlet that had none; each turn another greenlet.
fn first(run: &Run<'_>, main: &Main) -> Done {
    let greenlets = unstarted(main, |_, x| Ok(x));
    run.each(|at| VALUES.with(&greenlets[at], |value| black_box(value.get())).map(|_| ()).map_err(unexpected))
}

/// A context that is dropped.
fn creates(run: &Run<'_>) -> Done {
    run.each(|at| CONTEXTS.create(at as u64).map(|context| drop(black_box(context))).map_err(unexpected))
}

/// A further handle to a context takes the place of the one that a greenlet had.
fn context_sets(run: &Run<'_>, main: &Main) -> Done {
    let greenlet = main.bare(&STACKS).map_err(unexpected)?;
    let context = CONTEXTS.create(7).map_err(unexpected)?;
    run.each(|_| {
        greenlet.set_context(Some(context.clone()));
        Ok(())
    })
}

/// A context over another one, which is dropped.
fn creates_over(run: &Run<'_>) -> Done {
    let below = AnyContext::from(CONTEXTS.create(7).map_err(unexpected)?);
    run.each(|at| {
        let context = CONTEXTS.create_over(Some(&below), at as u64).map_err(unexpected)?;
        drop(black_box(context));
        Ok(())
    })
}
