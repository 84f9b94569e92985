//! The end of a tree: everyone who is left is asked to exit; then all are cut loose.

use super::Tree;
use crate::block::{BARE, BlockPtr, DEAD, ENDED, LEAKED};
#[cfg(feature = "abandon")]
use crate::busy::Busy;
use crate::handle::Greenlet;
use crate::panic::{self, Held, Payload};
use crate::pool;
use crate::references::{end_for_nobody, release_caught};
use core::mem::replace;

/// How often the greenlets that are left are asked. More than once because one that ends may wake others, or spawn some.
const ROUNDS: usize = 32;

/// Ends a tree. After this nothing of it is ever resumed. Returns the last panic of user code that ran meanwhile.
///
/// # Safety
///
/// `main` is the main greenlet of `tree`. Its closure is over, and the caller is who called that; be it that another greenlet is
/// current.
pub(super) unsafe fn end<V: 'static, E: 'static>(tree: &'static Tree<V, E>, main: BlockPtr) -> Option<Payload> {
    let here = main.here();
    // Only code that changes stacks and is not the crate's can bring control here then.
    if here.current_ptr() != main.as_ptr() {
        ends_elsewhere();
    }
    // From here on main is current, on its own stack: all others are suspended, unstarted or dead.
    let mut panicked = None;
    let mut rounds = 0..ROUNDS;
    let mut asked_below = 0;
    loop {
        while asked_below < here.next_id() && rounds.next().is_some() {
            // SAFETY: the caller's contract; main is current, by the test.
            asked_below = unsafe { round(tree, main, asked_below, &mut panicked) };
        }
        let newer = here.next_id();
        // SAFETY: the same.
        unsafe { report(tree, main, &mut panicked) };
        // The hook may have created others. After the last round they are not asked, but reported. Each keeps a stack, so that this
        // ends when there is none left, if not before.
        if here.next_id() == newer {
            break;
        }
    }
    // SAFETY: the caller's contract; every greenlet that could be ended has been.
    panicked = panic::last(panicked, unsafe { cut_loose(tree, main) });
    here.give_back();
    panicked
}

/// Somebody has his hands on the bell of this core: where the record is a thread's it must not go before he has let go. A moment
/// as a rule; a sleep, because he may have been put aside by a thread like this one.
#[cfg(feature = "std")]
fn wait_for_the_bell() -> bool {
    std::thread::sleep(std::time::Duration::from_micros(20));
    true
}

/// Records are there for ever: who rings late has a later departure look for nothing.
#[cfg(not(feature = "std"))]
fn wait_for_the_bell() -> bool {
    false
}

/// Aborts. `extern "C"` turns the panic into an abort where panics unwind: the frames that it would go through are not those of who
/// runs.
#[cold]
#[inline(never)]
extern "C" fn ends_elsewhere() -> ! {
    panic!(
        "the closure given to `Tree::enter` is over while another greenlet than main is current: `enter` was called in a coroutine of \
         another crate, which a greenlet resumed or left; enter the tree outside of that, or resume it only from main"
    )
}

/// Calls `visit` with every greenlet of the ring, main first, then in the order of creation, up to the newest one there is at
/// the beginning. A handle keeps the one at hand in existence, and so in the ring, while `visit` runs.
///
/// # Safety
///
/// `main` heads the ring of a tree of `V` and `E` that is entered.
pub(crate) unsafe fn each<V: 'static, E: 'static>(main: BlockPtr, mut visit: impl FnMut(&Greenlet<V, E>)) {
    #[cfg(feature = "abandon")]
    let _busy = Busy::in_tree_of(main);
    let newer = main.here().next_id();
    // SAFETY: counted here, and below; all of the ring are of the tree.
    let keep = |block: BlockPtr| Held::new(unsafe { Greenlet::from_block(block.retain()) });
    let mut at = keep(main);
    loop {
        visit(&at);
        let next = keep(at.block().successor());
        drop(replace(&mut at, next).into_inner());
        if at.block() == main || at.id() >= newer {
            return drop(at.into_inner());
        }
    }
}

