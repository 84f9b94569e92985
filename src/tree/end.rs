//! The end of a tree: everyone who is left is asked to exit; then all are cut loose.

use super::Tree;
use crate::block::{BlockPtr, DEAD, ENDED, LEAKED, UNSTARTED};
use crate::handle::Greenlet;
use crate::here::Here;
use crate::panic::Payload;
use crate::references::{end_under_me, release};
use crate::thrown::Sent;

/// How often the greenlets that are left are asked. More than once because one that ends may wake others, or spawn some.
const ROUNDS: usize = 32;

/// Ends a tree. After this nothing of it is ever resumed. Returns the last panic that left a greenlet meanwhile.
///
/// # Safety
///
/// `main` is the current greenlet, and the main greenlet of `tree`.
pub(super) unsafe fn end<V: 'static, E: 'static>(tree: &'static Tree<V, E>, main: BlockPtr) -> Option<Payload> {
    // Dropped at the end of this function, or when a hook panics out of it.
    let _ending = Ending { tree, main };
    let mut panicked = None;
    for _ in 0..ROUNDS {
        // SAFETY: the caller's contract.
        if !unsafe { round(tree, main, &mut panicked) } {
            break;
        }
    }
    let report = |greenlet: &Greenlet<V, E>| {
        let block = greenlet.block();
        if block != main && !block.has(DEAD | LEAKED) {
            block.set(LEAKED); // told of once
            block.retain();
            (tree.leak)(greenlet);
        }
    };
    // SAFETY: the caller's contract.
    unsafe { each(main, report) };
    panicked
}

/// What must be done last, whatever happens before.
struct Ending<V: 'static, E: 'static> {
    tree: &'static Tree<V, E>,
    main: BlockPtr,
}

impl<V: 'static, E: 'static> Drop for Ending<V, E> {
    fn drop(&mut self) {
        /// Dropped last of all: a body that is dropped unstarted may panic, too.
        struct GiveBack(&'static Here);
        impl Drop for GiveBack {
            fn drop(&mut self) {
                self.0.give_back();
            }
        }
        let _last = GiveBack(self.main.here());
        // SAFETY: made by `end`, whose contract says so; everyone who could be ended has been.
        unsafe { cut_loose(self.tree, self.main) };
    }
}

/// Calls `visit` with every greenlet of the ring, main first, then in the order of creation, up to the newest one there is at
/// the beginning. A handle keeps the one at hand in existence, and so in the ring, while `visit` runs.
///
/// # Safety
///
/// `main` heads the ring of a tree of `V` and `E` that is entered.
pub(crate) unsafe fn each<V: 'static, E: 'static>(main: BlockPtr, mut visit: impl FnMut(&Greenlet<V, E>)) {
    let newer = main.here().next_id();
    // SAFETY: counted here, and below; all of the ring are of the tree.
    let keep = |block: BlockPtr| unsafe { Greenlet::from_block(block.retain()) };
    let mut at = keep(main);
    loop {
        visit(&at);
        at = keep(at.block().successor());
        if at.block() == main || at.id() >= newer {
            return;
        }
    }
}

/// Asks everyone who is not dead to exit, once; whether anyone has ended. A panic that comes back is put into `panicked`.
///
/// # Safety
///
/// As for [`end`].
unsafe fn round<V: 'static, E: 'static>(
    tree: &'static Tree<V, E>,
    main: BlockPtr,
    panicked: &mut Option<Payload>,
) -> bool {
    let deaths = main.here().deaths();
    let ask = |greenlet: &Greenlet<V, E>| {
        let block = greenlet.block();
        if block == main || block.has(DEAD) {
            return;
        }
        if block.cannot_start() {
            block.clear(UNSTARTED);
            block.set(DEAD);
            main.here().count_death();
            return;
        }
        // SAFETY: the handle refers to it; it is not main, and main has no ancestors.
        match unsafe { end_under_me(block, Sent::Exit((tree.exit)()), |arrival| arrival) } {
            Ok(Ok(value)) => drop(value),
            Ok(Err(thrown)) => (tree.unraisable)(greenlet, thrown),
            Err(payload) => *panicked = Some(payload),
        }
    };
    // SAFETY: the caller's contract.
    unsafe { each(main, ask) };
    main.here().deaths() != deaths
}

/// Makes every handle inert, and takes the greenlets that still exist apart: no parents, no ring. What is dead and not
/// referred to is freed; the others are freed, each for itself, by the last handle.
///
/// # Safety
///
/// As for [`end`].
unsafe fn cut_loose<V: 'static, E: 'static>(tree: &'static Tree<V, E>, main: BlockPtr) {
    tree.replace_tracer(main.here(), None);
    main.set(DEAD | ENDED);
    main.id.end();
    let mut at = main.successor();
    while at != main {
        at.set(ENDED);
        at.id.end();
        at = at.successor();
    }
    // Only now may user code run: bodies that were never started are dropped here.
    while main.successor() != main {
        let greenlet = main.successor().retain();
        greenlet.unlink();
        greenlet.in_up.set(false); // an `up` that will never return refers to nothing
        if let Some(target) = greenlet.take_pin() {
            // SAFETY: the pin owned it.
            unsafe { release::<V, E>(target) };
        }
        if let Some(parent) = greenlet.replace_parent(None) {
            // SAFETY: the parent field owned it.
            unsafe { release::<V, E>(parent) };
        }
        // SAFETY: counted above.
        unsafe { release::<V, E>(greenlet) };
    }
    // SAFETY: the reference that `enter` made. Handles may hold more; the next `enter` waits for them.
    unsafe { release::<V, E>(main) };
}
