//! With the feature `std`, code of the user's that the kernel calls in the middle of its work may panic: the work is
//! finished all the same. Every test ends with all stacks free, and enters the tree once more.
#![cfg(feature = "std")]

use crate::common::{Alone, Handle, Log, Main, Me};
use greenlet::{ContextPool, Event, Greenlet, GreenletLocal, StackPool, Thrown, Tree};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

const SIZE: usize = 128 * 1024;

/// What everything here panics with.
#[derive(Debug, PartialEq)]
struct Boom;

fn boom() -> ! {
    resume_unwind(Box::new(Boom))
}

fn booms<R>(act: impl FnOnce() -> R) {
    let Err(payload) = catch_unwind(AssertUnwindSafe(act)) else { panic!("this was to panic") };
    assert_eq!(payload.downcast_ref(), Some(&Boom));
}

/// A destructor that panics, unless it runs in a panic.
#[derive(Default)]
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            boom()
        }
    }
}

/// Runs `test` in `tree`; then all of `pool` is free, and the tree can be entered again.
fn whole<const COUNT: usize>(
    tree: &'static Tree<u32>,
    pool: &'static StackPool<COUNT, SIZE>,
    test: impl FnOnce(&Main, &'static StackPool<COUNT, SIZE>),
) {
    tree.enter(|main| {
        test(main, pool);
        main.set_trace(None);
        assert_eq!((main.references(), main.kills_in_progress()), (1, 0), "nothing refers to main");
        assert_eq!(pool.free(), COUNT);
    })
    .unwrap();
    tree.enter(|main| assert_eq!(main.references(), 1)).unwrap();
}

/// A pool and a tree of the test's own.
macro_rules! whole {
    ($count:literal, $tree:expr, $test:expr) => {{
        static POOL: StackPool<$count, SIZE> = StackPool::new();
        static TREE: Tree<u32> = $tree;
        whole(&TREE, &POOL, $test)
    }};
    ($count:literal, $test:expr) => {
        whole!($count, Tree::new(), $test)
    };
}

/// A greenlet that waits, and ends with `left` when it is asked to.
fn waits<const COUNT: usize>(
    main: &Main,
    pool: &'static StackPool<COUNT, SIZE>,
    left: Result<u32, Thrown<u32, &'static str>>,
) -> Handle {
    let g = main.spawn(pool, move |me, x| {
        let _asked = me.up(x);
        left
    });
    let g = g.unwrap();
    assert_eq!(g.switch(1), Ok(1));
    g
}

#[test]
fn the_unraisable_hook_while_a_lost_greenlet_ends() {
    whole!(2, Tree::new().on_unraisable(|_, _| boom()), |main, pool| {
        let g = waits(main, pool, Err(Thrown::Error("late")));
        booms(|| drop(g));
        let parent = waits(main, pool, Ok(1));
        let g = waits(main, pool, Err(Thrown::Error("late")));
        g.set_parent(&parent).unwrap();
        booms(|| drop(g));
        assert_eq!(parent.references(), 1, "the old parent was put back, and released with its child");
    });
}

#[test]
fn the_leak_hook() {
    whole!(1, Tree::new().on_leak(|_| boom()), |main, pool| {
        let once = Cell::new(false);
        let g = main.spawn(pool, move |me, x| {
            loop {
                match me.up(x) {
                    Err(Thrown::Exit(_)) if !once.replace(true) => {}
                    other => return other,
                }
            }
        });
        let weak = g.as_ref().unwrap().downgrade();
        g.as_ref().unwrap().switch(1).unwrap();
        booms(|| drop(g));
        let leaked = weak.upgrade().unwrap();
        leaked.cancel().unwrap();
        assert!(leaked.is_dead());
    });
}

#[test]
fn the_exit_function_while_a_lost_greenlet_is_to_end() {
    static ARMED: Alone<bool> = Alone::new(false);
    whole!(1, Tree::with_exit(|| if ARMED.get() { boom() } else { 7 }), |main, pool| {
        let g = waits(main, pool, Ok(1));
        let weak = g.downgrade();
        ARMED.set(true);
        booms(|| drop(g));
        ARMED.set(false);
        // It could not be killed: it is leaked, and exists until it is.
        assert_eq!(weak.upgrade().unwrap().cancel(), Ok(1));
    });
}

#[test]
fn the_exit_function_at_the_end_of_the_tree() {
    static ARMED: Alone<bool> = Alone::new(false);
    static POOL: StackPool<2, SIZE> = StackPool::new();
    static TREE: Tree<u32> = Tree::with_exit(|| if ARMED.replace(false) { boom() } else { 7 });
    booms(|| {
        TREE.enter(|main| {
            [waits(main, &POOL, Ok(1)), waits(main, &POOL, Ok(1))].into_iter().for_each(std::mem::forget);
            ARMED.set(true);
        })
    });
    TREE.enter(|_| ()).unwrap();
}

#[test]
fn a_tracer_in_the_target() {
    whole!(1, |main, pool| {
        main.set_trace(Some(&|_: Event, _: &Handle, target: &Handle| if target.is_main() { Ok(()) } else { boom() }));
        let g = main.spawn(pool, |_me, x| Ok(x)).unwrap();
        booms(|| g.switch(1));
        assert!(g.is_dead() && main.trace().is_none(), "it dies of it, and the tracer is removed");
    });
}

#[test]
fn a_tracer_on_the_way_back() {
    whole!(1, |main, pool| {
        let g = waits(main, pool, Ok(1));
        main.set_trace(Some(&|_: Event, _: &Handle, target: &Handle| if target.is_main() { boom() } else { Ok(()) }));
        booms(|| g.switch(2));
        assert!(g.is_dead() && g.references() == 1, "the origin was released");
    });
}

#[test]
fn a_tracer_of_a_switch_to_oneself() {
    whole!(1, |main, _pool| {
        main.set_trace(Some(&|_: Event, _: &Handle, _: &Handle| boom()));
        booms(|| main.switch(1));
    });
}

#[test]
fn a_body_that_is_dropped_unstarted() {
    whole!(2, |main, pool| {
        let parent = waits(main, pool, Ok(1));
        let bomb = Bomb;
        let g = parent.spawn(pool, move |_me, x| {
            let _bomb = &bomb;
            Ok(x)
        });
        booms(|| drop(g));
        assert_eq!((parent.references(), pool.free()), (1, 1), "its parent was released, its stack is free");
    });
}

#[test]
fn a_body_that_is_dropped_at_the_end_of_the_tree() {
    static POOL: StackPool<2, SIZE> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();
    booms(|| {
        TREE.enter(|main| {
            let bomb = Bomb;
            let g = main.spawn(&POOL, move |_me, x| {
                let _bomb = &bomb;
                Ok(x)
            });
            std::mem::forget(waits(main, &POOL, Ok(1)));
            std::mem::forget(g);
        })
    });
    TREE.enter(|main| assert_eq!(main.references(), 1)).unwrap();
}

#[test]
fn the_value_of_a_greenlet_local() {
    static BOMBS: GreenletLocal<Bomb, 1> = GreenletLocal::new(Bomb::default);
    static WITNESSES: GreenletLocal<RefCell<Option<crate::common::Dropping>>, 1> = GreenletLocal::new(RefCell::default);
    whole!(1, |main, pool| {
        let log = Log::default();
        let g = waits(main, pool, Ok(1));
        let put = |witness: &RefCell<_>| *witness.borrow_mut() = Some(log.dropping("other value"));
        WITNESSES.with(&g, put).unwrap();
        BOMBS.with(&g, |_| ()).unwrap();
        g.cancel().unwrap();
        booms(|| drop(g));
        assert_eq!(log.take(), "-other value");
        let again = waits(main, pool, Ok(1));
        booms(|| {
            BOMBS.with(&again, |_| ()).unwrap(); // its place is free
            drop(again);
        });
    });
}

#[test]
fn the_value_of_a_greenlet_local_of_main() {
    static BOMBS: GreenletLocal<Bomb, 1> = GreenletLocal::new(Bomb::default);
    static TREE: Tree<u32> = Tree::new();
    for _ in 0..2 {
        booms(|| TREE.enter(|main| BOMBS.with(main, |_| ()).unwrap()));
    }
}

#[test]
fn the_init_of_a_greenlet_local() {
    static ARMED: Alone<bool> = Alone::new(true);
    static VALUES: GreenletLocal<u8, 1> = GreenletLocal::new(|| if ARMED.get() { boom() } else { 5 });
    whole!(1, |main, _pool| {
        booms(|| VALUES.with(main, |_| ()));
        ARMED.set(false);
        assert_eq!(VALUES.with(main, |&value| value), Ok(5));
    });
}

#[test]
fn a_context() {
    static CONTEXTS: ContextPool<Bomb, 1> = ContextPool::new();
    whole!(1, |main, pool| {
        for _ in 0..2 {
            let g = waits(main, pool, Ok(1));
            g.set_context(Some(CONTEXTS.create(Bomb).map_err(|refused| refused.reason).unwrap()));
            booms(|| drop(g));
        }
    });
}

#[test]
fn a_value_that_is_lost_because_it_has_no_receiver() {
    static POOL: StackPool<2, SIZE> = StackPool::new();
    static TREE: Tree<Option<Bomb>> = Tree::new();
    let greenlet =
        |g: Result<Greenlet<Option<Bomb>, &'static str>, _>| g.map_err(|_: greenlet::SpawnError| ()).unwrap();
    TREE.enter(|main| {
        let bare = greenlet(main.bare(&POOL));
        booms(|| bare.switch(Some(Bomb)));
        assert!(!bare.is_started());
        let child = bare.spawn(&POOL, |_me, x| Ok(x)).map_err(|refused| refused.reason);
        // The child ends in a parent that cannot start: what it sends is dropped, and the panic goes to main.
        booms(|| greenlet(child).switch(Some(Bomb)));
        drop(bare);
        assert_eq!((POOL.free(), main.references()), (2, 1));
    })
    .unwrap();
}

#[test]
fn a_kill_that_was_asked_for_from_elsewhere() {
    whole!(2, Tree::new().on_unraisable(|_, _| boom()), |main, pool| {
        let (first, second) = (waits(main, pool, Err(Thrown::Error("late"))), waits(main, pool, Ok(1)));
        first.remote().kill().unwrap();
        second.remote().kill().unwrap();
        booms(|| main.attend());
        assert_eq!((first.is_dead(), second.is_dead(), main.attend(), second.is_dead()), (true, false, 1, true));
    });
}

/// While it waits in a slow `up`, a greenlet refers to its parent; and no more when it is back, in whatever way.
#[test]
fn an_up_that_comes_back_with_a_panic() {
    static ARMED: Alone<bool> = Alone::new(false);
    whole!(1, |main, pool| {
        main.set_trace(Some(&|_: Event, _: &Handle, _: &Handle| if ARMED.replace(false) { boom() } else { Ok(()) }));
        let g = main.spawn(pool, |me: &Me, x| me.up(x)).unwrap();
        assert_eq!((g.switch(1), main.references()), (Ok(1), 3), "the tree, its child, and the `up` of that");
        ARMED.set(true);
        booms(|| g.switch(2));
        assert_eq!((g.is_dead(), main.references()), (true, 2));
    });
}
