//! A pool that is for one core at a time: which core owns it, which is refused, and when the owner changes.
#![cfg(feature = "std")]

use crate::common::{Handle, Main, SIZE, echo, waiting};
use greenlet::{SpawnError, StackPool, Tree};
use std::sync::Barrier;
use std::thread::scope;

/// Takes a stack on a thread of its own, in a tree of its own.
fn elsewhere(tree: &'static Tree<u32>, pool: &'static StackPool<2, SIZE>) -> Result<(), SpawnError> {
    scope(|threads| threads.spawn(|| tree.enter(|main| main.bare(pool).map(drop)).unwrap()).join().unwrap())
}

#[test]
fn a_core_has_a_pool_from_the_first_greenlet_of_its_tree_to_the_end_of_that() {
    static POOL: StackPool<2, SIZE> = StackPool::new();
    static TREES: [Tree<u32>; 2] = [const { Tree::new() }; 2];
    TREES[0]
        .enter(|main| {
            assert_eq!(elsewhere(&TREES[1], &POOL), Ok(()), "it has no owner");
            let first = main.bare(&POOL).unwrap();
            assert_eq!(elsewhere(&TREES[1], &POOL), Err(SpawnError::OtherCore));
            assert!(SpawnError::OtherCore.to_string().contains("`SharedStackPool`"));
            drop(first);
            assert_eq!(elsewhere(&TREES[1], &POOL), Err(SpawnError::OtherCore));
            assert!(main.bare(&POOL).is_ok());
        })
        .unwrap();
    assert_eq!(elsewhere(&TREES[1], &POOL), Ok(()), "the tree has ended");
    assert_eq!(POOL.free(), 2);
}

#[test]
fn a_tree_leaves_all_its_pools_when_it_ends_also_by_a_panic() {
    static POOLS: [StackPool<2, SIZE>; 5] = [const { StackPool::new() }; 5];
    static NONE: StackPool<0, SIZE> = StackPool::new();
    static TREES: [Tree<u32>; 2] = [const { Tree::new() }; 2];
    let empty = Err(SpawnError::PoolEmpty { stacks: 0, dead: 0, leaked: 0, abandoned: 0 });
    let run = |main: &Main| {
        assert_eq!(main.bare(&NONE).map(drop), empty);
        let all: Vec<Handle> = POOLS.iter().map(|pool| main.spawn(pool, echo).unwrap()).collect();
        assert!(all.iter().all(|g| g.switch(1) == Ok(1)));
        assert!(POOLS.iter().all(|pool| elsewhere(&TREES[1], pool) == Err(SpawnError::OtherCore)));
    };
    for _ in 0..3 {
        TREES[0].enter(run).unwrap();
        assert!(POOLS.iter().all(|pool| elsewhere(&TREES[1], pool) == Ok(())));
        let panics = || {
            let _refused = TREES[0].enter(|main| {
                run(main);
                panic!("in main");
            });
        };
        assert!(std::panic::catch_unwind(panics).is_err());
        assert!(POOLS.iter().all(|pool| elsewhere(&TREES[1], pool) == Ok(())));
        assert_eq!(TREES[1].enter(|main| main.bare(&NONE).map(drop)).unwrap(), empty);
    }
    assert!(POOLS.iter().all(|pool| pool.free() == 2));
}

#[test]
fn the_end_of_a_tree_leaves_the_pool_to_others_though_handles_are_kept() {
    static POOL: StackPool<2, SIZE> = StackPool::new();
    static TREES: [Tree<u32>; 2] = [const { Tree::new() }; 2];
    let kept: Handle = TREES[0].enter(|main| main.spawn(&POOL, echo).unwrap()).unwrap();
    assert_eq!(POOL.free(), 1);
    let meet = Barrier::new(2);
    scope(|threads| {
        let other = threads.spawn(|| {
            TREES[1].enter(|main| {
                let one = main.spawn(&POOL, echo).unwrap();
                assert!(matches!(
                    main.bare(&POOL),
                    Err(SpawnError::PoolEmpty { stacks: 2, dead: 0, leaked: 0, abandoned: 0 })
                ));
                meet.wait(); // the handle goes
                meet.wait();
                let two = main.spawn(&POOL, echo).unwrap();
                assert_eq!((one.switch(1), two.switch(2)), (Ok(1), Ok(2)));
            })
        });
        meet.wait();
        drop(kept);
        meet.wait();
        other.join().unwrap().unwrap();
    });
    assert_eq!(POOL.free(), 2);
}

