//@ profiles: debug release small
//@ defmt
//@ stack: 8192
#![no_std]
#![no_main]
//! High-water marks: what a stack was used for at most, by each greenlet, and what the usual suspects take of it.

use board::{check, on_panic, println};
use core::fmt::Write;
use core::hint::black_box;
use greenlet::{StackPool, Tree};

board::guest!(main);
greenlet::core_identity!(feature_guests::OneCore);

const SIZE: usize = 16384;
/// What a report may take.
const REPORT: usize = 384;
/// The same, of the report of all greenlets.
const REPORT_OF_ALL: usize = 256;

static STACKS: StackPool<2, SIZE> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

type Me = greenlet::Me<u32, &'static str>;
type Greenlet = greenlet::Greenlet<u32, &'static str>;

fn main() {
    let entered = TREE.enter(|main| {
        board::record(main);
        println!("a mark is where the deepest frame was, dead or alive");
        depths(main);
        println!("a new greenlet on an old stack begins anew");
        again(main);
        println!("a report takes little of the stack that it is called on");
        report(main);
        report_of_all(main);
        println!("what things take, in bytes:");
        takes(main, "an unstarted greenlet", None);
        takes(main, "an end", Some(|_, x| x));
        takes(main, "a switch", Some(|me, x| me.up(x).unwrap_or(0)));
        takes(main, "a throw", Some(|me, x| main_of(me).throw("up").unwrap_or(x)));
        takes(main, "core::fmt, a number", Some(|_, x| formats(format_args!("{x}"))));
        takes(main, "core::fmt, padded hexadecimal", Some(|_, x| formats(format_args!("{x:#012x}"))));
        takes(main, "core::fmt, a float", Some(|_, x| formats(format_args!("{:.3}", f64::from(x)))));
        takes(main, "a defmt frame", Some(logs));
        panics(main);
    });
    check!(entered.is_ok(), "a panic that came back");
}

/// One frame, with a number in it.
fn logs(_: &Me, x: u32) -> u32 {
    defmt::info!("a frame, with {=u32} in it", x);
    x
}

/// Ends the guest: a panic does not come back.
fn panics(main: &Greenlet) {
    on_panic(|| {
        let mark = TREE.current().and_then(|current| current.high_water_mark());
        println!("# a panic, with its report: {}", mark.unwrap_or(0));
        check!(mark.is_some_and(|mark| mark < SIZE / 2), "{mark:?}");
        board::finish();
    });
    let g = main.spawn(&STACKS, |_, x| panic!("with {x} in it")).expect("a stack is free");
    let _never = g.switch(7);
}

fn main_of(me: &Me) -> Greenlet {
    me.parent()
}

/// Formats into nowhere; how many bytes.
fn formats(arguments: core::fmt::Arguments<'_>) -> u32 {
    struct Count(u32);
    impl Write for Count {
        fn write_str(&mut self, text: &str) -> core::fmt::Result {
            self.0 += text.len() as u32;
            Ok(())
        }
    }
    let mut count = Count(0);
    let _ = count.write_fmt(arguments);
    count.0
}

/// Fills `BYTES` of its frame.
#[inline(never)]
fn fills<const BYTES: usize>(x: u8) -> u32 {
    let frame = black_box([x | 1; BYTES]);
    u32::from(black_box(&frame)[BYTES / 2])
}

fn depths(main: &Greenlet) {
    let g = main.spawn(&STACKS, |me, _| {
        let x = me.up(fills::<500>(1))?;
        let x = me.up(x + fills::<4000>(1))?;
        Ok(x + fills::<500>(1))
    });
    let g = g.expect("a stack is free");
    let mark = |g: &Greenlet| g.high_water_mark().unwrap_or(0);
    let unstarted = mark(&g);
    check!(unstarted > 0 && unstarted < 500, "{unstarted}");
    check!(g.switch(0).is_ok());
    let shallow = mark(&g);
    check!((unstarted + 500..5000).contains(&shallow), "{shallow}");
    check!(g.switch(0).is_ok());
    let deep = mark(&g);
    check!((shallow + 1000..shallow + 9000).contains(&deep), "{deep}");
    check!(g.switch(0).is_ok() && g.is_dead());
    check!(mark(&g) == deep, "{} of one that is dead", mark(&g));
    check!(g.is_intact());
    check!(main.high_water_mark().is_none(), "main's stack is not the crate's");
}

fn again(main: &Greenlet) {
    let g = main.spawn(&STACKS, |_, x| Ok(x)).expect("a stack is free");
    check!(g.high_water_mark().is_some_and(|mark| mark < 500));
    check!(g.is_intact());
}

/// As `report`, of all greenlets: what a panic handler takes.
fn report_of_all(main: &Greenlet) {
    let reporter = main.build(&STACKS).name("reporter").spawn(|me, _| {
        let before = me.stack().map_or(0, |stack| stack.in_use());
        let mut lines = 0;
        // SAFETY: code of the core that entered the tree, which no handler interrupts.
        unsafe { greenlet::report_all(&mut |piece| lines += u32::from(piece.ends_with('\n'))) };
        let took = me.high_water_mark().unwrap_or(SIZE) - before;
        println!("# a report of all: {took}");
        check!(took < REPORT_OF_ALL || cfg!(debug_assertions), "a report of all takes {took} bytes of stack");
        Ok(lines)
    });
    let reporter = reporter.expect("a stack is free");
    let other = main.build(&STACKS).name("other").bare();
    check!(reporter.switch(0) == Ok(3));
    drop(other);
}

fn report(main: &Greenlet) {
    let reporter = main.build(&STACKS).name("reporter").spawn(|me, _| {
        let before = me.stack().map_or(0, |stack| stack.in_use());
        let mut lines = 0;
        me.report_stacks(&mut |piece| lines += u32::from(piece.ends_with('\n')));
        let took = me.high_water_mark().unwrap_or(SIZE) - before;
        println!("# a report: {took}");
        check!(took <= REPORT || cfg!(debug_assertions), "a report takes {took} bytes of stack");
        Ok(lines)
    });
    let reporter = reporter.expect("a stack is free");
    let _other = main.build(&STACKS).name("other").bare();
    check!(reporter.switch(0) == Ok(2));
    main.report_stacks(&mut |piece| board::print!("{}", if piece == "greenlet " { "# greenlet " } else { piece }));
}

/// Prints what the mark is of a greenlet that did that and nothing else.
fn takes(main: &Greenlet, what: &str, act: Option<fn(&Me, u32) -> u32>) {
    let g = main.spawn(&STACKS, move |me, x| Ok(act.map_or(0, |act| act(me, x)))).expect("a stack is free");
    if act.is_some() {
        let _answer = g.switch(7);
    }
    let mark = g.high_water_mark().unwrap_or(0);
    println!("# {what}: {mark}");
    check!(mark < SIZE / 2, "{what} takes {mark} bytes");
}
