//! Functions with frames of many sizes and shapes, each compiled by itself: what an overflow consists of.

use core::hint::black_box;
use core::mem::MaybeUninit;

/// A function with a frame: some words of it, and how often it calls itself.
pub(crate) type Shape = fn(u64, usize) -> u64;

/// What the frame contains.
const KINDS: usize = 8;

/// Hides what a buffer is for from the compiler, which therefore keeps it in memory.
#[inline(always)]
fn kept<T>(buffer: &mut T) -> &mut T {
    black_box(buffer)
}

/// A buffer of `WORDS` words, in which `KIND` says which are written. `seed` decides where it is decided at run time.
#[inline(never)]
fn shape<const WORDS: usize, const KIND: usize>(seed: u64, calls: usize) -> u64 {
    let mut buffer = [const { MaybeUninit::<u64>::uninit() }; WORDS];
    let words = kept(&mut buffer);
    let some = if WORDS == 0 { 0 } else { seed as usize % WORDS };
    match KIND {
        // All of it, and a copy of it.
        0 => {
            *words = [const { MaybeUninit::new(7) }; WORDS];
            let mut copy = *words;
            black_box(kept(&mut copy));
        }
        // From the beginning, as text is.
        1 => words.iter_mut().take(some).for_each(|word| _ = word.write(seed)),
        // To the end.
        2 => words.iter_mut().skip(some).for_each(|word| _ = word.write(seed)),
        // Here and there.
        3 => words.iter_mut().step_by(1 + some % 5).for_each(|word| _ = word.write(seed)),
        // A few bytes.
        4 => {
            let bytes: *mut u8 = words.as_mut_ptr().cast();
            for at in (0..some * 8).step_by(1 + some % 29) {
                // SAFETY: within the buffer.
                unsafe { bytes.wrapping_add(at).write_volatile(seed as u8) };
            }
        }
        // Nothing, but there are many values that are in use during the call.
        5 => {
            let live: [u64; 12] = core::array::from_fn(|at| black_box(seed ^ at as u64));
            let below = called::<WORDS, KIND>(seed, calls);
            return live.iter().fold(below, |sum, &value| sum.wrapping_mul(31) ^ value);
        }
        // Floating point, and one byte.
        6 => {
            let live: [f64; 6] = core::array::from_fn(|at| black_box(seed as f64 + at as f64));
            let flag = black_box(seed as u8);
            let below = called::<WORDS, KIND>(seed, calls);
            return below ^ live.iter().sum::<f64>() as u64 ^ u64::from(flag);
        }
        // Records with padding.
        _ => {
            let mut record = (seed as u8, seed, seed as u16, [seed as u32; 3]);
            black_box(kept(&mut record));
        }
    }
    let below = called::<WORDS, KIND>(seed, calls);
    black_box(words);
    below ^ some as u64
}

#[inline(always)]
fn called<const WORDS: usize, const KIND: usize>(seed: u64, calls: usize) -> u64 {
    if calls == 0 { seed } else { shape::<WORDS, KIND>(seed.rotate_left(7), calls - 1) ^ 1 }
}

const fn kinds<const WORDS: usize>() -> (usize, [Shape; KINDS]) {
    let all: [Shape; KINDS] = [
        shape::<WORDS, 0>,
        shape::<WORDS, 1>,
        shape::<WORDS, 2>,
        shape::<WORDS, 3>,
        shape::<WORDS, 4>,
        shape::<WORDS, 5>,
        shape::<WORDS, 6>,
        shape::<WORDS, 7>,
    ];
    (WORDS, all)
}

macro_rules! sizes {
    ($($words:literal)*) => { [$(kinds::<$words>()),*] };
}

/// All functions, with the words of their buffers.
pub(crate) static ALL: [(usize, [Shape; KINDS]); 44] = sizes! {
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 22 24 26 28 30 32 34 36 38 40 44 48 52 56 60 64 72 80 88 96 104 112 128
};
