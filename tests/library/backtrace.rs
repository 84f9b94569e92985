//! A backtrace from inside a greenlet continues where its parent is suspended, and so on up to the caller of `enter`.
// Under Miri every greenlet is a thread, and has the backtrace of that.
#![cfg(not(miri))]

use crate::common::{Log, Main, Me, Out, STACKS, alone, dead, own_tree, tree, unstarted};
use std::backtrace::Backtrace;
use std::cell::RefCell;

thread_local!(static SHOWN: RefCell<Vec<String>> = const { RefCell::new(vec![]) });

#[inline(never)]
fn body_of_the_grandchild(me: &Me, x: u32) -> Out {
    for n in 0..x {
        SHOWN.with_borrow_mut(|shown| shown.push(Backtrace::force_capture().to_string()));
        me.parent().switch(n)?; // a fast switch, once both have started
    }
    Ok(0)
}

#[inline(never)]
fn body_of_the_child(me: &Me, x: u32) -> Out {
    let grandchild = me.spawn(&STACKS, body_of_the_grandchild).unwrap();
    grandchild.switch(x)?;
    let last = grandchild.switch(x)?;
    Ok(last + 1)
}

#[inline(never)]
fn body_of_main(main: &Main) {
    let child = main.spawn(&STACKS, body_of_the_child).unwrap();
    assert_eq!(child.switch(2), Ok(2));
}

/// Asserts that a backtrace has each of the names once, in this order.
fn in_order(shown: &str, names: &[&str]) {
    let places: Vec<_> = names.iter().map(|name| shown.find(name)).collect();
    assert!(!places.contains(&None) && places.is_sorted(), "{names:?} at {places:?}:\n{shown}");
    assert!(names.iter().all(|name| shown.matches(&format!("{name}\n")).count() == 1), "{shown}");
}

#[test]
fn it_names_the_bodies_of_a_greenlet_its_parents_and_main_and_ends_with_the_caller_of_enter() {
    tree(body_of_main);
    let shown = SHOWN.take();
    assert_eq!(shown.len(), 2, "at the start, and after a switch back");
    for shown in shown {
        in_order(&shown, &["body_of_the_grandchild", "body_of_the_child", "body_of_main"]);
        assert_eq!(shown.matches("::trampoline\n").count(), 2, "the bases of two stacks:\n{shown}");
        let below_main = shown.split_once("body_of_main").unwrap().1;
        assert!(below_main.contains("__rust_begin_short_backtrace"), "and what the test runs in:\n{shown}");
    }
}

#[test]
fn it_goes_past_parents_that_are_dead_or_have_not_started() {
    #[inline(never)]
    fn below(main: &Main) {
        let log = Log::default();
        for parent in [dead(main), unstarted(main, &log, "unrun"), main.bare(&STACKS).unwrap()] {
            let below = parent.spawn(&STACKS, |me, x| {
                let shown = Backtrace::force_capture().to_string();
                SHOWN.with_borrow_mut(|all| all.push(shown));
                me.parent().parent().unwrap().switch(x)
            });
            assert_eq!(below.unwrap().switch(1), Ok(1));
        }
    }
    tree(below);
    let [past_dead, past_unstarted, below_bare] = SHOWN.take().try_into().unwrap();
    assert!(past_dead.contains("::below\n") && past_unstarted.contains("::below\n"), "{past_dead}{past_unstarted}");
    assert!(below_bare.contains("::trampoline\n"), "a parent without a body has no frames; it ends there");
}

#[test]
fn it_goes_past_a_parent_that_will_start_with_a_value_in_several_registers() {
    let _alone = alone();
    let tree = own_tree!([u64; 8], ());
    let shown = tree.enter(|main| {
        let parent = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
        let below = parent.spawn(&STACKS, |me, _| {
            let shown = Backtrace::force_capture().to_string();
            SHOWN.with_borrow_mut(|all| all.push(shown));
            me.parent().parent().unwrap().switch([0; 8])
        });
        assert_eq!(below.unwrap().switch([1; 8]), Ok([0; 8]));
        SHOWN.take()
    });
    let shown = shown.unwrap().concat();
    assert_eq!(shown.matches("::trampoline\n").count(), 2, "that of the body, and that of its parent:\n{shown}");
    // Of what called the test: the test itself may be inlined.
    assert!(shown.contains("__rust_begin_short_backtrace"), "{shown}");
}
