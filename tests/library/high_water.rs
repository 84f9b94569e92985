//! How much of its stack each greenlet has used: queried of one, reported of all, and after the end.
// Under Miri a greenlet has a thread's stack, and not the pool's.
#![cfg(all(feature = "high-water", not(miri)))]

use crate::common::{Main, Me, Out, alone, own_tree, stacks, tree};
use greenlet::{Tree, deepest_stack};
use std::hint::black_box;

/// A body that uses some 10,000 bytes of its stack, and comes back up before it waits.
fn digs(me: &Me, x: u32) -> Out {
    #[inline(never)]
    fn dig() -> u8 {
        black_box([1_u8; 10_000])[77]
    }
    me.up(x + u32::from(dig()))
}

/// The lines of the table, taken apart: number, name, size, now, peak, per cent.
fn table(main: &Main) -> Vec<(u64, Option<String>, [usize; 4])> {
    let mut table = String::new();
    main.report_stacks(&mut |piece| table.push_str(piece));
    assert!(table.is_empty() || table.ends_with(" %\n"), "{table}");
    let line = |line: &str| {
        let (greenlet, figures) = line.strip_prefix("greenlet ")?.split_once(": ")?;
        let (number, name) =
            greenlet.split_once(' ').map_or((greenlet, None), |(number, name)| (number, Some(name.to_owned())));
        let (size, rest) = figures.split_once(" bytes, ")?;
        let (now, rest) = rest.split_once(" now, ")?;
        let (peak, rest) = rest.split_once(" peak, ")?;
        let figures = [size, now, peak, rest.strip_suffix(" %")?].map(|figure| figure.parse().unwrap());
        Some((number.parse().ok()?, name, figures))
    };
    table.lines().map(|text| line(text).unwrap_or_else(|| panic!("not a line of the table: {text}"))).collect()
}

#[test]
fn the_table_has_a_line_for_each_stack_with_what_is_known_of_it() {
    let small = stacks!(1, 32_768);
    let large = stacks!(2, 1_048_576);
    tree(|main| {
        assert_eq!(table(main), [], "main's stack is none of the crate's");
        let first = main.build(small).name("parser").spawn(digs).unwrap();
        first.switch(1).unwrap();
        let second = main.spawn(large, digs).unwrap();
        let third = main.bare(large).unwrap();
        let lines = table(main);
        assert_eq!(lines.len(), 3);
        for (greenlet, (number, name, [size, now, peak, per_cent])) in [&first, &second, &third].into_iter().zip(lines)
        {
            assert_eq!((number, name.as_deref()), (greenlet.id(), greenlet.name()));
            let stack = greenlet.stack();
            assert_eq!(now, stack.map_or(0, |stack| stack.in_use()));
            assert!(stack.is_none_or(|stack| stack.size() == size));
            assert_eq!(Some(peak), greenlet.high_water_mark());
            assert_eq!(per_cent, peak * 100 / size);
        }
        let [(_, _, used), (_, _, unused), _] = &table(main)[..] else { panic!("three lines") };
        assert_eq!((used[0], unused[0]), (32_768, 1_048_576));
        assert!(used[2] > 10_000 && used[3] > 30, "it dug: {used:?}");
        assert!((200..8_000).contains(&used[1]), "it came back up, and waits: {used:?}");
        assert!(unused[2] < 4_096 && unused[3] == 0, "it has not started: {unused:?}");
    });
}

#[test]
fn numbers_are_written_in_full() {
    // Numbers of greenlets grow, so that at some time there are all lengths and all digits.
    let pool = stacks!(1, 65_536);
    tree(|main| {
        for _ in 0..1_200 {
            let greenlet = main.bare(pool).unwrap();
            assert_eq!(table(main)[0].0, greenlet.id());
        }
    });
}

#[test]
fn main_has_no_mark_and_an_ended_tree_no_table() {
    static TREE: Tree<u32> = Tree::new();
    let _alone = alone();
    let ended = TREE
        .enter(|main| {
            assert_eq!(main.high_water_mark(), None);
            let child = main.spawn(stacks!(1), digs).unwrap();
            assert!(child.high_water_mark().is_some());
            child
        })
        .unwrap();
    ended.report_stacks(&mut |piece| panic!("{piece} is reported of a tree that has ended"));
}

#[test]
fn a_dead_greenlet_tells_what_it_had_used_and_a_new_one_in_its_place_begins_anew() {
    let pool = stacks!(1, 65_536);
    tree(|main| {
        let greenlet = main.spawn(pool, digs).unwrap();
        greenlet.switch(0).unwrap();
        greenlet.switch(0).unwrap();
        assert!(greenlet.is_dead());
        assert!(greenlet.high_water_mark().unwrap() > 10_000);
        drop(greenlet);
        let next = main.spawn(pool, digs).unwrap();
        assert!(next.high_water_mark().unwrap() < 4_096, "it is taken for the one before");
    });
}

#[test]
fn the_mark_of_another_greenlet_is_on_its_own_stack() {
    let pool = stacks!(2, 65_536);
    tree(|main| {
        let mut all = [0; 2].map(|_| {
            let body = |me: &Me, x| {
                me.for_each(|g| assert!(g.high_water_mark().is_none_or(|mark| mark <= 65_536)));
                me.up(x)
            };
            main.spawn(pool, body).unwrap()
        });
        all.sort_by_key(|g| g.stack().unwrap().limit);
        // One looks at what lies above, the other at what lies below.
        assert!(all.iter().all(|g| g.switch(1) == Ok(1)));
    });
}

/// In a process of its own: the deepest of the whole program.
#[test]
fn the_deepest_is_of_greenlets_that_were_freed_and_is_kept() {
    let Some(output) =
        crate::common::in_child(module_path!(), "the_deepest_is_of_greenlets_that_were_freed_and_is_kept")
    else {
        let tree = own_tree!(u32, &'static str);
        let pool = stacks!(2, 65_536);
        assert_eq!(deepest_stack(), 0, "there was none");
        tree.enter(|main| {
            let greenlet = main.spawn(pool, digs).unwrap();
            greenlet.switch(0).unwrap();
            assert_eq!(deepest_stack(), 0, "it lives");
            greenlet.switch(0).unwrap();
            assert!(greenlet.is_dead());
            let used = greenlet.high_water_mark().unwrap();
            drop(greenlet);
            assert_eq!(deepest_stack(), used);
            drop(main.bare(pool).unwrap());
            assert_eq!(deepest_stack(), used, "a lower one is none");
        })
        .unwrap();
        return;
    };
    let told = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&told));
}
