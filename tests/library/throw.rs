//! Errors: where they arrive, how they climb, what they run on their way.

use crate::common::{Handle, Log, Main, Me, Out, STACKS, dead, tree, unstarted, waiting};
use greenlet::{State, Thrown};
use std::fmt;

/// A child of `parent` that says what is thrown into its first `up`, and returns 1.
fn catching(parent: &Handle, log: &Log) -> Handle {
    let log = log.clone();
    let catch = move |me: &Me, x| {
        log.say(format!("{:?}", me.up(x)));
        Ok(1)
    };
    let g = parent.spawn(&STACKS, catch).unwrap();
    g.switch(0).unwrap();
    g
}

#[test]
fn an_error_arrives_in_the_pending_call_of_its_target() {
    tree(|main| {
        let log = Log::default();
        assert_eq!(catching(main, &log).throw("boo"), Ok(1), "and what comes back is what is sent back");
        assert_eq!(log.take(), "Err(Error(\"boo\"))");
        let waits_in_switch = main.spawn(&STACKS, |me, x| me.parent().switch(x).or(Ok(2))).unwrap();
        waits_in_switch.switch(0).unwrap();
        assert_eq!(waits_in_switch.throw("boo"), Ok(2));
    });
}

#[test]
fn an_error_that_leaves_a_body_goes_to_the_parent_not_to_the_switcher() {
    tree(|main| {
        let log = Log::default();
        let said = log.clone();
        let parent = main.spawn(&STACKS, move |me, _| {
            let child = me.spawn(&STACKS, |me, x| {
                me.up(x)?;
                Err("oops".into())
            });
            let child = child.unwrap();
            child.switch(0)?;
            let switcher = me.parent().spawn(&STACKS, move |_me, x| child.switch(x)).unwrap();
            said.say(format!("{:?}", switcher.switch(1)));
            said.say(switcher.state());
            Ok(5)
        });
        assert_eq!(parent.unwrap().switch(0), Ok(5));
        assert_eq!(log.take(), "Err(Error(\"oops\")) suspended");
    });
}

/// Switches to a new child, which does so in turn, `depth` times; the last one fails.
fn nest(me: &Me, depth: u32, log: &Log) -> Out {
    let (inner, _here) = (log.clone(), log.dropping(depth));
    if depth == 0 {
        return Err("deep".into());
    }
    me.spawn(&STACKS, move |me, depth| nest(me, depth, &inner)).unwrap().switch(depth - 1)
}

#[test]
fn an_error_climbs_from_parent_to_parent_and_ends_each() {
    tree(|main| {
        let log = Log::default();
        let top = log.clone();
        let g = main.spawn(&STACKS, move |me, depth| nest(me, depth, &top)).unwrap();
        assert_eq!(g.switch(4), Err(Thrown::Error("deep")));
        assert!(g.is_dead());
        assert_eq!(log.take(), "-0 -1 -2 -3 -4");
    });
}

#[test]
fn an_error_skips_dead_parents_and_stops_at_one_that_handles_it() {
    tree(|main| {
        let log = Log::default();
        let grandparent = catching(main, &log);
        let parent = dead(&grandparent);
        let child = parent.spawn(&STACKS, |_me, _| Err("up".into())).unwrap();
        assert_eq!(child.switch(0), Ok(1), "what the grandparent returns");
        assert_eq!(log.take(), "Err(Error(\"up\"))");
    });
}

#[test]
fn an_error_ends_unstarted_parents_without_running_them() {
    tree(|main| {
        let log = Log::default();
        let grandparent = unstarted(main, &log, "grandparent");
        let parent = unstarted(&grandparent, &log, "parent");
        let child = parent.spawn(&STACKS, |_me, _| Err("up".into())).unwrap();
        assert_eq!(child.switch(0), Err(Thrown::Error("up")));
        assert_eq!(log.take(), "-parent -grandparent");
        assert!(grandparent.is_dead() && parent.is_dead());
    });
}

#[test]
fn destructors_run_in_order_through_five_frames() {
    fn frame(me: &Me, depth: u32, log: &Log) -> Out {
        let _early = log.dropping(format!("{depth}a"));
        let _late = log.dropping(format!("{depth}b"));
        if depth == 5 { me.up(depth) } else { Ok(frame(me, depth + 1, log)? + 1) }
    }

    tree(|main| {
        let all = "-5b -5a -4b -4a -3b -3a -2b -2a -1b -1a";
        let ways: [fn(&Handle) -> Out; 4] = [
            |g| g.throw("boo"),
            |g| g.kill(),
            |g| g.cancel(),
            |g| g.switch(0), // returns through the same frames
        ];
        for way in ways {
            let log = Log::default();
            let inner = log.clone();
            let g = main.spawn(&STACKS, move |me, depth| frame(me, depth, &inner)).unwrap();
            assert_eq!(g.switch(1), Ok(5));
            let _ = way(&g);
            assert_eq!(log.take(), all);
            assert!(g.is_dead());
        }
    });
}

