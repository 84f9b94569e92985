//! Stacks of many sizes, each with the function that creates a greenlet without a body on one.

use greenlet::{Greenlet, StackRegion};

use crate::{Error, steps};

/// A size.
pub(crate) struct Small<V: 'static> {
    pub(crate) size: usize,
    pub(crate) bare: fn(&Greenlet<V, Error>) -> Greenlet<V, Error>,
}

/// How many sizes are tried, from the least that is accepted.
const TRIED: usize = 3;

/// The least sizes that have `needs` bytes.
pub(crate) fn from<V: 'static>(needs: usize) -> impl Iterator<Item = Small<V>> {
    macro_rules! multiples_of_64 {
        ($($n:literal)*) => { [$(Small { size: 64 * $n, bare: bare_on::<V, { 64 * $n }> }),*] };
    }
    let all = multiples_of_64!(
        16 20 24 30 36 44 54 64 80 100 124 152 184 224 272 336 416 512 640 800 900 960 1200 1500
    );
    all.into_iter().filter(move |small| small.size >= needs).take(TRIED)
}

fn bare_on<V: 'static, const SIZE: usize>(main: &Greenlet<V, Error>) -> Greenlet<V, Error> {
    let region = StackRegion::<SIZE>::carve(steps::painted(StackRegion::<SIZE>::bytes(1))).unwrap();
    main.bare(region).unwrap()
}
