//! Building greenlets: names, numbers, how they show, and giving them bodies.

use crate::common::{Handle, Log, Me, Out, STACKS, dead, echo, holding, left_over, stacks, tree, unstarted, waiting};
use greenlet::{RunError, State, Thrown};
use std::cell::Cell;
use std::rc::Rc;

#[test]
fn a_builder_names_a_greenlet_and_chooses_its_parent() {
    tree(|main| {
        let parent = main.build(&STACKS).name("parent").bare().unwrap();
        let child = main.build(&STACKS).parent(&parent).name("lost").name("child").spawn(echo).unwrap();
        assert_eq!((parent.name(), child.name()), (Some("parent"), Some("child")), "the last name counts");
        assert_eq!((parent.parent(), child.parent()), (Some(main.handle()), Some(parent)));
        assert_eq!(main.bare(&STACKS).unwrap().name(), None);
        let builder = main.build(&STACKS).name("x");
        assert_eq!(format!("{builder:?}"), "Builder { parent: main greenlet (current), name: Some(\"x\"), .. }");
    });
}

#[test]
fn numbers_are_given_once_and_grow() {
    tree(|main| {
        let mut last = main.id();
        for _ in 0..3 * STACKS.count() {
            let g = main.bare(&STACKS).unwrap();
            assert!(g.id() > last, "in a slot that was used before, too");
            last = g.id();
        }
    });
}

#[test]
fn numbers_do_not_run_out_and_a_new_greenlet_is_still_distinguished() {
    tree(|main| {
        let pool = stacks!(3, 1024); // small, for with `high-water` each is painted a million times
        let old = main.bare(pool).unwrap();
        let mut last = old.id();
        for _ in 0..if cfg!(miri) { 100 } else { (1 << 20) + 2 } {
            let number = main.bare(pool).unwrap().id();
            assert!(number > last);
            last = number;
        }
        let mut visits = 0;
        main.for_each(|g| {
            visits += 1;
            assert!(g.id() <= last);
            assert!(main.bare(pool).unwrap().id() > last);
        });
        assert_eq!(visits, 2);
    });
}

#[test]
fn a_greenlet_shows_its_number_its_name_and_its_state() {
    tree(|main| {
        assert_eq!(format!("{main:?} {:?}", main.handle()), "main greenlet (current) main greenlet (current)");
        let g = main.build(&STACKS).name("parser \"x\"").spawn(|me, _| {
            let shown = format!("{me:?} {:?}", me.parent());
            assert_eq!(shown, format!("greenlet {} \"parser \\\"x\\\"\" (current) main greenlet (suspended)", me.id()));
            me.up(0)
        });
        let g = g.unwrap();
        let shows =
            |state: &str| assert_eq!(format!("{g:?}"), format!("greenlet {} \"parser \\\"x\\\"\" ({state})", g.id()));
        shows("pending");
        g.switch(0).unwrap();
        shows("suspended");
        g.switch(0).unwrap();
        shows("dead");
        let nameless = main.bare(&STACKS).unwrap();
        assert_eq!(format!("{nameless:?}"), format!("greenlet {} (pending)", nameless.id()));
        let all = [State::Unstarted, State::Running, State::Suspended, State::Dead];
        assert_eq!(all.map(|state| state.to_string()), ["unstarted", "running", "suspended", "dead"]);
    });
}

#[test]
fn the_states_answer_each_question() {
    tree(|main| {
        let answers = |g: &Handle| (g.is_started(), g.is_active(), g.is_current(), g.is_dead());
        assert_eq!(answers(main), (true, true, true, false));
        assert_eq!(answers(&main.bare(&STACKS).unwrap()), (false, false, false, false));
        assert_eq!(answers(&waiting(main)), (true, true, false, false));
        assert_eq!(answers(&dead(main)), (true, false, false, true));
        let from_inside = main.spawn(&STACKS, move |me, x| {
            assert_eq!(answers(me), (true, true, true, false));
            assert_eq!(answers(&me.parent()), (true, true, false, false), "main waits");
            assert!(me.parent().is_main() && !me.is_main() && !me.is_ended());
            Ok(x)
        });
        assert_eq!(from_inside.unwrap().switch(1), Ok(1));
    });
}

