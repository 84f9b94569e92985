//! Requests from other threads: kills that a greenlet's own core settles, wakes that it takes.

use crate::common::{
    Handle, Log, STACKS, alone, dead, echo, exit_shown, heard, stacks, stubborn, tree, unstarted, waiting,
};
use greenlet::{Event, RemoteGreenlet, SharedStackPool, Stacks, Tree};
#[cfg(feature = "std")]
use std::sync::Mutex;
#[cfg(feature = "std")]
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Does something in another thread, and waits for that.
fn elsewhere<R: Send>(act: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| scope.spawn(act).join().unwrap())
}

/// Requests kills from another thread.
pub(crate) fn kill(remotes: &[RemoteGreenlet]) {
    elsewhere(|| remotes.iter().for_each(|remote| remote.kill().unwrap()));
}

#[test]
fn a_kill_is_settled_when_its_core_attends_to_it() {
    tree(|main| {
        let log = Log::default();
        let victim = main.spawn(&STACKS, {
            let log = log.clone();
            move |me, mut x| loop {
                match me.up(x) {
                    Ok(value) => x = value,
                    asked => {
                        log.say(format!("{asked:?}"));
                        return asked;
                    }
                }
            }
        });
        let (victim, other) = (victim.unwrap(), waiting(main));
        victim.switch(0).unwrap();
        kill(&[victim.remote(), victim.remote()]);
        assert_eq!((log.take().as_str(), victim.is_dead()), ("", false), "nothing has happened yet");
        assert_eq!(main.attend(), 1);
        assert_eq!(log.take(), exit_shown());
        assert_eq!((main.attend(), other.switch(2)), (0, Ok(2)));
    });
}

#[test]
fn a_kill_is_settled_at_the_next_transfer() {
    tree(|main| {
        let fast = waiting(main);
        let victim = waiting(main);
        kill(&[victim.remote()]);
        assert_eq!((fast.switch(1), victim.is_dead()), (Ok(1), true), "a plain switch");
        let victim = waiting(main);
        let seen = victim.clone();
        let asks = main.spawn(&STACKS, move |me, x| {
            kill(&[seen.remote()]);
            me.up(x) // the next transfer is this one
        });
        let asks = asks.unwrap();
        assert_eq!((asks.switch(1), victim.is_dead()), (Ok(1), true), "a plain `up`");
        let victim = waiting(main);
        let last = victim.remote();
        let ends = main.spawn(&STACKS, move |_me, x| {
            kill(&[last]);
            Ok(x)
        });
        assert_eq!((ends.unwrap().switch(1), victim.is_dead()), (Ok(1), true), "an end");
        let victim = waiting(main);
        main.set_trace(Some(&|_: Event, _: &Handle, _: &Handle| Ok(())));
        kill(&[victim.remote()]);
        assert_eq!(fast.switch(3), Ok(3));
        assert!(victim.is_dead());
    });
}

/// What a watchdog does on another core, to one that makes plain switches and nothing else.
#[test]
fn a_core_that_only_switches_settles_a_kill_by_its_next_switch() {
    tree(|main| {
        let (victim, pinger) = (waiting(main), waiting(main));
        for _ in 0..100 {
            pinger.switch(1).unwrap();
        }
        kill(&[victim.remote()]);
        let mut switches = 0;
        while !victim.is_dead() && switches < 1_000 {
            pinger.switch(1).unwrap();
            switches += 1;
        }
        assert_eq!(switches, 1);
    });
}

/// Of the greenlet that runs, and of one above it: while it waits, every transfer looks whether it is time.
/// Whatever it is: also one to where the core is already.
#[test]
fn every_kind_of_transfer_settles_a_kill() {
    tree(|main| {
        let (pinger, thrown, cancelled, ended) = (waiting(main), waiting(main), waiting(main), dead(main));
        let kinds: [&dyn Fn(); 9] = [
            &|| _ = pinger.switch(1),
            &|| _ = pinger.clone().switch_away(1),
            &|| _ = pinger.downgrade().switch(1),
            &|| _ = thrown.throw("boo"),
            &|| _ = cancelled.cancel(),
            &|| _ = ended.switch(1),
            &|| _ = ended.kill(),
            &|| _ = main.switch(1),
            &|| _ = main.handle().switch_away(1),
        ];
        for (number, transfer) in kinds.iter().enumerate() {
            let victim = waiting(main);
            kill(&[victim.remote()]);
            assert!(!victim.is_dead());
            transfer();
            assert!(victim.is_dead(), "kind {number}");
        }
    });
}

