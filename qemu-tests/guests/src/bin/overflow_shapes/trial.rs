//! An overflow on purpose: a function is called near the end of the stack, and what it changed below is put back.

use core::hint::black_box;
use core::mem::MaybeUninit;
use core::ptr;

use crate::shapes::{ALL, Shape};

/// Words of the canary band.
const BAND: usize = 8;
/// Words that are looked at below the floor, the band among them. No function goes further.
const BELOW: usize = 3 << 10;
/// How often each function is called.
const TRIALS: u64 = 24;

/// What was noticed in how many trials.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Trials in which memory below the floor changed.
    pub(crate) overflows: u32,
    /// In which the band's word changed, the highest first.
    pub(crate) words: [u32; BAND],
    /// In which one of the two highest changed.
    pub(crate) highest_two: u32,
    /// In which the highest or the lowest changed.
    pub(crate) ends: u32,
    /// In which any word of the band changed.
    pub(crate) band: u32,
}

/// Calls each function [`TRIALS`] times with its frame anywhere from above the floor to below it. Runs on the stack
/// with this `limit`, below which is memory that is not in use.
pub(crate) fn all(limit: usize) -> Counts {
    let mut counts = Counts::default();
    let mut random = 1_u64;
    for (words, shapes) in &ALL {
        for &shape in shapes {
            for _ in 0..TRIALS {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let seed = random >> 16;
                let above = seed % (8 * *words as u64 + 256);
                counts.count(limit, (seed % 3) as usize, seed, limit + BAND * 8 + above as usize, shape);
            }
        }
    }
    counts
}

impl Counts {
    fn count(&mut self, limit: usize, calls: usize, seed: u64, from: usize, shape: Shape) {
        static SAVED: crate::Saved<BELOW> = crate::Saved::new();
        let memory = ptr::with_exposed_provenance_mut::<u64>(limit + BAND * 8 - BELOW * 8);
        let saved = SAVED.0.get().cast::<u64>();
        // SAFETY: the memory below the floor is not in use, and `SAVED` is used here alone.
        unsafe { saved.copy_from_nonoverlapping(memory, BELOW) };
        black_box(near(from, shape, seed, calls));
        let changed = |at: usize| {
            // SAFETY: the same.
            let now = unsafe { memory.wrapping_add(at).read_volatile() };
            // SAFETY: the same.
            now != unsafe { saved.wrapping_add(at).read() }
        };
        let band: [bool; BAND] = core::array::from_fn(|word| changed(BELOW - 1 - word));
        let any = band.contains(&true);
        let below = any || (0..BELOW - BAND).any(changed);
        assert!(!changed(0), "a function went too far");
        // SAFETY: the same.
        unsafe { memory.copy_from_nonoverlapping(saved, BELOW) };
        self.overflows += u32::from(below);
        self.words.iter_mut().zip(band).for_each(|(count, changed)| *count += u32::from(changed));
        self.highest_two += u32::from(band[0] || band[1]);
        self.ends += u32::from(band[0] || band[BAND - 1]);
        self.band += u32::from(any);
    }
}

/// Calls the function where the stack pointer is near `from`, which is below it.
#[inline(never)]
fn near(from: usize, shape: Shape, seed: u64, calls: usize) -> u64 {
    let here = MaybeUninit::<u64>::uninit();
    let left = black_box(here.as_ptr()).addr().saturating_sub(from);
    match left {
        0..96 => shape(seed, calls) ^ 1,
        96..2048 => near(from, shape, seed, calls) ^ 1,
        _ => nearer(from, shape, seed, calls) ^ 1,
    }
}

/// The same by a longer way.
#[inline(never)]
fn nearer(from: usize, shape: Shape, seed: u64, calls: usize) -> u64 {
    black_box(&mut MaybeUninit::<[u64; 96]>::uninit());
    near(from, shape, seed, calls) ^ 1
}
