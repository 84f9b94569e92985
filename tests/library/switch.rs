//! Switching: where values go, where control goes.

use crate::common::{Handle, Log, Me, Out, STACKS, dead, echo, tree, waiting};
use greenlet::State;
use std::cell::RefCell;
use std::rc::Rc;

#[test]
fn the_first_value_goes_to_the_body_later_ones_to_its_pending_call() {
    tree(|main| {
        let sums = main.spawn(&STACKS, |me, first| {
            let second = me.up(first + 1)?;
            let third = me.parent().switch(second + 1)?;
            Ok(first + second + third)
        });
        let sums = sums.unwrap();
        assert_eq!(sums.switch(100), Ok(101));
        assert_eq!(sums.switch(200), Ok(201));
        assert_eq!(sums.switch(300), Ok(600));
        assert!(sums.is_dead());
    });
}

#[test]
fn a_switch_to_the_current_greenlet_returns_its_value_at_once() {
    tree(|main| {
        assert_eq!(main.switch(1), Ok(1));
        let g = main.spawn(&STACKS, |me, x| {
            let y = me.switch(x + 1)?;
            assert!(me.is_current());
            Ok(y + 1)
        });
        assert_eq!(g.unwrap().switch(1), Ok(3));
    });
}

#[test]
fn what_a_switch_returns_need_not_come_from_its_target() {
    tree(|main| {
        let to_main = main.handle();
        let second = main.spawn(&STACKS, move |_me, x| to_main.switch(x + 1)).unwrap();
        let first = main.spawn(&STACKS, move |_me, x| second.switch(x + 1)).unwrap();
        assert_eq!(first.switch(1), Ok(3), "sent by the second");
    });
}

#[test]
fn three_greenlets_pass_a_value_round_a_ring() {
    tree(|main| {
        let ring = Rc::new(RefCell::new(Vec::<Handle>::new()));
        for number in 0..3 {
            let others = ring.clone();
            let member = main.spawn(&STACKS, move |me, mut x| {
                while x < 30 {
                    let next = others.borrow()[(number + 1) % 3].clone();
                    x = next.switch(x + 1)?;
                }
                me.up(x * 10 + number as u32)
            });
            ring.borrow_mut().push(member.unwrap());
        }
        let first = ring.borrow()[0].clone();
        // Ten times round: the value is 30 when it comes back to the first.
        assert_eq!(first.switch(0), Ok(300));
        drop(ring.take());
    });
}

#[test]
fn a_suspended_greenlet_is_not_disturbed_by_others_that_come_and_go() {
    tree(|main| {
        let keeper = main.spawn(&STACKS, |me, x| {
            let here = [x, x + 1, x + 2, x + 3];
            let asked = me.up(here.iter().sum())?;
            Ok(here.iter().sum::<u32>() * asked)
        });
        let keeper = keeper.unwrap();
        assert_eq!(keeper.switch(1), Ok(10));
        for n in 0..100 {
            let passing = main.spawn(&STACKS, move |me, x| me.up(x + n)).unwrap();
            assert_eq!(passing.switch(n), Ok(2 * n));
            if n % 2 == 0 {
                assert_eq!(passing.switch(0), Ok(0));
            }
        }
        assert_eq!(keeper.switch(3), Ok(30));
    });
}

#[test]
fn a_dead_target_gives_the_value_back_when_its_parent_is_the_current_greenlet() {
    tree(|main| {
        let first = dead(main);
        let second = dead(&first);
        assert_eq!(first.switch(1), Ok(1));
        assert_eq!(second.switch(2), Ok(2), "past a dead parent");
        assert!(main.is_current());
    });
}

#[test]
fn a_dead_target_passes_the_value_to_its_parent_and_the_sender_stays_behind() {
    tree(|main| {
        let target = dead(&dead(main));
        let sender = main.spawn(&STACKS, move |_me, x| target.switch(x + 1)).unwrap();
        assert_eq!(sender.switch(1), Ok(2));
        assert_eq!(sender.state(), State::Suspended);
        assert_eq!(sender.switch(7), Ok(7), "its switch returns at last, and so does its body");
        assert!(sender.is_dead());
    });
}

#[test]
fn a_dead_target_starts_its_unstarted_parent() {
    tree(|main| {
        let target = dead(main);
        let parent = main.spawn(&STACKS, |me, x| me.up(x + 1)).unwrap();
        target.set_parent(&parent).unwrap();
        assert_eq!(target.switch(1), Ok(2));
        assert_eq!(parent.state(), State::Suspended);
    });
}

#[test]
fn a_body_that_returns_starts_its_unstarted_parents_one_after_the_other() {
    tree(|main| {
        let top = main.spawn(&STACKS, |_me, x| Ok(x * 2)).unwrap();
        let middle = top.spawn(&STACKS, |_me, x| Ok(x + 1)).unwrap();
        let bottom = middle.spawn(&STACKS, |_me, x| Ok(x * 10)).unwrap();
        assert_eq!(bottom.switch(2), Ok(42));
        assert!(top.is_dead() && middle.is_dead() && bottom.is_dead());
    });
}

