//! A loop between two moments.

use core::arch::asm;
use core::fmt;
use core::hint::black_box;

/// Counts instructions from one moment to the next.
pub trait Meter {
    /// The moment from which on they count.
    fn begin(&self);

    /// The moment up to which they count.
    fn end(&self);
}

/// Does not count.
pub(crate) struct NoMeter;

impl Meter for NoMeter {
    fn begin(&self) {}

    fn end(&self) {}
}

/// An operation did not do what it does, so that its loop is not what was to be counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unexpected;

impl fmt::Display for Unexpected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an operation was refused, or something else came back than was to come")
    }
}

impl core::error::Error for Unexpected {}

/// Whatever came instead.
pub(crate) fn unexpected<T>(_: T) -> Unexpected {
    Unexpected
}

pub(crate) type Done<T = ()> = Result<T, Unexpected>;

/// How an operation is to be run.
pub(crate) struct Run<'a> {
    pub(crate) turns: usize,
    pub(crate) meter: &'a dyn Meter,
}

impl Run<'_> {
    /// Runs turns that have nothing to do with one another but their number.
    #[inline(always)]
    pub(crate) fn each(&self, mut turn: impl FnMut(usize) -> Done) -> Done {
        self.meter.begin();
        for at in 0..self.turns {
            // SAFETY: no instruction at all. The loop stays, however little its turns do, and each of them reads memory
            // anew.
            unsafe { asm!("", options(nostack, preserves_flags)) };
            turn(at)?;
        }
        self.meter.end();
        Ok(())
    }

    /// Runs turns each of which makes a value of the last one's.
    #[inline(always)]
    pub(crate) fn chain<X>(&self, first: X, mut turn: impl FnMut(X) -> Done<X>) -> Done {
        let mut x = hidden(first);
        self.meter.begin();
        for _ in 0..self.turns {
            x = turn(x)?;
        }
        // Before the end, or each turn would save its value for afterwards.
        hidden(x);
        self.meter.end();
        Ok(())
    }
}

/// A value that is hidden from the optimizer. A function, or the loop would keep its values in the memory that
/// `black_box` shows around.
#[inline(never)]
fn hidden<X>(x: X) -> X {
    black_box(x)
}