#[test]
fn what_refuses_to_end_keeps_its_stack_and_not_the_pool() {
    static POOL: StackPool<2, SIZE> = StackPool::new();
    static TREES: [Tree<u32>; 2] = [const { Tree::new() }; 2];
    TREES[0]
        .enter(|main| {
            let stubborn = main.spawn(&POOL, |me, x| {
                loop {
                    let _refuses = me.up(x);
                }
            });
            stubborn.unwrap().switch(1).unwrap();
        })
        .unwrap();
    assert_eq!(POOL.free(), 1);
    assert_eq!(elsewhere(&TREES[1], &POOL), Ok(()));
    assert_eq!(POOL.free(), 1, "the stack is lost for ever");
}

#[test]
fn a_pool_goes_from_hand_to_hand_and_no_stack_is_lost() {
    static POOL: StackPool<4, SIZE> = StackPool::new(); // one more than threads, which keep one each
    static TREES: [Tree<u32>; 3] = [const { Tree::new() }; 3];
    let work = |tree: &'static Tree<u32>| {
        let (mut had, mut kept) = (0, None);
        while had < 5000 {
            let spawned = tree.enter(|main| -> Result<Handle, SpawnError> {
                let g: Handle = main.spawn(&POOL, echo).map_err(|refused| refused.reason)?;
                assert_eq!(g.switch(had), Ok(had));
                Ok(g)
            });
            match spawned.unwrap() {
                Ok(g) if had % 3 == 0 => (kept, had) = (Some(g), had + 1), // given back when its tree has long ended
                Ok(_) => had += 1,
                Err(SpawnError::OtherCore | SpawnError::PoolEmpty { .. }) => std::thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        }
        drop(kept);
    };
    let work = &work;
    scope(|threads| TREES.iter().for_each(|tree| _ = threads.spawn(move || work(tree))));
    assert_eq!(POOL.free(), 4);
    crate::common::tree(|main| {
        let all: Vec<_> = std::iter::from_fn(|| main.bare(&POOL).ok()).collect();
        assert_eq!(all.len(), 4);
        drop(waiting(main));
    });
}

#[test]
fn a_count_of_the_stacks_of_a_region_while_others_use_it_is_a_number_of_them() {
    use greenlet::StackRegion;
    use std::sync::atomic::{AtomicBool, Ordering};
    static TREE: Tree<u32> = Tree::new();
    static DONE: AtomicBool = AtomicBool::new(false);
    let memory: &'static mut [u8] = Box::leak(vec![0; StackRegion::<1024>::bytes(1)].into_boxed_slice());
    let region = StackRegion::<1024>::carve(memory).unwrap();
    scope(|threads| {
        threads.spawn(|| {
            TREE.enter(|main| {
                let _one = main.bare(region).unwrap();
                for _ in 0..if cfg!(miri) { 100 } else { 2_000_000 } {
                    assert!(main.bare(region).is_err());
                }
            })
            .unwrap();
            DONE.store(true, Ordering::Relaxed);
        });
        while !DONE.load(Ordering::Relaxed) {
            let free = region.free();
            assert!(free <= 1, "{free}");
        }
    });
}

#[test]
fn a_greenlet_that_never_gets_freed_to_the_end_loses_its_stack_and_not_the_pool() {
    struct Stay(Handle);
    impl Drop for Stay {
        fn drop(&mut self) {
            loop {
                let _refuses = self.0.switch(1);
            }
        }
    }
    static POOL: StackPool<2, SIZE> = StackPool::new();
    static TREES: [Tree<u32>; 2] = [const { Tree::new() }; 2];
    let enter = || {
        TREES[0].enter(|main| {
            let stay = Stay(Handle::clone(main));
            let unstarted = main.spawn(&POOL, move |_me, x| Ok(x + u32::from(size_of_val(&stay) == 0))).unwrap();
            let drops = main.spawn(&POOL, move |_me, x| {
                drop(unstarted);
                Ok(x)
            });
            drops.unwrap().switch(1).unwrap();
        })
    };
    enter().unwrap();
    assert_eq!(POOL.free(), 0);
    let full = Err(SpawnError::PoolEmpty { stacks: 2, dead: 0, leaked: 1, abandoned: 0 });
    assert_eq!(elsewhere(&TREES[1], &POOL), full, "it has no owner");
}
