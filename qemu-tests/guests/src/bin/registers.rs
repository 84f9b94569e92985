//@ profiles: debug release small
//@ stack: 3072
#![no_std]
#![no_main]
//! What registers survive: all that a function must keep, over every kind of transfer, and no control word.
//!
//! Both sides of each transfer hold patterns of their own in these registers, and rubbish in all others.

use board::atomic::{AtomicUsize, Ordering::Relaxed};
use board::{check, println};
use core::fmt::{self, Display, Formatter};
use greenlet::{Outcome, StackPool, Thrown, Tree};

#[macro_use]
#[path = "registers/live.rs"]
mod live;

#[cfg(target_arch = "aarch64")]
#[path = "registers/aarch64.rs"]
mod isa;
#[cfg(all(target_arch = "arm", target_has_atomic = "ptr"))]
#[path = "registers/arm.rs"]
mod isa;
// v6-M, which has no compare-and-swap either.
#[cfg(all(target_arch = "arm", not(target_has_atomic = "ptr")))]
#[path = "registers/thumb_1.rs"]
mod isa;
#[cfg(target_arch = "loongarch64")]
#[path = "registers/loongarch.rs"]
mod isa;
#[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
#[path = "registers/riscv.rs"]
mod isa;
#[cfg(target_arch = "x86_64")]
#[path = "registers/x86_64.rs"]
mod isa;

board::guest!(main);

type Main = greenlet::Main<u64, &'static str>;
type Me = greenlet::Me<u64, &'static str>;
type Greenlet = greenlet::Greenlet<u64, &'static str>;
type Result = Outcome<u64, &'static str>;

/// Of a stack pointer at a call, by the ABI.
const ALIGNMENT: usize = if cfg!(target_arch = "arm") { 8 } else { 16 };

static STACKS: StackPool<8, 16384> = StackPool::new();
static TREE: Tree<u64> = Tree::new();

/// A value that travels in eight registers.
type Wide = [u64; 8];
static WIDE_TREE: Tree<Wide> = Tree::new();

fn main() {
    let entered = TREE.enter(|main| {
        values(main);
        errors(main);
        deaths(main);
        unstarted(main);
        nobody_else(main);
        live_values(main);
        control_words(main);
    });
    check!(entered.is_ok());
    check!(WIDE_TREE.enter(wide_values).is_ok());
}

/// Makes a transfer with a new pattern in every register that a function must keep, and checks that all of them are
/// there again when it returns.
fn kept<R>(what: &str, transfer: impl FnOnce() -> R) -> R {
    /// # Safety
    ///
    /// `job` is that of the call to `kept` which made this function.
    unsafe extern "C" fn call<F: FnOnce()>(job: *mut ()) {
        // SAFETY: an `Option<F>`, to which nothing else refers now.
        let job = unsafe { &mut *job.cast::<Option<F>>() };
        job.take().expect("called once")();
    }
    fn caller<F: FnOnce()>(_job: &Option<F>) -> unsafe extern "C" fn(*mut ()) {
        call::<F>
    }

    let loaded = patterns();
    let mut found = isa::Words::default();
    let mut result = None;
    let mut job = Some(|| {
        isa::scribble();
        result = Some(transfer());
    });
    // SAFETY: `caller` made the function for this very job.
    unsafe { isa::framed(caller(&job), (&raw mut job).cast(), &loaded, &mut found) };
    check!(found[..isa::KEPT] == loaded[..isa::KEPT], "{what}: {}", Lost { loaded, found });
    result.expect("the job was called")
}

