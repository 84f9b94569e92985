//! What all operations stand on: a tree, and stacks.

use crate::meter::{Done, unexpected};
use crate::{Greenlet, MOST, Main, Me, Outcome, Tree};
use core::array;
use greenlet::StackPool;

/// Room for what is compiled without optimization, too, although that is not counted.
pub(crate) const SIZE: usize = 16384;

/// As many stacks as an operation has turns, and some for what it stands on.
pub(crate) static STACKS: StackPool<{ MOST + 2 }, SIZE> = StackPool::new();

pub(crate) static WORDS: Tree = Tree::new();

/// Runs `body` in a tree of words.
#[cfg(not(feature = "crowd"))]
pub(crate) fn in_tree(body: impl FnOnce(&Main) -> Done) -> Done {
    WORDS.enter(body).map_err(unexpected)?
}

/// Runs `body` in a tree of words where a crowd of other greenlets stands by.
#[cfg(feature = "crowd")]
pub(crate) fn in_tree(body: impl FnOnce(&Main) -> Done) -> Done {
    use core::sync::atomic::Ordering::Relaxed;
    static STANDS: StackPool<CROWD, 1024> = StackPool::new();
    let size = crate::CROWD_SIZE.load(Relaxed);
    let entered = WORDS.enter(|main| {
        let crowd: [Option<Greenlet>; CROWD] =
            array::from_fn(|at| (at < size).then(|| main.bare(&STANDS).ok()).flatten());
        let done = body(main);
        drop(crowd);
        done
    });
    entered.map_err(unexpected)?
}

/// The largest crowd.
#[cfg(feature = "crowd")]
const CROWD: usize = 10_000;

/// Greenlets that have not started, one for each turn, with this body.
pub(crate) fn unstarted(main: &Main, body: fn(&Me, u64) -> Outcome) -> [Greenlet; MOST] {
    array::from_fn(|_| main.spawn(&STACKS, body).expect("a stack is free"))
}

/// Greenlets that wait in their first `up`, one for each turn; `body` is what they do then.
pub(crate) fn suspended(main: &Main, body: fn(&Me, u64) -> Outcome) -> Done<[Greenlet; MOST]> {
    let greenlets = array::from_fn(|_| {
        main.spawn(&STACKS, move |me, x| {
            let x = me.up(x)?;
            body(me, x)
        })
        .expect("a stack is free")
    });
    for greenlet in &greenlets {
        greenlet.switch(1).map_err(unexpected)?;
    }
    Ok(greenlets)
}
