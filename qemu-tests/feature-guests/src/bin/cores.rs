//@ cores: 4
//@ timeout: 120
//@ stack: 4096
#![no_std]
#![no_main]
//! Four cores, each in a tree of its own, share a pool; and they request kills and wakes of each other. All is counted.

use core::hint::spin_loop;
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::{AcqRel, Acquire};

use board::{check, cores, println};
use greenlet::{SharedStackPool, Tree};

#[path = "cores/held.rs"]
mod held;
#[path = "cores/lanes.rs"]
mod lanes;
#[path = "cores/requests.rs"]
mod requests;
#[path = "cores/spawns.rs"]
mod spawns;

board::guest!(main);
greenlet::core_identity!(feature_guests::EveryCore);

type Main = greenlet::Main<u64, &'static str>;
type Me = greenlet::Me<u64, &'static str>;
type Greenlet = greenlet::Greenlet<u64, &'static str>;

const CORES: usize = 4;

/// One for each greenlet that waits for a request; fewer than the cores would like to have when they spawn.
const SLOTS: usize = CORES * (CORES - 1) * lanes::LANES;
static STACKS: SharedStackPool<SLOTS, 16384> = SharedStackPool::new();

static TREES: [Tree<u64>; CORES] = [const { Tree::with_exit(|| lanes::ASKED) }; CORES];

fn main() {
    let entered = TREES[0].enter(held::learn);
    check!(entered.is_ok());
    cores::run(CORES, on_core);
    held::tell();
    spawns::tell();
    requests::tell();
}

/// What each core does.
fn on_core(core: usize) {
    for part in [spawns::run, requests::run] {
        let entered = TREES[core].enter(|main| part(core, main));
        check!(entered.is_ok(), "core {core} enters no tree: {:?}", entered.map_err(|refused| refused.reason));
        meet();
        if core == 0 {
            check!(STACKS.free() == SLOTS, "{} of {SLOTS} slots are free", STACKS.free());
        }
        meet();
    }
}

/// Waits until all cores are here.
fn meet() {
    static HERE: AtomicUsize = AtomicUsize::new(0);
    let before = HERE.fetch_add(1, AcqRel);
    let all = (before / CORES + 1) * CORES;
    while HERE.load(Acquire) < all {
        spin_loop();
    }
}

/// Numbers that look random, a series for each seed: a multiplication and a shift (PCG, 32 bits out of 64).
struct Random(u64);

impl Random {
    /// One of 0 to `below` - 1.
    fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let number = ((self.0 >> 18 ^ self.0) >> 27) as u32;
        number.rotate_right((self.0 >> 59) as u32) as usize % below
    }
}

/// A check that is counted only if it fails, for what is done more often in one profile than in the other.
macro_rules! must {
    ($condition:expr, $($text:tt)+) => {
        if !$condition {
            check!(false, $($text)+);
        }
    };
}
pub(crate) use must;

/// Prints whether it was so.
fn found(what: &str, so: bool) {
    println!("{what}: {}", if so { "yes" } else { "no" });
}
