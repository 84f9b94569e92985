//@ profiles: debug release small
#![no_std]
#![no_main]
//! A function with a frame of 64 KiB does not step over the guard page below an 8 KiB stack: the compiler probes the
//! way down.

use board::faults::{self, Access, Land};
use board::{check, println};
use core::arch::asm;
use core::hint::black_box;
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use greenlet::{GuardedStackPool, Overflow, Tree};

board::guest!(main);

/// Bytes of the frame: several stacks and guards.
const FRAME: usize = 64 << 10;
const PAGE: usize = 4096;

static STACKS: GuardedStackPool<8, 8192> = GuardedStackPool::new();
static TREE: Tree<u32> = Tree::new();

/// The sum over the stacks below, before it happens.
static BEFORE: AtomicU64 = AtomicU64::new(0);

/// Writes to the lowest byte of its frame, and to nothing else of it.
#[inline(never)]
fn wide(x: u32) -> u32 {
    let mut frame = MaybeUninit::<[u8; FRAME]>::uninit();
    let lowest = black_box(&mut frame).as_mut_ptr().cast::<u8>();
    // SAFETY: the first byte of the frame.
    unsafe { lowest.write_volatile(x as u8) };
    x
}

/// What assembly does that takes the same frame: the compiler does not probe for it, and the store goes through.
#[inline(never)]
fn unprobed() {
    let old: usize;
    // SAFETY: an unused word of another stack, put back by `put_back`; nothing checks that, which is what this shows.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!("mov {old}, [rsp - {frame}]", "mov [rsp - {frame}], rsp", old = out(reg) old, frame = const FRAME);
    }
    // SAFETY: the same.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!("sub {at}, sp, #{frame}", "ldr {old}, [{at}]", "str {at}, [{at}]", at = out(reg) _, old = out(reg) old, frame = const FRAME);
    }
    // SAFETY: the same.
    #[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
    unsafe {
        asm!("li {at}, {frame}", "sub {at}, sp, {at}", "lw {old}, 0({at})", "sw {at}, 0({at})", at = out(reg) _, old = out(reg) old, frame = const FRAME);
    }
    check!(sum_below() != BEFORE.load(Relaxed), "the unprobed store changed nothing");
    // SAFETY: the word that was read.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!("mov [rsp - {frame}], {old}", old = in(reg) old, frame = const FRAME);
    }
    // SAFETY: the same.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!("sub {at}, sp, #{frame}", "str {old}, [{at}]", at = out(reg) _, old = in(reg) old, frame = const FRAME);
    }
    // SAFETY: the same.
    #[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
    unsafe {
        asm!("li {at}, {frame}", "sub {at}, sp, {at}", "sw {old}, 0({at})", at = out(reg) _, old = in(reg) old, frame = const FRAME);
    }
}

/// A sum over all stacks but the highest, whose owner it is that goes too far.
fn sum_below() -> u64 {
    let mut guards = STACKS.guards();
    let mut at = guards.next().map_or(0, |lowest| lowest.end);
    let mut sum = 0_u64;
    for guard in guards {
        for word in (at..guard.start).step_by(8) {
            let word: *const u64 = ptr::with_exposed_provenance(word);
            // SAFETY: memory of a static between two guards.
            sum = sum.rotate_left(1) ^ unsafe { word.read_volatile() };
        }
        at = guard.end;
    }
    sum
}

fn stopped(access: &Access) -> Option<Land> {
    // SAFETY: the machine has one core, and this is a handler of it.
    let overflow = unsafe { Overflow::at(access.address, access.sp) };
    match overflow {
        Some(overflow) => {
            println!("stopped: {}", overflow.greenlet);
            check!(overflow.greenlet.name == Some("wide") && overflow.stack.size() == 8192);
            let limit = overflow.stack.limit;
            check!((limit - PAGE..limit).contains(&access.address), "stopped at {:#x}", access.address);
            check!(overflow.stopped_at == Some(access.address) && overflow.stack.sp == access.sp);
            check!((1..=PAGE).contains(&overflow.past_limit()), "{} bytes past", overflow.past_limit());
            check!(access.sp.abs_diff(limit) <= PAGE, "sp is {:#x}", access.sp);
        }
        None => check!(false, "{access:x?} is not in the guard of the greenlet that runs"),
    }
    // SAFETY: the same.
    let owner = unsafe { greenlet::stack_of(access.address) };
    check!(owner.map(|(owner, _)| owner) == overflow.map(|overflow| overflow.greenlet));
    check!(sum_below() == BEFORE.load(Relaxed), "another stack was changed");
    board::finish()
}

fn main() {
    STACKS.guards().for_each(board::unmap);
    faults::on(stopped);
    let _unreached = TREE.enter(|main| {
        let below = [(); 7].map(|()| main.bare(&STACKS).expect("a stack is free"));
        let wide = main.build(&STACKS).name("wide").spawn(|_, x| {
            BEFORE.store(sum_below(), Relaxed);
            unprobed();
            check!(sum_below() == BEFORE.load(Relaxed));
            println!("calls a function with a frame of {FRAME} bytes");
            Ok(wide(x))
        });
        let _unreached = wide.expect("a stack is free").switch(1);
        println!("the function returned");
        check!(below.iter().all(|other| !other.is_dead()));
    });
}
