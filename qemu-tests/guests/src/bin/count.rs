//@ not-a-test
//@ icount
#![no_std]
#![no_main]
//! What each operation costs, in instructions executed: exact, by QEMU's `-icount shift=0`. Built with --release.
//!
//! Two hundred turns of a loop are compared with one hundred turns of the same loop; what they have more, by the turn and
//! less what an empty loop takes, is the operation: all of it, with what it makes of the loop, whose variables a switch
//! leaves in memory. A switch one way is half of a round trip, the larger half, between two such loops:
//!
//! ```text
//! main:       for _ in 0..turns { x = other.switch(x)?; }
//! the other:  loop { y = parent.switch(y)?; }
//! ```

use board::{check, instructions, println};
use core::arch::asm;
use core::hint::black_box;
use greenlet::{Greenlet, StackPool, Thrown, Tree};

board::guest!(main);

static STACKS: StackPool<2, 16384> = StackPool::new();
static WORDS: Tree<u64> = Tree::new();
static LINES: Tree<[u64; 8]> = Tree::new();

type Main<V> = greenlet::Main<V, &'static str>;
/// Instructions, or what came instead of a value.
type Count<V> = Result<u64, Thrown<V, &'static str>>;

fn main() {
    // As in most firmware; a switch has more to ask where they are masked.
    board::interrupts::on(|| ());
    board::interrupts::enable();
    let words = WORDS.enter(|main| {
        println!("# one way, with a value of 8 bytes");
        let round_trip = measured("a round trip", || switches(main));
        let switch = round_trip.div_ceil(2);
        report("switch", switch);
        let up = measured("a round trip with `up`", || ups(main)).saturating_sub(round_trip - switch);
        report("up", up);
        report("throw", measured("a round trip of a throw and `up`", || throws(main)).saturating_sub(up));
        println!("# there and back at once");
        report("switch_self", measured("a switch to oneself", || itself(main)));
        report("switch_dead", measured("a switch to a dead child", || dead(main)));
        println!("# from spawn to the drop of the handle");
        report("life_unstarted", measured("never started", || unstarted(main)));
        report("life_run", measured("started by a switch, ends at once", || runs(main)));
        report("life_lost", measured("started by a switch, killed by the drop", || lost(main)));
        check!(unreferred(main) == Ok(1));
        check!(switches(main) == Ok(round_trip), "a slow departure has made the fast ones slow, too");
        println!("# a handle");
        report("clone_drop", measured("cloned and dropped", || cloned(main)));
    });
    check!(words.is_ok());
    let lines = LINES.enter(|main| {
        println!("# one way, with a value of 64 bytes");
        report("switch_64_bytes", measured("a round trip", || switches(main)).div_ceil(2));
    });
    check!(lines.is_ok());
}

/// Prints a figure, in the form that programs read.
fn report(name: &str, count: u64) {
    println!("count {name} {count}");
}

/// Measures twice, since a figure is exact only if it is the same each time.
fn measured<V>(what: &str, measure: impl Fn() -> Count<V>) -> u64 {
    let counts = [measure().ok(), measure().ok()];
    check!(counts[0].is_some() && counts[0] == counts[1], "{counts:?}: is this QEMU with -icount shift=0?");
    let count = counts[0].unwrap_or(0);
    println!("#   {what}: {count}");
    count
}

/// Instructions of one turn of a loop, less those of the loop itself. `turns` runs it, and returns what all turns took.
fn one_turn<V>(turns: impl Fn(u64) -> Count<V>) -> Count<V> {
    /// Called through a pointer, so that the same code runs each time.
    fn slope<V>(turns: &dyn Fn(u64) -> Count<V>) -> Count<V> {
        const TURNS: u64 = 100;
        let turns = black_box(turns);
        let more = turns(2 * TURNS)? - turns(TURNS)?;
        check!(more.is_multiple_of(TURNS), "{more} instructions for {TURNS} turns: these are not all the same");
        Ok(more / TURNS)
    }
    let empty = slope::<V>(&|turns| {
        let before = instructions();
        for _ in 0..turns {
            // SAFETY: no instruction at all.
            unsafe { asm!("", options(nomem, nostack, preserves_flags)) };
        }
        Ok(instructions() - before)
    });
    Ok(slope(&turns)? - empty?)
}