#[test]
fn a_kill_that_waits_is_settled_by_the_plain_switch_that_leaves() {
    tree(|main| {
        let (pinger, log) = (waiting(main), Log::default());
        let dropped = log.dropping("led");
        let leader = main.spawn(&STACKS, move |me, _| {
            let _dropped = dropped;
            let others = [waiting(me), waiting(me)];
            kill(&[me.remote()]);
            for turn in 0..10 {
                others.iter().for_each(|other| assert_eq!(other.switch(turn), Ok(turn)));
            }
            let away = others[0].spawn(&STACKS, {
                let main = me.parent();
                move |_, x| main.switch(x) // from below, past all of them
            });
            away.unwrap().switch(7)
        });
        let leader = leader.unwrap();
        assert_eq!((leader.switch(0), leader.is_dead(), log.take().as_str()), (Ok(7), true, "-led"));
        assert_eq!((pinger.switch(1), main.attend()), (Ok(1), 0));
    });
}

#[test]
fn kills_are_settled_in_the_order_of_request_and_errors_go_to_the_hook() {
    tree(|main| {
        let log = Log::default();
        let fails = main.build(&STACKS).name("fails").spawn(|me, x| me.up(x).or(Err("no".into()))).unwrap();
        let refuses = main.build(stacks!(1)).name("refuses").spawn(stubborn).unwrap();
        let unrun = unstarted(main, &log, "unrun");
        fails.switch(0).unwrap();
        refuses.switch(0).unwrap();
        let dead = dead(main);
        kill(&[unrun.remote(), refuses.remote(), fails.remote(), dead.remote()]);
        assert_eq!(main.attend(), 3);
        assert_eq!(heard(), ["unraisable fails Error(\"no\")"]);
        assert_eq!(log.take(), "-unrun");
        let each = ["third", "first", "second"].map(|name| unstarted(main, &log, name));
        kill(&[1, 2, 0].map(|at| each[at].remote()));
        assert_eq!((main.attend(), log.take().as_str()), (3, "-first -second -third"));
        assert!(fails.is_dead() && unrun.is_dead() && !refuses.is_dead());
        kill(&[dead.remote()]);
        assert_eq!(main.attend(), 0, "requested once");
        refuses.switch(0).unwrap();
    });
}

#[test]
fn the_current_greenlet_and_its_parents_are_killed_when_they_are_that_no_more() {
    tree(|main| {
        let parent = main.spawn(&STACKS, |me, x| {
            let child = me.spawn(&STACKS, |me, x| {
                kill(&[me.remote(), me.parent().remote(), me.parent().parent().unwrap().remote()]);
                assert_eq!(me.attend(), 0, "none of these can be now");
                me.up(x)
            });
            let child = child.unwrap();
            child.switch(x)?;
            assert_eq!((me.attend(), child.is_dead()), (0, true), "by the child's `up`");
            me.up(x + 1)
        });
        let parent = parent.unwrap();
        assert_eq!(parent.switch(1), Ok(2));
        assert_eq!((main.attend(), parent.is_dead()), (0, true));
        assert!(main.is_active(), "main is never killed");
        assert_eq!(main.attend(), 0);
    });
}

#[test]
fn a_wake_is_taken_once_by_the_scheduler() {
    tree(|main| {
        let all = [waiting(main), waiting(main), waiting(main)];
        assert_eq!(main.woken(), None);
        let (first, third) = (all[0].remote(), all[2].remote());
        elsewhere(move || [third, first, third].map(|remote| remote.wake().unwrap()));
        assert_eq!(main.woken().as_ref(), Some(&all[2]), "in the order of request");
        assert_eq!(all[1].woken().as_ref(), Some(&all[0]), "from each handle");
        assert_eq!(main.woken(), None);
        third.wake().unwrap();
        assert_eq!(main.attend(), 0, "a wake is no kill");
        first.kill().unwrap();
        assert_eq!(main.woken().as_ref(), Some(&all[2]), "and a kill no wake");
        third.wake().unwrap();
        assert_eq!((main.attend(), all[0].is_dead(), all[2].is_dead()), (1, true, false));
        assert_eq!(main.woken().map(|g| g.switch(4)), Some(Ok(4)));
    });
}

