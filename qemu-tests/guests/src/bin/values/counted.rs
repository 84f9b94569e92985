//! Values that count themselves.

use board::atomic::{AtomicI32, AtomicU32, Ordering::Relaxed};

/// `N` bytes, all of which follow from a tag, aligned as an `A` is.
///
/// Each access to one, its destructor included, finds it whole, where it may be, and alive exactly once.
#[repr(C)]
pub(crate) struct Counted<const N: usize, A> {
    alignment: [A; 0],
    bytes: [u8; N],
}

/// How many values exist, by their tags. Those without a byte for a tag are all at 0.
static ALIVE: [AtomicI32; 256] = [const { AtomicI32::new(0) }; 256];

/// How often a value was found broken, misplaced, or dropped once too often.
static SPOILED: AtomicU32 = AtomicU32::new(0);

/// What the tests need of a value.
pub(crate) trait Payload: PartialEq + 'static {
    /// A new value. Values with different tags are different, if they have any bytes.
    fn new(tag: u8) -> Self;
}

// Nothing in here is inlined: what is tried is the code that moves values, not the code that makes them.
impl<const N: usize, A: 'static> Payload for Counted<N, A> {
    #[inline(never)]
    fn new(tag: u8) -> Self {
        let mut bytes = [0; N];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = nth_byte(tag, index);
        }
        let new = Self { alignment: [], bytes };
        ALIVE[new.tag()].fetch_add(1, Relaxed);
        new
    }
}

impl<const N: usize, A> Counted<N, A> {
    fn tag(&self) -> usize {
        self.bytes.first().copied().unwrap_or(0).into()
    }

    fn inspect(&self) {
        let tag = self.tag();
        let whole = self.bytes.iter().enumerate().all(|(index, &byte)| byte == nth_byte(tag as u8, index));
        let placed = (&raw const *self).addr().is_multiple_of(align_of::<Self>());
        let alive = ALIVE[tag].load(Relaxed) > 0;
        if !(whole && placed && alive) {
            SPOILED.fetch_add(1, Relaxed);
        }
    }
}

/// The byte at `index` of a value with this tag; at 0, the tag itself.
fn nth_byte(tag: u8, index: usize) -> u8 {
    tag.wrapping_add((index as u8).wrapping_mul(37))
}

impl<const N: usize, A> Drop for Counted<N, A> {
    #[inline(never)]
    fn drop(&mut self) {
        self.inspect();
        ALIVE[self.tag()].fetch_sub(1, Relaxed);
    }
}

impl<const N: usize, A> PartialEq for Counted<N, A> {
    #[inline(never)]
    fn eq(&self, other: &Self) -> bool {
        self.inspect();
        other.inspect();
        self.bytes == other.bytes
    }
}

/// How many values exist; `None` when any was spoiled, or one tag has too many and another too few.
pub(crate) fn alive() -> Option<i32> {
    let counts = || ALIVE.iter().map(|count| count.load(Relaxed));
    (SPOILED.load(Relaxed) == 0 && counts().all(|count| count >= 0)).then(|| counts().sum())
}
