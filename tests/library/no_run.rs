//! Transfers that end at a greenlet without a body: what was sent is lost, and `NoRun` comes instead.

use crate::common::{Alone, EXIT, Handle, Log, Out, STACKS, alone, dead, stacks, tree};
use greenlet::{Greenlet, State, Thrown, Tree};

const NO_RUN: Out = Err(Thrown::NoRun);

#[test]
fn every_transfer_to_a_greenlet_without_a_body_fails_in_the_sender() {
    tree(|main| {
        let bare = main.bare(&STACKS).unwrap();
        let ways: [fn(&Handle) -> Out; 5] =
            [|g| g.switch(1), |g| g.throw("boo"), |g| g.kill(), |g| g.kill_with(2), |g| g.cancel()];
        for way in ways {
            assert_eq!(way(&bare), NO_RUN);
            assert_eq!(bare.state(), State::Unstarted);
            assert_eq!(bare.parent(), Some(main.handle()));
            let sender_too = bare.clone();
            let sender = main.spawn(&STACKS, move |_me, _| way(&sender_too).or(Ok(3))).unwrap();
            assert_eq!(sender.switch(0), Ok(3), "in the sender");
        }
    });
}

#[test]
fn a_second_try_succeeds_once_there_is_a_body() {
    tree(|main| {
        let bare = main.bare(&STACKS).unwrap();
        assert_eq!(bare.switch(1), NO_RUN);
        bare.set_run(|me, x| me.up(x + 1)).unwrap();
        assert_eq!(bare.switch(1), Ok(2));
    });
}

#[test]
fn up_to_a_parent_without_a_body_fails_in_the_child() {
    tree(|main| {
        let bare = main.bare(&STACKS).unwrap();
        let child = bare.spawn(&STACKS, |me, x| match me.up(x) {
            Err(Thrown::NoRun) => me.parent().parent().unwrap().switch(7),
            other => other,
        });
        assert_eq!(child.unwrap().switch(1), Ok(7));
        assert_eq!(bare.state(), State::Unstarted);
    });
}

#[test]
fn a_dead_target_below_one_without_a_body_fails_in_the_sender() {
    tree(|main| {
        let bare = main.bare(&STACKS).unwrap();
        let below = dead(&dead(&bare));
        assert_eq!((below.switch(1), below.throw("boo"), below.kill()), (NO_RUN, NO_RUN, NO_RUN));
        assert!(!bare.is_started());
    });
}

#[test]
fn what_a_dying_greenlet_sends_to_a_parent_without_a_body_is_lost_and_the_next_parent_gets_an_error() {
    tree(|main| {
        let bare = main.bare(&STACKS).unwrap();
        let bodies: [fn(u32) -> Out; 3] = [Ok, |_| Err("lost".into()), |x| Err(Thrown::Exit(x))];
        for body in bodies {
            assert_eq!(bare.spawn(&STACKS, move |_me, x| body(x)).unwrap().switch(1), NO_RUN);
        }
        assert_eq!(bare.spawn(&STACKS, |_me, x| Ok(x)).unwrap().kill_with(1), NO_RUN, "unstarted, too");
        assert!(!bare.is_started());
    });
}

#[test]
fn no_run_climbs_like_an_error_over_further_parents_without_a_body() {
    tree(|main| {
        let log = Log::default();
        let said = log.clone();
        let top = main.spawn(&STACKS, move |me, x| {
            said.say(format!("{:?}", me.up(x)));
            Ok(5)
        });
        let top = top.unwrap();
        top.switch(0).unwrap();
        let upper = dead(&top).bare(&STACKS).unwrap();
        let lower = dead(&upper).bare(&STACKS).unwrap();
        let child = dead(&lower).spawn(&STACKS, |_me, x| Ok(x)).unwrap();
        assert_eq!(child.switch(1), Ok(5));
        assert_eq!(log.take(), format!("{:?}", Out::Err(Thrown::NoRun)));
        assert!(!upper.is_started() && !lower.is_started());
    });
}

#[test]
fn no_run_that_leaves_a_body_ends_an_unstarted_parent() {
    tree(|main| {
        let bare = main.bare(&STACKS).unwrap();
        let parent = main.spawn(&STACKS, |_me, _| Ok(9)).unwrap();
        let child = parent.spawn(&STACKS, move |_me, x| bare.switch(x)).unwrap();
        assert_eq!(child.switch(1), NO_RUN);
        assert!(parent.is_dead());
    });
}

#[test]
fn a_kill_by_a_lost_reference_passes_a_stand_in_parent_and_never_meets_no_run() {
    tree(|main| {
        let bare = main.bare(&STACKS).unwrap();
        let g = bare.spawn(&STACKS, |me, x| me.parent().parent().unwrap().switch(x)).unwrap();
        g.switch(0).unwrap();
        drop(g); // exits to main, which dropped it, and not to the one without a body
        let h = bare.spawn(&STACKS, |me, x| me.parent().parent().unwrap().switch(x)).unwrap();
        h.switch(0).unwrap();
        assert_eq!(h.cancel(), Ok(EXIT));
        assert!(!bare.is_started());
    });
}

/// A value whose destructor gives a greenlet a body.
struct Giver(Option<Greenlet<Giver, ()>>);
static RAN: Alone<u32> = Alone::new(0);

impl Drop for Giver {
    fn drop(&mut self) {
        if let Some(greenlet) = self.0.take() {
            let _may_be_refused = greenlet.set_run(|_me, _value| {
                RAN.set(RAN.get() + 1);
                Ok(Giver(None))
            });
        }
    }
}

#[test]
fn the_destructor_of_a_lost_value_may_give_the_target_a_body() {
    static TREE: Tree<Giver, ()> = Tree::with_exit(|| Giver(None));
    let _alone = alone();
    TREE.enter(|main| {
        let pool = stacks!(3);
        let bare = main.bare(pool).unwrap();
        assert!(matches!(bare.switch(Giver(Some(bare.clone()))), Err(Thrown::NoRun)), "too late for this transfer");
        assert_eq!(RAN.get(), 0);
        assert!(bare.switch(Giver(None)).is_ok(), "and in time for the next");
        assert_eq!(RAN.get(), 1);

        let parent = main.bare(pool).unwrap();
        let given = parent.clone();
        let child = parent.spawn(pool, move |_me, _| Ok(Giver(Some(given)))).unwrap();
        assert!(
            matches!(child.switch(Giver(None)), Err(Thrown::NoRun)),
            "arrives in the parent, ends it, and arrives in main"
        );
        assert!(parent.is_dead());
        assert_eq!(RAN.get(), 1, "not run");
    })
    .unwrap();
}

#[test]
fn a_greenlet_without_a_body_neither_runs_nor_leaks_when_it_is_dropped() {
    tree(|main| {
        let child = main.bare(&STACKS).unwrap().bare(&STACKS).unwrap();
        drop(child); // and its parent with it
    });
}
