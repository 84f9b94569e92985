//! A greenlet that gives itself up, as a panic handler does, and stacks that are reclaimed. With real panics: guest
//! `contain`.
#![cfg(feature = "abandon")]

use crate::common::{Handle, Log, Main, Me, Out, alone, echo, left_over_on, stacks};
#[cfg(feature = "alloc")]
use greenlet::HeapStacks;
use greenlet::{
    AbandonError, ContextPool, GreenletLocal, ReclaimError, Refused, SharedStackPool, SpawnError, Stacks, State,
    Thrown, Tree,
};
use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

static TREE: Tree<u32> = Tree::new();

/// Bytes of a stack here: many are used.
const SIZE: usize = 64 << 10;
/// How many greenlets are given up in a row.
const ROUNDS: u32 = if cfg!(miri) { 5 } else { 10_000 };

fn tree(run: impl FnOnce(&Main)) {
    let _alone = alone();
    TREE.enter(|main| run(main)).unwrap();
}

/// What a panic handler does with the greenlet that panicked. Returns why that was refused.
fn give_up(tree: &'static Tree<u32>) -> AbandonError {
    // SAFETY: nothing that these tests have on their stacks is used by other code.
    let Err(Refused { reason, returned }) = unsafe { tree.abandon_current("panicked") };
    assert_eq!(returned, "panicked", "the error comes back");
    reason
}

/// A body that is given up when it is resumed for the second time.
fn panics(me: &Me, x: u32) -> Out {
    me.up(x)?;
    panic!("not given up: {}", give_up(&TREE))
}

/// Reclaims the stack of an abandoned greenlet of these tests.
fn reclaim(greenlet: &Handle) -> Result<(), ReclaimError> {
    // SAFETY: nothing points to the frames of these greenlets.
    unsafe { greenlet.reclaim() }
}

/// How many stacks of a pool that is used up belong to dead and to abandoned greenlets.
fn counted<P: Stacks>(main: &Main, pool: &'static P) -> (usize, usize) {
    match main.bare(pool) {
        Err(SpawnError::PoolEmpty { dead, leaked: 0, abandoned, .. }) => (dead, abandoned),
        other => panic!("{other:?}"),
    }
}

/// A child of main on `pool` that was given up.
fn given_up<P: Stacks>(main: &Main, pool: &'static P) -> Handle {
    let g = main.spawn(pool, panics).unwrap();
    assert_eq!(g.switch(1), Ok(1));
    assert_eq!(g.switch(2), Err(Thrown::Error("panicked")));
    assert!(g.is_dead());
    g
}

#[test]
fn the_greenlet_that_panics_ends_with_the_error_and_the_others_continue() {
    tree(|main| {
        let pool = stacks!(3, SIZE);
        let other = main.spawn(pool, echo).unwrap();
        other.switch(1).unwrap();
        let log = Log::default();
        let dropped = log.dropping("held");
        let g = main.spawn(pool, move |me: &Me, x| {
            let _held = dropped;
            panics(me, x)
        });
        let g = g.unwrap();
        g.switch(1).unwrap();
        let child = g.spawn(pool, echo).unwrap();
        assert_eq!(g.switch(2), Err(Thrown::Error("panicked")));
        assert_eq!((g.state(), g.references(), log.take().as_str()), (State::Dead, 2, ""), "no destructor runs");
        assert_eq!((child.switch(5), child.switch(6)), (Ok(5), Ok(6)), "it goes up past the dead one");
        assert_eq!((other.switch(7), g.switch(8)), (Ok(7), Ok(8)));
        drop((child, g));
        assert_eq!(pool.free(), 1, "its stack stays as it is");
    });
}

#[test]
fn it_is_refused_where_there_is_no_such_greenlet_to_give_up() {
    static OTHER: Tree<u32> = Tree::new();
    {
        let _alone = alone();
        assert_eq!(give_up(&TREE), AbandonError::NotEntered);
    }
    tree(|main| {
        assert_eq!(give_up(&TREE), AbandonError::Main);
        let g = main.spawn(stacks!(1, SIZE), |_, x| {
            assert_eq!(give_up(&OTHER), AbandonError::NotEntered);
            Ok(x)
        });
        assert_eq!(g.unwrap().switch(1), Ok(1));
    });
}

/// Memory below the stack may be overwritten then.
#[test]
fn a_stack_that_has_overflowed_is_refused() {
    tree(|main| {
        let g = main.spawn(stacks!(1, SIZE), |me: &Me, x| {
            let band = std::ptr::with_exposed_provenance_mut::<usize>(me.stack().unwrap().limit);
            for word in 0..8 {
                let at = band.wrapping_add(word);
                // SAFETY: a word of the canary band, which nothing else accesses meanwhile.
                let was = unsafe { at.read() };
                // SAFETY: the same.
                unsafe { at.write(!was) };
                assert_eq!(give_up(&TREE), AbandonError::TooLate, "word {word}");
                // SAFETY: the same.
                unsafe { at.write(was) };
            }
            Ok(x)
        });
        assert_eq!(g.unwrap().switch(1), Ok(1));
    });
}

