//! Tracing: what is heard of, when, and what an error of the tracer does.

use crate::common::{EXIT, Handle, Log, Me, Out, STACKS, dead, echo, heard, tree, unstarted, waiting};
use greenlet::{Event, Thrown, Trace, Tracer, Tree};
use std::cell::Cell;

fn name(g: &Handle) -> &'static str {
    g.name().unwrap_or(if g.is_main() { "main" } else { "?" })
}

/// A tracer that says each event, such as `switch:main>child`. It is leaked: tracers are for ever.
fn saying(log: &Log) -> Tracer<u32, &'static str> {
    let log = log.clone();
    tracer(move |event, origin, target| {
        assert!(target.is_current() && !origin.is_current() | (origin == target));
        log.say(format!("{event}:{}>{}", name(origin), name(target)));
        Ok(())
    })
}

fn tracer(event: impl Fn(Event, &Handle, &Handle) -> Result<(), &'static str> + 'static) -> Tracer<u32, &'static str> {
    Box::leak(Box::new(event))
}

fn named(parent: &Handle, name: &'static str, body: impl FnOnce(&Me, u32) -> Out + 'static) -> Handle {
    parent.build(&STACKS).name(name).spawn(body).unwrap()
}

#[test]
fn a_tracer_is_set_asked_for_replaced_and_removed() {
    tree(|main| {
        let [one, two] = [saying(&Log::default()), tracer(|_, _, _| Ok(()))];
        let is = |set: Option<Tracer<_, _>>, expected: Tracer<u32, &'static str>| {
            assert!(std::ptr::addr_eq(set.unwrap(), expected));
        };
        assert!(main.trace().is_none());
        assert!(main.set_trace(Some(one)).is_none());
        is(main.trace(), one);
        is(main.set_trace(Some(one)), one); // twice the same
        is(main.set_trace(Some(two)), one);
        let from_elsewhere = main.spawn(&STACKS, move |me, x| {
            is(me.set_trace(None), two);
            assert!(me.trace().is_none());
            Ok(x)
        });
        from_elsewhere.unwrap().switch(0).unwrap();
        assert!(main.set_trace(None).is_none());
    });
}

#[test]
fn a_tracer_is_called_in_the_target_before_it_starts_or_continues() {
    tree(|main| {
        let log = Log::default();
        main.set_trace(Some(saying(&log)));
        let said = log.clone();
        let g = named(main, "g", move |me, x| {
            said.say("starts");
            let y = me.up(x)?;
            said.say("goes-on");
            let z = me.parent().switch(y)?;
            said.say("ends");
            Ok(z)
        });
        (1..4).for_each(|n| {
            g.switch(n).unwrap();
            log.say(n);
        });
        assert_eq!(
            log.take(),
            "switch:main>g starts switch:g>main 1 switch:main>g goes-on switch:g>main 2 \
             switch:main>g ends switch:g>main 3"
        );
    });
}

#[test]
fn what_a_dying_greenlet_sends_is_traced_as_its_own() {
    tree(|main| {
        let log = Log::default();
        let [returns, fails, exits] = [
            named(main, "returns", |_me, x| Ok(x)),
            named(main, "fails", |_me, _| Err("no".into())),
            named(main, "exits", |_me, x| Err(Thrown::Exit(x))),
        ];
        main.set_trace(Some(saying(&log)));
        returns.switch(0).unwrap();
        fails.switch(0).unwrap_err();
        exits.switch(0).unwrap();
        assert_eq!(
            log.take(),
            "switch:main>returns switch:returns>main switch:main>fails throw:fails>main switch:main>exits \
             switch:exits>main"
        );
    });
}

#[test]
fn throws_and_kills_are_traced_as_throws_into_unstarted_greenlets_too() {
    tree(|main| {
        let log = Log::default();
        let waits = [named(main, "thrown", echo), named(main, "killed", echo)];
        waits.iter().for_each(|g| assert_eq!(g.switch(0), Ok(0)));
        let unstarted = [named(main, "fresh", echo), named(main, "new", echo)];
        main.set_trace(Some(saying(&log)));
        waits[0].throw("boo").unwrap_err();
        waits[1].kill().unwrap();
        assert_eq!(log.take(), "throw:main>thrown throw:thrown>main throw:main>killed switch:killed>main");
        unstarted[0].throw("boo").unwrap_err();
        unstarted[1].kill().unwrap();
        assert_eq!(log.take(), "throw:main>fresh throw:fresh>main throw:main>new switch:new>main");
    });
}

#[test]
fn transfers_to_oneself_are_traced_and_dead_greenlets_on_the_way_are_not() {
    tree(|main| {
        let log = Log::default();
        let corpse = dead(&dead(main));
        main.set_trace(Some(saying(&log)));
        assert_eq!((main.switch(1), corpse.switch(2), corpse.kill_with(3)), (Ok(1), Ok(2), Ok(3)));
        assert_eq!(log.take(), "switch:main>main switch:main>main switch:main>main");
        assert_eq!((main.throw("a"), corpse.throw("b")), (Err(Thrown::Error("a")), Err(Thrown::Error("b"))));
        assert_eq!(main.kill(), Err(Thrown::Exit(EXIT)));
        assert_eq!(log.take(), "throw:main>main throw:main>main throw:main>main");
    });
}

