//! Pools of stacks: what is taken, refused and given back.

use crate::common::{Handle, Log, Main, alone, dead, echo, heard, stacks, stubborn, tree, waiting};
use greenlet::{SharedStackPool, SpawnError, StackPool, Stacks, Tree};

#[test]
fn an_empty_pool_refuses_and_gives_the_body_back() {
    tree(|main| {
        let (pool, log) = (stacks!(2), Log::default());
        let mut taken = vec![main.bare(pool).unwrap(), main.spawn(pool, echo).unwrap()];
        let captured = log.dropping("body");
        let refused = main.spawn(pool, move |_me, x| {
            let _captured = captured;
            Ok(x + 1)
        });
        let refused = refused.unwrap_err();
        assert_eq!(refused.reason, SpawnError::PoolEmpty { stacks: 2, dead: 0, leaked: 0, abandoned: 0 });
        assert!(refused.to_string().starts_with("the pool has no free stack: 2 in use"), "{refused}");
        assert!(log.take().is_empty());
        taken.pop();
        assert_eq!(main.spawn(pool, refused.returned).unwrap().switch(1), Ok(2), "the same body");
        assert_eq!(log.take(), "-body");
    });
}

#[test]
fn the_refusal_counts_the_dead_of_this_pool_that_are_still_referred_to() {
    tree(|main| {
        let (pool, elsewhere) = (stacks!(4), dead(main));
        let dead_in_pool = |parent: &Handle| {
            let g = parent.spawn(pool, |_me, x| Ok(x)).unwrap();
            g.cancel().unwrap();
            g
        };
        let by_handle = dead_in_pool(main);
        let by_child = dead_in_pool(main).bare(pool).unwrap();
        let alive = main.bare(pool).unwrap();
        assert_eq!(main.bare(pool).unwrap_err(), SpawnError::PoolEmpty { stacks: 4, dead: 2, leaked: 0, abandoned: 0 });
        let message = main.bare(pool).unwrap_err().to_string();
        assert!(message.contains("4 in use") && message.contains("2 by dead greenlets"), "{message}");
        drop(by_handle);
        assert_eq!(pool.free(), 1);
        drop(by_child);
        assert_eq!(pool.free(), 3);
        drop((alive, elsewhere));
    });
}

#[test]
fn a_stack_is_given_back_by_every_kind_of_end() {
    tree(|main| {
        let pool = stacks!(1);
        let ends: [fn(&Main, Handle); 7] = [
            |_, unstarted| drop(unstarted),
            |_, g| _ = g.switch(0), // waits in `up` when its handle goes
            |_, g| _ = (g.switch(0), g.throw("boo")),
            |_, g| _ = (g.switch(0), g.kill()),
            |_, g| _ = g.kill(),
            |_, g| _ = (g.switch(0), g.cancel(), g.cancel()),
            |main, g| _ = (g.set_parent(&waiting(main)), g.switch(0)),
        ];
        for (number, end) in ends.iter().enumerate() {
            end(main, main.spawn(pool, echo).unwrap());
            assert_eq!(pool.free(), 1, "end number {number}");
        }
    });
}

#[test]
fn a_stack_is_used_a_hundred_thousand_times() {
    tree(|main| {
        let pool = stacks!(3, 16384);
        let mut last = None;
        for n in 0..if cfg!(miri) { 100 } else { 100_000 } {
            let g = main.spawn(pool, move |me, x| Ok(me.up(x + n)? + 1)).unwrap();
            assert_eq!(g.switch(1), Ok(1 + n));
            if n % 3 == 0 {
                assert_eq!(g.switch(n), Ok(n + 1));
            }
            last = Some(g); // the one before is killed, or freed
        }
        drop(last);
        assert_eq!(pool.free(), 3);
    });
}

#[test]
fn every_stack_of_a_pool_is_used_once_at_a_time_and_the_last_given_back_comes_first() {
    tree(|main| {
        let pool = stacks!(5);
        let place = |g: &Handle| g.stack().unwrap().limit;
        let mut all: Vec<_> = (0..5).map(|_| main.bare(pool).unwrap()).collect();
        let places: std::collections::BTreeSet<_> = all.iter().map(place).collect();
        assert_eq!(places.len(), 5);
        let (first, second) = (place(&all[1]), place(&all[3]));
        drop(all.remove(3));
        drop(all.remove(1));
        let again = [main.bare(pool).unwrap(), main.bare(pool).unwrap()];
        assert_eq!(again.each_ref().map(place), [first, second]);
        assert!(main.bare(pool).is_err());
    });
}

