//! What a peer is: coroutines with stacks of their own, that are resumed with a value and suspend with one.
//!
//! Each work is written once, in `works`, for all peers. So all peers run the same loop.

use crate::works::lookup;
use greenlet::Tree;
use std::fmt::Debug;

/// The errors of our trees. Small: the least stack of a greenlet depends on what it may receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    Thrown,
    Climbs,
}

/// Bytes of a stack where the number of stacks is small, and where it is large: an odd number of cache lines. The part
/// of a stack that is in use is at its end; with a power of two between stacks side by side, these parts would compete
/// for a few sets of the caches.
pub(crate) const USUAL: usize = 16 * 1024 + LINE;
/// In a test build the crate requires more, as for each program that may be compiled without optimization.
pub(crate) const SMALL: usize = if cfg!(test) { 4096 + LINE } else { 1024 + LINE };
const LINE: usize = 64;

/// How many stacks a work needs, and of what size, for peers that leave this to the program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stacks {
    pub(crate) count: usize,
    pub(crate) size: usize,
}

impl Stacks {
    pub(crate) const fn usual(count: usize) -> Self {
        Self { count, size: USUAL }
    }

    pub(crate) const fn small(count: usize) -> Self {
        Self { count, size: SMALL }
    }
}

/// What is handed to and fro.
pub(crate) trait Value: Copy + Debug + Default + Send + 'static {
    /// What a partner answers.
    fn next(self) -> Self;

    /// How often `next` was called since the default.
    fn number(self) -> usize;

    /// The tree whose greenlets exchange such values: a static cannot be generic.
    fn tree() -> &'static Tree<Self, Error>;
}

impl Value for usize {
    #[inline(always)]
    fn next(self) -> Self {
        self.wrapping_add(1)
    }

    fn number(self) -> usize {
        self
    }

    fn tree() -> &'static Tree<Self, Error> {
        static TREE: Tree<usize, Error> = Tree::new();
        &TREE
    }
}

/// For small stacks.
impl Value for u32 {
    #[inline(always)]
    fn next(self) -> Self {
        self.wrapping_add(1)
    }

    fn number(self) -> usize {
        self as usize
    }

    fn tree() -> &'static Tree<Self, Error> {
        static TREE: Tree<u32, Error> = Tree::new();
        &TREE
    }
}

impl Value for [u64; 8] {
    #[inline(always)]
    fn next(mut self) -> Self {
        self[0] = self[0].wrapping_add(1);
        self
    }

    fn number(self) -> usize {
        self[0] as usize
    }

    fn tree() -> &'static Tree<Self, Error> {
        static TREE: Tree<[u64; 8], Error> = Tree::new();
        &TREE
    }
}

impl Value for [u64; 32] {
    #[inline(always)]
    fn next(mut self) -> Self {
        self[0] = self[0].wrapping_add(1);
        self
    }

    fn number(self) -> usize {
        self[0] as usize
    }

    fn tree() -> &'static Tree<Self, Error> {
        static TREE: Tree<[u64; 32], Error> = Tree::new();
        &TREE
    }
}

/// A way to have coroutines.
pub(crate) trait Peer {
    /// Its name in tables.
    const NAME: &'static str;
    /// The most partners that it can have alive here: a stack that is a mapping with a guard takes two of the 65,530
    /// mappings that Linux gives a process.
    const MOST: usize = 10_000;
    /// Whether dropping a suspended partner runs its destructors.
    const KILLS: bool = false;
    /// Whether [`throw`](Self::throw) does something.
    const THROWS: bool = false;

    /// What partners are created from.
    type Ground<V: Value>;
    /// A coroutine, seen from outside.
    type Partner<V: Value>;
    /// The same, seen from inside.
    type Inside<'a, V: Value>;
    /// What a body gets when it is to end.
    type Stop<V: Value>;

    /// Makes a ground with these stacks.
    fn enter<V: Value, R>(stacks: Stacks, bench: impl FnOnce(&Self::Ground<V>) -> R) -> R;

    /// A coroutine that has not started.
    fn create<V: Value, F>(ground: &Self::Ground<V>, body: F) -> Self::Partner<V>
    where
        F: FnOnce(&mut Self::Inside<'_, V>, V) -> Result<V, Self::Stop<V>> + Send + 'static;

    /// Resumes `partner`, which gets `value`; returns what it suspends or ends with.
    fn resume<V: Value>(partner: &mut Self::Partner<V>, value: V) -> V;

    /// Suspends: goes back to the resumer.
    ///
    /// # Errors
    ///
    /// When the body is to end.
    fn suspend<V: Value>(inside: &mut Self::Inside<'_, V>, value: V) -> Result<V, Self::Stop<V>>;

    /// Creates, runs, and finishes a body that returns its argument, on a stack that was used before where the peer
    /// allows it.
    fn once(ground: &Self::Ground<usize>, value: usize) -> usize {
        let mut partner = Self::create(ground, |_, value| Ok(value));
        Self::resume(&mut partner, value)
    }

    /// Creates a partner, resumes it once, and drops it while it is suspended.
    fn kill(ground: &Self::Ground<usize>, value: usize) -> usize {
        let mut partner = Self::create(ground, |inside, value| Self::suspend(inside, value));
        Self::resume(&mut partner, value)
    }

    /// Resumes `partner`, which gets an error.
    fn throw(_partner: &mut Self::Partner<usize>) -> usize {
        unreachable!("only for a peer that throws")
    }

    /// Whether what a body got is an error that was thrown; else it has to end.
    fn is_error(_stop: &Self::Stop<usize>) -> bool {
        false
    }

    /// Lets an error climb through `depth` coroutines, each created and resumed by the one before; nanoseconds from the
    /// innermost one's end to the arrival, or `None` if this peer has no such thing.
    fn climb(_depth: usize) -> Option<f64> {
        None
    }
    /// Looks up values, with so many coroutines whose lookups overlap; nanoseconds of one. By way of main, unless the
    /// peer can do without.
    fn lookups(lanes: usize, count: usize) -> f64
    where
        Self: Sized,
    {
        lookup::by_main::<Self>(lanes, count)
    }
}
