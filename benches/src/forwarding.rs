//! An experiment on the processor, without coroutines: what it costs to load what many places of a program have stored.
//!
//! Two records stand for the contexts of a resumer and its partner; each stores in its own and continues with what it
//! loads from the other's. All that follows depends on the first of these words, as it does on a stack pointer.
//! Processors foresee which store a load takes its word from, and then need not wait for it; this shows how much of
//! that they can keep in mind.

use crate::measure::stay_on_one_core;
use crate::report::grid::markdown;
use crate::stats::summarize;
use std::arch::asm;
use std::cell::Cell;
use std::num::NonZero;
use std::ptr;
use std::time::Instant;

/// Numbers of places that switch, in turn.
const PLACES: [usize; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

/// Of a sample: a multiple of each number of places.
const ROUND_TRIPS: usize = 30 * 840;

const SAMPLES: usize = 31;

/// Of what there is one copy, to which all places jump: of nothing.
const NOTHING: u8 = 0;
/// Of the loads, and the jump that follows them.
const LOADS: u8 = 1;
/// Of the stores.
const STORES: u8 = 2;
/// Of both.
const SWITCH: u8 = 3;
/// Of both, and the partner jumps there, too; else it has its own.
const ALL: u8 = 4;

/// Prints the table.
pub(crate) fn show() {
    stay_on_one_core();
    let mut table = vec![vec!["what a place stores".to_owned()]];
    table[0].extend(PLACES.map(|places| if places == 1 { "1 place".into() } else { format!("{places} places") }));
    for (stores, samples) in [
        ("2 words; nothing shared", over_places::<2, NOTHING>()),
        ("3 words; nothing shared", over_places::<3, NOTHING>()),
        ("4 words; nothing shared", over_places::<4, NOTHING>()),
        ("6 words; nothing shared", over_places::<6, NOTHING>()),
        ("3 words; one copy of the loads", over_places::<3, LOADS>()),
        ("4 words; one copy of the loads", over_places::<4, LOADS>()),
        ("6 words; one copy of the loads", over_places::<6, LOADS>()),
        ("3 words; one copy of the stores", over_places::<3, STORES>()),
        ("4 words; one copy of the stores", over_places::<4, STORES>()),
        ("6 words; one copy of the stores", over_places::<6, STORES>()),
        ("4 words; one copy of both", over_places::<4, SWITCH>()),
        ("4 words; the partner has that copy, too", over_places::<4, ALL>()),
    ] {
        let mut line = vec![stores.to_owned()];
        for mut samples in samples {
            line.push(format!("{:.2} ns", summarize(&mut samples).expect("there are samples").median));
        }
        table.push(line);
    }
    print!("{}", markdown(&table));
}

/// Samples for each of [`PLACES`]: nanoseconds a round trip.
fn over_places<const WORDS: usize, const SHARED: u8>() -> [Vec<f64>; PLACES.len()] {
    let rounds = [
        rounds::<1, WORDS, SHARED>,
        rounds::<2, WORDS, SHARED>,
        rounds::<3, WORDS, SHARED>,
        rounds::<4, WORDS, SHARED>,
        rounds::<5, WORDS, SHARED>,
        rounds::<6, WORDS, SHARED>,
        rounds::<7, WORDS, SHARED>,
        rounds::<8, WORDS, SHARED>,
    ];
    let mut all = PLACES.map(|_| Vec::new());
    for _ in 0..SAMPLES {
        for ((rounds, places), samples) in rounds.into_iter().zip(PLACES).zip(&mut all) {
            let times = NonZero::new(ROUND_TRIPS / places).expect("there are more round trips than places");
            rounds(times); // for the predictors
            let start = Instant::now();
            rounds(times);
            samples.push(start.elapsed().as_nanos() as f64 / ROUND_TRIPS as f64);
        }
    }
    all
}

/// On cache lines of its own. A context: the frame, the resume address, other words. A frame, which is what code finds
/// by its stack pointer: its own context, and the one that it switches to.
#[repr(align(64))]
struct Line([Cell<*const ()>; 6]);

/// Saves `WORDS` words in the context in rsi, rax as the resume address.
macro_rules! save {
    () => {
        concat!(
            "mov [rsi], r8\n",
            "mov [rsi + 8], rax\n",
            ".irp at, 16, 24, 32, 40\n",
            ".if \\at < 8 * {WORDS}\n",
            "mov [rsi + \\at], r9\n",
            ".endif\n",
            ".endr",
        )
    };
}

/// Loads as many from the context in rdx, and continues there.
macro_rules! go {
    () => {
        concat!(
            "mov r8, [rdx]\n",
            ".irp at, 16, 24, 32, 40\n",
            ".if \\at < 8 * {WORDS}\n",
            "mov r9, [rdx + \\at]\n",
            ".endif\n",
            ".endr\n",
            "jmp qword ptr [rdx + 8]",
        )
    };
}

/// Goes to a partner and back from `PLACES` places in turn, `times` times. Returns how often the partner was resumed.
#[inline(never)]
fn rounds<const PLACES: usize, const WORDS: usize, const SHARED: u8>(times: NonZero<usize>) -> usize {
    let lines = [const { Line([const { Cell::new(ptr::null()) }; 6]) }; 4];
    let [main, partner, main_frame, partner_frame] = lines.each_ref().map(|line| ptr::from_ref(line).cast::<()>());
    for (line, at, word) in [(1, 0, partner_frame), (2, 0, main), (2, 1, partner), (3, 0, partner), (3, 1, main)] {
        lines[line].0[at].set(word);
    }
    let mut visits = 0;
    // SAFETY: r8 is one of the two frames always: it starts as the first one, and what is loaded into it was stored
    // from it, or is the second frame. A resume address is one of the labels in here. Nothing is on the stack, and it
    // is not moved.
    unsafe {
        asm!(
            "lea rax, [rip + 4f]",
            "mov [rdx + 8], rax",
            "jmp 3f",
            // The partner.
            "4:",
            "inc {visits}",
            "mov rsi, [r8]",
            "mov rdx, [r8 + 8]",
            "lea rax, [rip + 4b]",
            ".if {SHARED} == {ALL}",
            "jmp 5f",
            ".endif",
            save!(),
            go!(),
            // What places share.
            "5:",
            save!(),
            ".if {SHARED} == {STORES}",
            "jmp r10",
            ".endif",
            "6:",
            go!(),
            ".p2align 6",
            "3:",
            ".rept {PLACES}",
            "mov rsi, [r8]",
            "mov rdx, [r8 + 8]",
            "lea rax, [rip + 2f]",
            ".if {SHARED} == {SWITCH} || {SHARED} == {ALL}",
            "jmp 5b",
            ".elseif {SHARED} == {STORES}",
            "lea r10, [rip + 7f]",
            "jmp 5b",
            "7:",
            go!(),
            ".elseif {SHARED} == {LOADS}",
            save!(),
            "jmp 6b",
            ".else",
            save!(),
            go!(),
            ".endif",
            "2:",
            ".endr",
            "dec {times}",
            "jnz 3b",
            PLACES = const PLACES,
            WORDS = const WORDS,
            SHARED = const SHARED,
            STORES = const STORES,
            LOADS = const LOADS,
            SWITCH = const SWITCH,
            ALL = const ALL,
            visits = inout(reg) visits,
            times = inout(reg) times.get() => _,
            inout("rdx") partner => _,
            inout("r8") main_frame => _,
            out("rax") _,
            out("rsi") _,
            out("r9") _,
            out("r10") _,
            options(nostack),
        );
    }
    visits
}

#[cfg(test)]
mod tests {
    use super::{ALL, LOADS, NOTHING, STORES, SWITCH, rounds};
    use std::num::NonZero;

    #[test]
    fn the_partner_is_visited_from_every_place() {
        let times = NonZero::new(5).unwrap();
        assert_eq!(rounds::<1, 2, NOTHING>(times), 5);
        assert_eq!(rounds::<3, 6, LOADS>(times), 15);
        assert_eq!(rounds::<7, 3, STORES>(times), 35);
        assert_eq!(rounds::<8, 4, SWITCH>(times), 40);
        assert_eq!(rounds::<2, 4, ALL>(times), 10);
    }
}
