//! Asking greenlets to exit: `kill`, `kill_with`, `cancel`.

use crate::common::{EXIT, Handle, Log, Me, Out, STACKS, dead, stubborn, tree, unstarted, waiting};
use greenlet::{Refusal, State, Thrown};

#[test]
fn an_exit_that_leaves_the_body_is_a_value_for_the_parent() {
    tree(|main| {
        let g = waiting(main);
        assert_eq!(g.kill(), Ok(EXIT));
        let h = waiting(main);
        assert_eq!(h.kill_with(7), Ok(7));
        let leaves_by_itself = main.spawn(&STACKS, |_me, x| Err(Thrown::Exit(x + 1))).unwrap();
        assert_eq!(leaves_by_itself.switch(1), Ok(2));
        assert!(g.is_dead() && h.is_dead() && leaves_by_itself.is_dead());
    });
}

#[test]
fn an_exit_ends_one_greenlet_and_not_its_parents() {
    tree(|main| {
        let parent = main.spawn(&STACKS, |me, _| {
            let child = waiting(me);
            Ok(child.kill_with(20)? + 1)
        });
        assert_eq!(parent.unwrap().switch(0), Ok(21));
    });
}

#[test]
fn an_exit_may_be_caught_and_the_greenlet_continues() {
    tree(|main| {
        let g = main.spawn(&STACKS, |me, x| match me.up(x) {
            Err(Thrown::Exit(asked)) => me.up(asked + 1),
            other => other,
        });
        let g = g.unwrap();
        g.switch(0).unwrap();
        assert_eq!(g.kill_with(5), Ok(6));
        assert_eq!(g.state(), State::Suspended);
        assert_eq!(g.switch(9), Ok(9));
    });
}

#[test]
fn an_exit_is_no_error_and_an_error_no_exit() {
    tree(|main| {
        let handles_errors = |me: &Me, x| match me.up(x) {
            Err(Thrown::Error(_)) => Ok(1),
            other => other,
        };
        let [killed, thrown] = [0; 2].map(|_| {
            let g = main.spawn(&STACKS, handles_errors).unwrap();
            g.switch(0).unwrap();
            g
        });
        assert_eq!(killed.kill_with(2), Ok(2), "not handled");
        assert_eq!(thrown.throw("boo"), Ok(1), "handled");
    });
}

#[test]
fn an_unstarted_greenlet_exits_without_running_and_its_parent_gets_the_value() {
    tree(|main| {
        let log = Log::default();
        let g = unstarted(main, &log, "body");
        assert_eq!(g.kill_with(7), Ok(7));
        assert_eq!(log.take(), "-body");
        assert!(g.is_dead() && g.is_started());
        let parent = waiting(main);
        assert_eq!(unstarted(&parent, &log, "body").kill_with(8), Ok(8), "to the parent, which sends it up");
    });
}

#[test]
fn a_dead_greenlet_hands_the_exit_up_as_a_value() {
    tree(|main| {
        assert_eq!(dead(main).kill_with(7), Ok(7));
        assert_eq!(dead(&waiting(main)).kill_with(8), Ok(8), "to the parent, which sends it up");
        let starts = main.spawn(&STACKS, |_me, x| Ok(x + 1)).unwrap();
        let g = dead(main);
        g.set_parent(&starts).unwrap();
        assert_eq!(g.kill_with(9), Ok(10), "an unstarted parent starts with it");
    });
}

#[test]
fn a_greenlet_that_kills_itself_gets_its_exit_from_the_call() {
    tree(|main| {
        assert_eq!(main.kill(), Err(Thrown::Exit(EXIT)));
        assert_eq!(main.kill_with(3), Err(Thrown::Exit(3)));
        let g = main.spawn(&STACKS, |me, x| me.kill_with(x + 1)).unwrap();
        assert_eq!(g.switch(1), Ok(2));
        assert!(g.is_dead());
    });
}

#[test]
fn main_may_be_asked_to_exit_and_need_not() {
    tree(|main| {
        let to_main = main.handle();
        let killer = main.spawn(&STACKS, move |_me, x| to_main.kill_with(x)).unwrap();
        assert_eq!(killer.switch(4), Err(Thrown::Exit(4)));
        assert!(main.is_active());
    });
}

