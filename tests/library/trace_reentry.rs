//! Tracers that switch, throw, spawn and set tracers themselves.

use crate::common::{Handle, Log, Main, STACKS, tree, waiting};
use greenlet::{Event, Thrown};
use std::cell::Cell;

type Act = Box<dyn Fn(Event, &Handle, &Handle) -> Result<(), &'static str>>;

/// Sets a tracer that says each event and does `act` at the first one.
fn act_once(main: &Main, log: &Log, act: impl Fn(Event, &Handle, &Handle) -> Result<(), &'static str> + 'static) {
    let (log, act) = (log.clone(), Cell::new(Some(Box::new(act) as Act)));
    main.set_trace(Some(Box::leak(Box::new(move |event: Event, origin: &Handle, target: &Handle| {
        let number = |g: &Handle| g.name().unwrap_or("main");
        log.say(format!("{event}:{}>{}", number(origin), number(target)));
        act.take().map_or(Ok(()), |act| act(event, origin, target))
    }))));
}

fn doubler(main: &Main, log: &Log, name: &'static str) -> Handle {
    let said = log.clone();
    let double = main.build(&STACKS).name(name).spawn(move |me, mut x| {
        said.say(format!("{name}-starts"));
        loop {
            x = me.up(x * 2)?;
        }
    });
    double.unwrap()
}

#[test]
fn a_switch_inside_a_tracer_is_traced_and_leaves_the_value_on_its_way_alone() {
    tree(|main| {
        let log = Log::default();
        let (g, helper) = (doubler(main, &log, "g"), doubler(main, &log, "helper"));
        let (inner, asked) = (log.clone(), helper.clone());
        act_once(main, &log, move |_, _, target| {
            asked.set_parent(target).unwrap();
            inner.say(format!("{:?}", asked.switch(50)));
            Ok(())
        });
        assert_eq!(g.switch(1), Ok(2));
        assert_eq!(
            log.take(),
            "switch:main>g switch:g>helper helper-starts switch:helper>g Ok(100) g-starts switch:g>main"
        );
    });
}

#[test]
fn a_tracer_that_leaves_at_a_first_switch_has_started_the_target_but_not_its_body() {
    tree(|main| {
        let log = Log::default();
        let g = doubler(main, &log, "g");
        let inner = log.clone();
        act_once(main, &log, move |_, origin, target| {
            inner.say(target.state());
            inner.say(format!("{:?}", origin.switch(7)));
            Ok(())
        });
        assert_eq!(g.switch(1), Ok(7), "from the tracer");
        assert_eq!(log.take(), "switch:main>g running switch:g>main");
        assert!(g.is_started());
        assert_eq!(g.switch(8), Ok(2), "the tracer got the 8, and the body its first value");
        assert_eq!(log.take(), "switch:main>g Ok(8) g-starts switch:g>main");
    });
}

#[test]
fn a_tracer_that_is_killed_where_it_left_takes_the_exit_not_the_body() {
    tree(|main| {
        let log = Log::default();
        let g = doubler(main, &log, "g");
        act_once(main, &log, |_, origin, _| match origin.switch(7) {
            Err(Thrown::Exit(_)) => Err("asked to exit"),
            _ => Ok(()),
        });
        assert_eq!(g.switch(1), Ok(7));
        assert_eq!(g.cancel(), Err(Thrown::Error("asked to exit")));
        assert_eq!(log.take(), "switch:main>g switch:g>main throw:main>g", "its error removed it");
        assert!(g.is_dead());
    });
}

#[test]
fn a_throw_inside_a_tracer_goes_where_it_is_sent() {
    tree(|main| {
        let log = Log::default();
        let (g, victim) = (doubler(main, &log, "g"), waiting(main));
        let gone = victim.clone();
        act_once(main, &log, move |_, _, target| {
            gone.set_parent(target).unwrap();
            assert_eq!(gone.throw("out"), Err(Thrown::Error("out")));
            Ok(())
        });
        assert_eq!(g.switch(1), Ok(2));
        assert!(victim.is_dead());
    });
}
