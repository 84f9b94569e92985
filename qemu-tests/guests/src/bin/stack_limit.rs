//@ profiles: debug release small
//@ icount
//@ stack: 4096
#![no_std]
#![no_main]
//! The processor's limit stops greenlets at the ends of their stacks, before anything is overwritten: they are given
//! up, and the others continue.

use core::arch::asm;
use core::hint::black_box;
use core::ops::Range;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use board::faults::{self, Access, Land};
use board::overrun::{dig, huge};
use board::{check, interrupts, println};
use greenlet::{AbandonError, Overflow, Refused, StackPool, Thrown, Tree};

board::guest!(main);

type Me = greenlet::Me<u32, &'static str>;
type Main = greenlet::Main<u32, &'static str>;

const SIZE: usize = 4096;

/// Nothing is between these stacks.
static STACKS: StackPool<3, SIZE> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

/// What the fault handler leaves to the code that continues: the limit.
static STOPPED_AT: AtomicUsize = AtomicUsize::new(0);

/// Bytes at the limit of a stack below which the stack pointer must not be.
const BAND: usize = 64;

/// Bytes of a control block.
const BLOCK: usize = 128;

/// The lowest address that the stack pointer may have.
fn limit() -> usize {
    let limit;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, psplim", out(reg) limit, options(nomem, nostack, preserves_flags)) };
    limit
}

fn set_limit(limit: usize) {
    // SAFETY: the stack pointer is above.
    unsafe { asm!("msr psplim, {}", in(reg) limit, options(nomem, nostack, preserves_flags)) };
}

fn stopped(access: &Access) -> Option<Land> {
    check!((access.address, access.sp) == (limit() - 1, limit()), "{access:?}");
    STOPPED_AT.store(limit(), Relaxed);
    Some(land)
}

fn land() -> ! {
    check!(limit() == 0, "the handler sets none for this stack");
    let limit = STOPPED_AT.load(Relaxed);
    // SAFETY: this is the core of the tree.
    let overflow = unsafe { Overflow::at(limit - 1, limit) }.expect("it is below the stack of the current greenlet");
    check!(limit == overflow.stack.limit + BAND, "{overflow}, limit {limit:#x}");
    println!("stopped | {}", overflow.greenlet);
    // SAFETY: the processor has stopped it, wherever its frames end. It shares nothing with others but handles. This
    // stack is for nothing else.
    let Err(Refused { reason, .. }) = unsafe { TREE.abandon(&overflow, "out of stack") };
    panic!("not given up: {reason}")
}

/// Puts one word after the other on the stack.
fn push_on() -> ! {
    // SAFETY: not safe: this is what an overflow does, and it does not end by itself.
    unsafe { asm!("2:", "push {{r0}}", "b 2b", options(noreturn)) }
}

/// Raises the interrupt with room for less than the processor stores, and continues if it is handled.
fn interrupted_at_the_limit(room: u32) {
    // SAFETY: not safe, if the interrupt returned without its frame: this sets the stack pointer back.
    unsafe {
        asm!(
            "mov {sp}, sp",
            "mrs {to}, psplim",
            "add {to}, {to}, {room}",
            "mov sp, {to}",
            "str {pend}, [{icsr}]",
            "dsb",
            "isb",
            "mov sp, {sp}",
            sp = out(reg) _,
            to = out(reg) _,
            room = in(reg) room,
            pend = in(reg) 1 << 28, // PendSV
            icsr = in(reg) 0xe000_ed04_u32,
        );
    }
}