/// Spawns a supervisor below main that cancels `victim` and says what came of it, and runs it once.
fn supervise(main: &Handle, victim: &Handle, log: &Log) -> Handle {
    let (victim, log) = (victim.clone(), log.clone());
    let supervisor = main.spawn(&STACKS, move |_me, x| {
        log.say(format!("{:?} {}", victim.cancel(), victim.state()));
        Ok(x)
    });
    let supervisor = supervisor.unwrap();
    let _whatever_comes_first = supervisor.switch(0);
    supervisor
}

#[test]
fn cancel_comes_back_to_the_caller_and_puts_the_parent_back() {
    tree(|main| {
        let log = Log::default();
        for victim in [waiting(main), dead(main), unstarted(main, &Log::default(), "body")] {
            let supervisor = supervise(main, &victim, &log);
            assert!(supervisor.is_dead(), "not left behind");
            assert_eq!(log.take(), "Ok(1000) dead");
            assert_eq!(victim.parent(), Some(main.handle()));
        }
    });
}

#[test]
fn cancel_hands_out_the_error_that_comes_back() {
    tree(|main| {
        let log = Log::default();
        let victim = main.spawn(&STACKS, |me, x| me.up(x).or(Err("no".into()))).unwrap();
        victim.switch(0).unwrap();
        assert!(supervise(main, &victim, &log).is_dead());
        assert_eq!(log.take(), "Err(Error(\"no\")) dead");
    });
}

#[test]
fn a_victim_that_refuses_comes_back_alive_with_its_old_parent() {
    tree(|main| {
        let log = Log::default();
        let victim = main.spawn(&STACKS, stubborn).unwrap();
        victim.switch(5).unwrap();
        assert!(supervise(main, &victim, &log).is_dead());
        assert_eq!(log.take(), "Ok(5) suspended");
        assert_eq!(victim.parent(), Some(main.handle()));
        assert_eq!(victim.switch(6), Ok(6));
    });
}

#[test]
fn cancel_waits_when_the_victim_goes_elsewhere() {
    tree(|main| {
        let log = Log::default();
        let to_main = main.handle();
        let victim = main.spawn(&STACKS, move |me, x| {
            let _asked = me.up(x);
            to_main.switch(50)
        });
        let victim = victim.unwrap();
        victim.switch(0).unwrap();
        let supervisor = supervise(main, &victim, &log);
        assert_eq!(victim.parent(), Some(supervisor.clone()), "which stands in for its parent");
        assert_eq!((log.take().as_str(), supervisor.state()), ("", State::Suspended));
        victim.set_parent(main).unwrap(); // to be overridden
        assert_eq!(supervisor.switch(9), Ok(0), "resumed by another one, it returns what it was started with");
        assert_eq!(log.take(), "Ok(9) suspended");
        assert_eq!(victim.parent(), Some(main.handle()));
        assert_eq!(victim.switch(3), Ok(3));
    });
}

#[test]
fn cancel_puts_the_parent_back_over_a_change_made_meanwhile() {
    tree(|main| {
        let (old, new) = (waiting(main), waiting(main));
        let chosen = new.clone();
        let victim = old.spawn(&STACKS, move |me, x| {
            let asked = me.parent().switch(x);
            let supervisor = me.parent();
            me.set_parent(&chosen).unwrap();
            supervisor.switch(1)?;
            asked
        });
        let victim = victim.unwrap();
        victim.switch(0).unwrap();
        assert_eq!(victim.cancel(), Ok(1));
        assert_eq!(victim.parent(), Some(old));
        assert_eq!(victim.switch(2), Ok(EXIT), "its body ends, in the old parent, which sends it up");
        drop(new);
    });
}

#[test]
fn cancel_refuses_main_the_current_greenlet_and_its_parents() {
    tree(|main| {
        let refused = |refusal| -> Out { Err(Thrown::Refused(refusal, None)) };
        assert_eq!(main.cancel(), refused(Refusal::Main));
        let log = Log::default();
        let said = log.clone();
        let grandparent = main.spawn(&STACKS, move |me, _| {
            let (parent, said) = (dead(me), said.clone());
            let above = [me.handle(), parent.clone(), me.parent()];
            let child = parent.spawn(&STACKS, move |me, x| {
                above.iter().chain([&me.handle()]).for_each(|g| said.say(format!("{:?}", g.cancel())));
                Ok(x)
            });
            child.unwrap().switch(1)
        });
        assert_eq!(grandparent.unwrap().switch(0), Ok(1));
        let (cycle, main) = (refused(Refusal::Cycle), refused(Refusal::Main));
        assert_eq!(log.take(), format!("{cycle:?} {cycle:?} {main:?} {cycle:?}"));
    });
}
