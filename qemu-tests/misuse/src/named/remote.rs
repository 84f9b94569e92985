//! Requests from elsewhere that come twice, too late, or at the wrong moment.

use super::group;
use crate::answer::Answer::{self, Exit, Value};
use crate::values::{Handle, f, fails, v};
use crate::verdict::{holds, same};
use crate::world::{EXIT, FIRST, STACKS, heard, spawn, started, stubborn, tree, waiting, waits};
use greenlet::State;

group! { "remote":
    two_kills_are_one,
    two_wakes_are_one,
    a_kill_and_a_wake,
    a_kill_of_the_current_one_waits_until_it_is_not,
    a_kill_of_a_parent_waits_until_it_is_none,
    a_kill_of_main_is_forgotten,
    a_kill_of_one_without_a_body_is_reported,
    a_kill_of_an_unstarted_one_drops_its_body,
    a_kill_of_one_that_fails_is_reported,
    a_kill_settled_by_the_next_arrival,
    a_kill_settled_inside_a_kill,
    a_kill_of_each_other,
    a_kill_of_one_that_is_lost_meanwhile,
    a_wake_of_the_dead,
    a_wake_of_the_current_one,
    wakes_of_all_in_the_order_of_request,
    attend_inside_attend,
}

fn kill(greenlet: &Handle) {
    holds(greenlet.remote().kill().is_ok(), "it exists");
}

fn wake(greenlet: &Handle) {
    holds(greenlet.remote().wake().is_ok(), "it exists");
}

fn two_kills_are_one() {
    tree(|main| {
        let g = started(spawn(main, stubborn()));
        kill(&g);
        kill(&g);
        same((main.attend(), main.attend()), (1, 0));
        same(Answer::from(g.switch(v(7))), Value(7));
    });
}

fn two_wakes_are_one() {
    tree(|main| {
        let g = waiting(main);
        wake(&g);
        wake(&g);
        same((main.woken(), main.woken()), (Some(g), None));
    });
}

fn a_kill_and_a_wake() {
    tree(|main| {
        let g = waiting(main);
        wake(&g);
        kill(&g);
        same((main.attend(), g.state()), (1, State::Dead));
        same((main.woken(), main.woken()), (Some(g), None)); // the scheduler finds that it is dead
    });
}

fn a_kill_of_the_current_one_waits_until_it_is_not() {
    tree(|main| {
        let g = spawn(main, |me, x| {
            kill(me);
            same(me.attend(), 0);
            me.up(x)
        });
        same(Answer::from(g.switch(v(1))), Value(1));
        same((g.state(), main.attend()), (State::Dead, 0)); // by the `up` that left it
    });
}

fn a_kill_of_a_parent_waits_until_it_is_none() {
    tree(|main| {
        let parent = spawn(main, |me, x| {
            let child = spawn(me, |me, x| {
                kill(&me.parent());
                same(me.attend(), 0);
                Ok(x)
            });
            let back = child.switch(x)?;
            me.up(back)
        });
        same(Answer::from(parent.switch(v(1))), Value(1));
        same((parent.state(), main.attend()), (State::Dead, 0)); // by the `up` that left it
    });
}

fn a_kill_of_main_is_forgotten() {
    tree(|main| {
        kill(main);
        same((main.attend(), main.attend()), (0, 0));
        let remote = main.remote();
        let g = spawn(main, move |me, x| {
            holds(remote.kill().is_ok(), "main exists");
            same(me.attend(), 0);
            Ok(x)
        });
        same(Answer::from(g.switch(v(1))), Value(1));
    });
}

fn a_kill_of_one_without_a_body_is_reported() {
    tree(|main| {
        let g = main.bare(&STACKS).expect("a stack is free");
        kill(&g);
        same(main.attend(), 1);
        let told = heard();
        same((told.unraisable, told.last, g.state()), (1, Some(Answer::NoRun), State::Unstarted));
        holds(g.set_run(|_, x| Ok(x)).is_ok(), "it can still be given one");
        same(Answer::from(g.switch(v(7))), Value(7));
    });
}