/// Words that were never used before.
fn patterns() -> isa::Words {
    static USED: AtomicUsize = AtomicUsize::new(0);
    isa::Words::default().map(|_| (USED.fetch_add(1, Relaxed) as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// Which registers were lost.
struct Lost {
    loaded: isa::Words,
    found: isa::Words,
}

impl Display for Lost {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, name) in isa::NAMES.iter().enumerate().take(isa::KEPT) {
            let (loaded, found) = (self.loaded[index], self.found[index]);
            if loaded != found {
                write!(f, "{name} was {loaded:#018x}, is {found:#018x}; ")?;
            }
        }
        Ok(())
    }
}

/// Creates a child of main and runs it up to its first transfer.
///
/// A third greenlet starts it, and stays in that call with patterns of its own. What the new one's first frame finds in
/// the registers is neither main's nor what it leaves there itself: it matters when it dies.
fn started(main: &Main, body: impl FnOnce(&Me) -> Result + 'static) -> (Greenlet, Greenlet) {
    let new = main.spawn(&STACKS, |me, _| {
        check!(isa::stack_pointer().is_multiple_of(ALIGNMENT));
        body(me)
    });
    let new = new.expect("a stack is free");
    let target = new.clone();
    let starter = main.spawn(&STACKS, move |_, x| kept("the starter", || target.switch(x))).expect("a stack is free");
    check!(kept("a first start, and back by a switch", || starter.switch(0)).is_ok());
    (new, starter)
}

fn values(main: &Main) {
    println!("values: over a first start, a switch by handle, and one up");
    let body = |me: &Me| {
        kept("away by a switch, back by a switch", || me.parent().switch(1))?;
        kept("up, back by a switch", || me.up(2))?;
        kept("up, back by an exit", || me.up(3))
    };
    let (other, _starter) = started(main, body);
    check!(kept("away by a switch, back by `up`", || other.switch(0)) == Ok(2));
    check!(kept("away by a switch, back by `up`, again", || other.switch(0)) == Ok(3));
    check!(kept("away by an exit, back by a death", || other.kill()) == Ok(0));
}

fn errors(main: &Main) {
    println!("errors: over a throw that is handled, and one that comes back");
    let body = |me: &Me| {
        check!(kept("up, back by an error", || me.up(1)) == Err(Thrown::Error("there")));
        check!(kept("away by an error, back by an error", || me.parent().throw("back")) == Err(Thrown::Error("again")));
        check!(kept("up, back by an exit", || me.up(2)) == Err(Thrown::Exit(5)));
        kept("up, back by an exit, again", || me.up(3))
    };
    let (other, _starter) = started(main, body);
    check!(kept("away by an error, back by an error", || other.throw("there")) == Err(Thrown::Error("back")));
    check!(kept("away by an error, back by `up`", || other.throw("again")) == Ok(2));
    check!(kept("away by an exit, back by `up`", || other.kill_with(5)) == Ok(3));
    check!(kept("over a cancel", || other.cancel()) == Ok(0));
    check!(other.is_dead());
}

fn deaths(main: &Main) {
    println!("deaths: over the end of the other, by a value, an error, an exit, and a lost handle");
    let wait = |me: &Me| kept("up, back by whatever ends it", || me.up(1));
    let (other, _starter) = started(main, wait);
    check!(kept("away by a switch, back by a death", || other.switch(7)) == Ok(7));
    let (other, _starter) = started(main, wait);
    check!(kept("away by an error, back by a death", || other.throw("end")) == Err(Thrown::Error("end")));
    let (other, _starter) = started(main, wait);
    check!(kept("away by an exit, back by a death", || other.kill_with(9)) == Ok(9));
    let (other, starter) = started(main, wait);
    drop(starter); // it, too, refers to the other
    let weak = other.downgrade();
    kept("over the drop of a last handle", || drop(other));
    check!(weak.upgrade().is_none());
}

fn unstarted(main: &Main) {
    println!("unstarted: over the death of one that never ran");
    let new = || main.spawn(&STACKS, |_, x| Ok(x)).expect("a stack is free");
    check!(kept("an error into an unstarted one", || new().throw("end")) == Err(Thrown::Error("end")));
    check!(kept("an exit into an unstarted one", || new().kill_with(3)) == Ok(3));
    check!(kept("an unstarted one that ends at once", || new().switch(4)) == Ok(4));
}

fn nobody_else(main: &Main) {
    println!("no other greenlet: over a switch to oneself, and to a dead greenlet whose parent one is");
    check!(kept("main to itself", || main.switch(1)) == Ok(1));
    let (other, _starter) = started(main, |me| {
        kept("up", || me.up(0))?;
        kept("a greenlet to itself", || me.switch(2))
    });
    check!(kept("away by a switch, back by a death", || other.switch(0)) == Ok(2));
    check!(kept("to a dead greenlet", || other.switch(3)) == Ok(3));
}

fn live_values(main: &Main) {
    println!("live values: whatever register they are in");
    let (other, _starter) = started(main, |me| {
        me.up(0)?;
        check!(live_over!(isa::opaque, u64, || me.up(0)) == Some(Ok(0)), "general registers, in `up`");
        check!(isa::floats_live_over(|| me.up(0)) == Some(Ok(0)), "floating point registers, in `up`");
        loop {
            kept("up, from a loop", || me.up(0))?;
        }
    });
    for _ in 0..3 {
        check!(live_over!(isa::opaque, u64, || other.switch(0)) == Some(Ok(0)), "general registers");
        check!(isa::floats_live_over(|| other.switch(0)) == Some(Ok(0)), "floating point registers");
    }
    let end = || other.throw("end");
    check!(live_over!(isa::opaque, u64, end) == Some(Err(Thrown::Error("end"))), "general registers, over a death");
    check!(isa::floats_live_over(end) == Some(Err(Thrown::Error("end"))), "floating point registers, to a dead one");
}

/// The words of a value are in registers beside those that a function must keep, and in ones that it need not.
fn wide_values(main: &greenlet::Main<Wide, &'static str>) {
    println!("wide values: in eight registers, over a first start, a switch, one up, an error, an exit and a death");
    const FIRST: Wide = [11, 12, 13, 14, 15, 16, 17, 18];
    let plus = |value: Wide, more| value.map(|word| word + more);
    let other = main.spawn(&STACKS, move |me: &greenlet::Me<Wide, &'static str>, first| {
        check!(first == FIRST, "a first start: {first:?}");
        let value = kept("a wide value away by a switch, back by a switch", || me.parent().switch(plus(first, 100)))?;
        check!(value == plus(FIRST, 200), "by a switch: {value:?}");
        let value = kept("a wide value up, back by a switch", || me.up(plus(value, 100)))?;
        check!(value == plus(FIRST, 400), "by a switch, after an `up`: {value:?}");
        let thrown = kept("a wide value up, back by an error", || me.up(plus(value, 100)));
        check!(thrown == Err(Thrown::Error("there")));
        kept("a wide value up, back by an exit", || me.up(plus(value, 200)))
    });
    let other = other.expect("a stack is free");
    check!(kept("a wide value to a first start", || other.switch(FIRST)) == Ok(plus(FIRST, 100)));
    check!(kept("a wide value by a switch, back by `up`", || other.switch(plus(FIRST, 200))) == Ok(plus(FIRST, 300)));
    let back = kept("a wide value by a switch, back by `up`, again", || other.switch(plus(FIRST, 400)));
    check!(back == Ok(plus(FIRST, 500)));
    check!(kept("an error, back by a wide value", || other.throw("there")) == Ok(plus(FIRST, 600)));
    let end = kept("a wide value in an exit, back by a death", || other.kill_with(plus(FIRST, 700)));
    check!(end == Ok(plus(FIRST, 700)) && other.is_dead());
    check!(kept("a wide value to oneself", || main.switch(FIRST)) == Ok(FIRST));
}