#[test]
fn without_a_promise_the_stacks_are_counted() {
    tree(|main| {
        let pool = stacks!(4, SIZE);
        for lost in 0..4 {
            assert_eq!(pool.free(), 4 - lost);
            drop(given_up(main, pool));
        }
        assert_eq!(counted(main, pool), (0, 4));
        let message = main.bare(pool).unwrap_err().to_string();
        assert!(message.contains("4 by abandoned greenlets"), "{message}");
    });
}

/// Each kind of pool, and each with a single stack.
#[test]
fn with_it_one_stack_serves_thousands() {
    static SHARED: SharedStackPool<1, SIZE> = SharedStackPool::new();
    fn serve<P: Stacks>(main: &Main, pool: &'static P) {
        for _ in 0..ROUNDS {
            let g = given_up(main, pool);
            assert_eq!(counted(main, pool), (0, 1));
            assert_eq!(reclaim(&g), Ok(()));
            assert_eq!(counted(main, pool), (1, 0), "dead, until the handle is dropped");
            assert_eq!(reclaim(&g), Ok(()), "nothing is left to do");
            assert_eq!(counted(main, pool), (1, 0));
        }
        let g = main.spawn(pool, |_, x| Ok(x + 1)).unwrap();
        assert_eq!(g.switch(1), Ok(2));
    }
    tree(|main| {
        let pool = stacks!(1, SIZE);
        serve(main, pool);
        serve(main, &SHARED);
        assert_eq!((pool.free(), SHARED.free()), (1, 1));
    });
    // The pool has another owner, as after any other run.
    static OTHER: Tree<u32> = Tree::new();
    let _alone = alone();
    assert!(OTHER.enter(|main| main.bare(&SHARED).is_ok()).unwrap());
}

#[cfg(feature = "alloc")]
#[test]
fn heap_stacks_are_reclaimed_and_no_more_are_allocated() {
    static HEAP: HeapStacks<SIZE> = HeapStacks::new();
    tree(|main| {
        for _ in 0..20 {
            reclaim(&given_up(main, &HEAP)).unwrap();
        }
        drop(given_up(main, &HEAP));
        reclaim(&given_up(main, &HEAP)).unwrap();
        assert_eq!(HEAP.free(), 1);
    });
}

/// In each state that a greenlet can be in.
#[test]
fn what_is_not_abandoned_is_refused_or_unchanged() {
    let (_alone, pool) = (alone(), stacks!(6, SIZE));
    let ended = TREE.enter(|main| {
        assert_eq!(reclaim(main), Err(ReclaimError::Alive), "main, and current");
        let bare = main.bare(pool).unwrap();
        assert_eq!(reclaim(&bare), Err(ReclaimError::Alive));
        let unstarted = main.spawn(pool, echo).unwrap();
        assert_eq!(reclaim(&unstarted), Err(ReclaimError::Alive));
        assert_eq!(unstarted.switch(1), Ok(1));
        assert_eq!(reclaim(&unstarted), Err(ReclaimError::Alive), "suspended");
        assert_eq!(unstarted.switch(2), Ok(2));
        let dead = main.spawn(pool, |me: &Me, x| {
            assert_eq!(reclaim(&me.current().unwrap()), Err(ReclaimError::Alive), "current");
            assert_eq!(reclaim(&me.parent()), Err(ReclaimError::Alive), "main, which waits");
            Ok(x)
        });
        let dead = dead.unwrap();
        assert_eq!((dead.switch(3), reclaim(&dead), dead.references()), (Ok(3), Ok(()), 1));
        let lost = given_up(main, pool);
        drop((bare, unstarted, dead));
        assert_eq!(pool.free(), 5);
        lost
    });
    let ended = ended.unwrap();
    assert_eq!(reclaim(&ended), Err(ReclaimError::Ended));
    drop(ended);
    assert_eq!(pool.free(), 5, "the tree has ended, so it stays lost");
    assert!(ReclaimError::Alive.to_string().contains("when it has ended"));
}

