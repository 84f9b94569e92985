//! Looking at all greenlets of a tree, their stacks and their references.

use crate::common::{Handle, STACKS, alone, dead, echo, stacks, stubborn, tree, waiting};
use greenlet::Tree;
use std::cell::{Cell, RefCell};

fn list(any: &Handle) -> Vec<u64> {
    let mut all = vec![];
    any.for_each(|g| all.push(g.id()));
    all
}

#[test]
fn main_comes_first_and_then_all_in_the_order_of_creation() {
    tree(|main| {
        assert_eq!(list(main), [main.id()]);
        let all = [main.handle(), dead(main), main.bare(&STACKS).unwrap(), waiting(main), waiting(main)];
        let ids = all.each_ref().map(|g| g.id());
        assert_eq!(list(main), ids);
        assert_eq!(list(&all[3]), ids, "the same from each handle");
        let [_, gone, ..] = all;
        drop(gone);
        assert_eq!(list(main), [ids[0], ids[2], ids[3], ids[4]]);
    });
}

#[test]
fn one_that_is_freed_or_created_meanwhile_is_left_out() {
    tree(|main| {
        let doomed = RefCell::new((0..4).map(|_| waiting(main)).collect::<Vec<_>>());
        let (made, seen) = (RefCell::new(vec![]), Cell::new(0));
        main.for_each(|g| {
            seen.set(seen.get() + 1);
            made.borrow_mut().push(main.bare(&STACKS).unwrap());
            if !g.is_main() {
                // The one that is visited, and the one after it: killed, and freed as soon as the visit is over.
                let next = doomed.borrow_mut().drain(..2).collect::<Vec<_>>();
                assert_eq!(g, &next[0]);
                drop(next);
                assert_eq!(g.references(), 1, "kept by the visit");
            }
        });
        assert_eq!((seen.get(), made.borrow().len()), (3, 3), "main, the first, the third");
        assert_eq!(list(main).len(), 4);
    });
}

#[test]
fn a_visit_may_switch_and_even_leave_the_tree_to_others() {
    tree(|main| {
        let all = [waiting(main), waiting(main)];
        let mut answers = vec![];
        main.for_each(|g| answers.push(g.switch(3)));
        assert_eq!(answers, [Ok(3); 3]);
        let visitor = main.spawn(&STACKS, |me, x| {
            let mut count = x;
            me.for_each(|g| count += u32::from(me.up(count).is_ok() && !g.is_ended()));
            Ok(count)
        });
        let visitor = visitor.unwrap();
        assert_eq!((visitor.switch(10), visitor.switch(0)), (Ok(10), Ok(11)));
        drop(all); // two of those that are still to be visited
        assert_eq!((visitor.switch(0), visitor.switch(0)), (Ok(12), Ok(13)));
        assert!(visitor.is_dead());
    });
}

#[test]
#[cfg_attr(miri, ignore = "there, frames are on the stacks of threads")]
fn a_stack_is_where_the_pool_has_it_and_fills_as_it_is_used() {
    tree(|main| {
        let pool = stacks!(2, 65536);
        let region = std::ptr::from_ref(pool).addr()..std::ptr::from_ref(pool).addr() + size_of_val(pool);
        assert_eq!(main.stack(), None);
        let [g, other] = [0; 2].map(|_| {
            let body = |me: &crate::common::Me, x| {
                let here = me.stack().unwrap();
                let local = 0_u8;
                assert!((here.sp..here.base).contains(&std::ptr::from_ref(&local).addr()), "the current stack pointer");
                echo(me, x)
            };
            main.spawn(pool, body).unwrap()
        });
        let (before, beside) = (g.stack().unwrap(), other.stack().unwrap());
        assert_eq!((before.size(), before.base - before.limit), (65536, 65536));
        assert_eq!(before.in_use(), before.base - before.sp);
        assert!(region.contains(&before.limit) && region.contains(&(before.base - 1)));
        assert!(before.limit.abs_diff(beside.limit) >= 65536, "no two overlap");
        g.switch(0).unwrap();
        let after = g.stack().unwrap();
        assert_eq!((after.base, after.limit), (before.base, before.limit));
        assert!(before.in_use() < after.in_use() && after.in_use() < 65536);
        let shown = format!("{} of 65536 bytes in use, {:#x} to {:#x}", after.in_use(), after.limit, after.base);
        assert_eq!(after.to_string(), shown);
        g.kill().unwrap();
        assert_eq!(g.stack(), None, "a dead one uses none");
        drop(g);
        let bare = main.bare(&STACKS).unwrap().stack().unwrap();
        let used = main.bare(pool).unwrap().stack().unwrap();
        assert_eq!(used.in_use(), bare.in_use(), "nothing is left of the greenlet that had the stack before");
        assert!((1..=192).contains(&bare.in_use()), "the control block and nothing else: {bare}");
    });
}