#[test]
fn a_pool_of_none_has_nothing_to_give() {
    tree(|main| {
        let pool: &StackPool<0, 1024> = stacks!(0, 1024);
        assert_eq!((pool.count(), pool.stack_size(), pool.free()), (0, 1024, 0));
        assert_eq!(main.bare(pool).unwrap_err(), SpawnError::PoolEmpty { stacks: 0, dead: 0, leaked: 0, abandoned: 0 });
    });
}

#[test]
fn greenlets_of_two_pools_live_in_one_tree() {
    tree(|main| {
        let (small, large) = (stacks!(1, 16384), stacks!(1, 262_144));
        let parent = main.spawn(small, |_me, x| Ok(x + 1)).unwrap();
        let child = parent.spawn(large, |_me, x| Ok(x * 2)).unwrap();
        assert!(main.bare(small).is_err() && main.bare(large).is_err());
        assert_eq!((parent.stack().unwrap().size(), child.stack().unwrap().size()), (16384, 262_144));
        assert_eq!(child.switch(4), Ok(9));
        drop(parent); // the child has it
        assert_eq!((small.free(), large.free()), (0, 0));
        drop(child);
        assert_eq!((small.free(), large.free()), (1, 1));
    });
}

#[test]
fn greenlets_of_two_trees_take_stacks_from_one_pool() {
    static ONE: Tree<u32> = Tree::new();
    static OTHER: Tree<u64> = Tree::new();
    let _alone = alone();
    let pool = stacks!(2);
    let kept = ONE.enter(|main| main.spawn(pool, echo).unwrap()).unwrap();
    OTHER
        .enter(|main| {
            let g = main.spawn(pool, |_me, x| Ok(x << 40)).unwrap();
            assert_eq!(g.switch(1), Ok(1 << 40));
            assert_eq!(
                main.bare(pool).unwrap_err(),
                SpawnError::PoolEmpty { stacks: 2, dead: 1, leaked: 0, abandoned: 0 },
                "of this tree"
            );
            drop(kept);
            assert!(main.bare(pool).is_ok());
        })
        .unwrap();
    assert_eq!(pool.free(), 2);
}

/// Of every kind of pool, which counts in its own way.
#[test]
fn a_refusal_counts_the_leaked_and_names_the_remedy() {
    static SHARED: SharedStackPool<4, { crate::common::SIZE }> = SharedStackPool::new();
    fn refused<P: Stacks>(main: &Handle, pool: &'static P) -> [usize; 4] {
        match main.bare(pool).unwrap_err() {
            SpawnError::PoolEmpty { stacks, dead, leaked, abandoned } => [stacks, dead, leaked, abandoned],
            other => panic!("{other}"),
        }
    }
    fn leaks<P: Stacks>(main: &Handle, pool: &'static P) {
        let weak = [(); 3].map(|()| {
            let g = main.build(pool).name("session").spawn(stubborn).unwrap();
            g.switch(0).unwrap();
            g.downgrade() // and the handle goes: asked to exit, it stays
        });
        assert_eq!(heard(), ["leak session"; 3]);
        let g = main.spawn(pool, |_, x| Ok(x)).unwrap();
        assert_eq!(refused(main, pool), [4, 0, 3, 0]);
        let message = main.bare(pool).unwrap_err().to_string();
        for part in ["3 by leaked", "asked to exit and did not", "`Tree::on_leak`", "COUNT", "own frames"] {
            assert!(message.contains(part), "{message}");
        }
        g.switch(1).unwrap();
        assert_eq!(refused(main, pool), [4, 1, 3, 0]);
        let message = main.bare(pool).unwrap_err().to_string();
        assert!(!message.contains("COUNT"), "a larger one would only delay it: {message}");
        let last = weak[0].upgrade().unwrap();
        assert_eq!(last.switch(2), Ok(2), "it ends after all");
        assert_eq!(refused(main, pool), [4, 2, 2, 0]);
        drop((last, g));
        let both = [main.bare(pool).unwrap(), main.bare(pool).unwrap()];
        assert_eq!(refused(main, pool), [4, 0, 2, 0]);
        drop(both);
    }
    tree(|main| {
        leaks(main, stacks!(4));
        leaks(main, &SHARED);
        // The end of the tree kills the four again, and they stay.
    });
    tree(|main| {
        let taken = [main.bare(&SHARED).unwrap(), main.bare(&SHARED).unwrap()];
        assert_eq!(refused(main, &SHARED), [4, 0, 2, 0], "for ever, in every tree");
        drop(taken);
    });
}