/// Asks every greenlet to exit, once, that is not dead and whose number is at least `from`. A panic that comes back is put into
/// `panicked`.
///
/// Returns the number below which no greenlet need be asked again: 0 if one has ended meanwhile, because others may end now. It is
/// [`Here::next_id`](crate::here::Here::next_id) if none has ended, been created, or been left without its exit.
///
/// # Safety
///
/// `main` is the current greenlet, and the main greenlet of `tree`.
unsafe fn round<V: 'static, E: 'static>(
    tree: &'static Tree<V, E>,
    main: BlockPtr,
    from: u64,
    panicked: &mut Option<Payload>,
) -> u64 {
    let here = main.here();
    let (deaths, mut asked_below) = (here.deaths(), here.next_id());
    let ask = |greenlet: &Greenlet<V, E>| {
        let block = greenlet.block();
        if block == main || block.has(DEAD) || greenlet.id() < from {
            return;
        }
        if block.has(BARE) {
            block.clear(BARE);
            block.die(DEAD);
            return;
        }
        let (exit, traced) = (panic::catch(tree.exit), tree.listener.get().is_some());
        let has_exit = exit.is_ok();
        // SAFETY: the handle refers to it; it is not main, and main has no ancestors.
        let panic = unsafe { end_for_nobody::<V, E>(block, exit) };
        // A tracer that fails is removed, and its error or panic arrives in place of the exit.
        if !has_exit || traced && tree.listener.get().is_none() {
            asked_below = asked_below.min(greenlet.id());
        }
        *panicked = panic::last(panicked.take(), panic);
    };
    // SAFETY: the caller's contract.
    let walked = panic::catch(|| unsafe { each(main, ask) });
    let cut_short = walked.is_err();
    *panicked = panic::last(panicked.take(), walked.err());
    if cut_short || here.deaths() != deaths { 0 } else { asked_below }
}

/// Calls the hook for leaks with every greenlet that waits and that it was not called with before. A panic of the hook is put
/// into `panicked`.
///
/// # Safety
///
/// As for [`round`].
unsafe fn report<V: 'static, E: 'static>(tree: &'static Tree<V, E>, main: BlockPtr, panicked: &mut Option<Payload>) {
    let mut tell = |greenlet: &Greenlet<V, E>| {
        let block = greenlet.block();
        // One that has not started is freed with its last handle, as ever.
        if block != main && !block.has(DEAD | LEAKED) && !block.is_unstarted() {
            block.leak(); // told of once
            block.retain();
            (tree.leak)(greenlet);
        }
    };
    // As often as a hook panics: those that were told of are not told of again.
    // SAFETY: the caller's contract.
    while let Err(payload) = panic::catch(|| unsafe { each(main, &mut tell) }) {
        *panicked = panic::last(panicked.take(), Some(payload));
    }
}

/// Makes every handle inert, and takes the greenlets that still exist apart: no parents, no ring. What is dead and not
/// referred to is freed; the others are freed, each for itself, by the last handle.
///
/// # Safety
///
/// As for [`round`].
unsafe fn cut_loose<V: 'static, E: 'static>(tree: &'static Tree<V, E>, main: BlockPtr) -> Option<Payload> {
    tree.replace_listener(main.here(), None);
    main.set(DEAD | ENDED);
    main.id.end();
    tree.occupancy.leave();
    let mut at = main.successor();
    while at != main {
        at.count_no_more();
        at.set(ENDED);
        at.home.get().outlived();
        #[cfg(feature = "high-water")]
        crate::high_water::keep(at);
        at.id.end();
        at = at.successor();
    }
    tree.mail.take_down(wait_for_the_bell);
    tree.mail.clear();
    pool::give_up_all(main.here());
    // Only now may user code run: bodies that were never started are dropped here.
    let mut panicked = None;
    while main.successor() != main {
        let greenlet = main.successor().retain();
        greenlet.unlink();
        if let Some(target) = greenlet.take_pin() {
            // SAFETY: the pin owned it.
            panicked = panic::last(panicked, unsafe { release_caught::<V, E>(target) });
        }
        if let Some(parent) = greenlet.take_parent() {
            // SAFETY: the parent field owned it.
            panicked = panic::last(panicked, unsafe { release_caught::<V, E>(parent) });
        }
        // SAFETY: counted above.
        panicked = panic::last(panicked, unsafe { release_caught::<V, E>(greenlet) });
    }
    // SAFETY: the reference that `enter` made. Handles may hold more; the next `enter` waits for them.
    panic::last(panicked, unsafe { release_caught::<V, E>(main) })
}
