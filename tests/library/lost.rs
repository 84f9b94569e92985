//! Lost references: the last handle to a suspended greenlet goes, and the greenlet is killed there and then.

#[cfg(feature = "std")]
use crate::common::stubborn;
use crate::common::{Alone, EXIT, Handle, Log, Main, Me, Out, STACKS, alone, exit_shown, heard, stacks, tree, waiting};
use greenlet::{Greenlet, StackPool, State, Tree};
use std::cell::Cell;
use std::rc::Rc;

/// A cell that a body may leave a handle in, for main to find.
type Kept = Rc<Cell<Option<Handle>>>;

/// A child of `parent` that waits, and when it is asked to exit calls `asked` and returns what that returns.
fn victim(parent: &Handle, asked: impl FnOnce(&Me, Out) -> Out + 'static) -> Handle {
    let g = parent.build(&STACKS).name("victim").spawn(move |me, x| {
        let answer = me.parent().switch(x);
        asked(me, answer)
    });
    let g = g.unwrap();
    assert_eq!(g.switch(0), Ok(0));
    g
}

#[test]
fn the_last_handle_kills_a_suspended_greenlet_and_waits_for_its_destructors() {
    tree(|main| {
        let log = Log::default();
        let (local, said) = (log.dropping("local"), log.clone());
        let g = victim(main, move |_me, asked| {
            let _local = local;
            said.say(format!("{asked:?}"));
            asked
        });
        let weak = g.downgrade();
        log.say("before");
        drop(g);
        log.say("after");
        assert_eq!(log.take(), format!("before {} -local after", exit_shown()));
        assert!(weak.upgrade().is_none(), "freed, too");
    });
}

#[test]
fn the_dropper_stands_in_for_the_parent_and_keeps_control() {
    tree(|main| {
        let log = Log::default();
        let said = log.clone();
        let g = victim(main, move |me, asked| {
            said.say(format!("child of {}", me.parent().name().unwrap()));
            asked
        });
        let dropper = main.build(&STACKS).name("dropper").spawn(move |me, x| {
            drop(g);
            assert!(me.is_current());
            Ok(x + 1)
        });
        assert_eq!(dropper.unwrap().switch(1), Ok(2), "the exit did not go to the victim's own parent, main");
        assert_eq!(log.take(), "child of dropper");
    });
}

#[test]
fn an_error_that_comes_back_goes_to_the_hook_and_not_to_the_dropper() {
    tree(|main| {
        drop(victim(main, |_me, _| Err("no".into())));
        assert_eq!(heard(), ["unraisable victim Error(\"no\")"]);
        let bare = main.bare(&STACKS).unwrap();
        drop(victim(main, move |_me, _| bare.switch(1)));
        assert_eq!(heard(), [format!("unraisable victim {:?}", greenlet::Thrown::<u32, &str>::NoRun)]);
        drop(victim(main, |_me, _| Ok(7)));
        assert_eq!(heard(), [""; 0], "a value is thrown away");
    });
}

#[test]
fn a_victim_that_leaves_a_handle_to_itself_lives_on_under_its_old_parent() {
    tree(|main| {
        let (kept, parent) = (Kept::default(), waiting(main));
        let keep = kept.clone();
        drop(victim(&parent, move |me, _| {
            keep.set(Some(me.handle()));
            let stand_in = me.parent();
            let to_new = me.parent().spawn(&STACKS, |_me, x| Ok(x)).unwrap();
            me.set_parent(&to_new).unwrap(); // to be overridden
            stand_in.switch(5)
        }));
        let revived = kept.take().unwrap();
        assert_eq!(revived.state(), State::Suspended);
        assert_eq!(revived.parent(), Some(parent));
        assert_eq!(revived.switch(6), Ok(6), "the parent sends it up to main");
        assert!(revived.is_dead());
    });
}

#[test]
fn a_victim_that_becomes_a_parent_lives_on() {
    tree(|main| {
        let kept = Kept::default();
        let keep = kept.clone();
        drop(victim(main, move |me, _| {
            keep.set(Some(me.spawn(&STACKS, |_me, x| Ok(x + 1)).unwrap()));
            me.up(0)
        }));
        let child = kept.take().unwrap();
        assert_eq!(child.parent().unwrap().name(), Some("victim"));
        assert_eq!(child.switch(1), Ok(2), "child, victim, main");
    });
}

#[test]
fn a_victim_that_is_found_by_a_weak_handle_while_it_ends_is_freed_by_the_last_handle() {
    tree(|main| {
        let kept = Kept::default();
        let keep = kept.clone();
        let g = victim(main, move |me, asked| {
            keep.set(me.downgrade().upgrade());
            asked
        });
        let weak = g.downgrade();
        drop(g);
        assert!(kept.take().is_some_and(|dead| dead.is_dead()));
        assert!(weak.upgrade().is_none());
    });
}

