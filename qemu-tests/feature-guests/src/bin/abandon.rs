//@ profiles: debug release small
//@ stack: 16384
#![no_std]
#![no_main]
//! Greenlets run into the guard pages below their stacks and are given up: an error goes to the parent, the others
//! continue.

use board::faults::{self, Access, Land};
use board::overrun::dig;
use board::{check, interrupts, println};
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use greenlet::{AbandonError, GuardedStackPool, Overflow, Refused, SpawnError, State, Thrown, Tree};
use spin::Mutex;

board::guest!(main);
greenlet::core_identity!(feature_guests::OneCore);

type Main = greenlet::Main<u32, &'static str>;
type Me = greenlet::Me<u32, &'static str>;
type Greenlet = greenlet::Greenlet<u32, &'static str>;

static STACKS: GuardedStackPool<6, 16384> = GuardedStackPool::new();
static TREE: Tree<u32> = Tree::new();

/// What the fault handler leaves to the greenlet that continues.
static OVERFLOW: Mutex<Option<Overflow>> = Mutex::new(None);

/// How many `Counted` there are.
static ALIVE: AtomicU32 = AtomicU32::new(0);

/// Lies on a stack; its destructor does not run there if that is given up.
struct Counted;

impl Counted {
    fn new() -> Self {
        ALIVE.fetch_add(1, Relaxed);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Relaxed);
    }
}

fn stopped(access: &Access) -> Option<Land> {
    // SAFETY: this is the core of the tree.
    let overflow = unsafe { Overflow::at(access.address, access.sp) }?;
    *OVERFLOW.lock() = Some(overflow);
    Some(land)
}

fn land() -> ! {
    let overflow = OVERFLOW.lock().take().expect("the handler has left it");
    println!("    given up | {}", overflow.greenlet);
    // SAFETY: a guard page has stopped it; no function of it is written in C or assembly. It shares nothing with others
    // but handles. This stack is for nothing else.
    let Err(Refused { reason, .. }) = unsafe { TREE.abandon(&overflow, "out of stack") };
    panic!("not given up: {reason}")
}

/// A child of `parent` that overflows its stack when it gets a value for the second time.
fn digger(parent: &Greenlet, name: &'static str) -> Greenlet {
    let body = |me: &Me, x| {
        let _kept = Counted::new();
        let x = me.up(x)?;
        Ok(dig(1_000_000 * x))
    };
    let digger = parent.build(&STACKS).name(name).spawn(body).expect("a stack is free");
    check!(digger.switch(1) == Ok(1));
    digger
}

/// Each greenlet is where and what is expected, with the expected references.
fn audit(main: &Main, expected: &[(&str, State, u32)]) {
    let mut listed = 0;
    main.for_each(|greenlet| {
        if greenlet.is_main() {
            return;
        }
        // Without the reference that the listing lends.
        let found = (greenlet.name().unwrap_or(""), greenlet.state(), greenlet.references() - 1);
        check!(expected.get(listed) == Some(&found), "{listed}: {found:?}");
        listed += 1;
    });
    check!(listed == expected.len(), "{listed} greenlets");
    check!(main.kills_in_progress() == 0);
    check!(main.current().as_ref() == Some(main));
}

fn main() {
    STACKS.guards().for_each(board::unmap);
    faults::on(stopped);
    // As in most firmware: a fault comes with interrupts on, and they are on again where the core continues.
    interrupts::on(|| ());
    interrupts::enable();
    let entered = TREE.enter(|main| {
        let bystander = main.build(&STACKS).name("bystander").spawn(|me, mut x| {
            loop {
                x = me.up(x + 1)?;
            }
        });
        let bystander = bystander.expect("a stack is free");
        check!(bystander.switch(1) == Ok(2));
        check!(STACKS.free() == 5);

        under_main(main, &bystander);
        under_a_supervisor(main, &bystander);
        when_killed(main, &bystander);
        without_a_parent_that_starts(main);
        in_a_critical_section(main);

        check!(interrupts::are_enabled());
        check!(bystander.switch(10) == Ok(11));
        audit(main, &[("bystander", State::Suspended, 1)]);
        check!(STACKS.free() == 1, "{} stacks are free", STACKS.free());
        // None of those that were given up has a handle to drop.
        let more = main.bare(&STACKS);
        check!(main.bare(&STACKS) == Err(SpawnError::PoolEmpty { stacks: 6, dead: 0, leaked: 0, abandoned: 4 }));
        drop(more);
        check!(ALIVE.load(Relaxed) == 4, "{} are alive", ALIVE.load(Relaxed));
    });
    check!(entered.is_ok());
    // The tree is whole: it is entered again.
    check!(
        TREE.enter(|main| main.spawn(&STACKS, |_, x| Ok(x + 1)).map(|g| g.switch(1)).ok()).ok() == Some(Some(Ok(2)))
    );
}

