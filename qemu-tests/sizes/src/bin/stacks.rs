#![no_std]
#![no_main]
//! Prints how small a stack may be, for bodies that do one thing each.
//!
//! What a body has written to is its high-water mark, on a stack with room for everything. It works on the smallest
//! stack that has room for that above its canary band; or on the smallest that is accepted, if that is larger. To see
//! that it does work there, it runs on that one once more: had it not kept to its stack, the check on the way out would
//! say so.

use greenlet::{Greenlet, Main, Me, Outcome, StackPool, StackRegion, Thrown, Tree};
use sizes::figure;

sizes::program!(main);

type Word = u64;
type Error = &'static str;
type Handle = Greenlet<Word, Error>;

/// Bytes at the limit of a stack that must be as they were laid.
const BAND: usize = 64;
/// A stack with room for everything.
const AMPLE: usize = if cfg!(target_pointer_width = "64") { 16384 } else { 2048 };

static AMPLE_STACKS: StackPool<2, AMPLE> = StackPool::new();
static TREE: Tree<Word, Error> = Tree::new().on_overflow(|_| {
    loop {
        core::hint::spin_loop(); // the runner ends it
    }
});

/// What a body does, and what main does with it until it is dead. Both return whether all was as it should be.
struct Deed {
    name: &'static str,
    /// What the smallest size is called that it works with.
    least: &'static str,
    body: fn(&Me<Word, Error>, Word) -> Outcome<Word, Error>,
    main: fn(&Handle) -> bool,
}

const DEEDS: [Deed; 4] = [
    Deed {
        name: "up",
        least: "up, least SIZE",
        body: |me, n| me.up(n),
        main: |g| g.switch(1) == Ok(1) && g.switch(2) == Ok(2),
    },
    Deed {
        name: "a throw, caught",
        least: "a throw, caught, least SIZE",
        body: |me, n| match me.up(n) {
            Err(Thrown::Error(_)) => Ok(7),
            other => other,
        },
        main: |g| g.switch(1) == Ok(1) && g.throw("caught") == Ok(7),
    },
    Deed {
        name: "its end by a kill",
        least: "its end by a kill, least SIZE",
        body: |me, n| me.up(n),
        main: |g| g.switch(1) == Ok(1) && g.cancel() == Ok(0),
    },
    Deed {
        name: "spawn and a switch",
        least: "spawn and a switch, least SIZE",
        body: |me, n| match me.spawn(&AMPLE_STACKS, |me, n| me.up(n + 1)) {
            Ok(other) => other.switch(n),
            Err(_) => Ok(0),
        },
        main: |g| g.switch(1) == Ok(2),
    },
];

/// A size of stacks.
struct Size {
    bytes: usize,
    /// Creates a greenlet without a body on a stack of its own, of that size.
    bare: fn(&Main<Word, Error>) -> Option<Handle>,
}

const fn size<const SIZE: usize>() -> Size {
    let bare = |main: &Main<Word, Error>| {
        let stacks = StackRegion::<SIZE>::carve(sizes::memory(StackRegion::<SIZE>::bytes(1))?).ok()?;
        main.bare(stacks).ok()
    };
    Size { bytes: SIZE, bare }
}

/// Eight sizes: the multiples of 64 from `$from` on.
macro_rules! eight {
    ($from:expr) => {
        [
            size::<{ $from }>(),
            size::<{ $from + 64 }>(),
            size::<{ $from + 2 * 64 }>(),
            size::<{ $from + 3 * 64 }>(),
            size::<{ $from + 4 * 64 }>(),
            size::<{ $from + 5 * 64 }>(),
            size::<{ $from + 6 * 64 }>(),
            size::<{ $from + 7 * 64 }>(),
        ]
    };
}

/// The smallest that a pool may have: less on v6-M, which has no compare-and-swap.
const FIRST: usize = if cfg!(target_has_atomic = "ptr") { 1024 } else { 512 };

/// Every size, from that on.
static SIZES: [[Size; 8]; 10] = [
    eight!(FIRST),
    eight!(FIRST + 512),
    eight!(FIRST + 1024),
    eight!(FIRST + 1536),
    eight!(FIRST + 2048),
    eight!(FIRST + 2560),
    eight!(FIRST + 3072),
    eight!(FIRST + 3584),
    eight!(FIRST + 4096),
    eight!(FIRST + 4608),
];

fn main(_seed: u64) -> u64 {
    let passed = TREE.enter(|main| DEEDS.iter().all(|deed| measured(main, deed).is_some()));
    u64::from(!passed.unwrap_or(false))
}

/// Prints the figures of a deed; `None` if it went wrong, or no size is enough.
fn measured(main: &Main<Word, Error>, deed: &Deed) -> Option<()> {
    let ample = main.spawn(&AMPLE_STACKS, deed.body).ok()?;
    let done = |greenlet: &Handle| ((deed.main)(greenlet) && greenlet.is_dead()).then_some(());
    done(&ample)?;
    let takes = ample.high_water_mark()?;
    drop(ample);
    let mut enough = SIZES.iter().flatten().filter(|size| size.bytes >= takes + BAND);
    let (bytes, least) = enough.find_map(|size| {
        let bare = (size.bare)(main)?;
        bare.set_run(deed.body).is_ok().then_some((size.bytes, bare))
    })?;
    done(&least)?;
    least.is_intact().then_some(())?;
    figure(deed.name, takes);
    figure(deed.least, bytes);
    Some(())
}