#[test]
fn one_that_is_freed_or_ended_is_gone_also_for_the_next_in_its_place() {
    let pool = stacks!(1);
    let (freed, ended) = tree(|main| {
        let freed = main.bare(pool).unwrap().remote();
        assert!(freed.kill().is_err() && freed.wake().is_err());
        let next = main.bare(pool).unwrap();
        assert!(freed.kill().is_err() && next.remote() != freed);
        assert_eq!((main.attend(), next.is_dead()), (0, false));
        assert_eq!((next.remote(), next.remote().id()), (next.remote(), next.id()));
        assert_eq!(format!("{freed:?}"), format!("remote greenlet {}", freed.id()));
        (freed, next.remote())
    });
    let gone = elsewhere(move || (freed.wake(), ended.kill()));
    let message = gone.1.unwrap_err().to_string();
    assert!(gone.0.is_err() && message.contains("drop this `RemoteGreenlet`"), "{message}");
}

#[test]
fn requests_that_were_not_settled_end_with_the_tree() {
    static TREE: Tree<u32> = Tree::new();
    static QUIET: Tree<u32> = Tree::new();
    let (pool, log) = (stacks!(2), Log::default()); // of its own: others count theirs while handles are kept here
    let unsettled = {
        let _alone = alone();
        let ended = QUIET.enter(|main| {
            let g = main.bare(pool).unwrap(); // ends without a transfer that would settle anything
            kill(&[g.remote()]);
            g
        });
        ended.unwrap()
    };
    assert_eq!((unsettled.attend(), unsettled.woken()), (0, None));
    drop(unsettled);
    let old = {
        let _alone = alone();
        let ended = TREE.enter(|main| {
            let g = main.spawn(pool, crate::common::waiting_with(log.dropping("left"))).unwrap();
            g.switch(0).unwrap();
            kill(&[g.remote(), main.remote()]);
            g
        });
        ended.unwrap()
    };
    assert_eq!(log.take(), "-left");
    assert_eq!((old.attend(), old.woken()), (0, None));
    tree(|main| {
        let g = waiting(main);
        assert_eq!((old.attend(), main.attend(), main.woken()), (0, 0, None), "of another run");
        assert!(!g.is_dead());
    });
}

#[test]
fn requests_from_many_threads_are_all_settled() {
    tree(|main| {
        for _ in 0..20 {
            let all: Vec<_> = (0..16).map(|_| waiting(main)).collect();
            let remotes: Vec<_> = all.iter().map(|g| g.remote()).collect();
            std::thread::scope(|scope| {
                let threads = [0, 1, 2, 3].map(|thread| {
                    let mine: Vec<_> = remotes.iter().skip(thread).step_by(4).copied().collect();
                    scope.spawn(move || mine.iter().for_each(|remote| remote.kill().unwrap()))
                });
                while !threads.iter().all(|thread| thread.is_finished()) {
                    main.attend();
                }
            });
            main.attend();
            assert!(all.iter().all(|g| g.is_dead()));
        }
    });
}

/// A greenlet that is asked for something on `pool` in `tree`; whether the request was found.
fn is_found<P: Stacks>(tree: &'static Tree<u32>, pool: &'static P, wake: bool) -> bool {
    let entered = tree.enter(|main| {
        let g = main.spawn(pool, echo).unwrap();
        g.switch(1).unwrap();
        let remote = g.remote();
        if wake {
            elsewhere(|| remote.wake().unwrap());
            main.woken() == Some(g) && main.woken().is_none()
        } else {
            kill(&[remote]);
            main.attend() == 1 && g.is_dead()
        }
    });
    entered.unwrap()
}

#[test]
fn a_stack_that_passes_to_another_tree_takes_requests_there() {
    static TREES: [Tree<u32>; 2] = [const { Tree::new() }; 2];
    static SHARED: SharedStackPool<1, { crate::common::SIZE }> = SharedStackPool::new();
    let _alone = alone();
    for wake in [false, true] {
        for tree in [&TREES[0], &TREES[1], &TREES[0]] {
            assert!(is_found(tree, stacks!(1), wake) && is_found(tree, &SHARED, wake), "wake: {wake}");
        }
    }
}

