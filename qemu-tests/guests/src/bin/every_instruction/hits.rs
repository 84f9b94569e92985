//! Which instructions were interrupted: a bit for each place in the code where one may begin.

use board::atomic::{AtomicUsize, Ordering::Relaxed};

use board::println;

/// From one such place to the next.
const UNIT: usize = match () {
    () if cfg!(target_arch = "aarch64") => 4,
    () if cfg!(target_arch = "x86_64") => 1,
    () => 2,
};

/// In a word.
const BITS: usize = usize::BITS as usize;

/// The largest code that there is room for.
const MOST_BYTES: usize = 4 << 20;

/// A set of instructions.
pub(crate) struct Hits([AtomicUsize; MOST_BYTES / UNIT / BITS]);

impl Hits {
    pub(crate) const fn new() -> Self {
        Self([const { AtomicUsize::new(0) }; MOST_BYTES / UNIT / BITS])
    }

    /// Adds the instruction at an address.
    pub(crate) fn insert(&self, address: usize) {
        let place = (address - board::code().start) / UNIT;
        self.0[place / BITS].fetch_or(1 << (place % BITS), Relaxed);
    }

    /// Adds all of them to `others`, and removes them from here.
    pub(crate) fn move_to(&self, others: &Self) {
        for (word, other) in self.words().iter().zip(others.words()) {
            other.fetch_or(word.swap(0, Relaxed), Relaxed);
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u32 {
        self.words().iter().map(|word| word.load(Relaxed).count_ones()).sum()
    }

    /// How many there are that are not in `others`.
    pub(crate) fn count_without(&self, others: &Self) -> u32 {
        let pairs = self.words().iter().zip(others.words());
        pairs.map(|(word, other)| (word.load(Relaxed) & !other.load(Relaxed)).count_ones()).sum()
    }

    /// Prints them as notes for the host: `# hit NAME ADDRESS WORD`, in hexadecimal. Bit 0 of a word is the instruction
    /// at that address, and each next bit one that begins [`UNIT`] bytes after it.
    pub(crate) fn print(&self, name: &str) {
        for (index, word) in self.words().iter().enumerate() {
            let word = word.load(Relaxed);
            if word != 0 {
                println!("# hit {name} {:x} {word:x}", board::code().start + index * BITS * UNIT);
            }
        }
    }

    /// The words for the code of this guest.
    fn words(&self) -> &[AtomicUsize] {
        &self.0[..board::code().len().div_ceil(BITS * UNIT)]
    }
}
