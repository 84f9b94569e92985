//! References: what keeps a greenlet, and what its freeing does.

use crate::common::{Handle, Log, STACKS, dead, free_stacks, stacks, tree, unstarted};
use greenlet::WeakGreenlet;
use std::cell::Cell;
use std::rc::Rc;

fn exists(weak: &WeakGreenlet<u32, &'static str>) -> bool {
    weak.upgrade().is_some()
}

#[test]
fn a_weak_handle_does_not_keep_its_greenlet() {
    tree(|main| {
        let g = main.build(&STACKS).name("g").bare().unwrap();
        let weak = g.downgrade();
        assert_eq!(weak.upgrade(), Some(g.clone()));
        assert_eq!(weak.id(), g.id());
        assert_eq!(format!("{weak:?}"), format!("weak {g:?}"));
        drop(g);
        assert_eq!(weak.upgrade(), None);
        assert_eq!(format!("{weak:?}"), format!("weak greenlet {} (freed)", weak.id()));
    });
}

#[test]
fn a_weak_handle_does_not_take_the_next_greenlet_in_the_slot_for_its_own() {
    tree(|main| {
        let pool = stacks!(1);
        let first = main.bare(pool).unwrap().downgrade();
        let second = main.bare(pool).unwrap();
        assert_eq!(first.upgrade(), None);
        assert_ne!(first, second.downgrade());
        assert_eq!(first, first.clone());
        assert!(first.id() < second.id());
    });
}

#[test]
fn every_handle_counts_until_it_is_dropped() {
    tree(|main| {
        let g = main.bare(&STACKS).unwrap();
        let weak = g.downgrade();
        let handles = [g.clone(), g.handle(), weak.upgrade().unwrap(), g];
        for (left, handle) in handles.into_iter().enumerate().rev() {
            drop(handle);
            assert_eq!(exists(&weak), left > 0);
        }
    });
}

#[test]
fn a_child_in_any_state_keeps_its_parent() {
    tree(|main| {
        let children: [fn(&Handle) -> Handle; 3] = [
            |parent| parent.bare(&STACKS).unwrap(),
            dead,
            |parent| {
                let child = parent.spawn(&STACKS, |me, x| me.parent().parent().unwrap().switch(x)).unwrap();
                child.switch(0).unwrap();
                child
            },
        ];
        for child in children {
            let parent = main.bare(&STACKS).unwrap();
            let weak = parent.downgrade();
            let child = child(&parent);
            drop(parent);
            assert!(exists(&weak), "kept by {child:?}");
            drop(child);
            assert!(!exists(&weak));
        }
    });
}

#[test]
fn the_last_reference_to_an_unstarted_or_dead_greenlet_frees_it_and_drops_its_body() {
    tree(|main| {
        let log = Log::default();
        let g = unstarted(main, &log, "body");
        let weak = g.downgrade();
        drop(g);
        assert_eq!((exists(&weak), log.take().as_str()), (false, "-body"));
        let g = dead(main);
        let weak = g.downgrade();
        drop(g);
        assert!(!exists(&weak));
    });
}

#[test]
fn the_drop_of_a_body_may_switch_spawn_and_drop() {
    struct Busy(Handle, Log);
    impl Drop for Busy {
        fn drop(&mut self) {
            let child = self.0.spawn(&STACKS, |me, x| me.up(x + 1)).unwrap();
            self.1.say(format!("{:?}", child.switch(1)));
        }
    }

    tree(|main| {
        let log = Log::default();
        let busy = Busy(main.handle(), log.clone());
        drop(
            main.spawn(&STACKS, move |_me, x| {
                drop(busy);
                Ok(x)
            })
            .unwrap(),
        );
        assert_eq!(log.take(), "Ok(2)");
        assert!(main.is_current());
    });
}