/// The error arrives in main; a child of the dead one is an orphan like any other.
fn under_main(main: &Main, bystander: &Greenlet) {
    let deep = digger(main, "deep");
    let child = deep.build(&STACKS).name("child").spawn(|me, x| me.up(x)).expect("a stack is free");
    let weak = deep.downgrade();
    check!(deep.switch(1) == Err(Thrown::Error("out of stack")));
    println!("        main | got the error");
    check!(deep.is_dead() && deep.stack().is_none() && deep.parent().as_ref() == Some(main));
    check!(deep.switch(7) == Ok(7), "what is sent to a dead greenlet comes back");
    check!(child.parent().as_ref() == Some(&deep) && bystander.switch(2) == Ok(3));
    audit(main, &[("bystander", State::Suspended, 1), ("deep", State::Dead, 2), ("child", State::Unstarted, 1)]);
    drop(deep);
    check!(weak.upgrade().is_some(), "the child refers to it");
    check!(child.switch(5) == Ok(5), "the nearest ancestor that is alive is main");
    drop(child);
    check!(weak.upgrade().is_none());
    audit(main, &[("bystander", State::Suspended, 1)]);
    check!(STACKS.free() == 4, "its stack, and no other, is not given back");
}

/// The error arrives in another greenlet, which handles it and starts another one.
fn under_a_supervisor(main: &Main, bystander: &Greenlet) {
    let supervisor = main.build(&STACKS).name("supervisor").spawn(|me, x| {
        let worker = digger(me, "worker");
        match worker.switch(x) {
            Err(Thrown::Error(error)) => println!("  supervisor | {:?}: {error}", worker.name()),
            other => check!(false, "{other:?}"),
        }
        drop(worker);
        let worker = me.spawn(&STACKS, |_, x| Ok(2 * x)).expect("a stack is free");
        worker.switch(21)
    });
    let supervisor = supervisor.expect("a stack is free");
    check!(supervisor.switch(1) == Ok(42) && supervisor.is_dead());
    drop(supervisor);
    check!(bystander.switch(3) == Ok(4));
    audit(main, &[("bystander", State::Suspended, 1)]);
    check!(STACKS.free() == 3);
}

/// A greenlet overflows while it handles its exit, because the last handle to it was dropped; only its killer gets the
/// error.
fn when_killed(main: &Main, bystander: &Greenlet) {
    let stubborn = main.build(&STACKS).name("stubborn").spawn(|me, x| {
        let _kept = Counted::new();
        match me.up(x) {
            Err(_) => Ok(dig(1_000_000)),
            other => other,
        }
    });
    let stubborn = stubborn.expect("a stack is free");
    check!(stubborn.switch(1) == Ok(1));
    let weak = stubborn.downgrade();
    drop(stubborn);
    println!("        main | continues after the drop");
    check!(weak.upgrade().is_none() && bystander.switch(4) == Ok(5));
    audit(main, &[("bystander", State::Suspended, 1)]);
    check!(STACKS.free() == 2);
}

/// With interrupts masked that were not masked before it is refused, and the error comes back.
fn in_a_critical_section(main: &Main) {
    let careful = main.spawn(&STACKS, |me, x| {
        let limit = me.stack().map_or(0, |stack| stack.limit);
        interrupts::disable();
        // SAFETY: this is the core of the tree.
        let overflow = unsafe { Overflow::at(limit - 8, limit) }.expect("this is below its stack");
        // SAFETY: not safe, were it not refused.
        let Err(Refused { reason, returned }) = unsafe { TREE.abandon(&overflow, "out of stack") };
        interrupts::enable();
        check!(reason == AbandonError::Masked && returned == "out of stack", "{reason:?}");
        Ok(x)
    });
    check!(careful.expect("a stack is free").switch(1) == Ok(1));
}

/// The parent has no body: the next one gets that as an error, and the first error is lost.
fn without_a_parent_that_starts(main: &Main) {
    let bare = main.build(&STACKS).name("bare").bare().expect("a stack is free");
    let deep = digger(main, "orphan");
    check!(deep.set_parent(&bare).is_ok());
    check!(deep.switch(1) == Err(Thrown::NoRun));
    drop((deep, bare));
    audit(main, &[("bystander", State::Suspended, 1)]);
    check!(STACKS.free() == 1);
}