#[test]
fn a_panic_handler_can_query_the_current_greenlet() {
    fn report() -> Option<String> {
        // SAFETY: the tree is entered by this thread, if by any; see `alone`.
        unsafe { greenlet::current_report() }.map(|report| report.to_string())
    }
    tree(|main| {
        assert_eq!(report().as_deref(), Some("main greenlet"));
        let named = main.build(&STACKS).name("parser").spawn(|me, x| {
            assert_eq!(report(), Some(format!("greenlet {} \"parser\"", me.id())));
            Ok(x)
        });
        named.unwrap().switch(0).unwrap();
        let nameless = main.spawn(&STACKS, |me, x| {
            assert_eq!(report(), Some(format!("greenlet {}", me.id())));
            Ok(x)
        });
        nameless.unwrap().switch(0).unwrap();
    });
    let _alone = crate::common::alone();
    assert_eq!(report(), None);
}

#[test]
fn a_body_can_be_set_until_the_start_and_the_one_before_is_dropped() {
    tree(|main| {
        let log = Log::default();
        let g = unstarted(main, &log, "first");
        let captured = log.dropping("second");
        g.set_run(holding(captured)).unwrap();
        assert_eq!(log.take(), "-first");
        g.set_run(|me, x| me.up(x + 1)).unwrap();
        assert_eq!(log.take(), "-second");
        assert_eq!((g.switch(1), g.switch(5)), (Ok(2), Ok(5)));
    });
}

#[test]
fn a_body_is_refused_after_the_start_and_comes_back() {
    tree(|main| {
        let log = Log::default();
        let refusal = |g: &Handle| {
            let captured = log.dropping("body");
            let refused = g.set_run(holding(captured)).unwrap_err();
            assert_eq!(log.take(), "");
            drop(refused.returned);
            assert_eq!(log.take(), "-body", "it came back whole");
            refused.reason
        };
        assert_eq!(refusal(main), RunError::Main);
        let killed_unstarted = unstarted(main, &Log::default(), "unrun");
        killed_unstarted.kill().unwrap();
        for g in [waiting(main), dead(main), killed_unstarted] {
            assert_eq!(refusal(&g), RunError::Started);
        }
        let itself = main.spawn(&STACKS, |me, x| {
            assert_eq!(me.set_run(echo).unwrap_err().reason, RunError::Started);
            Ok(x)
        });
        itself.unwrap().switch(0).unwrap();
    });
}

#[test]
fn a_builder_shows_parent_and_name() {
    tree(|main| {
        let shown = format!("{:?}", main.build(&STACKS).name("parser"));
        assert_eq!(shown, "Builder { parent: main greenlet (current), name: Some(\"parser\"), .. }");
    });
}

#[test]
fn a_body_too_large_for_the_stack_comes_back_and_the_old_one_stays() {
    tree(|main| {
        let g = main.spawn(stacks!(1, 16384), |_me, x| Ok(x + 1)).unwrap();
        let large = [7_u8; 8192];
        let refused = g.set_run(move |_me, x| Ok(x + u32::from(large[5]))).unwrap_err();
        let RunError::TooLarge { needs, stack: 16384 } = refused.reason else { panic!("{refused:?}") };
        assert!(needs > 16384);
        let elsewhere = main.bare(&STACKS).unwrap();
        elsewhere.set_run(refused.returned).unwrap();
        assert_eq!((g.switch(1), elsewhere.switch(1)), (Ok(2), Ok(8)));
    });
}

/// Captured by a body that is replaced: does something to the greenlet from within its own drop, and says what came of
/// it.
struct Meddler<F: FnMut(&Handle) -> String>(Rc<Cell<Option<Handle>>>, Log, F);

impl<F: FnMut(&Handle) -> String> Drop for Meddler<F> {
    fn drop(&mut self) {
        let g = self.0.take().unwrap();
        self.1.say((self.2)(&g));
    }
}

