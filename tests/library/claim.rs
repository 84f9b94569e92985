//! Stacks that are claimed first and get their bodies later.

use crate::common::{Handle, Log, STACKS, echo, holding, left_over, stacks, tree};
use greenlet::{Refused, RunError, SpawnError, StackPool, Stacks, State, Thrown};
use std::cell::Cell;
use std::rc::Rc;

/// A wrapper around `spawn`, as a scheduler has one: it gives back what it was given.
fn wrapped<F: FnOnce(u32) -> u32 + 'static, P: Stacks>(
    parent: &Handle,
    pool: &'static P,
    body: F,
) -> Result<Handle, Refused<SpawnError, F>> {
    match parent.build(pool).name("wrapped").claim() {
        Ok(claimed) => Ok(claimed.spawn(move |me, x| me.up(body(x)))),
        Err(reason) => Err(Refused { reason, returned: body }),
    }
}

#[test]
fn it_lets_a_wrapper_give_the_closure_back_that_it_was_given() {
    let pool = stacks!(1);
    let (kept, returned) = tree(|main| {
        let log = Log::default();
        let body = |captured: crate::common::Dropping| move |x| (x * 2, captured).0;
        let g = wrapped(main, pool, body(log.dropping("first"))).unwrap();
        assert_eq!((g.name(), g.parent(), g.state()), (Some("wrapped"), Some(main.handle()), State::Unstarted));
        let refused = wrapped(main, pool, body(log.dropping("second"))).unwrap_err();
        assert!(matches!(refused.reason, SpawnError::PoolEmpty { stacks: 1, dead: 0, .. }));
        assert_eq!((g.switch(4), log.take().as_str()), (Ok(8), "-first"));
        drop(g);
        let g = wrapped(main, pool, refused.returned).unwrap();
        assert_eq!((g.switch(5), log.take().as_str()), (Ok(10), "-second"));
        drop(g);
        (main.bare(pool).unwrap(), ())
    });
    let ended = wrapped(&kept, pool, move |x| (x, returned).0).unwrap_err();
    assert_eq!(ended.reason, SpawnError::Ended);
}

#[test]
fn one_that_is_dropped_gives_its_stack_back() {
    let pool = stacks!(1);
    tree(|main| {
        let claimed = main.build(pool).claim().unwrap();
        assert_eq!((pool.free(), main.references()), (0, 2));
        assert!(
            format!("{claimed:?}").starts_with("Claimed(greenlet ") && format!("{claimed:?}").ends_with("(pending))")
        );
        drop(claimed);
        assert_eq!((pool.free(), main.references()), (1, 1));
        main.bare(pool).unwrap().set_run(echo).unwrap(); // nothing of the claim is left
    });
}

#[test]
fn one_that_others_find_in_the_tree_gets_its_body_from_its_creator_alone() {
    tree(|main| {
        let found = Rc::new(Cell::new(None::<Handle>));
        let find = || {
            main.for_each(|g| {
                if g.name() == Some("claimed") {
                    found.set(Some(g.clone()));
                }
            });
            found.take().unwrap()
        };
        let claimed = main.build(&STACKS).name("claimed").claim().unwrap();
        let g = find();
        assert_eq!(g.set_run(echo).unwrap_err().reason, RunError::Busy);
        assert_eq!(
            (g.switch(1), g.throw("no"), g.kill()),
            (Err(Thrown::NoRun), Err(Thrown::NoRun), Err(Thrown::NoRun))
        );
        assert_eq!(g.cancel(), Err(Thrown::NoRun));
        assert_eq!(claimed.spawn(|_me, x| Ok(x + 1)), g);
        assert_eq!(g.switch(1), Ok(2));

        let claimed = main.build(&STACKS).name("claimed").claim().unwrap();
        let g = find();
        drop(claimed);
        g.set_run(echo).unwrap(); // one without a body like any other
        assert_eq!(g.switch(3), Ok(3));
    });
}

#[test]
fn one_that_its_tree_does_not_wait_for_has_a_dead_greenlet() {
    let pool = stacks!(2);
    let log = Log::default();
    let claimed = tree(|main| {
        // Filled by a destructor, while the tree ends.
        struct Fills(Option<Claimed>, Log);
        impl Drop for Fills {
            fn drop(&mut self) {
                let captured = self.1.dropping("too late");
                let g = self.0.take().unwrap().spawn(holding(captured));
                self.1.say(g.is_dead());
            }
        }
        type Claimed = greenlet::Claimed<u32, &'static str, StackPool<2, { crate::common::SIZE }>>;
        let claimed = main.build(pool).claim().unwrap();
        let fills = Fills(Some(claimed), log.clone());
        assert_eq!(left_over(main, "last", move |me, x| (me.up(x), fills).0).switch(0), Ok(0));
        main.build(pool).claim().unwrap()
    });
    assert_eq!(log.take(), "-too late true");
    let inert = claimed.spawn(holding(log.dropping("later")));
    assert_eq!((inert.is_dead(), inert.is_ended(), log.take().as_str()), (true, true, "-later"));
    drop(inert);
    assert_eq!(pool.free(), 2);
}