#[test]
fn references_are_handles_children_and_pending_calls() {
    tree(|main| {
        let start = main.references();
        let g = waiting(main);
        assert_eq!((g.references(), main.references()), (1, start + 1));
        let clone = g.clone();
        let child = g.bare(&STACKS).unwrap();
        assert_eq!((g.references(), main.references()), (3, start + 1));
        drop((clone, child));
        assert_eq!(g.references(), 1);
        drop(g);
        assert_eq!(main.references(), start);
    });
}

#[test]
fn kills_in_progress_are_counted_until_they_are_over() {
    static TREE: Tree<u32> = Tree::new();
    let _alone = alone();
    TREE.enter(|main| {
        let to_main = main.handle();
        let elsewhere = main.spawn(&STACKS, move |me, x| {
            let _asked = me.up(x);
            to_main.switch(9)
        });
        let elsewhere = elsewhere.unwrap();
        elsewhere.switch(0).unwrap();
        let victim = elsewhere.clone();
        let killer = main.spawn(&STACKS, move |me, _| {
            let answer = victim.cancel();
            assert_eq!(me.kills_in_progress(), 0);
            answer
        });
        let killer = killer.unwrap();
        assert_eq!(main.kills_in_progress(), 0);
        assert_eq!(killer.switch(0), Ok(9));
        assert_eq!(main.kills_in_progress(), 1, "the killer waits");
        let nested = main.spawn(&STACKS, |me, x| {
            let asked = me.up(x);
            assert_eq!(me.kills_in_progress(), 2);
            asked
        });
        let nested = nested.unwrap();
        nested.switch(0).unwrap();
        drop(nested);
        assert_eq!(main.kills_in_progress(), 1);
        assert_eq!(killer.switch(1), Ok(1));
        assert_eq!(main.kills_in_progress(), 0);
        let refuses = main.spawn(stacks!(1), stubborn).unwrap();
        refuses.switch(0).unwrap();
        drop(refuses);
        assert_eq!(main.kills_in_progress(), 0, "over, though without success");
    })
    .unwrap();
}