/// A greenlet in a pool of its own that refuses to exit once.
fn lose_stubborn(main: &Main, pool: &'static StackPool<1, { crate::common::SIZE }>) {
    let g = main.build(pool).name("stubborn").spawn(|me, x| {
        let _refused = me.up(x);
        me.up(x + 1)
    });
    g.unwrap().switch(0).unwrap();
}

#[test]
fn a_victim_that_refuses_is_leaked_and_reported_once() {
    tree(|main| {
        let pool = stacks!(1);
        lose_stubborn(main, pool);
        assert_eq!(heard(), ["leak stubborn"]);
        assert!(main.bare(pool).is_err(), "it keeps its stack");
        let mut found = None;
        main.for_each(|g| found = found.take().or((g.name() == Some("stubborn")).then(|| g.downgrade())));
        let weak = found.unwrap();
        drop(weak.upgrade().unwrap());
        assert!(heard().is_empty() && weak.upgrade().is_some(), "not killed again");
        // The end of the tree kills it once more, and then it ends.
    });
}

#[test]
fn a_leaked_greenlet_that_ends_after_all_is_freed() {
    tree(|main| {
        let pool = stacks!(1);
        lose_stubborn(main, pool);
        assert_eq!(heard(), ["leak stubborn"]);
        let mut leaked = None;
        main.for_each(|g| leaked = Some(g.clone())); // the newest
        let leaked = leaked.unwrap();
        assert_eq!(leaked.switch(4), Ok(4), "its body returns");
        assert!(leaked.is_dead());
        assert!(main.bare(pool).is_err());
        drop(leaked);
        assert!(main.bare(pool).is_ok());
    });
}

#[test]
fn a_leaked_greenlet_that_ends_inside_the_hook_stays_until_the_hook_is_done() {
    static POOL: StackPool<1, { crate::common::SIZE }> = StackPool::new();
    static TREE: Tree<u32> = Tree::new().on_leak(|g| {
        let id = g.id();
        assert_eq!(g.switch(9), Ok(9), "its body returns");
        assert_eq!((g.is_dead(), g.id(), POOL.free()), (true, id, 0), "the hook still looks at it");
    });
    let _alone = alone();
    TREE.enter(|main| {
        lose_stubborn(main, &POOL);
        assert_eq!(POOL.free(), 1);
    })
    .unwrap();
}

#[test]
fn the_dropper_waits_when_the_victim_goes_elsewhere_and_what_wakes_it_is_lost() {
    tree(|main| {
        let ways: [fn(&Handle) -> Out; 2] = [|g| g.switch(30), |g| g.throw("woken")];
        let told: [&[&str]; 2] = [&[], &["unraisable victim Error(\"woken\")"]];
        for (way, told) in ways.into_iter().zip(told) {
            let (kept, to_main) = (Kept::default(), main.handle());
            let keep = kept.clone();
            let g = victim(main, move |me, _| {
                keep.set(Some(me.handle()));
                to_main.switch(20)
            });
            let dropper = main.spawn(&STACKS, move |_me, x| {
                drop(g);
                Ok(x + 1)
            });
            let dropper = dropper.unwrap();
            assert_eq!(dropper.switch(10), Ok(20), "from the victim");
            assert_eq!(dropper.state(), State::Suspended, "inside its drop");
            assert_eq!(way(&dropper), Ok(11), "it continues with what it had");
            assert_eq!(heard(), told);
            let victim = kept.take().unwrap();
            assert_eq!(victim.parent(), Some(main.handle()), "put back");
            assert_eq!(victim.switch(40), Ok(40));
        }
    });
}

#[test]
fn a_kill_inside_a_kill_comes_back_in_order() {
    tree(|main| {
        let log = Log::default();
        let mut inner = None;
        for depth in (0..5).rev() {
            let (local, next) = (log.dropping(depth), inner.take());
            inner = Some(victim(main, move |_me, asked| {
                drop(next); // kills the next one while this one ends
                drop(local);
                asked
            }));
        }
        drop(inner);
        assert_eq!(log.take(), "-4 -3 -2 -1 -0");
    });
}

#[test]
fn set_parent_kills_the_old_parent_if_it_has_no_other_reference() {
    tree(|main| {
        let log = Log::default();
        let local = log.dropping("old parent");
        let old = victim(main, move |_me, asked| {
            drop(local);
            asked
        });
        let child = old.bare(&STACKS).unwrap();
        drop(old);
        log.say("kept");
        child.set_parent(main).unwrap();
        log.say("set");
        assert_eq!(log.take(), "kept -old parent set");
    });
}