fn control_words(main: &Main) {
    println!("control words: not kept, they are the core's; each side sees what the other has set");
    check!(isa::control() == isa::USUAL, "they are {:x?}", isa::control());
    let (other, _starter) = started(main, |me| {
        let first = isa::control();
        check!(first == isa::USUAL, "at the beginning they are {first:x?}");
        me.up(0)?;
        check!(isa::control() == isa::USUAL);
        isa::set_control(isa::UNUSUAL);
        me.up(1)?;
        check!(isa::control() == isa::USUAL);
        isa::set_control(isa::UNUSUAL);
        Ok(2)
    });
    check!(other.switch(0) == Ok(1));
    check!(isa::control() == isa::UNUSUAL, "after a switch they are {:x?}", isa::control());
    isa::set_control(isa::USUAL);
    check!(other.switch(0) == Ok(2));
    check!(isa::control() == isa::UNUSUAL, "after a death they are {:x?}", isa::control());
    let new = main.spawn(&STACKS, |_, x| {
        check!(isa::control() == isa::USUAL, "a new one has {:x?}", isa::control());
        isa::set_control(isa::UNUSUAL);
        Ok(x)
    });
    isa::set_control(isa::USUAL);
    check!(new.expect("a stack is free").switch(3) == Ok(3));
    check!(isa::control() == isa::UNUSUAL, "after one that ended at once they are {:x?}", isa::control());
    isa::set_control(isa::USUAL);
}