#[test]
fn a_transfer_that_does_not_happen_is_not_traced() {
    tree(|main| {
        let log = Log::default();
        let bare = main.bare(&STACKS).unwrap();
        let child = named(&bare, "child", |_me, x| Ok(x));
        main.set_trace(Some(saying(&log)));
        assert_eq!(bare.switch(1), Err(Thrown::NoRun));
        assert_eq!(main.cancel().is_err(), log.take().is_empty());
        assert_eq!(child.switch(1), Err(Thrown::NoRun));
        assert_eq!(log.take(), "switch:main>child throw:child>main", "past the one without a body");
    });
}

#[test]
fn a_kill_by_a_lost_reference_is_traced_inside_the_drop() {
    tree(|main| {
        let log = Log::default();
        let g = named(main, "lost", echo);
        g.switch(0).unwrap();
        main.set_trace(Some(saying(&log)));
        drop(g);
        log.say("dropped");
        assert_eq!(log.take(), "throw:main>lost switch:lost>main dropped");
    });
}

#[test]
fn the_tracer_is_called_before_the_origin_loses_its_reference() {
    tree(|main| {
        let log = Log::default();
        let own = std::rc::Rc::new(Cell::new(None::<Handle>));
        let child = own.clone();
        let unreferred = named(main, "unreferred", move |me, x| {
            child.take().unwrap().set_parent(&me.parent()).unwrap(); // its last reference
            me.up(x)
        });
        let last = named(&unreferred, "child", |_me, x| Ok(x));
        own.set(Some(last.clone()));
        drop(unreferred);
        main.set_trace(Some(saying(&log)));
        assert_eq!(last.switch(1), Ok(1));
        log.say("returned");
        assert_eq!(
            log.take(),
            "switch:main>child switch:child>unreferred switch:unreferred>main \
             throw:main>unreferred switch:unreferred>main returned"
        );
    });
}

#[test]
fn greenlets_that_waited_before_are_traced_when_they_come_back() {
    tree(|main| {
        let log = Log::default();
        let set = saying(&log);
        let g = named(main, "g", move |me, x| {
            let x = me.up(x)?;
            me.set_trace(Some(set)); // main waits in a switch that was not traced
            me.up(x)?;
            me.set_trace(None);
            me.up(x)
        });
        (0..3).for_each(|n| drop(g.switch(n).unwrap().to_string()));
        assert_eq!(log.take(), "switch:g>main switch:main>g");
    });
}

#[test]
fn an_error_of_the_tracer_takes_the_place_of_what_was_on_its_way_and_removes_it() {
    tree(|main| {
        let failing = || assert!(main.set_trace(Some(tracer(|_, _, _| Err("tracer")))).is_none());
        let error = Err(Thrown::Error("tracer"));
        let ways: [fn(&Handle) -> Out; 3] = [|g| g.switch(1), |g| g.throw("boo"), |g| g.kill()];
        for way in ways {
            failing();
            assert_eq!(way(main), error);
            assert!(main.trace().is_none());
            let waits = waiting(main);
            failing();
            assert_eq!(way(&waits), error, "it ends by it, and main gets the error");
            assert!(waits.is_dead());
            let log = Log::default();
            let fresh = unstarted(main, &log, "unrun");
            failing();
            assert_eq!(way(&fresh), error, "it dies without running");
            assert_eq!(log.take(), "-unrun");
        }
    });
}

#[test]
fn an_error_of_the_tracer_during_a_drop_goes_to_the_hook() {
    tree(|main| {
        let g = named(main, "lost", echo);
        g.switch(0).unwrap();
        main.set_trace(Some(tracer(|_, _, _| Err("tracer"))));
        drop(g);
        assert_eq!(heard(), ["unraisable lost Error(\"tracer\")"]);
        assert!(main.trace().is_none());
    });
}

#[test]
fn a_tracer_may_be_a_type_of_ones_own() {
    struct Count(Cell<u32>);
    impl Trace<u32, &'static str> for Count {
        fn event(&self, _event: Event, _origin: &Handle, _target: &Handle) -> Result<(), &'static str> {
            self.0.set(self.0.get() + 1);
            if self.0.get() < 3 { Ok(()) } else { Err("enough") }
        }
    }
    tree(|main| {
        let count: &'static Count = Box::leak(Box::new(Count(Cell::new(0))));
        main.set_trace(Some(count));
        assert_eq!((main.switch(1), main.switch(2)), (Ok(1), Ok(2)));
        assert_eq!(main.switch(3), Err(Thrown::Error("enough")));
        assert_eq!((main.switch(4), count.0.get()), (Ok(4), 3));
    });
}

#[test]
fn the_end_of_a_tree_is_traced_and_then_nothing() {
    static TREE: Tree<u32> = Tree::new();
    let log = Log::default();
    let _alone = crate::common::alone();
    let kept = TREE.enter(|main| {
        let g = named(main, "kept", echo);
        g.switch(0).unwrap();
        main.set_trace(Some(saying(&log)));
        g
    });
    assert_eq!(log.take(), "throw:main>kept switch:kept>main");
    drop(kept);
    TREE.enter(|main| {
        assert!(main.trace().is_none());
        assert_eq!(waiting(main).switch(1), Ok(1));
    })
    .unwrap();
    assert!(log.take().is_empty());
}
