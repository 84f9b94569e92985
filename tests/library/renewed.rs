//! A stack that is used again has its control block still. Whatever the last greenlet left there, the next one is as
//! good as new: a test for each thing that a block says.

use crate::common::{Handle, Log, Main, echo, stacks, stubborn, tree, waiting};
use greenlet::{ContextPool, GreenletLocal, RemoteGreenlet, RunError, SharedStackPool, State, Tree};
use std::cell::Cell;

static VALUES: GreenletLocal<Cell<u32>, 4> = GreenletLocal::new(|| Cell::new(0));
static CONTEXTS: ContextPool<u32, 4> = ContextPool::new();

/// Runs `test` with a greenlet that has nothing but a stack, on which every other one was that is in the table, and on
/// which it left what it could. For each kind of pool.
fn renewed(test: fn(&Main, &Handle)) {
    let lives: [fn(&Main, &Handle); 7] = [
        |_, _| {},
        |_, g| g.set_run(echo).unwrap_or_else(|_| unreachable!()),
        |_, g| {
            g.set_run(echo).unwrap_or_else(|_| unreachable!());
            g.switch(1).unwrap();
        },
        |main, g| {
            // Dies with a pin of a while ago, under another parent.
            let (old, new) = (waiting(main), waiting(main));
            g.set_parent(&old).unwrap();
            g.set_run(echo).unwrap_or_else(|_| unreachable!());
            g.switch(1).unwrap();
            g.set_parent(&new).unwrap();
        },
        |_, g| {
            g.set_run(stubborn).unwrap_or_else(|_| unreachable!());
            g.switch(1).unwrap();
            assert_eq!(g.cancel(), Ok(1), "it goes up once more");
            g.switch(2).unwrap();
        },
        |_, g| {
            g.set_context(Some(CONTEXTS.create(7_u32).unwrap()));
            VALUES.with(g, |value| value.set(9)).unwrap();
        },
        |_, g| {
            let remote = g.remote();
            remote.wake().unwrap();
            remote.kill().unwrap();
        },
    ];
    static SHARED: SharedStackPool<1, { crate::common::SIZE }> = SharedStackPool::new();
    tree(|main| {
        for life in lives {
            let own = main.build(stacks!(1)).name("last").bare().unwrap();
            let shared = main.build(&SHARED).name("last").bare().unwrap();
            for last in [&own, &shared] {
                life(main, last);
            }
            drop((own, shared));
            test(main, &main.bare(stacks!(1)).unwrap());
            test(main, &main.bare(&SHARED).unwrap());
        }
    });
}

#[test]
fn the_number() {
    renewed(|main, g| {
        let number = main.bare(stacks!(1)).unwrap().id();
        assert_eq!(g.id() + 1, number);
        assert_eq!(g.downgrade().upgrade().as_ref(), Some(g));
    });
}

#[test]
fn the_flags() {
    renewed(|_, g| {
        assert_eq!((g.state(), g.is_started(), g.is_dead()), (State::Unstarted, false, false));
        g.set_run(|_, x| Ok(x + 1)).unwrap_or_else(|_| unreachable!());
        assert_eq!((g.switch(1), g.state()), (Ok(2), State::Dead));
    });
}

#[test]
fn the_references() {
    renewed(|_, g| assert_eq!(g.references(), 1));
}

#[test]
fn the_parent_and_the_place_in_the_list() {
    renewed(|main, g| {
        assert_eq!(g.parent().as_ref(), Some(&**main));
        let mut all = Vec::new();
        main.for_each(|each| all.push(each.id()));
        assert!(all.is_sorted() && all.last() == Some(&g.id()), "{all:?}");
    });
}

#[test]
fn the_name() {
    renewed(|_, g| assert_eq!(g.name(), None));
}

#[test]
fn the_body_and_the_pin() {
    renewed(|main, g| {
        let (log, parent) = (Log::default(), waiting(main));
        assert_eq!(g.set_parent(&parent), Ok(()));
        assert_eq!(parent.references(), 2, "no pin is left that would be released, and none is made");
        let dropped = log.dropping("body");
        let body = move |_: &crate::common::Me, x| {
            let _dropped = dropped;
            Ok(x)
        };
        g.set_run(body).unwrap_or_else(|_| unreachable!());
        g.set_run(echo).unwrap_or_else(|_| unreachable!());
        assert_eq!(log.take(), "-body");
        assert_eq!((g.switch(1), parent.references()), (Ok(1), 2));
    });
}

#[test]
fn the_stack() {
    renewed(|_, g| {
        let stack = g.stack().unwrap();
        assert_eq!(stack.size(), crate::common::SIZE);
        assert!(stack.in_use() <= 256, "a bare one has its control block there: {stack}");
        assert!(g.is_intact());
    });
}

#[test]
fn the_headroom() {
    static SMALL: greenlet::StackPool<1, 16384, 8192> = greenlet::StackPool::new();
    tree(|main| {
        for _ in 0..2 {
            let g = main.bare(&SMALL).unwrap();
            let large = [1_u8; 4096];
            let refused = g.set_run(move |_, x| Ok(x + u32::from(large[7]))).map_err(|refused| refused.reason);
            assert!(matches!(refused, Err(RunError::TooLarge { .. })), "{refused:?}");
        }
    });
}

#[test]
fn the_context_and_the_values() {
    renewed(|_, g| {
        assert!(g.context::<u32>().is_none());
        assert_eq!(VALUES.with(g, Cell::get), Ok(0));
    });
}

#[test]
fn the_requests() {
    renewed(|main, g| {
        let remote: RemoteGreenlet = g.remote();
        assert_eq!((main.woken(), main.attend()), (None, 0), "nothing was requested of this one");
        remote.wake().unwrap();
        assert_eq!((main.woken().as_ref(), main.woken()), (Some(g), None));
        g.set_run(echo).unwrap_or_else(|_| unreachable!());
        remote.kill().unwrap();
        assert_eq!((main.attend(), g.is_dead()), (1, true));
    });
}

/// Where it goes back to, and to which tree and core it belongs: other trees, on threads of their own where there are
/// such.
#[test]
fn the_home_and_the_core() {
    static TREES: [Tree<u32>; 2] = [const { Tree::new() }; 2];
    static SHARED: SharedStackPool<1, { crate::common::SIZE }> = SharedStackPool::new();
    let _alone = crate::common::alone();
    let in_tree = |tree: &'static Tree<u32>| {
        let entered = tree.enter(|main| {
            let pool = stacks!(1);
            for _ in 0..2 {
                let both = [main.spawn(pool, echo).unwrap(), main.spawn(&SHARED, echo).unwrap()];
                for g in &both {
                    assert_eq!((g.switch(3), g.is_active(), g.parent().as_ref()), (Ok(3), true, Some(&**main)));
                }
                assert_eq!((pool.free(), SHARED.free()), (0, 0));
                drop(both);
                assert_eq!((pool.free(), SHARED.free()), (1, 1));
            }
        });
        entered.unwrap();
    };
    for tree in [&TREES[0], &TREES[1], &TREES[0]] {
        in_tree(tree);
        if cfg!(feature = "std") {
            std::thread::scope(|scope| scope.spawn(|| in_tree(tree)).join().unwrap());
        }
    }
}