/// A child keeps it, and so does a handle in its own frames.
#[test]
fn references_keep_a_reclaimed_stack() {
    let (_alone, pool) = (alone(), stacks!(3, SIZE));
    let entered = TREE.enter(|main| {
        let g = given_up(main, pool);
        let child = g.spawn(pool, echo).unwrap();
        reclaim(&g).unwrap();
        drop(g);
        assert_eq!(pool.free(), 1);
        assert_eq!(child.switch(1), Ok(1));
        drop(child);
        assert_eq!(pool.free(), 3);
        let own = left_over_on(pool, main, "keeps itself", panics);
        own.switch(1).unwrap();
        assert_eq!(own.switch(2), Err(Thrown::Error("panicked")));
        reclaim(&own).unwrap();
        drop(own);
        assert_eq!(pool.free(), 2, "the handle in its frames is not dropped");
    });
    entered.unwrap();
    assert_eq!(pool.free(), 2);
}

/// A greenlet that nothing refers to when it is given up: its parent gets no handle, the hook does.
#[test]
fn the_hook_of_errors_without_a_receiver_reclaims() {
    static HOOKED: Tree<u32> = Tree::new().on_unraisable(|greenlet, thrown| {
        assert_eq!(thrown, Thrown::Error("panicked"));
        HEARD.fetch_add(1, Relaxed);
        reclaim(greenlet).unwrap();
    });
    static HEARD: AtomicU32 = AtomicU32::new(0);
    let (_alone, pool) = (alone(), stacks!(1, SIZE));
    let in_its_exit = |me: &Me, x| {
        let _thrown = me.up(x).unwrap_err();
        panic!("not given up: {}", give_up(&HOOKED))
    };
    let entered = HOOKED.enter(|main| {
        let lost = main.spawn(pool, in_its_exit).unwrap();
        lost.switch(1).unwrap();
        drop(lost);
        assert_eq!(pool.free(), 1);
        let remote = main.spawn(pool, in_its_exit).unwrap();
        remote.switch(1).unwrap();
        remote.remote().kill().unwrap();
        assert_eq!((main.attend(), remote.is_dead()), (1, true));
        drop(remote);
        assert_eq!(pool.free(), 1);
        left_over_on(pool, main, "at the end", in_its_exit).switch(1).unwrap();
    });
    entered.unwrap();
    assert_eq!(HEARD.load(Relaxed), 3);
    assert_eq!(pool.free(), 0, "a handle to it lies in its own frames");
}

static KEPT: GreenletLocal<Cell<u32>, 2> = GreenletLocal::new(|| Cell::new(0));
static CONTEXTS: ContextPool<u32, 1> = ContextPool::new();

/// What an earlier greenlet has left must not be there for the next one on the stack.
#[test]
fn the_next_greenlet_on_a_reclaimed_stack_finds_it_clean() {
    tree(|main| {
        let pool = stacks!(1, SIZE);
        for round in 1..4 {
            let first = main.build(pool).name("first").spawn(move |me: &Me, x| {
                assert_eq!(KEPT.with(me, |kept| kept.replace(round)), Ok(0));
                let deep = std::hint::black_box([x as u8; SIZE / 8]);
                me.up(deep[SIZE / 16].into())?;
                panic!("not given up: {}", give_up(&TREE))
            });
            let first = first.unwrap();
            let band = std::ptr::with_exposed_provenance_mut::<[usize; 8]>(first.stack().unwrap().limit);
            first.set_context(CONTEXTS.create(7).ok());
            first.switch(1).unwrap();
            let (weak, remote) = (first.downgrade(), first.remote());
            assert_eq!(first.switch(2), Err(Thrown::Error("panicked")));
            remote.wake().unwrap();
            remote.kill().unwrap();
            // What an overflow that a watchpoint stops may leave in the canary band.
            // SAFETY: these are the words of the band, which nothing else accesses meanwhile: the greenlet is dead.
            unsafe { band.write([round as usize; 8]) };
            reclaim(&first).unwrap();
            assert!(first.is_intact());
            drop(first);
            assert!(weak.upgrade().is_none() && remote.kill().is_err(), "it is gone");
            let second = main.spawn(pool, echo).unwrap();
            assert_eq!((main.woken(), main.attend()), (None, 0), "of the second nothing was requested");
            assert_eq!((second.name(), second.references(), second.state()), (None, 1, State::Unstarted));
            assert!(second.context::<u32>().is_none());
            assert_eq!(KEPT.with(&second, Cell::get), Ok(0));
            #[cfg(feature = "high-water")]
            assert!(second.high_water_mark().unwrap() < SIZE / 16, "it is painted anew");
            for x in 0..100 {
                assert_eq!(second.switch(x), Ok(x));
            }
            assert!(second.is_intact());
            second.remote().wake().unwrap();
            second.remote().kill().unwrap();
            assert_eq!(main.woken().as_ref(), Some(&second));
            assert_eq!((main.attend(), second.is_dead()), (1, true), "its own requests are found");
        }
    });
}