#[test]
fn the_exit_hook_may_look_at_a_greenlet_that_is_about_to_be_killed() {
    static LOST: Alone<Option<greenlet::WeakGreenlet<u32, &'static str>>> = Alone::new(None);
    static LOOKS: Alone<u32> = Alone::new(0);
    static TREE: Tree<u32> = Tree::with_exit(|| {
        LOOKS.set(LOOKS.get() + 1);
        let lost = LOST.take().unwrap();
        assert!(lost.upgrade().is_some_and(|g| g.state() == State::Suspended));
        LOST.set(Some(lost));
        EXIT
    });
    let _alone = alone();
    TREE.enter(|main| {
        let g = victim(main, |_me, answer| answer);
        LOST.set(Some(g.downgrade()));
        drop(g);
        assert_eq!((LOOKS.get(), LOST.take().unwrap().upgrade()), (1, None), "killed once");
    })
    .unwrap();
}

#[test]
fn the_exit_hook_may_keep_a_greenlet_that_was_about_to_be_killed() {
    type Weak = greenlet::WeakGreenlet<u32, &'static str>;
    static LOST: Alone<Option<Weak>> = Alone::new(None);
    static FOUND: Alone<Option<Greenlet<u32, &'static str>>> = Alone::new(None);
    static TREE: Tree<u32> = Tree::with_exit(|| {
        FOUND.set(LOST.take().and_then(|weak| weak.upgrade()));
        EXIT
    });
    let _alone = alone();
    TREE.enter(|main| {
        let g = victim(main, |_me, answer| answer);
        LOST.set(Some(g.downgrade()));
        drop(g);
        let kept = FOUND.take().unwrap();
        assert_eq!(kept.state(), State::Suspended, "not killed");
        assert_eq!(kept.switch(3), Ok(3));
    })
    .unwrap();
}

/// The lines that a test wrote on standard error in a process of its own, of which each names a greenlet by its id and
/// contains `what`; `None` in that process. There `run` writes a line `id N` for each of these greenlets.
#[cfg(feature = "std")]
fn told(test: &str, what: &str, run: fn(&crate::common::Main)) -> Option<Vec<String>> {
    let Some(output) = crate::common::in_child(module_path!(), test) else {
        let _alone = alone();
        let entered = crate::common::own_tree!(u32, &'static str).enter(|main| {
            // Ids of several digits, with zeros among them.
            while main.bare(stacks!(1)).unwrap().id() < 1_099 {}
            run(main);
        });
        entered.unwrap();
        return None;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let lines: Vec<_> = said.lines().filter(|line| line.contains(what)).map(str::to_owned).collect();
    let ids: Vec<_> = said.lines().filter_map(|line| line.strip_prefix("id ")).collect();
    assert_eq!(lines.len(), ids.len(), "each once: {said}");
    let is_named = lines.iter().zip(&ids).all(|(line, id)| line.starts_with(&format!("greenlet {id} ")));
    assert!(is_named && ids[0].len() == 4, "{said}");
    Some(lines)
}

/// A tree without a leak hook reports leaks all the same, on stderr where there is one.
#[cfg(feature = "std")]
#[test]
fn a_leak_without_a_hook_is_a_line_on_standard_error() {
    let lines = told("a_leak_without_a_hook_is_a_line_on_standard_error", "was asked to exit and did not", |main| {
        for name in ["session 1", "session 2"] {
            let g = main.build(stacks!(3)).name(name).spawn(stubborn).unwrap();
            eprintln!("id {}", g.id());
            g.switch(0).unwrap();
        }
        let nameless = main.spawn(stacks!(1), stubborn).unwrap();
        eprintln!("id {}", nameless.id());
        nameless.switch(0).unwrap();
    });
    let Some(lines) = lines else { return };
    assert_eq!(lines.len(), 3);
    assert!(lines[0].contains(" \"session 1\" was") && lines[1].contains(" \"session 2\" was"), "{lines:?}");
    assert!(lines.iter().all(|line| line.contains("return what is thrown") && line.contains("`Tree::on_leak`")));
}

#[cfg(feature = "std")]
#[test]
fn an_error_without_a_receiver_is_a_line_on_standard_error_by_default() {
    let test = "an_error_without_a_receiver_is_a_line_on_standard_error_by_default";
    let lines = told(test, "set `Tree::on_unraisable`", |main| {
        let sore = main.build(stacks!(1)).name("sore").spawn(|me, x| me.up(x).or(Err("not now".into()))).unwrap();
        eprintln!("id {}", sore.id());
        sore.switch(0).unwrap();
        drop(sore);
        let bare = main.build(stacks!(1)).name("bare").bare().unwrap();
        eprintln!("id {}", bare.id());
        bare.remote().kill().unwrap();
        assert_eq!(main.attend(), 1);
    });
    let Some(lines) = lines else { return };
    let of = ["\"sore\" was asked to exit and ended with an error", "\"bare\" was asked to exit and has no body"];
    assert!(lines.len() == 2 && lines.iter().zip(of).all(|(line, of)| line.contains(of)), "{lines:?}");
}
