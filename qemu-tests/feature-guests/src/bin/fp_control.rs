//@ profiles: debug release small
#![no_std]
#![no_main]
//! With `fp-control` each greenlet has control words of its own, over every kind of transfer; at first those of its
//! creator.

use board::{check, println};
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use greenlet::{Outcome, Overflow, StackPool, Thrown, Tree};

#[cfg(target_arch = "aarch64")]
#[path = "fp_control/aarch64.rs"]
mod isa;
#[cfg(target_arch = "x86_64")]
#[path = "fp_control/x86_64.rs"]
mod isa;

board::guest!(main);
greenlet::core_identity!(feature_guests::OneCore);

type Main = greenlet::Main<u64, &'static str>;
type Me = greenlet::Me<u64, &'static str>;
type Greenlet = greenlet::Greenlet<u64, &'static str>;
type Result = Outcome<u64, &'static str>;

static STACKS: StackPool<4, 16384> = StackPool::new();
static TREE: Tree<u64> = Tree::new().on_overflow(heard);

fn main() {
    let before = isa::control();
    check!(before == isa::words(0), "they are {before:x?} before any code has set them");
    let entered = TREE.enter(|main| {
        beginnings(main);
        values(main);
        errors(main);
        deaths(main);
        no_other_has_them(main);
        isa::set_control(&isa::words(0));
        left_over(main);
    });
    check!(entered.is_ok());
    check!(isa::control() == isa::words(0), "after the end they are {:x?}", isa::control());
    let _unreached = TREE.enter(overflow);
}

/// Words that no greenlet has now: there are 16, and three greenlets at most.
fn new_words() -> isa::Words {
    static USED: AtomicU32 = AtomicU32::new(0);
    isa::words(USED.fetch_add(1, Relaxed) % 15 + 1)
}

/// Makes a transfer with control words that no other greenlet has, and checks that they are there when it returns.
fn kept<R>(what: &str, transfer: impl FnOnce() -> R) -> R {
    let words = new_words();
    isa::set_control(&words);
    let result = transfer();
    let found = isa::control();
    check!(found == words, "{what}: they were {words:x?} and are {found:x?}");
    result
}

/// Creates a child of main and runs it up to its first transfer.
fn started(main: &Main, body: impl FnOnce(&Me) -> Result + 'static) -> Greenlet {
    let new = kept("over a spawn", || main.spawn(&STACKS, |me, _| body(me)).expect("a stack is free"));
    check!(kept("a first start", || new.switch(0)).is_ok());
    new
}

fn beginnings(main: &Main) {
    println!("beginnings: it has the words of the one that gave it its body, not of the one that starts it");
    let (mine, others) = (new_words(), new_words());
    let begins_with = |expected: isa::Words| {
        move |me: &Me, _| {
            let first = isa::control();
            check!(first == expected, "a new one has {first:x?}, its maker had {expected:x?}");
            isa::set_control(&new_words());
            me.up(1)
        }
    };
    isa::set_control(&mine);
    let spawned = main.spawn(&STACKS, begins_with(mine)).expect("a stack is free");
    let bare = main.bare(&STACKS).expect("a stack is free");
    isa::set_control(&others);
    check!(bare.set_run(begins_with(others)).is_ok());
    isa::set_control(&new_words());
    check!(kept("the start of one that was spawned", || spawned.switch(0)) == Ok(1));
    check!(kept("the start of one that was bare", || bare.switch(0)) == Ok(1));
    let never = kept("over a spawn", || main.spawn(&STACKS, |_, x| Ok(x)).expect("a stack is free"));
    check!(kept("an exit into one that never ran", || never.kill_with(3)) == Ok(3));
}

fn values(main: &Main) {
    println!("values: over a switch by handle, and one up");
    let other = started(main, |me| {
        kept("away by a switch, back by a switch", || me.parent().switch(1))?;
        kept("up, back by a switch", || me.up(2))?;
        kept("up, back by an exit", || me.up(3))
    });
    check!(kept("away by a switch, back by `up`", || other.switch(0)) == Ok(2));
    check!(kept("away by a switch, back by `up`, again", || other.switch(0)) == Ok(3));
    check!(kept("away by an exit, back by a death", || other.kill()) == Ok(0));
}

fn errors(main: &Main) {
    println!("errors: over a throw that is handled, and one that comes back");
    let other = started(main, |me| {
        check!(kept("up, back by an error", || me.up(1)) == Err(Thrown::Error("there")));
        check!(kept("away by an error, back by an error", || me.parent().throw("back")) == Err(Thrown::Error("again")));
        check!(kept("up, back by an exit", || me.up(2)) == Err(Thrown::Exit(5)));
        kept("up, back by an exit, again", || me.up(3))
    });
    check!(kept("away by an error, back by an error", || other.throw("there")) == Err(Thrown::Error("back")));
    check!(kept("away by an error, back by `up`", || other.throw("again")) == Ok(2));
    check!(kept("away by an exit, back by `up`", || other.kill_with(5)) == Ok(3));
    check!(kept("over a cancel", || other.cancel()) == Ok(0));
}

fn deaths(main: &Main) {
    println!("deaths: over the end of the other, by a value, an error, an exit, and a lost handle");
    let wait = |me: &Me| kept("up, back by whatever ends it", || me.up(1));
    let other = started(main, wait);
    check!(kept("away by a switch, back by a death", || other.switch(7)) == Ok(7));
    let other = started(main, wait);
    check!(kept("away by an error, back by a death", || other.throw("end")) == Err(Thrown::Error("end")));
    let other = started(main, wait);
    check!(kept("away by an exit, back by a death", || other.kill_with(9)) == Ok(9));
    let other = started(main, wait);
    kept("over the drop of a last handle", || drop(other));
}

fn no_other_has_them(main: &Main) {
    println!("no other greenlet: over a switch to oneself, and to a dead greenlet whose parent one is");
    check!(kept("main to itself", || main.switch(1)) == Ok(1));
    let other = started(main, |me| {
        kept("up", || me.up(0))?;
        kept("a greenlet to itself", || me.switch(2))
    });
    check!(kept("away by a switch, back by a death", || other.switch(0)) == Ok(2));
    check!(kept("to a dead greenlet", || other.switch(3)) == Ok(3));
}

/// Leaves a greenlet to the end of the tree, which kills it from main's stack, with main's words.
fn left_over(main: &Main) {
    println!("the end: one that is left ends with its own words, and main has its own after that");
    let other = main.spawn(&STACKS, |me, _| {
        let _myself = me.handle();
        kept("up, back by the end of the tree", || me.up(0))
    });
    check!(other.expect("a stack is free").switch(0).is_ok());
}

/// Overflows, for good.
fn overflow(main: &Main) {
    println!("an overflow: the hook has the words of the greenlet that overflowed");
    let damaged = main.spawn(&STACKS, |me, x| {
        let floor = me.stack().map_or(0, |stack| stack.limit + 56);
        // SAFETY: the highest word of the greenlet's own canary band; no greenlet runs after this.
        unsafe { ptr::with_exposed_provenance_mut::<u64>(floor).write_volatile(0) };
        isa::set_control(&isa::words(5));
        let _unreached = me.up(x);
        Ok(0)
    });
    isa::set_control(&isa::words(6));
    let _unreached = damaged.expect("a stack is free").switch(0);
    println!("main continued");
}

fn heard(_overflow: &Overflow) -> ! {
    check!(isa::control() == isa::words(5), "they are {:x?}", isa::control());
    board::finish()
}
