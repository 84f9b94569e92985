//! The kernel itself, asked from real threads while it runs: for Miri, which sees what races with what; natively it is
//! a stress test.

use greenlet::{Greenlet, Me, Outcome, SharedStackPool, Tree};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

type Handle = Greenlet<u32, &'static str>;

/// Rounds of each test.
const ROUNDS: usize = if cfg!(miri) { 3 } else { 300 };

static STACKS: SharedStackPool<3, { 64 * 1024 }> = SharedStackPool::new();
static TREE: Tree<u32> = Tree::new();

/// There is one core in the world, and tests run in threads.
fn alone() -> MutexGuard<'static, ()> {
    static CORE: Mutex<()> = Mutex::new(());
    CORE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn waits(me: &Me<u32, &'static str>, x: u32) -> Outcome<u32, &'static str> {
    me.up(x)
}

fn waiting(parent: &Handle) -> Handle {
    let greenlet = parent.spawn(&STACKS, waits).unwrap();
    greenlet.switch(0).unwrap();
    greenlet
}

#[test]
fn wakes_and_kills_from_several_threads_are_all_settled() {
    let _alone = alone();
    for _ in 0..ROUNDS {
        TREE.enter(|main| {
            let sleepers = [(); 3].map(|()| waiting(main));
            let askers = [0, 1, 2].map(|at| {
                let remote = sleepers[at].remote();
                thread::spawn(move || {
                    remote.wake().unwrap();
                    remote.kill().unwrap();
                })
            });
            let mut woken = 0;
            for _ in 0..3 {
                woken += usize::from(main.woken().is_some());
                main.attend();
            }
            askers.into_iter().for_each(|asker| asker.join().unwrap());
            woken += std::iter::from_fn(|| main.woken()).count();
            main.attend();
            assert_eq!(woken, 3);
            assert!(sleepers.iter().all(|sleeper| sleeper.is_dead()));
        })
        .unwrap();
    }
}

#[test]
fn a_remote_handle_is_asked_while_its_greenlet_is_freed_and_the_slot_used_again() {
    let _alone = alone();
    for _ in 0..ROUNDS {
        TREE.enter(|main| {
            let first = waiting(main);
            let remote = first.remote();
            let asker = thread::spawn(move || while remote.kill().is_ok() {});
            drop(first);
            let second = waiting(main);
            asker.join().unwrap();
            assert!(main.attend() <= 1, "only the first could be killed");
            assert!(!second.is_dead(), "a request for the first greenlet reached the second one");
            assert!(remote.wake().is_err());
        })
        .unwrap();
    }
}

#[test]
fn a_remote_handle_is_asked_while_its_tree_ends() {
    let _alone = alone();
    for _ in 0..ROUNDS {
        let (remote, asker) = TREE
            .enter(|main| {
                let remote = waiting(main).remote();
                (remote, thread::spawn(move || while remote.wake().is_ok() {}))
            })
            .unwrap();
        asker.join().unwrap();
        assert!(remote.kill().is_err());
    }
}

#[test]
fn a_weak_handle_is_asked_while_another_thread_has_its_slot() {
    let _alone = alone();
    for _ in 0..ROUNDS {
        let weak = TREE.enter(|main| waiting(main).downgrade()).unwrap();
        let other = thread::spawn(|| TREE.enter(|main| drop(waiting(main))).unwrap());
        assert!(weak.upgrade().is_none());
        other.join().unwrap();
        assert!(weak.upgrade().is_none());
    }
}

#[test]
fn a_handle_that_was_kept_is_dropped_while_another_thread_is_in_the_tree_s_core() {
    static OTHER: Tree<u32> = Tree::new();
    let _alone = alone();
    for _ in 0..ROUNDS {
        let kept = TREE.enter(|main| waiting(main)).unwrap();
        let other = thread::spawn(|| OTHER.enter(|main| drop(waiting(main))).unwrap());
        assert!(kept.is_dead() && kept.switch(1).is_err());
        drop(kept);
        other.join().unwrap();
    }
}
