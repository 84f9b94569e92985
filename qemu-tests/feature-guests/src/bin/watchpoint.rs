//@ profiles: debug release small
//@ stack: 8192
#![no_std]
#![no_main]
//! Without guard pages, the debug registers stop greenlets at the limits of their stacks, whichever runs: they are
//! given up.

use board::faults::{self, Access, Land};
use board::{check, println};
use core::arch::asm;
use core::ptr;
use greenlet::{Overflow, Refused, StackPool, Thrown, Tree};
use spin::Mutex;

board::guest!(main);
greenlet::core_identity!(feature_guests::OneCore);

type Me = greenlet::Me<u32, &'static str>;
type Greenlet = greenlet::Greenlet<u32, &'static str>;

/// Nothing is between these stacks.
static STACKS: StackPool<6, 8192> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

/// What the fault handler leaves to the greenlet that continues.
static OVERFLOW: Mutex<Option<Overflow>> = Mutex::new(None);

fn stopped(access: &Access) -> Option<Land> {
    // SAFETY: this is the core of the tree.
    let overflow = unsafe { Overflow::at(access.address, access.sp) }?;
    let limit = overflow.stack.limit;
    check!((limit..limit + 64).contains(&access.address), "stopped at {:#x}, limit {limit:#x}", access.address);
    *OVERFLOW.lock() = Some(overflow);
    Some(land)
}

fn land() -> ! {
    let overflow = OVERFLOW.lock().take().expect("the handler has left it");
    println!("stopped | {}", overflow.greenlet);
    // SAFETY: a watchpoint has stopped it at the limit of its stack, and its assembly skips nothing. It shares nothing
    // with others but handles. This stack is for nothing else.
    let Err(Refused { reason, .. }) = unsafe { TREE.abandon(&overflow, "out of stack") };
    panic!("not given up: {reason}")
}

/// Puts one word after the other on the stack. A function's frame may have gaps, and so skip what is watched.
fn push_on() -> ! {
    // SAFETY: not safe: this is what an overflow does, and it does not end by itself.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!("2:", "push rax", "jmp 2b", options(noreturn))
    }
    // SAFETY: the same.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!("2:", "stp xzr, xzr, [sp, #-16]!", "b 2b", options(noreturn))
    }
}

/// A sum over the stack of a greenlet, from the control block down to the limit, which must not change.
fn sum(greenlet: &Greenlet) -> u64 {
    let stack = greenlet.stack().expect("it is alive");
    (stack.sp..stack.base - 256).step_by(8).fold(0, |sum, word| {
        let word: *const u64 = ptr::with_exposed_provenance(word);
        // SAFETY: memory of a static, where nothing runs now.
        sum.rotate_left(1) ^ unsafe { word.read_volatile() }
    })
}

fn main() {
    faults::on(stopped);
    // SAFETY: the board's vectors catch the exception; the guest is privileged, and nothing else uses these registers.
    unsafe { greenlet::watch_stacks() };
    for run in 0..2 {
        println!("run {run}");
        check!(TREE.enter(|main| overflows(main)).is_ok());
    }
    println!("free: {}", STACKS.free());
}

/// Two greenlets overflow: one at once, one after many switches. The neighbours notice nothing.
fn overflows(main: &Greenlet) {
    let echo = |me: &Me, mut x| {
        loop {
            x = me.up(x)?;
        }
    };
    let below = main.spawn(&STACKS, echo).expect("a stack is free");
    check!(below.switch(1) == Ok(1));
    for name in ["hasty", "late"] {
        let deep = main.build(&STACKS).name(name).spawn(move |me, mut x| {
            while x != 0 {
                x = me.up(x - 1)?;
            }
            push_on()
        });
        let deep = deep.expect("a stack is free");
        let turns = if name == "late" { 1000 } else { 0 };
        for x in 1..=turns {
            check!(deep.switch(x) == Ok(x - 1) && below.switch(x) == Ok(x));
        }
        check!(below.switch(1) == Ok(1));
        let settled = sum(&below);
        check!(deep.switch(0) == Err(Thrown::Error("out of stack")) && deep.is_dead());
        check!(sum(&below) == settled, "the stack below was changed");
        check!(below.switch(2) == Ok(2) && below.is_intact());
    }
    // Its own limit is watched, and no other one's.
    let bare = main.bare(&STACKS).expect("a stack is free");
    let limit = bare.stack().expect("it is unstarted").limit;
    let band: *mut u64 = ptr::with_exposed_provenance_mut(limit);
    // SAFETY: the band of a greenlet that does not run.
    let word = unsafe { band.read_volatile() };
    // SAFETY: the same, which gets back what was there.
    unsafe { band.write_volatile(word) };
    check!(bare.is_intact());
}
