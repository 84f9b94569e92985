//! Values and contexts of a greenlet.

use crate::meter::{Done, Run, unexpected};
use crate::stacks::{STACKS, in_tree, unstarted};
use crate::{MOST, Main, Operation};
use core::cell::Cell;
use core::hint::black_box;
use greenlet::{AnyContext, ContextPool, GreenletLocal};

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::whole("local_first", |run| in_tree(|main| first(run, main))),
    Operation::whole("local_get", |run| in_tree(|main| gets(run, main))),
    Operation::whole("local_set", |run| in_tree(|main| sets(run, main))),
    Operation::whole("context_create", |run| in_tree(|_| creates(run))),
    Operation::whole("context_clone", |run| in_tree(|_| clones(run))),
    Operation::whole("context_get", |run| in_tree(|main| context_gets(run, main))),
    Operation::whole("context_set", |run| in_tree(|main| context_sets(run, main))),
    Operation::whole("context_create_over", |run| in_tree(|_| creates_over(run))),
    Operation::whole("context_downcast", |run| in_tree(|_| downcasts(run))),
    Operation::whole("context_hand_on", |run| in_tree(|main| hands_on(run, main))),
];

static VALUES: GreenletLocal<Cell<u64>, MOST> = GreenletLocal::new(|| Cell::new(7));
static CONTEXTS: ContextPool<u64, 2> = ContextPool::new();
static WORDS: ContextPool<&str, 1> = ContextPool::new();

/// The value of a greenlet that had none; each turn another greenlet.
fn first(run: &Run<'_>, main: &Main) -> Done {
    let greenlets = unstarted(main, |_, x| Ok(x));
    run.each(|at| VALUES.with(&greenlets[at], |value| black_box(value.get())).map(|_| ()).map_err(unexpected))
}

fn gets(run: &Run<'_>, main: &Main) -> Done {
    let greenlet = main.bare(&STACKS).map_err(unexpected)?;
    VALUES.with(&greenlet, |_| ()).map_err(unexpected)?;
    run.each(|_| VALUES.with(&greenlet, |value| black_box(value.get())).map(|_| ()).map_err(unexpected))
}

fn sets(run: &Run<'_>, main: &Main) -> Done {
    let greenlet = main.bare(&STACKS).map_err(unexpected)?;
    VALUES.with(&greenlet, |_| ()).map_err(unexpected)?;
    run.each(|at| VALUES.with(&greenlet, |value| value.set(at as u64)).map_err(unexpected))
}

/// A context that is dropped.
fn creates(run: &Run<'_>) -> Done {
    run.each(|at| CONTEXTS.create(at as u64).map(|context| drop(black_box(context))).map_err(unexpected))
}

/// A further handle, which is dropped.
fn clones(run: &Run<'_>) -> Done {
    let context = CONTEXTS.create(7).map_err(unexpected)?;
    run.each(|_| {
        drop(black_box(context.clone()));
        Ok(())
    })
}

/// A handle to the context of a greenlet, which is dropped.
fn context_gets(run: &Run<'_>, main: &Main) -> Done {
    let greenlet = main.bare(&STACKS).map_err(unexpected)?;
    greenlet.set_context(Some(CONTEXTS.create(7).map_err(unexpected)?));
    run.each(|_| greenlet.context::<u64>().map(|context| drop(black_box(context))).ok_or(()).map_err(unexpected))
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

/// A handle to the context below one of another type, which is dropped.
fn downcasts(run: &Run<'_>) -> Done {
    let below = AnyContext::from(CONTEXTS.create(7).map_err(unexpected)?);
    let over = AnyContext::from(WORDS.create_over(Some(&below), "over").map_err(unexpected)?);
    run.each(|_| over.downcast::<u64>().map(|context| drop(black_box(context))).ok_or(()).map_err(unexpected))
}

/// A greenlet gets the context of another one, whatever its type.
fn hands_on(run: &Run<'_>, main: &Main) -> Done {
    let greenlet = main.bare(&STACKS).map_err(unexpected)?;
    main.set_context(Some(CONTEXTS.create(7).map_err(unexpected)?));
    run.each(|_| {
        greenlet.set_any_context(main.any_context());
        Ok(())
    })
}