fn a_kill_of_an_unstarted_one_drops_its_body() {
    tree(|main| {
        let before = crate::values::alive();
        let g = spawn(main, waits());
        kill(&g);
        same((main.attend(), g.state(), crate::values::alive()), (1, State::Dead, before));
    });
}

fn a_kill_of_one_that_fails_is_reported() {
    tree(|main| {
        let g = started(spawn(main, |me, x| me.up(x).or_else(|_| fails(9))));
        kill(&g);
        same(main.attend(), 1);
        let told = heard();
        same((told.unraisable, told.last, g.state()), (1, Some(Answer::Error(9)), State::Dead));
    });
}

fn a_kill_settled_by_the_next_arrival() {
    tree(|main| {
        let (g, other) = (waiting(main), spawn(main, |_, x| Ok(x)));
        kill(&g);
        same(g.state(), State::Suspended);
        same(Answer::from(other.switch(v(2))), Value(2)); // a start and a death: both are slow
        same(g.state(), State::Dead);
    });
}

fn a_kill_settled_inside_a_kill() {
    tree(|main| {
        let other = waiting(main);
        let victim = other.clone();
        let g = started(spawn(main, move |me, x| {
            let asked = me.up(x);
            kill(&victim);
            same((me.attend(), me.kills_in_progress()), (1, 1));
            asked
        }));
        same(Answer::from(g.cancel()), Value(EXIT));
        same((other.state(), main.kills_in_progress()), (State::Dead, 0));
    });
}

fn a_kill_of_each_other() {
    tree(|main| {
        let [one, other] = [(); 2].map(|()| main.bare(&STACKS).expect("a stack is free"));
        // The second is settled inside of the first, which stands above it then, and so is not killed again.
        for (g, victim, settled) in [(&one, other.clone(), 1), (&other, one.clone(), 0)] {
            let body = move |me: &crate::values::Me, x| {
                let asked = me.up(x);
                kill(&victim);
                same(me.attend(), settled);
                asked
            };
            holds(g.set_run(body).is_ok(), "it has not started");
        }
        let (one, other) = (started(one), started(other));
        kill(&one);
        kill(&other);
        same(main.attend(), 1);
        same((one.state(), other.state()), (State::Dead, State::Dead));
        same(main.attend(), 0);
    });
}

fn a_kill_of_one_that_is_lost_meanwhile() {
    tree(|main| {
        let g = waiting(main);
        let remote = g.remote();
        kill(&g);
        drop(g);
        same(main.attend(), 0);
        holds(remote.kill().is_err(), "it is gone");
    });
}

fn a_wake_of_the_dead() {
    tree(|main| {
        let g = waiting(main);
        drop(g.cancel());
        wake(&g);
        let woken = main.woken().expect("it exists");
        same((woken.state(), Answer::from(woken.throw(f(8)))), (State::Dead, Answer::Error(8)));
    });
}

fn a_wake_of_the_current_one() {
    tree(|main| {
        wake(main);
        let woken = main.woken().expect("it exists");
        same(Answer::from(woken.switch(v(7))), Value(7));
        same(Answer::from(woken.kill()), Exit(EXIT));
    });
}

fn wakes_of_all_in_the_order_of_request() {
    tree(|main| {
        let all = [waiting(main), spawn(main, waits()), main.bare(&STACKS).expect("a stack is free")];
        all.iter().rev().for_each(wake);
        wake(main);
        for g in all.iter().rev() {
            same(main.woken().as_ref(), Some(g));
        }
        same(main.woken(), Some(main.handle()));
        same(main.woken(), None);
    });
}

fn attend_inside_attend() {
    tree(|main| {
        let g = started(spawn(main, |me, x| {
            let asked = me.up(x);
            let third = FIRST.take().expect("the third");
            kill(&third);
            same((me.attend(), third.state()), (1, State::Dead));
            asked
        }));
        FIRST.set(waiting(main));
        kill(&g);
        same((main.attend(), g.state()), (1, State::Dead));
    });
}