#[test]
fn a_greenlet_that_is_killed_or_freed_releases_its_parent_and_so_on_up() {
    tree(|main| {
        let log = Log::default();
        let top = unstarted(main, &log, "top");
        let middle = unstarted(&top, &log, "middle");
        let bottom = middle.spawn(&STACKS, |me, x| me.parent().parent().unwrap().parent().unwrap().switch(x)).unwrap();
        let all = [&top, &middle, &bottom].map(Handle::downgrade);
        bottom.switch(1).unwrap();
        drop((top, middle));
        assert!(all.iter().all(exists));
        drop(bottom);
        assert!(!all.iter().any(exists));
        assert_eq!(log.take(), "-middle -top");
    });
}

#[test]
fn the_weak_handle_of_a_freed_greenlet_is_empty_before_its_parent_is_killed() {
    tree(|main| {
        let log = Log::default();
        let (child, said) = (Rc::new(Cell::new(None::<WeakGreenlet<_, _>>)), log.clone());
        let seen = child.clone();
        let parent = main.spawn(&STACKS, move |me, x| {
            let asked = me.up(x);
            said.say(exists(&seen.take().unwrap()));
            asked
        });
        let parent = parent.unwrap();
        parent.switch(0).unwrap();
        let last = unstarted(&parent, &log, "child");
        child.set(Some(last.downgrade()));
        drop(parent);
        drop(last); // frees the child, and that kills the parent
        assert_eq!(log.take(), "-child false");
    });
}

#[test]
fn a_chain_of_a_hundred_thousand_parents_is_freed_without_recursion() {
    const LONG: usize = if cfg!(miri) { 100 } else { 100_000 };
    tree(|main| {
        let pool = stacks!(LONG, 1024);
        for _ in 0..2 {
            let mut last = main.handle();
            for _ in 0..LONG {
                last = last.bare(pool).unwrap();
            }
            assert!(main.bare(pool).is_err());
            drop(last); // each one is kept by its child
            drop(main.bare(pool).unwrap());
        }
        assert_eq!(free_stacks(main, pool), LONG);
    });
}

#[test]
fn greenlets_that_wait_for_their_own_children_stay_until_the_tree_ends() {
    let log = Log::default();
    let (parent, child) = tree(|main| {
        let (here, below, weak) = (log.dropping("parent"), log.dropping("child"), Rc::new(Cell::new(None)));
        let seen = weak.clone();
        let parent = main.spawn(&STACKS, move |me, _| {
            let _here = here;
            let child = me.spawn(&STACKS, move |me, x| {
                let _below = below;
                me.parent().parent().unwrap().switch(x)
            });
            let child = child.unwrap();
            seen.set(Some(child.downgrade()));
            child.switch(0)
        });
        let parent = parent.unwrap();
        let weak_parent = parent.downgrade();
        parent.switch(0).unwrap();
        drop(parent); // the child has it for a parent, and the child is kept by the parent's pending switch
        let child = weak.take().unwrap();
        assert!(exists(&weak_parent) && exists(&child));
        assert!(log.take().is_empty());
        (weak_parent, child)
    });
    assert!(!exists(&parent) && !exists(&child));
    assert_eq!(log.take(), "-child -parent", "the parent was killed, and dropped its child on its way out");
}

/// Takes minutes without optimization.
#[test]
#[cfg(not(any(debug_assertions, miri)))]
fn a_count_of_references_that_would_wrap_ends_the_program() {
    let test = "a_count_of_references_that_would_wrap_ends_the_program";
    let Some(output) = crate::common::in_child(module_path!(), test) else {
        return tree(|main| {
            let g = main.bare(&STACKS).unwrap();
            for _ in 0..u32::MAX - 1 {
                std::mem::forget(std::hint::black_box(&g).clone());
            }
            assert_eq!(g.references(), u32::MAX, "as many as there may be");
            eprintln!("one more");
            std::mem::forget(g.clone());
            eprintln!("counted");
        });
    };
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && told.contains("one more") && !told.contains("counted"), "{told}");
    assert!(told.contains("a greenlet has 2^32 - 1 references: is something leaking handles"), "{told}");
}
