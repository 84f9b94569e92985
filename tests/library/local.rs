//! Greenlet-local values: one for each greenlet, made when asked for, dropped with it.

use crate::common::{Alone, Dropping, EXIT, Handle, Log, STACKS, dead, tree, unstarted, waiting};
use greenlet::{GreenletLocal, LocalError};
use std::cell::{Cell, RefCell};

#[test]
fn each_greenlet_has_a_value_of_its_own_that_stays() {
    static COUNTS: GreenletLocal<Cell<u32>, 8> = GreenletLocal::new(|| Cell::new(10));
    let next = |g: &Handle| COUNTS.with(g, |count| count.replace(count.get() + 1)).unwrap();
    tree(|main| {
        let g = main.spawn(&STACKS, move |me, mut x| {
            loop {
                assert_eq!(next(me), x);
                x = me.up(x)?;
            }
        });
        let g = g.unwrap();
        assert_eq!(next(&g), 10, "from outside, before it starts");
        assert_eq!((g.switch(11), g.switch(12)), (Ok(11), Ok(12)));
        assert_eq!((next(main), next(main), next(&waiting(main))), (10, 11, 10));
        g.kill().unwrap();
        assert_eq!(next(&g), 13, "a dead one keeps it");
    });
}

#[test]
fn values_of_several_statics_do_not_mix() {
    static NUMBERS: GreenletLocal<Cell<u32>, 4> = GreenletLocal::new(|| Cell::new(1));
    static MORE: GreenletLocal<Cell<u32>, 4> = GreenletLocal::new(|| Cell::new(2));
    static TEXTS: GreenletLocal<RefCell<String>, 4> = GreenletLocal::new(RefCell::default);
    tree(|main| {
        TEXTS.with(main, |text| text.borrow_mut().push_str("main")).unwrap();
        NUMBERS.with(main, |n| n.set(5)).unwrap();
        assert_eq!(MORE.with(main, Cell::get), Ok(2));
        let all = |g: &Handle| (NUMBERS.with(g, Cell::get), MORE.with(g, Cell::get), TEXTS.with(g, RefCell::take));
        assert_eq!(all(main), (Ok(5), Ok(2), Ok("main".into())));
        assert_eq!(all(&waiting(main)), (Ok(1), Ok(2), Ok(String::new())));
    });
}

#[test]
fn without_room_init_is_not_called() {
    static MADE: Alone<u32> = Alone::new(0);
    static TWO: GreenletLocal<u32, 2> = GreenletLocal::new(|| MADE.replace(MADE.get() + 1));
    static NONE: GreenletLocal<u32, 0> = GreenletLocal::new(|| unreachable!());
    tree(|main| {
        let (g, h) = (dead(main), waiting(main));
        assert_eq!((TWO.with(main, |n| *n), TWO.with(&g, |n| *n)), (Ok(0), Ok(1)));
        assert_eq!(TWO.with(&h, |_| ()), Err(LocalError::Full { capacity: 2 }));
        assert_eq!((TWO.with(&g, |n| *n), MADE.get()), (Ok(1), 2));
        drop(g);
        assert_eq!(TWO.with(&h, |n| *n), Ok(2), "its place");
        assert_eq!(NONE.with(main, |_| ()), Err(LocalError::Full { capacity: 0 }));
    });
    assert_eq!(format!("{TWO:?}"), "GreenletLocal { capacity: 2, .. }");
}

#[test]
fn values_are_dropped_when_their_greenlet_is_freed_the_newest_first() {
    static LOGS: GreenletLocal<RefCell<Vec<Dropping>>, 2> = GreenletLocal::new(RefCell::default);
    static OTHERS: GreenletLocal<RefCell<Vec<Dropping>>, 2> = GreenletLocal::new(RefCell::default);
    tree(|main| {
        let log = Log::default();
        for end in [|_: &Handle| (), |g: &Handle| assert_eq!(g.kill(), Ok(EXIT))] {
            let g = unstarted(main, &log, "body");
            LOGS.with(&g, |held| held.borrow_mut().push(log.dropping("first"))).unwrap();
            OTHERS.with(&g, |held| held.borrow_mut().push(log.dropping("second"))).unwrap();
            end(&g);
            log.say("freed");
            drop(g);
            assert!(["freed -body -second -first", "-body freed -second -first"].contains(&log.take().as_str()));
        }
    });
}