/// A slot that is still in the list of its last greenlet's tree: of the same tree, and of another one.
#[test]
fn the_next_on_a_stack_whose_last_greenlet_was_asked_is_found_as_well() {
    static OTHER: Tree<u32> = Tree::new();
    static SHARED: SharedStackPool<1, { crate::common::SIZE }> = SharedStackPool::new();
    tree(|main| {
        let asked = |remote: RemoteGreenlet| {
            remote.wake().unwrap();
            remote.kill().unwrap();
        };
        for _ in 0..3 {
            for taken_between in [false, true] {
                let first = main.bare(&SHARED).unwrap();
                asked(first.remote());
                drop(first);
                if taken_between {
                    assert_eq!((main.woken(), main.attend()), (None, 0), "it is gone");
                }
                let second = main.spawn(&SHARED, |_, x| Ok(x)).unwrap();
                assert_eq!((main.woken(), main.attend()), (None, 0), "nothing was requested of the second");
                asked(second.remote());
                assert_eq!(main.woken().as_ref(), Some(&second));
                assert_eq!((main.attend(), main.woken(), second.is_dead()), (1, None, true));
            }
        }
        let last = main.bare(&SHARED).unwrap();
        asked(last.remote());
    });
    // The first tree's lists are empty: it has ended. Now in a second tree, and with requests that were left to the
    // first.
    for wake in [true, false] {
        let _alone = alone();
        assert!(is_found(&OTHER, &SHARED, wake));
    }
}

/// On two cores at a time: a slot that one core's tree has in a list is the other core's by then.
#[cfg(feature = "std")]
#[test]
fn a_stack_that_passes_to_another_core_while_its_last_greenlet_was_asked_takes_requests_there() {
    static TREES: [Tree<u32>; 2] = [const { Tree::new() }; 2];
    static SHARED: SharedStackPool<2, { crate::common::SIZE }> = SharedStackPool::new();
    let _alone = alone();
    let entered = TREES[0].enter(|main| {
        for round in 0..4 {
            let mine = main.bare(&SHARED).unwrap();
            let second = main.bare(&SHARED).unwrap();
            for remote in [mine.remote(), second.remote()] {
                remote.wake().unwrap();
                remote.kill().unwrap();
            }
            drop(mine); // its slot stays in this tree's lists
            elsewhere(|| {
                let entered = TREES[1].enter(|main| {
                    let g = main.bare(&SHARED).unwrap();
                    g.set_run(|_, x| Ok(x)).unwrap();
                    g.remote().wake().unwrap();
                    assert_eq!((main.woken(), main.woken()), (Some(g.clone()), None), "round {round}");
                    g.remote().kill().unwrap();
                    let pinger = g.clone();
                    assert_eq!((main.attend(), pinger.is_dead()), (1, true), "round {round}");
                });
                entered.unwrap();
            });
            if round % 2 == 0 {
                assert_eq!((main.woken(), main.woken()), (Some(second.clone()), None), "round {round}");
                assert_eq!(main.attend(), 1, "round {round}: it has no body, which is reported");
            }
        }
    });
    entered.unwrap();
}

/// A requester must not touch the record of a thread that is gone.
#[cfg(feature = "std")]
#[test]
fn threads_that_come_and_go_are_asked_meanwhile() {
    static OWN: Tree<u32> = Tree::new();
    static ASKED: Mutex<Option<RemoteGreenlet>> = Mutex::new(None);
    let _alone = alone();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asks = || {
            while !done.load(Relaxed) {
                let remote = *ASKED.lock().unwrap();
                if let Some(remote) = remote {
                    while remote.kill().is_ok() {}
                }
            }
        };
        let askers = [(); 2].map(|()| scope.spawn(asks));
        for _ in 0..if cfg!(miri) { 3 } else { 300 } {
            elsewhere(|| {
                let entered = OWN.enter(|main| {
                    let pool = stacks!(2);
                    let (victim, pinger) = (main.spawn(pool, echo).unwrap(), main.spawn(pool, echo).unwrap());
                    *ASKED.lock().unwrap() = Some(victim.remote());
                    pinger.switch(0).unwrap();
                    while !victim.is_dead() {
                        pinger.switch(1).unwrap();
                    }
                });
                entered.unwrap();
            });
        }
        done.store(true, Relaxed);
        askers.into_iter().for_each(|asker| asker.join().unwrap());
    });
}
