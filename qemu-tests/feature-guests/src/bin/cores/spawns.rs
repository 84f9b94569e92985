//! Spawns on all cores at once, of more greenlets than the pool has slots.

use core::hint::spin_loop;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::{Acquire, Relaxed};

use board::{check, println};

use crate::held::Held;
use crate::{CORES, Greenlet, Main, Me, Random, SLOTS, STACKS};

/// How many in all, shared out evenly.
const SPAWNS: u64 = if cfg!(debug_assertions) { 20_000 } else { 250_000 };
const OF_EACH_CORE: u64 = SPAWNS / CORES as u64;
/// How many greenlets a core keeps at a time, if it gets them.
const KEPT: usize = SLOTS / 3;
const _: () = assert!(KEPT * CORES > SLOTS, "the pool has to be empty now and then");

static SPAWNED: AtomicU64 = AtomicU64::new(0);
static REFUSED: AtomicU64 = AtomicU64::new(0);
static WRONG: AtomicU64 = AtomicU64::new(0);

/// The part of `core`, in its tree.
pub(crate) fn run(core: usize, main: &Main) {
    let mut random = Random(core as u64 + 1);
    let mut kept = [const { None }; KEPT];
    for serial in 1..=OF_EACH_CORE {
        let place = random.below(KEPT);
        end(kept[place].take(), &mut random);
        let greenlet = spawn(core, serial, main, &mut kept, &mut random);
        count_wrong(greenlet.switch(serial) != Ok(serial));
        SPAWNED.fetch_add(1, Relaxed);
        kept[place] = Some(greenlet);
        if core == 0 && serial % (OF_EACH_CORE / 8) == 0 {
            println!("# core 0: {serial} of {OF_EACH_CORE} spawns");
        }
    }
    kept.into_iter().for_each(|greenlet| end(greenlet, &mut random));
}

/// Spawns one that goes up once, and so waits for its end. Makes room for it if the pool is empty.
fn spawn(core: usize, serial: u64, main: &Main, kept: &mut [Option<Greenlet>; KEPT], random: &mut Random) -> Greenlet {
    let mut body = move |me: &Me, x| {
        let _held = Held::by(me, core, serial);
        me.up(x)
    };
    loop {
        match main.spawn(&STACKS, body) {
            Ok(greenlet) => return greenlet,
            Err(refused) => body = refused.returned,
        }
        REFUSED.fetch_add(1, Relaxed);
        // The others have all of them when this finds none, and give some back.
        end(kept[random.below(KEPT)].take(), random);
        spin_loop();
    }
}

/// Ends a greenlet in one of the ways there are: it returns, is killed, or loses its last handle.
fn end(greenlet: Option<Greenlet>, random: &mut Random) {
    let Some(greenlet) = greenlet else { return };
    match random.below(3) {
        0 => count_wrong(greenlet.switch(7) != Ok(7)),
        1 => count_wrong(greenlet.kill_with(8) != Ok(8)),
        _ => {}
    }
}

fn count_wrong(wrong: bool) {
    WRONG.fetch_add(wrong.into(), Relaxed);
}

/// Says what came out, when all cores are done.
pub(crate) fn tell() {
    let (spawned, wrong) = (SPAWNED.load(Acquire), WRONG.load(Acquire));
    println!("# attempts: {spawned} spawns");
    println!("# the pool was empty {} times", REFUSED.load(Acquire));
    check!(spawned == SPAWNS, "{spawned} of {SPAWNS} spawned");
    check!(wrong == 0, "{wrong} transfers brought something else");
    crate::found("every spawn got a slot and ran", spawned == SPAWNS && wrong == 0);
}