/// What a frame reserves and does not write to is in use all the same.
#[test]
#[cfg(feature = "high-water")]
#[cfg_attr(miri, ignore = "greenlets have stacks of their own there")]
fn the_most_that_was_used_is_never_less_than_what_is_in_use() {
    use std::hint::black_box;
    use std::mem::MaybeUninit;
    const ROOM: usize = 20_000;
    let figures = |main: &crate::common::Main| {
        let mut table = String::new();
        main.report_stacks(&mut |piece| table.push_str(piece));
        let words: Vec<_> = table.split([' ', ',', '\n']).collect();
        let before = |name| words[words.iter().position(|&word| word == name).unwrap() - 1].parse::<usize>().unwrap();
        (before("now"), before("peak"))
    };
    tree(|main| {
        let g = main.spawn(&STACKS, |me, x| {
            let mut room = MaybeUninit::<[u8; ROOM]>::uninit();
            let room = black_box(&mut room); // reserved, and not written to
            let x = me.up(x)?;
            black_box(room);
            let (in_use, mark) = (me.stack().unwrap().in_use(), me.high_water_mark().unwrap());
            assert!(in_use > ROOM && mark >= in_use, "{in_use} in use, {mark} marked while it runs");
            Ok(x)
        });
        let g = g.unwrap();
        let (in_use, mark) = (g.stack().unwrap().in_use(), g.high_water_mark().unwrap());
        assert_eq!((in_use, in_use), (mark, figures(main).0), "the control block and the body");
        g.switch(0).unwrap();
        let (in_use, mark) = (g.stack().unwrap().in_use(), g.high_water_mark().unwrap());
        assert!(in_use > ROOM && mark >= in_use, "{in_use} in use, {mark} marked while it waits");
        assert_eq!(figures(main), (in_use, mark));
        g.switch(0).unwrap();
        assert!(g.stack().is_none() && g.high_water_mark().unwrap() >= mark, "dead, it has its mark still");
        assert_eq!(figures(main), (0, g.high_water_mark().unwrap()));
    });
}

#[test]
#[cfg_attr(miri, ignore = "greenlets have stacks of their own there")]
fn a_report_of_all_has_a_line_for_each_in_each_state() {
    fn report() -> String {
        let mut text = String::new();
        // SAFETY: code of the tree, in the thread that entered it.
        unsafe { greenlet::report_all(&mut |piece| text.push_str(piece)) };
        text
    }
    tree(|main| {
        let build = |name| main.build(&STACKS).name(name);
        let waits = build("waits").spawn(|me, x| me.up(x)).unwrap();
        waits.switch(1).unwrap();
        let bare = build("bare").bare().unwrap();
        let dead = build("dead").spawn(|_me, x| Ok(x)).unwrap();
        dead.switch(1).unwrap();
        let block = bare.stack().unwrap().in_use();
        let runner = build("runner").spawn(move |me, x| {
            let (text, size) = (report(), me.stack().unwrap().size());
            let lines: Vec<_> = text.lines().collect();
            assert!(lines[0].starts_with("main greenlet: suspended at 0x"), "{text}");
            let line = |name: &str| *lines.iter().find(|line| line.contains(&format!("\"{name}\""))).expect(name);
            let (_, waits) = line("waits").split_once(": suspended at 0x").expect(&text);
            let (at, stack) = waits.split_once(", stack ").expect(&text);
            assert!(usize::from_str_radix(at, 16).is_ok_and(|at| at > 4096), "{text}");
            let used: usize = stack.strip_suffix(&format!("/{size}")).expect(&text).parse().unwrap();
            assert!((1..size).contains(&used), "{text}");
            assert!(line("bare").ends_with(&format!(": unstarted, stack {block}/{size}")), "{text}");
            assert!(line("dead").ends_with("\"dead\": dead"), "{text}");
            assert!(line("runner").contains("\": running, stack "), "{text}");
            assert_eq!(lines.len(), 5, "{text}");
            Ok(x)
        });
        runner.unwrap().switch(1).unwrap();
        drop((waits, bare, dead));
    });
}

/// A ring that was overwritten may have no end.
#[test]
#[cfg_attr(miri, ignore = "greenlets have stacks of their own there")]
fn a_report_of_all_ends_after_a_thousand_lines() {
    static MANY: greenlet::StackPool<1000, 4096> = greenlet::StackPool::new();
    tree(|main| {
        let many: Vec<_> = (0..1000).map(|_| main.bare(&MANY).unwrap()).collect();
        let mut text = String::new();
        // SAFETY: code of the tree, in the thread that entered it.
        unsafe { greenlet::report_all(&mut |piece| text.push_str(piece)) };
        assert_eq!(text.lines().count(), 1001);
        assert!(text.ends_with("/4096\n...\n"), "{text}");
        drop(many);
    });
}