#[test]
fn a_value_may_be_asked_for_inside_with_and_across_switches() {
    static COUNTS: GreenletLocal<Cell<u32>, 3> = GreenletLocal::new(Cell::default);
    tree(|main| {
        let g = main.spawn(&STACKS, |me, x| {
            COUNTS
                .with(me, |count| {
                    count.set(x);
                    COUNTS.with(me, |same| assert!(std::ptr::eq(count, same))).unwrap();
                    let y = me.up(count.get())?;
                    count.set(count.get() + y);
                    Ok(count.get())
                })
                .unwrap()
        });
        let g = g.unwrap();
        assert_eq!(g.switch(5), Ok(5));
        COUNTS.with(&g, |count| count.set(count.get() * 10)).unwrap();
        assert_eq!(g.switch(1), Ok(51));
    });
}

#[test]
fn an_init_that_gets_the_value_itself_finds_the_inner_one() {
    static ASKS: Alone<Option<Handle>> = Alone::new(None);
    static MADE: Alone<u32> = Alone::new(0);
    static NESTED: GreenletLocal<u32, 2> = GreenletLocal::new(|| {
        MADE.set(MADE.get() + 1);
        let number = MADE.get();
        if let Some(g) = ASKS.take() {
            assert_eq!(NESTED.with(&g, |n| *n), Ok(2));
        }
        number
    });
    tree(|main| {
        let g = waiting(main);
        ASKS.set(Some(g.clone()));
        assert_eq!(NESTED.with(&g, |n| *n), Ok(2), "the one that was first in its place");
        assert_eq!(NESTED.with(&g, |n| *n), Ok(2));
        assert_eq!(NESTED.with(main, |n| *n), Ok(3), "and the outer one's place is free");
    });
}

#[test]
fn destructors_may_use_values_their_own_and_others() {
    static TEXTS: GreenletLocal<RefCell<String>, 4> = GreenletLocal::new(RefCell::default);
    static LAST: GreenletLocal<Cell<Option<Writer>>, 4> = GreenletLocal::new(Cell::default);
    struct Writer(Handle, Log);
    impl Drop for Writer {
        fn drop(&mut self) {
            let written = TEXTS.with(&self.0, |text| {
                text.borrow_mut().push('x');
                text.borrow().len()
            });
            self.1.say(written.unwrap());
        }
    }
    tree(|main| {
        let log = Log::default();
        let writer = Writer(main.handle(), log.clone());
        let g = main.spawn(&STACKS, move |me, x| {
            let own = Writer(me.handle(), writer.1.clone());
            let asked = me.up(x);
            drop((own, writer)); // both, in a destructor's place
            asked
        });
        let g = g.unwrap();
        g.switch(0).unwrap();
        LAST.with(&g, |last| last.set(Some(Writer(main.handle(), log.clone())))).unwrap();
        g.kill().unwrap();
        drop(g); // and one more when it is freed
        assert_eq!(log.take(), "1 1 2");
        assert_eq!(TEXTS.with(main, |text| text.borrow().len()), Ok(2));
    });
}

/// What is kept for main is dropped when main has no reference left, and its destructor must not be able to make one.
#[cfg(feature = "std")]
#[test]
fn a_destructor_at_the_end_of_main_finds_none_current() {
    struct Asks;
    impl Drop for Asks {
        fn drop(&mut self) {
            assert!(OWN.current().is_none());
            ASKED.set(ASKED.get() + 1);
        }
    }
    static ASKED: Alone<u32> = Alone::new(0);
    static OWN: greenlet::Tree<u32> = greenlet::Tree::new();
    static VALUES: GreenletLocal<Asks, 1> = GreenletLocal::new(|| Asks);
    static CONTEXTS: greenlet::ContextPool<Asks, 1> = greenlet::ContextPool::new();
    let _alone = crate::common::alone();
    for run in 1..=2 {
        OWN.enter(|main| {
            VALUES.with(main, |_| ()).unwrap();
            main.set_context(Some(CONTEXTS.create(Asks).map_err(|refused| refused.reason).unwrap()));
        })
        .unwrap();
        assert_eq!(ASKED.get(), 2 * run);
    }
}
