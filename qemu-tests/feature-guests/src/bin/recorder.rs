#![no_std]
#![no_main]
//! A recorder remembers the last transfers of a tree, each with the time of a clock of one's own.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use board::{check, println};
use greenlet::{Recorder, RecorderBusy, StackPool, Thrown, Tree};

board::guest!(main);
greenlet::core_identity!(feature_guests::OneCore);

static STACKS: StackPool<3, 16384> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

/// Room for fewer events than happen.
static RECORDER: Recorder<6> = Recorder::new(ticks);
/// A clock of the machine's.
static TIMED: Recorder<6> = Recorder::new(board::instructions);

/// A clock that ticks when it is looked at.
fn ticks() -> u64 {
    static TICKS: AtomicU64 = AtomicU64::new(0);
    TICKS.fetch_add(1, Relaxed)
}

fn main() {
    RECORDER
        .for_each(|record| check!(false, "remembered before anything happened: {record}"))
        .expect("nothing is written meanwhile");

    let entered = TREE.enter(|main| {
        let parser = main.build(&STACKS).name("parser").spawn(|me, mut x| {
            loop {
                x = me.up(x + 1)?;
            }
        });
        let parser = parser.expect("a stack is free");
        check!(parser.switch(1) == Ok(2));

        check!(main.set_trace(Some(&RECORDER)).is_none());
        for x in 0..5 {
            check!(parser.switch(x) == Ok(x + 1));
        }
        println!("ten transfers, and room for six:");
        print(&RECORDER);

        // A reader does not wait, and gets no half-written record.
        let outcome = RECORDER.for_each(|_| {
            check!(parser.switch(0) == Ok(1));
            check!(RECORDER.for_each(|_| ()) == Err(RecorderBusy));
        });
        check!(outcome == Ok(()));
        println!("{} transfers happened during a read", RECORDER.lost());
        check!(RECORDER.lost() == 12);

        check!(parser.throw("stop") == Err(Thrown::Error("stop")));
        check!(main.set_trace(Some(&TIMED)).is_some());
        let lexer = main.spawn(&STACKS, |_, x| Ok(x)).expect("a stack is free");
        check!(lexer.switch(1) == Ok(1));
        check!(main.set_trace(None).is_some());
        let unheard = main.spawn(&STACKS, |_, x| Ok(x)).expect("a stack is free");
        check!(unheard.switch(1) == Ok(1));
    });
    check!(entered.is_ok());

    println!("an error has passed, and the tree has ended:");
    print(&RECORDER);

    let (mut count, mut last) = (0, 0);
    let read = TIMED.for_each(|record| {
        println!("# {record}");
        check!(record.time > last, "{} instructions, after {last}", record.time);
        (count, last) = (count + 1, record.time);
    });
    check!(read == Ok(()) && count == 2);
}

fn print(recorder: &Recorder<6>) {
    check!(recorder.for_each(|record| println!("  {record}")) == Ok(()));
}