#[test]
fn an_unstarted_target_dies_without_running_and_its_parent_gets_the_error() {
    tree(|main| {
        let log = Log::default();
        let target = unstarted(&catching(main, &log), &log, "body");
        let victim = target.clone();
        let thrower = main.spawn(&STACKS, move |_me, _| victim.throw("early")).unwrap();
        assert_eq!(thrower.switch(0), Ok(1), "what the parent returns to main");
        assert_eq!(log.take(), "-body Err(Error(\"early\"))");
        assert_eq!((target.state(), thrower.state()), (State::Dead, State::Suspended));
        assert!(target.is_started());
    });
}

#[test]
fn a_dead_target_hands_the_error_to_its_first_live_ancestor() {
    tree(|main| {
        let log = Log::default();
        let target = dead(&dead(&catching(main, &log)));
        assert_eq!(target.throw("late"), Ok(1));
        assert_eq!(log.take(), "Err(Error(\"late\"))");
        assert_eq!(target.throw("later"), Err(Thrown::Error("later")), "which is main now, the thrower");
    });
}

#[test]
fn a_dead_target_below_an_unstarted_one_ends_that_by_the_error() {
    tree(|main| {
        let log = Log::default();
        let target = dead(main);
        let unrun = unstarted(&catching(main, &log), &log, "unrun");
        target.set_parent(&unrun).unwrap();
        assert_eq!(target.throw("past"), Ok(1));
        assert_eq!(log.take(), "-unrun Err(Error(\"past\"))");
        assert!(unrun.is_dead());
    });
}

#[test]
fn an_error_thrown_at_the_current_greenlet_comes_back_from_the_call() {
    tree(|main| {
        assert_eq!(main.throw("me"), Err(Thrown::Error("me")));
        let g = main.spawn(&STACKS, |me, x| match me.throw("me") {
            Err(Thrown::Error("me")) => me.up(x + 1),
            other => other,
        });
        assert_eq!(g.unwrap().switch(1), Ok(2));
    });
}

#[test]
fn main_is_thrown_into_like_any_other() {
    tree(|main: &Main| {
        let to_main = main.handle();
        let thrower = main.spawn(&STACKS, move |_me, _| to_main.throw("you")).unwrap();
        assert_eq!(thrower.switch(0), Err(Thrown::Error("you")));
        assert_eq!(thrower.state(), State::Suspended);
    });
}

#[test]
fn a_thrower_waits_until_a_switch_back_to_it() {
    tree(|main| {
        let log = Log::default();
        let (victim, said) = (waiting(main), log.clone());
        let target = victim.clone();
        let thrower = main.spawn(&STACKS, move |_me, _| {
            let answer = target.throw("end");
            said.say(format!("{answer:?}"));
            answer
        });
        let thrower = thrower.unwrap();
        assert_eq!(thrower.switch(0), Err(Thrown::Error("end")), "the victim's parent continues");
        assert!(victim.is_dead() && log.take().is_empty());
        assert_eq!(thrower.switch(8), Ok(8));
        assert_eq!(log.take(), "Ok(8)");
    });
}

#[test]
fn a_greenlet_that_handles_errors_continues_and_others_see_none_of_it() {
    tree(|main| {
        let g = main.spawn(&STACKS, |me, x| {
            let mut sum = x;
            loop {
                match me.up(sum) {
                    Err(Thrown::Error(text)) => sum += text.len() as u32,
                    other => sum += other?,
                }
            }
        });
        let (g, other) = (g.unwrap(), waiting(main));
        assert_eq!(g.switch(10), Ok(10));
        assert_eq!(g.throw("three"), Ok(15));
        assert_eq!(other.switch(1), Ok(1));
        assert_eq!(g.throw("seven"), Ok(20));
        assert_eq!(g.switch(1), Ok(21));
        assert_eq!(other.switch(2), Ok(2));
    });
}

#[test]
fn an_error_of_the_users_own_becomes_thrown_by_a_question_mark() {
    #[derive(Debug, PartialEq)]
    enum Fault {
        Parse(std::num::ParseIntError),
        Empty,
    }
    impl From<std::num::ParseIntError> for Fault {
        fn from(error: std::num::ParseIntError) -> Self {
            Self::Parse(error)
        }
    }
    impl fmt::Display for Fault {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{self:?}")
        }
    }
    fn parse(text: &str) -> Result<i64, Fault> {
        if text.is_empty() { Err(Fault::Empty) } else { Ok(text.parse()?) }
    }

    let tree = crate::common::own_tree!(i64, Fault);
    let _alone = crate::common::alone();
    tree.enter(|main| {
        let parse_all = |texts: [&'static str; 2]| {
            let parsed = main.spawn(&STACKS, move |me, _| {
                me.up(parse(texts[0])?)?;
                Ok(parse(texts[1])?)
            });
            let parsed = parsed.unwrap();
            (parsed.switch(0), parsed.switch(0))
        };
        assert_eq!(parse_all(["12", "-3"]), (Ok(12), Ok(-3)));
        assert_eq!(parse_all(["12", ""]), (Ok(12), Err(Thrown::Error(Fault::Empty))));
        let (first, second) = parse_all(["x", "5"]);
        assert!(matches!(first, Err(Thrown::Error(Fault::Parse(_)))), "{first:?}");
        assert_eq!(second, Ok(0), "dead by then");
    })
    .unwrap();
}
