#![no_std]
#![no_main]
//! A switch with interrupts masked that were unmasked at `enter`, or at a switch since, is refused, whichever kind of
//! interrupts it is; a greenlet that is lost meanwhile ends all the same.

use board::{check, interrupts, println};
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};
use greenlet::{Refusal, Sent, StackPool, Thrown, Tree};

board::guest!(main);

static STACKS: StackPool<2, 16384> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

/// For the handler, which is given nothing.
static MAIN: AtomicPtr<Greenlet> = AtomicPtr::new(ptr::null_mut());

type Greenlet = greenlet::Greenlet<u32, &'static str>;

/// Runs `critical` with interrupts masked, as a critical section does.
fn masked<R>(critical: impl FnOnce() -> R) -> R {
    interrupts::disable();
    let result = critical();
    interrupts::enable();
    result
}

fn main() {
    let ran = TREE.enter(|main| {
        check!(!interrupts::are_enabled());
        println!("entered masked: a switch asks for nothing");
        switches(main, Ok(1));
    });
    check!(ran.is_ok());

    interrupts::on(handle);
    let ran = TREE.enter(|main| {
        println!("entered masked, unmasked since, not at a switch: the same");
        interrupts::enable();
        interrupts::disable();
        switches(main, Ok(1));
        println!("unmasked at a switch: masked is refused from then on");
        interrupts::enable();
        switches(main, Ok(1));
        check!(masked(|| main.switch(1)) == refused(Sent::Value(1)));
        switches(main, Ok(1));
    });
    check!(ran.is_ok());
    let ran = TREE.enter(|main| {
        println!("entered unmasked");
        switches(main, Ok(1));
        check!(interrupts::are_enabled());
        println!("masked since: refused");
        refusals(main);
        println!("the mask goes with the core, not with a greenlet");
        stays(main);
        println!("in a handler: refused");
        let current: &Greenlet = main;
        MAIN.store(ptr::from_ref(current).cast_mut(), Relaxed);
        interrupts::raise();
        switches(main, Ok(1));
        println!("each kind of interrupts");
        interrupts::mask_others(false);
        switches(main, Ok(1));
        interrupts::mask_others(true);
        let switched = main.switch(1);
        interrupts::mask_others(false);
        check!(switched == refused(Sent::Value(1)));
        check!(interrupts::are_enabled());
    });
    check!(ran.is_ok());
}

/// Tries to switch, which no handler may, whether its processor masks interrupts for it or not.
fn handle() {
    // SAFETY: the only interrupt is raised while `MAIN` points to main's handle, by main.
    let current = unsafe { &*MAIN.load(Relaxed) };
    check!(current.switch(1) == refused(Sent::Value(1)), "in a handler");
}

fn refused(sent: Sent<u32, &'static str>) -> Result<u32, Thrown<u32, &'static str>> {
    Err(Thrown::Refused(Refusal::Masked, Some(sent)))
}

/// A round trip, to a greenlet that has not started and to one that has.
fn switches(main: &Greenlet, expected: Result<u32, Thrown<u32, &'static str>>) {
    let echo = main.spawn(&STACKS, |me, mut x| {
        loop {
            x = me.up(x)?;
        }
    });
    let echo = echo.expect("a stack is free");
    check!(echo.switch(1) == expected);
    check!(echo.switch(1) == expected);
}

fn refusals(main: &Greenlet) {
    let echo = main.spawn(&STACKS, |me, mut x| {
        loop {
            x = me.up(x)?;
        }
    });
    let echo = echo.expect("a stack is free");
    check!(masked(|| echo.switch(1)) == refused(Sent::Value(1)), "into one that has not started");
    check!(echo.switch(1) == Ok(1), "nothing had happened");
    check!(masked(|| echo.switch(2)) == refused(Sent::Value(2)));
    check!(masked(|| echo.throw("late")) == refused(Sent::Error("late")));
    check!(masked(|| echo.kill_with(3)) == refused(Sent::Exit(3)));
    check!(masked(|| main.switch(4)) == refused(Sent::Value(4)), "to oneself");
    check!(masked(|| echo.downgrade().switch(5)) == refused(Sent::Value(5)), "by a weak handle");
    check!(masked(|| echo.clone().switch_away(6)) == refused(Sent::Value(6)), "by a handle that is given up");
    let last = main.spawn(&STACKS, |_me, x| Ok(x)).expect("a stack is free");
    check!(masked(|| last.switch_away(7)) == refused(Sent::Value(7)), "by the last one");
    check!(echo.switch(5) == Ok(5) && !echo.is_dead(), "nothing had happened");

    let inside = main.spawn(&STACKS, |me, x| {
        check!(masked(|| me.up(x)) == refused(Sent::Value(x)), "by `up`");
        me.up(x + 1)
    });
    let inside = inside.expect("a stack is free");
    check!(inside.switch(6) == Ok(7));

    println!("a cancel and a lost reference come back, and are not refused");
    check!(masked(|| inside.cancel()) == Ok(0) && inside.is_dead());
    masked(|| drop(echo));
    drop(inside);
    check!(STACKS.free() == 2, "both ended");
}

/// A greenlet that unmasks, or ends with interrupts masked, leaves them so.
fn stays(main: &Greenlet) {
    let careless = main.spawn(&STACKS, |_me, x| {
        interrupts::disable();
        Ok(x)
    });
    check!(careless.expect("a stack is free").switch(1) == Ok(1), "its end is not refused");
    check!(!interrupts::are_enabled());
    interrupts::enable();
}
