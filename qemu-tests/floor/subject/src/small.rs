//! `spawn` refuses what `set_run` refuses, where the program builds: on stacks that only a program with optimization
//! may have.

use crate::{Error, Word, least_stack};
use greenlet::{Greenlet, Me, Outcome, SpawnError, StackPool, Tree};

/// Spawns on stacks of sizes from the least that is ever accepted to what is enough in any case.
pub(crate) fn spawns() {
    static TREE: Tree<Word, Error> = Tree::new();
    TREE.enter(|main| {
        macro_rules! multiples_of_64 {
            ($($n:literal)*) => { [$(spawns_on::<{ 64 * $n }>(main)),*] };
        }
        // A smaller one is refused when the program is built.
        #[cfg(not(feature = "std"))]
        let spawned = multiples_of_64!(22 24 26 28 32 40 48 56 64 72 80 96 112 128);
        #[cfg(feature = "std")]
        let spawned = multiples_of_64!(28 32 40 48 56 64 72 80 96 112 128);
        assert!(spawned.is_sorted() && spawned[spawned.len() - 1], "more is always enough: {spawned:?}");
        println!("spawns on {} of {} sizes", spawned.iter().filter(|&&it| it).count(), spawned.len());
    })
    .unwrap();
}

/// Whether a greenlet is spawned on a stack of `SIZE` bytes; it must be if and only if that is enough.
fn spawns_on<const SIZE: usize>(main: &Greenlet<Word, Error>) -> bool {
    let needs = least_stack(main, body());
    let pool: &'static StackPool<1, SIZE> = Box::leak(Box::new(StackPool::new()));
    let spawned = main.spawn(pool, body()).map_err(|refused| refused.reason);
    match spawned {
        Ok(_greenlet) => assert!(needs <= SIZE, "spawned on {SIZE} bytes, {needs} are needed"),
        Err(reason) => assert_eq!(reason, SpawnError::StackTooSmall { needs, stack: SIZE }),
    }
    needs <= SIZE
}

fn body() -> impl FnOnce(&Me<Word, Error>, Word) -> Outcome<Word, Error> + 'static {
    |me, x| me.up(x)
}
