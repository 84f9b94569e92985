//! Values that are live over a transfer, in whatever registers the compiler chooses.

use board::atomic::{AtomicU32, Ordering::Relaxed};
use core::hint::black_box;

/// How often a transfer is made: what stands in a loop is more worth a register.
pub(crate) fn turns() -> u32 {
    black_box(3)
}

/// A number such that it and the next 255 were never used before.
pub(crate) fn new_values() -> u32 {
    static USED: AtomicU32 = AtomicU32::new(0);
    USED.fetch_add(1 << 8, Relaxed)
}

/// Makes `$transfer` again and again while 40 values are live that no other greenlet has. Returns what it returned
/// last; `None` if not all values survived. These are more than there are registers, so that the compiler has a use for
/// each one that it believes to be kept.
macro_rules! live_over {
    ($opaque:path, $type:ty, $transfer:expr) => {
        live_over!($opaque, $type, $transfer,
            a0 a1 a2 a3 a4 a5 a6 a7 a8 a9 b0 b1 b2 b3 b4 b5 b6 b7 b8 b9
            c0 c1 c2 c3 c4 c5 c6 c7 c8 c9 d0 d1 d2 d3 d4 d5 d6 d7 d8 d9)
    };
    ($opaque:path, $type:ty, $transfer:expr, $($value:ident)*) => {{
        let turns = $crate::live::turns();
        let mut next = $crate::live::new_values() as $type;
        let last = next + turns as $type;
        $(
            next += 1 as $type;
            let mut $value = $opaque(next);
        )*
        let mut result = None;
        for _ in 0..turns {
            result = Some($transfer());
            $( $value = $opaque($value + 1 as $type); )*
        }
        let mut next = last;
        let mut alive = true;
        $(
            next += 1 as $type;
            alive &= $value == next;
        )*
        result.filter(|_| alive)
    }};
}
