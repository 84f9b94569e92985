//! The recorder: the last events, readable at any time.
#![cfg(feature = "recorder")]

use crate::common::{Alone, STACKS, tree};
use greenlet::{Event, Recorder, State};
use std::panic::{AssertUnwindSafe, catch_unwind};

static CLOCK: Alone<u64> = Alone::new(0);

fn ticks() -> u64 {
    CLOCK.replace(CLOCK.get() + 10)
}

#[test]
fn the_last_events_are_remembered_oldest_first() {
    static RECORDER: Recorder<4> = Recorder::new(ticks);
    tree(|main| {
        CLOCK.set(0);
        assert_eq!(RECORDER.for_each(|record| panic!("{record}")), Ok(()), "empty");
        main.set_trace(Some(&RECORDER));
        let g = main.build(&STACKS).name("g").spawn(crate::common::echo).unwrap();
        (1..=2).for_each(|n| assert_eq!(g.switch(n), Ok(n)));
        g.throw("boo").unwrap_err();
        main.set_trace(None);
        main.switch(1).unwrap();
        let mut lines = vec![];
        RECORDER.for_each(|record| lines.push(record.to_string())).unwrap();
        let g = format!("greenlet {} \"g\"", g.id());
        let expected = [
            format!("20: switch from main greenlet to {g}"),
            format!("30: switch from {g} to main greenlet"),
            format!("40: throw from main greenlet to {g}"),
            format!("50: throw from {g} to main greenlet"),
        ];
        assert_eq!(lines, expected);
        assert_eq!((RECORDER.lost(), format!("{RECORDER:?}")), (0, "Recorder { capacity: 4, lost: 0, .. }".into()));
    });
}

#[test]
fn events_are_read_one_at_a_time_in_any_state_of_the_ring() {
    static RECORDER: Recorder<4> = Recorder::new(ticks);
    let after = |time| RECORDER.first_after(time).unwrap().map(|record| record.time);
    tree(|main| {
        CLOCK.set(10);
        assert_eq!(after(0), None);
        main.set_trace(Some(&RECORDER));
        for events in 1..=12 {
            main.switch(1).unwrap();
            let last = events * 10;
            let first = last.max(40) - 30;
            let expected: Vec<_> = (0..=last + 10)
                .map(|time| if time >= last { None } else { Some(first.max(time / 10 * 10 + 10)) })
                .collect();
            assert_eq!((0..=last + 10).map(after).collect::<Vec<_>>(), expected, "after {events} events");
        }
        RECORDER.for_each(|_| assert!(RECORDER.first_after(0).is_err())).unwrap();
        let read = RECORDER.first_after(0).unwrap();
        main.switch(1).unwrap();
        assert_eq!((read.map(|record| record.time), after(0), RECORDER.lost()), (Some(90), Some(100), 0));
    });
}

#[test]
fn what_happens_during_a_read_is_lost_and_counted() {
    static RECORDER: Recorder<8> = Recorder::new(|| 0);
    tree(|main| {
        main.set_trace(Some(&RECORDER));
        main.switch(1).unwrap();
        RECORDER
            .for_each(|record| {
                assert_eq!((record.event, record.origin, record.time), (Event::Switch, record.target, 0));
                main.switch(2).unwrap();
                assert!(RECORDER.for_each(|_| ()).unwrap_err().to_string().contains("ask again later"));
            })
            .unwrap();
        assert_eq!(RECORDER.lost(), 1);
        let mut count = 0;
        RECORDER.for_each(|_| count += 1).unwrap();
        assert_eq!(count, 1);
    });
}

#[test]
fn a_reader_or_a_clock_that_panics_leaves_the_recorder_readable() {
    static RECORDER: Recorder<8> = Recorder::new(|| if CLOCK.get() == 7 { panic!("clock") } else { 0 });
    tree(|main| {
        main.set_trace(Some(&RECORDER));
        main.switch(1).unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| RECORDER.for_each(|_| panic!("reader")))).is_err());
        if cfg!(feature = "std") {
            CLOCK.set(7); // without, the program would end
            assert!(catch_unwind(AssertUnwindSafe(|| main.switch(2))).is_err());
            CLOCK.set(0);
            assert!(main.set_trace(Some(&RECORDER)).is_none(), "a tracer that fails is removed");
        }
        main.switch(3).unwrap();
        let mut count = 0;
        RECORDER.for_each(|_| count += 1).unwrap();
        assert_eq!((count, RECORDER.lost()), (2, 0));
    });
}

/// What a picture of a run needs beside the names: whose transfer was its last, and how much of its stack it used.
#[test]
fn a_record_has_the_state_and_the_stack_of_its_origin() {
    static RECORDER: Recorder<8> = Recorder::new(|| 0);
    tree(|main| {
        main.set_trace(Some(&RECORDER));
        let g = main.spawn(&STACKS, |me, _| me.up(std::hint::black_box([7u32; 100])[3])).unwrap();
        let size = g.stack().unwrap().size();
        assert_eq!(g.switch(1), Ok(7));
        let used = g.stack().unwrap().in_use();
        assert_eq!((g.switch(2), main.switch(3)), (Ok(2), Ok(3)));
        main.set_trace(None);
        let mut seen = vec![];
        RECORDER.for_each(|r| seen.push((r.origin_state, r.origin_in_use as usize, r.origin_stack as usize))).unwrap();
        // Without the feature nobody can tell what a dead greenlet has used.
        let last = if cfg!(feature = "high-water") { seen[3].1 } else { 0 };
        assert_eq!(
            seen,
            [
                (State::Suspended, 0, 0),
                (State::Suspended, used, size),
                (State::Suspended, 0, 0),
                (State::Dead, last, size),
                (State::Running, 0, 0), // main, to itself
            ]
        );
        assert!(last == 0 || (used..size).contains(&last), "{used} {last} {size}");
    });
}
