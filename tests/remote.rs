//! Requests from other threads: kills that a greenlet's own core settles, wakes that it takes.

mod common;

use common::{Handle, Log, STACKS, alone, dead, exit_shown, heard, stacks, stubborn, tree, unstarted, waiting};
use greenlet::{Event, RemoteGreenlet, Tree};

/// Does something in another thread, and waits for that.
fn elsewhere<R: Send>(act: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| scope.spawn(act).join().unwrap())
}

fn kill(remotes: &[RemoteGreenlet]) {
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
        assert_eq!((victim.switch(1), log.take().as_str()), (Ok(1), ""), "nothing has happened yet");
        assert_eq!(main.attend(), 1);
        assert_eq!(log.take(), exit_shown());
        assert_eq!((main.attend(), other.switch(2)), (0, Ok(2)));
    });
}

#[test]
fn a_kill_is_settled_at_the_next_transfer_that_takes_the_slow_path() {
    tree(|main| {
        let (victim, fast) = (waiting(main), waiting(main));
        kill(&[victim.remote()]);
        assert_eq!(fast.switch(1), Ok(1));
        assert!(!victim.is_dead(), "a fast switch does not look");
        let starts = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
        assert_eq!(starts.switch(2), Ok(2));
        assert!(victim.is_dead());
        let victim = waiting(main);
        main.set_trace(Some(&|_: Event, _: &Handle, _: &Handle| Ok(())));
        kill(&[victim.remote()]);
        assert_eq!(fast.switch(3), Ok(3));
        assert!(victim.is_dead());
    });
}

#[test]
fn kills_are_settled_in_the_order_of_creation_and_errors_go_to_the_hook() {
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
        assert!(fails.is_dead() && unrun.is_dead() && !refuses.is_dead());
        kill(&[dead.remote()]);
        assert_eq!(main.attend(), 0, "asked once");
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
            assert_eq!((me.attend(), child.is_dead()), (1, true));
            me.up(x + 1)
        });
        let parent = parent.unwrap();
        assert_eq!(parent.switch(1), Ok(2));
        assert_eq!((main.attend(), parent.is_dead()), (1, true));
        assert!(main.is_active(), "main is never killed");
        assert_eq!(main.attend(), 0);
    });
}

#[test]
fn a_wake_is_taken_once_by_whoever_schedules() {
    tree(|main| {
        let all = [waiting(main), waiting(main), waiting(main)];
        assert_eq!(main.woken(), None);
        let (first, third) = (all[0].remote(), all[2].remote());
        elsewhere(move || [third, first, third].map(|remote| remote.wake().unwrap()));
        assert_eq!(main.woken().as_ref(), Some(&all[0]), "in the order of creation");
        assert_eq!(all[1].woken().as_ref(), Some(&all[2]), "whoever is asked");
        assert_eq!(main.woken(), None);
        third.wake().unwrap();
        assert_eq!(main.attend(), 0, "a wake is no kill");
        first.kill().unwrap();
        assert_eq!(main.woken().map(|g| g.switch(4)), Some(Ok(4)), "and a kill no wake");
        third.wake().unwrap();
        assert_eq!((main.attend(), all[0].is_dead(), all[2].is_dead()), (1, true, false));
    });
}

#[test]
fn who_is_freed_or_ended_is_gone_also_for_the_next_in_its_place() {
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
fn requests_that_nobody_settled_end_with_the_tree() {
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
            let g = main.spawn(pool, common::waiting_with(log.dropping("left"))).unwrap();
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
