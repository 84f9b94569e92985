#![no_std]
#![no_main]
//! An interrupt handler may query which greenlet it interrupted and leave requests for greenlets; it enters no tree and
//! ends no greenlet.

use board::{check, interrupts, println};
use greenlet::{EnterError, Gone, RemoteGreenlet, StackPool, State, Tree};
use spin::Once;

board::guest!(main);
greenlet::core_identity!(feature_guests::OneCore);

type Me = greenlet::Me<u32, &'static str>;
type Greenlet = greenlet::Greenlet<u32, &'static str>;

static STACKS: StackPool<4, 16384> = StackPool::new();
static TREE: Tree<u32> = Tree::new();
static OTHER: Tree<u32> = Tree::new();

/// What the handler requests: the end of one greenlet, a wake for the other.
static REQUESTS: Once<Requests> = Once::new();

/// The greenlet that the handler requests to end while main makes plain switches.
static LAST: Once<RemoteGreenlet> = Once::new();

struct Requests {
    doomed: RemoteGreenlet,
    sleeper: RemoteGreenlet,
}

fn handle() {
    // SAFETY: the machine has one core, and its handlers interrupt the code of the tree.
    match unsafe { greenlet::current_report() } {
        Some(greenlet) => println!("  handler | interrupts {greenlet}"),
        None => println!("  handler | interrupts no greenlet"),
    }
    check!(interrupts::in_handler());
    check!(TREE.current().is_none(), "a handler is no greenlet");
    for tree in [&TREE, &OTHER] {
        match tree.enter(|_| println!("entered")) {
            Ok(()) => check!(false, "a handler entered a tree"),
            Err(refused) => {
                println!("  handler | enters no tree: {:?}", refused.reason);
                check!(refused.reason == EnterError::NoCore);
            }
        }
    }
    if let Some(Requests { doomed, sleeper }) = REQUESTS.get() {
        match (doomed.kill(), sleeper.wake()) {
            (Ok(()), Ok(())) => println!("  handler | leaves a kill and a wake"),
            (Err(Gone), Ok(())) => println!("  handler | leaves a wake; the one to kill is gone"),
            other => check!(false, "a request was not left: {other:?}"),
        }
    }
    if let Some(last) = LAST.get() {
        check!(last.kill().is_ok());
    }
}

/// Cleans up visibly.
struct Goodbye;

impl Drop for Goodbye {
    fn drop(&mut self) {
        println!("   doomed | exits");
    }
}

fn main() {
    interrupts::on(handle);
    interrupts::raise();
    println!("  outside | interrupts are masked: the one that was raised waits");
    interrupts::enable();
    println!("  outside | it has come");
    check!(!interrupts::in_handler());

    let entered = TREE.enter(|main| {
        let doomed = main.build(&STACKS).name("doomed").spawn(|me, x| {
            let _goodbye = Goodbye;
            me.up(x)
        });
        let sleeper = main.build(&STACKS).name("sleeper").spawn(|me, x| {
            let x = me.up(x)?;
            println!("  sleeper | continues with {x}");
            Ok(x)
        });
        let (doomed, sleeper) = (doomed.expect("a stack is free"), sleeper.expect("a stack is free"));
        check!(doomed.switch(0) == Ok(0) && sleeper.switch(0) == Ok(0));
        REQUESTS.call_once(|| Requests { doomed: doomed.remote(), sleeper: sleeper.remote() });

        let watched = [doomed, sleeper.clone()];
        let worker = main.build(&STACKS).name("worker").spawn(move |me, _| {
            work(me, &watched);
            Ok(7)
        });
        check!(worker.expect("a stack is free").switch(0) == Ok(7));

        // Main can be interrupted as well. By now the doomed one has no handle.
        interrupts::raise();
        check!(main.attend() == 0);
        let woken = main.woken().expect("the handler left a wake");
        check!(woken == sleeper);
        check!(woken.switch(9) == Ok(9) && sleeper.is_dead());

        // A kill that a handler has left is settled by the next switch, whatever that is.
        let last = main.spawn(&STACKS, |me, x| me.up(x)).expect("a stack is free");
        let echo = main.spawn(&STACKS, |me, mut x| {
            loop {
                x = me.up(x)?;
            }
        });
        let echo = echo.expect("a stack is free");
        check!(last.switch(0) == Ok(0) && echo.switch(1) == Ok(1));
        LAST.call_once(|| last.remote());
        interrupts::raise();
        check!(last.state() == State::Suspended, "it was killed in the handler");
        check!(echo.switch(2) == Ok(2) && last.is_dead());
    });
    check!(entered.is_ok());
    interrupts::disable();
}

/// Is interrupted, and then settles the requests.
fn work(me: &Me, [doomed, sleeper]: &[Greenlet; 2]) {
    check!(TREE.current().as_ref() == Some(&**me));
    check!(me.attend() == 0 && me.woken().is_none());

    println!("   worker | works, and is interrupted");
    interrupts::raise();
    println!("   worker | continues");
    check!(TREE.current().as_ref() == Some(&**me));
    check!(doomed.state() == State::Suspended, "it was killed in the handler");
    check!(sleeper.state() == State::Suspended);

    println!("   worker | attends to the requests");
    check!(me.attend() == 1);
    check!(doomed.is_dead());
    check!(me.woken().as_ref() == Some(sleeper));
    check!(me.woken().is_none());
    println!("   worker | gets the wake of {sleeper:?}");
}