/// A way to overflow: what it does, and whether the greenlet survives.
type Way = (&'static str, fn());

const WAYS: [Way; 5] = [
    ("calls", || {
        black_box(dig(1_000_000));
    }),
    ("a frame larger than two stacks", || {
        black_box(huge::<2500>(1));
    }),
    ("a frame larger than all memory below", || {
        black_box(huge::<0x10_0000>(1));
    }),
    ("pushes", || push_on()),
    ("an interrupt with no room", || interrupted_at_the_limit(16)),
];

/// A sum over the bytes at `below`, without those of control blocks, which must not change.
fn sum(below: &Range<usize>) -> u32 {
    below.clone().step_by(4).fold(0, |sum, word| {
        let word: *const u32 = ptr::with_exposed_provenance(word);
        // SAFETY: memory of a static; no other code runs now.
        sum.rotate_left(1) ^ unsafe { word.read_volatile() }
    })
}

fn main() {
    faults::on(stopped);
    interrupts::on(|| ());
    interrupts::enable();
    // As start-up code may do.
    let of_main = board::guest_stack().start;
    set_limit(of_main);
    let entered = TREE.enter(|main| {
        check!(limit() == of_main);
        overflows(main);
        interrupts_between_limits(main);
        states_that_refuse(main);
        check!(limit() == of_main);
    });
    check!(entered.is_ok());
    check!(limit() == of_main);
}

fn echo(me: &Me, mut x: u32) -> greenlet::Outcome<u32, &'static str> {
    loop {
        let own = me.stack().expect("it is not main").limit + BAND;
        check!(limit() == own, "the limit is {:#x}, and not {own:#x}", limit());
        x = me.up(x)?;
    }
}

/// A greenlet between two others overflows in each way.
fn overflows(main: &Main) {
    let others = [(); 2].map(|()| main.spawn(&STACKS, echo).expect("a stack is free"));
    for (name, way) in WAYS {
        let deep = main.build(&STACKS).name(name).spawn(move |me, x| {
            let x = me.up(x)?;
            way();
            Ok(x)
        });
        let deep = deep.expect("a stack is free");
        for greenlet in others.iter().chain([&deep]) {
            check!(greenlet.switch(1) == Ok(1));
        }
        // Its canary band, and the stack below, which ends with a control block.
        let limit = deep.stack().expect("it is suspended").limit;
        let below = [limit..limit + BAND, limit - SIZE..limit - BLOCK];
        let before = below.each_ref().map(sum);
        check!(deep.switch(0) == Err(Thrown::Error("out of stack")) && deep.is_dead());
        check!(below.each_ref().map(sum) == before, "memory of others was changed by {name}");
        check!(others.iter().all(|other| other.is_intact() && other.switch(2) == Ok(2)));
        // SAFETY: nothing refers to its frames.
        unsafe { deep.reclaim() }.expect("it was given up");
        drop(deep);
        // The pool gives the same stack again.
        let again = main.spawn(&STACKS, echo).expect("a stack is free");
        check!(again.stack().expect("it is unstarted").limit == limit);
    }
}

/// An interrupt comes before each instruction of switches to higher and to lower stacks.
fn interrupts_between_limits(main: &Main) {
    let others = [(); 3].map(|()| main.spawn(&STACKS, echo).expect("a stack is free"));
    for after in 1..2000 {
        interrupts::raise_after(after);
        check!(others.iter().chain(others.iter().rev()).all(|other| other.switch(after) == Ok(after)));
    }
    interrupts::stop_timer();
}

/// A greenlet is not given up in a state in which its parent cannot run.
fn states_that_refuse(main: &Main) {
    fn refused(how: &str, expected: AbandonError) {
        // SAFETY: it is refused, or nothing of this greenlet is needed.
        let Err(Refused { reason, returned }) = unsafe { TREE.abandon_current("given up") };
        check!(reason == expected && returned == "given up", "{how}: {reason:?}");
    }
    let greenlet = main.spawn(&STACKS, |_, x| {
        // SAFETY: masks faults, of which there is none here.
        unsafe { asm!("cpsid f") };
        refused("FAULTMASK", AbandonError::State);
        // SAFETY: unmasks them.
        unsafe { asm!("cpsie f") };

        interrupts::mask_others(true);
        refused("BASEPRI", AbandonError::Masked);
        interrupts::mask_others(false);

        interrupts::disable();
        refused("PRIMASK", AbandonError::Masked);
        // The main stack pointer, at the same address.
        interrupts::on_own_stack(false);
        interrupts::enable();
        refused("CONTROL.SPSEL", AbandonError::State);
        interrupts::disable();
        interrupts::on_own_stack(true);
        interrupts::enable();

        interrupts::on(|| refused("a handler, on its own stack", AbandonError::NotOnStack));
        interrupts::raise();
        interrupts::on(|| ());
        Ok(x)
    });
    check!(greenlet.expect("a stack is free").switch(1) == Ok(1));
}