#[test]
fn what_a_body_returns_goes_past_dead_parents() {
    tree(|main| {
        let parent = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
        let child = parent.spawn(&STACKS, |_me, x| Ok(x + 1)).unwrap();
        parent.switch(0).unwrap();
        assert_eq!(child.switch(1), Ok(2));
    });
}

#[test]
fn up_goes_past_a_parent_that_died_and_into_one_that_has_not_started() {
    tree(|main| {
        let parent = main.spawn(&STACKS, |_me, x| Ok(x + 100)).unwrap();
        let child = parent.spawn(&STACKS, echo).unwrap();
        assert_eq!(child.switch(1), Ok(101), "started the parent, which returned");
        assert!(parent.is_dead());
        assert_eq!(child.switch(2), Ok(2), "past the dead parent");
        assert_eq!(child.switch(3), Ok(3));
    });
}

#[test]
fn up_returns_what_any_greenlet_sends() {
    tree(|main| {
        let log = Log::default();
        let said = log.clone();
        let waiter = main.spawn(&STACKS, move |me, mut x| {
            loop {
                said.say(x);
                x = me.up(x)?;
            }
        });
        let waiter = waiter.unwrap();
        waiter.switch(1).unwrap();
        let target = waiter.clone();
        let other = main.spawn(&STACKS, move |_me, x| target.switch(x)).unwrap();
        assert_eq!(other.switch(2), Ok(2), "the waiter's parent continues, not the greenlet that resumed it");
        assert_eq!(other.switch(3), Ok(3));
        assert_eq!(waiter.switch(4), Ok(4));
        assert_eq!(log.take(), "1 2 4");
    });
}

#[test]
fn a_switch_in_nested_calls_suspends_all_of_them() {
    #[inline(never)]
    fn descend(me: &Me, depth: u32, weight: f64) -> Result<f64, greenlet::Thrown<u32, &'static str>> {
        if depth == 0 {
            return Ok(f64::from(me.up(0)?));
        }
        let local = weight * f64::from(depth);
        let below = descend(me, depth - 1, weight)?;
        assert_eq!(me.up(depth)?, depth, "on the way back, too");
        Ok(below + local)
    }

    tree(|main| {
        let g = main.spawn(&STACKS, |me, x| Ok(descend(me, x, 0.5)? as u32)).unwrap();
        let other = main.spawn(&STACKS, |me, x| Ok(descend(me, x, 2.0)? as u32)).unwrap();
        assert_eq!(g.switch(40), Ok(0));
        assert_eq!(other.switch(40), Ok(0));
        assert_eq!((g.switch(1), other.switch(2)), (Ok(1), Ok(1)));
        for depth in 1..40 {
            assert_eq!((g.switch(depth), other.switch(depth)), (Ok(depth + 1), Ok(depth + 1)));
        }
        assert_eq!((g.switch(40), other.switch(40)), (Ok(1 + 410), Ok(2 + 1640)));
    });
}

#[test]
fn a_hundred_thousand_round_trips_lose_no_value() {
    tree(|main| {
        let by_up = waiting(main);
        let by_handle = main.spawn(&STACKS, |me, mut x| {
            let parent = me.parent();
            loop {
                x = parent.switch(x)?;
            }
        });
        let by_handle = by_handle.unwrap();
        for n in 0..if cfg!(miri) { 100 } else { 100_000 } {
            assert_eq!((by_up.switch(n), by_handle.switch(n + 1)), (Ok(n), Ok(n + 1)));
        }
    });
}

#[test]
fn every_greenlet_finds_the_current_one_and_equality_is_identity() {
    tree(|main| {
        assert_eq!(main.current(), Some(main.handle()));
        let g = main.spawn(&STACKS, |me, _| {
            let current = me.current().unwrap();
            assert_eq!((&current, &current.clone()), (&me.handle(), &current));
            assert_ne!(current, me.parent());
            me.up(current.id() as u32)?;
            assert_eq!(me.current(), Some(current));
            Ok(0)
        });
        let g = g.unwrap();
        assert_eq!(g.switch(0), Ok(g.id() as u32));
        assert_eq!(main.current(), Some(main.handle()));
        assert_eq!(g.switch(0), Ok(0));
    });
}

type Boxed = Box<dyn FnOnce(&Me, u32) -> Out>;

fn twice(_me: &Me, x: u32) -> Out {
    Ok(x * 2)
}

#[test]
fn a_function_and_a_function_pointer_are_bodies() {
    tree(|main| {
        assert_eq!(main.spawn(&STACKS, twice).unwrap().switch(2), Ok(4));
        let pointer: fn(&Me, u32) -> Out = twice;
        assert_eq!(main.spawn(&STACKS, pointer).unwrap().switch(3), Ok(6));
        let boxed: Boxed = Box::new(move |me, x| pointer(me, x + 1));
        assert_eq!(main.spawn(&STACKS, boxed).unwrap().switch(3), Ok(8));
    });
}
