//@ cores: 4
//@ timeout: 120
//@ stack: 4096
#![no_std]
#![no_main]
//! Four cores, a hub each: tokens go round by signals, values by a remote channel; a core without one sleeps until it
//! is kicked.

use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::SeqCst;

use board::{check, cores, interrupts, println};
use greenlet::SharedStackPool;
use greenlet_hub::{Hub, Platform, Signal, Stop, Task};

board::guest!(main);
greenlet::core_identity!(feature_guests::EveryCore);

const CORES: usize = 4;

/// How often each core gets each token.
const HOPS: u32 = if cfg!(debug_assertions) { 500 } else { 4000 };

/// A core, which other cores can kick. No task sleeps by time.
struct Core(usize);

impl Platform for Core {
    fn now(&self) -> u64 {
        0
    }

    fn hertz(&self) -> u32 {
        1
    }

    fn arm(&self, _at: Option<u64>) {}

    fn kick(&self) {
        KICKS.fetch_add(1, SeqCst);
        kick(self.0);
    }

    fn idle(&self, sleep: &mut dyn FnMut() -> bool) {
        greenlet_hub::sleep_if(|| {
            let sleeps = sleep();
            SLEEPS.fetch_add(u32::from(sleeps), SeqCst);
            sleeps
        });
    }
}

/// Raises an interrupt of a core, by the controller GICv2.
#[cfg(target_arch = "aarch64")]
fn kick(core: usize) {
    /// Of the distributor: raises a software generated interrupt.
    const SGIR: *mut u32 = 0x0800_0f00 as *mut u32;
    // SAFETY: what was pushed is seen before the interrupt is.
    unsafe { core::arch::asm!("dsb ishst", options(nostack, preserves_flags)) };
    // SAFETY: interrupt 1, to that core.
    unsafe { SGIR.write_volatile(1 << 16 << core | 1) };
}

/// Raises an interrupt of a core, by the local APIC.
#[cfg(target_arch = "x86_64")]
fn kick(core: usize) {
    const COMMAND_HIGH: *mut u32 = 0xfee0_0310 as *mut u32;
    const COMMAND_LOW: *mut u32 = 0xfee0_0300 as *mut u32;
    /// The vector of the board's interrupt, level asserted.
    const SEND: u32 = 0x4000 | 32;
    let enabled = interrupts::are_enabled();
    interrupts::disable(); // a handler between the two halves would send its own
    // SAFETY: the destination.
    unsafe { COMMAND_HIGH.write_volatile((core as u32) << 24) };
    // SAFETY: sends it.
    unsafe { COMMAND_LOW.write_volatile(SEND) };
    if enabled {
        interrupts::enable();
    }
}

static KICKS: AtomicU32 = AtomicU32::new(0);
static SLEEPS: AtomicU32 = AtomicU32::new(0);
static TAKEN: AtomicU32 = AtomicU32::new(0);
static READY: AtomicU32 = AtomicU32::new(0);

static MACHINES: [Core; CORES] = [Core(0), Core(1), Core(2), Core(3)];
static HUBS: [Hub<4>; CORES] =
    [Hub::new(&MACHINES[0]), Hub::new(&MACHINES[1]), Hub::new(&MACHINES[2]), Hub::new(&MACHINES[3])];
static STACKS: SharedStackPool<16, 16384> = SharedStackPool::new();
static SIGNALS: [Signal; CORES] = [const { Signal::new() }; CORES];

/// Tokens 0 and 1 go one way, 2 and 3 the other.
const TOKENS: u32 = 4;

fn main() {
    cores::run(CORES, on_core);
    let (taken, sleeps, kicks) = (TAKEN.load(SeqCst), SLEEPS.load(SeqCst), KICKS.load(SeqCst));
    println!("# {taken} hops, {sleeps} sleeps, {kicks} kicks");
    check!(taken == HOPS * TOKENS * CORES as u32);
    check!(sleeps > 0);
    println!("no token was lost");
}

fn on_core(core: usize) {
    interrupts::on(|| ());
    interrupts::enable();
    let ran = HUBS[core].run(|main| {
        board::record(main.greenlet());
        let ring = main.spawn(&STACKS, move |me| ring(me, core)).expect("a stack is free");
        check!(ring.join(main) == Ok(Ok(())));
    });
    check!(ran.is_ok());
}

fn ring(me: &Task, core: usize) -> Result<(), Stop> {
    READY.fetch_add(1, SeqCst);
    while READY.load(SeqCst) < CORES as u32 {
        me.yield_now()?;
    }
    if core == 0 {
        SIGNALS[1].raise(0b0011);
        SIGNALS[3].raise(0b1100);
    }
    let mut left = [HOPS; TOKENS as usize];
    while left != [0; TOKENS as usize] {
        let bits = SIGNALS[core].wait(me)?;
        for token in (0..TOKENS as usize).filter(|token| bits & 1 << token != 0) {
            left[token] -= 1;
            TAKEN.fetch_add(1, SeqCst);
            // The last hop ends where the first began.
            if core != 0 || left[token] != 0 {
                let to = if token < 2 { core + 1 } else { core + CORES - 1 };
                SIGNALS[to % CORES].raise(1 << token);
            }
        }
    }
    Ok(())
}
