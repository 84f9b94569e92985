//@ not-a-test
#![no_std]
#![no_main]
//! A greenlet in each state, for a debugger to look at: `cargo run -- aarch64 zoo --gdb`.

use board::check;
use core::hint::black_box;
use greenlet::{Outcome, StackPool, Tree};

board::guest!(main);

type Me = greenlet::Me<u32, &'static str>;
type Greenlet = greenlet::Greenlet<u32, &'static str>;

static STACKS: StackPool<16, 8192> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

/// Where a debugger stops, with all greenlets in place.
#[unsafe(no_mangle)]
#[inline(never)]
#[rustfmt::skip] // one line, at which a debugger stops whether it is optimized or not
extern "C" fn look_here() { black_box(()); }

/// Where a debugger begins to step.
#[unsafe(no_mangle)]
#[inline(never)]
#[rustfmt::skip]
extern "C" fn step_from_here() -> u32 { black_box(()); 1 }

/// Suspended some calls deep.
#[inline(never)]
fn read_byte(me: &Me, depth: u32) -> Outcome<u32, &'static str> {
    let buffer = [depth as u8; 64];
    let buffer = black_box(&buffer);
    if depth == 0 { me.up(u32::from(buffer[3])) } else { Ok(read_byte(me, depth - 1)? + u32::from(buffer[1])) }
}

fn parser(me: &Me, _: u32) -> Outcome<u32, &'static str> {
    loop {
        read_byte(me, 3)?;
    }
}

/// Steps over switches: `up` to main, one to another greenlet, which comes back, and the end.
#[inline(never)]
fn stepper(me: &Me, other: &Greenlet, x: u32) -> Outcome<u32, &'static str> {
    step_from_here();
    let y = me.up(x + 1)?;
    let z = other.switch(y + 1)?;
    Ok(z + 1)
}

fn main() {
    let ran = TREE.enter(|main| {
        let build = |name| main.build(&STACKS).name(name);
        let parser = build("parser").spawn(parser).expect("a stack is free");
        let _waits = parser.switch(1);
        let waits = build("waits").spawn(|me, x| me.parent().switch(x + 1)).expect("a stack is free");
        let _waits = waits.switch(1);
        let unstarted = build("unstarted").spawn(|_, x| Ok(x)).expect("a stack is free");
        let bare = build("bare").bare().expect("a stack is free");
        let dead = build("dead").spawn(|_, x| Ok(x)).expect("a stack is free");
        let _ended = dead.switch(1);
        let stubborn = build("stubborn").spawn(|me, x| {
            loop {
                let _ignored = me.up(x);
            }
        });
        let stubborn = stubborn.expect("a stack is free");
        let _waits = stubborn.switch(1);
        drop(stubborn); // leaks: it survives the kill
        let nameless = main.spawn(&STACKS, |me, x| me.up(x)).expect("a stack is free");
        let _waits = nameless.switch(1);
        let lexer = parser.build(&STACKS).name("lexer").spawn(|me, x| Ok(me.up(x)? + 1)).expect("a stack is free");
        let _waits = lexer.switch(2);
        let doomed = build("doomed").spawn(|me, x| Ok(me.up(x)? + 2)).expect("a stack is free");
        let _waits = doomed.switch(1);
        let remote = doomed.remote();
        // Runs below a parent that has not started.
        let runner = unstarted.build(&STACKS).name("runner").spawn(move |_, x| {
            remote.kill().expect("it is alive");
            look_here();
            Ok(x)
        });
        let _back = runner.expect("a stack is free").switch(5);

        let echo = build("echo").spawn(|me, mut x| {
            loop {
                x = me.up(x)?;
            }
        });
        let echo = echo.expect("a stack is free");
        let other = echo.clone();
        let stepper = build("stepper").spawn(move |me, x| stepper(me, &other, x)).expect("a stack is free");
        let mut x = stepper.switch(1).expect("it waits");
        x = echo.switch(x).expect("it answers");
        x = stepper.switch(x).expect("its other waits in between");
        while !stepper.is_dead() {
            x = stepper.switch(x).expect("it ends");
        }
        drop((bare, nameless, lexer));
        check!(x == 4);
    });
    check!(ran.is_ok());
}
