//! A hash table with chains, several times as large as the caches, and the keys that are looked up in it.

use std::sync::OnceLock;

/// Entries; and heads of chains, so a chain has two entries on average. 24 and 4 bytes each: 208 MiB. Few for tests.
const ENTRIES: usize = if cfg!(test) { 1 << 12 } else { 1 << 23 };
const HEADS: usize = ENTRIES / 2;

/// Keys that are looked up before they repeat: those of a round do not find the table in the caches.
const REQUESTS: usize = ENTRIES / 8;

/// Ends a chain.
const NONE: u32 = u32::MAX;

pub(super) struct Table {
    heads: Vec<u32>,
    entries: Vec<Entry>,
    requests: Vec<u64>,
}

pub(super) struct Entry {
    key: u64,
    value: u64,
    next: u32,
}

/// Where a lookup stands: memory that it reads next.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Head(usize),
    Entry(u32),
}

/// What a step of a lookup has found.
pub(super) enum Step {
    /// It reads this next.
    Next(Place),
    /// The value of its key.
    Found(u64),
}

impl Table {
    /// The one table, made when it is used first.
    pub(super) fn get() -> &'static Self {
        static TABLE: OnceLock<Table> = OnceLock::new();
        TABLE.get_or_init(Self::new)
    }

    fn new() -> Self {
        let mut table = Self { heads: vec![NONE; HEADS], entries: Vec::with_capacity(ENTRIES), requests: Vec::new() };
        ask_for_huge_pages(&table.entries);
        for number in 0..ENTRIES as u64 {
            let key = mixed(number);
            let head = &mut table.heads[head_of(key)];
            table.entries.push(Entry { key, value: value_of(key), next: *head });
            *head = number as u32;
        }
        table.requests.extend((0..REQUESTS as u64).map(|number| mixed(mixed(number) % ENTRIES as u64)));
        table
    }

    /// The key that is looked up at this time, over and over.
    #[inline(always)]
    pub(super) fn request(&self, time: usize) -> u64 {
        self.requests[time % REQUESTS]
    }

    /// What the lookups from one time to another come to, without the table.
    pub(super) fn expected(&self, times: std::ops::Range<usize>) -> u64 {
        times.fold(0, |sum, time| sum.wrapping_add(value_of(self.request(time))))
    }

    /// Where a lookup begins.
    #[inline(always)]
    pub(super) fn start(&self, key: u64) -> Place {
        Place::Head(head_of(key))
    }

    /// Reads the memory at a place.
    ///
    /// # Panics
    ///
    /// When the key is not in the table: each that is looked up is.
    #[inline(always)]
    pub(super) fn step(&self, place: Place, key: u64) -> Step {
        match place {
            Place::Head(head) => Step::Next(Place::Entry(self.heads[head])),
            Place::Entry(entry) => {
                let entry = &self.entries[entry as usize];
                if entry.key == key { Step::Found(entry.value) } else { Step::Next(Place::Entry(entry.next)) }
            }
        }
    }

    /// Prefetches the memory at a place.
    #[inline(always)]
    pub(super) fn prefetch(&self, place: Place) {
        match place {
            Place::Head(head) => prefetch(&raw const self.heads[head]),
            Place::Entry(entry) => prefetch(self.entries.as_ptr().wrapping_add(entry as usize)),
        }
    }
}

/// As programs with large tables do: with pages of 4 KiB, most of the time goes to address translation. Where Linux has
/// none, nothing changes.
fn ask_for_huge_pages(entries: &Vec<Entry>) {
    const HUGE: usize = 2 << 20;
    let (start, end) = (entries.as_ptr(), entries.as_ptr().wrapping_add(entries.capacity()));
    let first = start.map_addr(|addr| addr.next_multiple_of(HUGE)).cast_mut();
    let length = (end.addr() & !(HUGE - 1)).saturating_sub(first.addr());
    if length > 0 {
        // SAFETY: the pages lie within the vector's memory; only their size may change.
        let _refused = unsafe { rustix::mm::madvise(first.cast(), length, rustix::mm::Advice::LinuxHugepage) };
    }
}

/// SplitMix64: no two numbers have the same.
#[inline(always)]
fn mixed(number: u64) -> u64 {
    let z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Keys are mixed already.
#[inline(always)]
fn head_of(key: u64) -> usize {
    key as usize % HEADS
}

fn value_of(key: u64) -> u64 {
    key.rotate_left(7)
}

#[inline(always)]
fn prefetch<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint; each x86-64 processor has the instruction, and it faults at no address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: a hint, which faults at no address.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{}]", in(reg) address, options(nostack, preserves_flags, readonly));
    }
}