/// Instructions of `$operation`, which makes a new value of one.
macro_rules! operation {
    (|$x:ident| $operation:expr) => {
        one_turn(|turns| {
            let mut $x = black_box(1);
            let before = instructions();
            for _ in 0..turns {
                $x = $operation;
            }
            let after = instructions();
            black_box($x);
            Ok(after - before)
        })
    };
}

/// Instructions of a round trip: of `$there` in main, and `$back` in another greenlet. Each makes a new value of one.
macro_rules! round_trip {
    ($main:expr, |$other:ident, $x:ident| $there:expr, |$me:ident, $parent:ident, $y:ident| $back:expr) => {
        one_turn(|turns| {
            let other = $main.spawn(&STACKS, |$me, mut $y| {
                let $parent = &$me.parent();
                loop {
                    $y = $back;
                }
            });
            let $other = &other.expect("a stack is free");
            let mut $x = $other.switch(black_box(Default::default()))?;
            let before = instructions();
            for _ in 0..turns {
                $x = $there;
            }
            let after = instructions();
            black_box($x);
            Ok(after - before)
        })
    };
}

fn switches<V: Default>(main: &Main<V>) -> Count<V> {
    round_trip!(main, |other, x| other.switch(x)?, |me, parent, y| parent.switch(y)?)
}

fn ups(main: &Main<u64>) -> Count<u64> {
    round_trip!(main, |other, x| other.switch(x)?, |me, _parent, y| me.up(y)?)
}

fn throws(main: &Main<u64>) -> Count<u64> {
    #[inline(always)]
    fn handles(me: &greenlet::Me<u64, &'static str>, y: u64) -> greenlet::Outcome<u64, &'static str> {
        match me.up(y) {
            Err(Thrown::Error(_)) => Ok(y),
            other => other,
        }
    }
    round_trip!(main, |other, x| other.throw("handled")?, |me, _parent, y| handles(me, y)?)
}

fn itself(main: &Main<u64>) -> Count<u64> {
    let main: &Greenlet<_, _> = main;
    operation!(|x| main.switch(x)?)
}

fn dead(main: &Main<u64>) -> Count<u64> {
    let dead = main.spawn(&STACKS, |_, x| Ok(x)).expect("a stack is free");
    dead.switch(1)?;
    operation!(|x| dead.switch(x)?)
}

fn unstarted(main: &Main<u64>) -> Count<u64> {
    operation!(|x| {
        drop(main.spawn(&STACKS, |_, x| Ok(x)).expect("a stack is free"));
        x
    })
}

fn runs(main: &Main<u64>) -> Count<u64> {
    operation!(|x| main.spawn(&STACKS, |_, x| Ok(x)).expect("a stack is free").switch(x)?)
}

fn lost(main: &Main<u64>) -> Count<u64> {
    operation!(|x| main.spawn(&STACKS, |me, x| me.up(x)).expect("a stack is free").switch(x)?)
}

/// A greenlet loses its last reference while it runs: whoever goes on after it must look after it, this once.
fn unreferred(main: &Main<u64>) -> Count<u64> {
    let opener = main.spawn(&STACKS, |me, x| {
        let opener = (*me).clone();
        let forgotten = me.parent().spawn(&STACKS, move |me, x| {
            opener.cancel()?; // which held the only handle to this greenlet
            me.up(x)
        });
        forgotten.expect("a stack is free").switch(x)
    });
    opener.expect("a stack is free").switch(1)
}

fn cloned(main: &Main<u64>) -> Count<u64> {
    let main: &Greenlet<_, _> = main;
    operation!(|x| {
        drop(black_box(main.clone()));
        x
    })
}