/// Replaces a body, with `meddle` called while the old one is dropped; what the greenlet then sends for 1, and what was
/// said.
fn replace_while(meddle: impl FnMut(&Handle) -> String + 'static) -> (Out, String) {
    tree(|main| {
        let (own, log) = (Rc::new(Cell::new(None)), Log::default());
        let captured = (Meddler(own.clone(), log.clone(), meddle), log.dropping("rest")); // dropped in this order
        let g = main.spawn(&STACKS, holding(captured)).unwrap();
        own.set(Some(g.clone()));
        let set = g.set_run(|_me, x| Ok(x + 1)).map_err(|refused| refused.reason);
        if set == Ok(()) {
            assert_eq!(g.state(), State::Unstarted);
        } else {
            log.say(format!("{set:?}"));
        }
        (g.switch(1), log.take())
    })
}

#[test]
fn a_body_set_while_the_old_one_is_dropped_is_refused() {
    let words = [0x0101_0101_u32; 16];
    let set =
        move |g: &Handle| format!("{:?}", g.set_run(move |_me, x| Ok(x + words[7])).map_err(|refused| refused.reason));
    assert_eq!(replace_while(set), (Ok(2), format!("{:?} -rest", Err::<(), _>(RunError::Busy))));
}

#[test]
fn a_greenlet_has_no_body_while_the_old_one_is_dropped() {
    let switch = |g: &Handle| format!("{:?}", g.switch(5));
    assert_eq!(replace_while(switch), (Ok(2), format!("{:?} -rest", Out::Err(Thrown::NoRun))));
    let query = |g: &Handle| format!("{} {:?}", g.state(), g.kill() == Err(Thrown::NoRun));
    assert_eq!(replace_while(query), (Ok(2), "unstarted true -rest".to_owned()));
}

#[test]
fn a_greenlet_replaced_from_another_one_is_set_once_that_continues() {
    // The destructor leaves for main in the middle of it all; `set_run` is done when control comes back.
    tree(|main| {
        let (own, log, to_main) = (Rc::new(Cell::new(None)), Log::default(), main.handle());
        let meddler = Meddler(own.clone(), log.clone(), move |_| format!("{:?}", to_main.switch(10)));
        let g = main.spawn(&STACKS, holding(meddler)).unwrap();
        own.set(Some(g.clone()));
        let target = g.clone();
        let setter = main.spawn(&STACKS, move |_me: &Me, x| {
            target.set_run(|_me, x| Ok(x + 1)).unwrap();
            Ok(x)
        });
        let setter = setter.unwrap();
        assert_eq!(setter.switch(0), Ok(10), "from the destructor");
        assert_eq!(g.switch(1), Err(Thrown::NoRun));
        assert_eq!(g.set_run(echo).unwrap_err().reason, RunError::Busy);
        assert_eq!(setter.switch(20), Ok(0));
        assert_eq!(log.take(), "Ok(20)");
        assert_eq!(g.switch(1), Ok(2));
    });
}

#[test]
fn a_greenlet_that_ends_while_its_body_is_replaced_takes_no_other() {
    let log = Log::default();
    tree(|main| {
        let (own, to_main) = (Rc::new(Cell::new(None)), main.handle());
        let meddler = Meddler(own.clone(), log.clone(), move |_| format!("{:?}", to_main.switch(10)));
        let g = main.spawn(&STACKS, holding(meddler)).unwrap();
        own.set(Some(g.clone()));
        let (said, captured) = (log.clone(), log.dropping("new"));
        let setter = left_over(main, "setter", move |_me, x| {
            let refused = g.set_run(holding(captured)).unwrap_err();
            said.say(refused.reason);
            Ok(x)
        });
        assert_eq!(setter.switch(0), Ok(10), "from the destructor, which waits for the end of the tree");
    });
    assert_eq!(log.take(), format!("{} {} -new", crate::common::exit_shown(), RunError::Started));
}
