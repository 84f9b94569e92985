//! The end of a tree: an exit is thrown into every greenlet that is left; then all are detached from one another.
//!
//! The control blocks of a tree form a ring, linked in the order of creation, with main as its head.

use super::Tree;
use crate::kernel::handle::Greenlet;
use crate::kernel::references::{kill_discarding, release_caught, write_exit};
use crate::records::block::{BlockPtr, DEAD, ENDED, LEAKED, NO_BODY};
use crate::records::busy::Busy;
use crate::records::core_state::wait_for_the_bell;
use crate::records::paint;
use crate::records::panic::{self, Held, Payload};
use crate::records::pool;
use core::mem::{MaybeUninit, replace};

/// The largest number of rounds of exits. More than one, because a greenlet that ends may resume others, or spawn some.
const ROUNDS: usize = 32;

/// Ends a tree. None of its greenlets is resumed afterwards. Returns the last panic of user code that ran meanwhile.
///
/// # Safety
///
/// `main` is the main greenlet of `tree`. Its closure has returned or unwound, to the function that called it, which
/// calls this. (Another greenlet may be current: this checks it.)
pub(super) unsafe fn end<V: 'static, E: 'static>(tree: &'static Tree<V, E>, main: BlockPtr) -> Option<Payload> {
    let core = main.core();
    // Main may not be current if another crate switches stacks, too: see `ends_elsewhere`.
    if core.current_ptr() != main.as_ptr() {
        ends_elsewhere();
    }
    // So main is current, on its own stack, and all other greenlets are suspended, unstarted or dead.
    let mut panicked = None;
    let mut rounds_left = 0..ROUNDS;
    let mut asked_below = 0;
    for _ in 0..ROUNDS {
        while asked_below < core.next_id() && rounds_left.next().is_some() {
            // SAFETY: the caller's contract; main is current, by the test.
            asked_below = unsafe { round(tree, main, asked_below, &mut panicked) };
        }
        let newer = core.next_id();
        // SAFETY: the same.
        unsafe { report(tree, main, &mut panicked) };
        // The hook may have created greenlets: they get their exits next, or none if all rounds are used up. A hook may
        // create one each time it is called, so this loop is bounded, too.
        if core.next_id() == newer {
            break;
        }
    }
    // SAFETY: the caller's contract; main is current, by the test.
    panicked = panic::last(panicked, unsafe { cut_loose(tree, main) });
    core.give_back();
    panicked
}

/// Aborts. The panic must not unwind: the frames above are main's, and their destructors would run while another
/// greenlet is current. So this is `extern "C"`, which turns the panic into an abort where panics unwind.
#[cold]
#[inline(never)]
extern "C" fn ends_elsewhere() -> ! {
    panic!(
        "the closure given to `Tree::enter` is over while another greenlet than main is current: `enter` was called \
         in a coroutine of another crate, which a greenlet resumed or left; enter the tree outside of that, or resume \
         it only from main"
    )
}

/// Calls `visit` with every greenlet of the ring: main first, then in the order of creation, up to the newest that
/// exists when this is called. While `visit` runs, a handle keeps the visited greenlet alive, and so in the ring.
///
/// # Safety
///
/// `main` heads the ring of a tree of `V` and `E` that is entered.
pub(crate) unsafe fn each<V: 'static, E: 'static>(main: BlockPtr, mut visit: impl FnMut(&Greenlet<V, E>)) {
    if cfg!(small) {
        // One copy for a pair of types, for any `visit`. SAFETY: the same contract.
        return unsafe { walk::<V, E, &mut dyn FnMut(&Greenlet<V, E>)>(main, &mut visit) };
    }
    // SAFETY: the same contract.
    unsafe { walk(main, visit) }
}

/// [`each`].
///
/// # Safety
///
/// As for [`each`].
#[cfg_attr(small, inline(never))]
#[cfg_attr(not(small), inline(always))]
unsafe fn walk<V: 'static, E: 'static, F: FnMut(&Greenlet<V, E>)>(main: BlockPtr, mut visit: F) {
    let _busy = Busy::in_tree_of(main);
    let newer = main.core().next_id();
    // SAFETY: the reference is counted here; every greenlet of the ring is of the tree.
    let keep = |block: BlockPtr| Held::new(unsafe { Greenlet::from_block(block.retain()) });
    let mut at = keep(main);
    loop {
        visit(&at);
        let next = keep(at.block().successor());
        drop(replace(&mut at, next).into_inner());
        if at.block() == main || at.block().id() >= newer {
            return drop(at.into_inner());
        }
    }
}

/// Throws an exit into every greenlet, once, that is not dead and whose id is at least `from`. `panicked` is replaced
/// by the last panic, if there is one.
///
/// Returns the id below which no greenlet need be killed again: 0 if a greenlet has died or a panic has cut this round
/// short, because others may end now; else [`Core::next_id`](crate::records::core_state::Core::next_id) as it was at
/// the start, or the id of the first greenlet that did not receive its exit.
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
    let core = main.core();
    let mut asked_below = core.next_id();
    core.forget_deaths();
    let ask = |greenlet: &Greenlet<V, E>| {
        let block = greenlet.block();
        if block == main || block.has(DEAD) || block.id() < from {
            return;
        }
        if block.has(NO_BODY) {
            block.clear(NO_BODY);
            block.die(DEAD);
            return;
        }
        let mut place = MaybeUninit::uninit();
        let (exit, traced) = (write_exit(tree, &mut place), tree.listener.get().is_some());
        let has_exit = exit.is_ok();
        // SAFETY: the handle keeps it alive; it is not main, and main, the current greenlet, has no ancestors.
        let panic = unsafe { kill_discarding::<V, E>(block, &mut place, exit) };
        // A tracer that fails is removed, and its error or panic arrives in place of the exit.
        if !has_exit || traced && tree.listener.get().is_none() {
            asked_below = asked_below.min(block.id());
        }
        *panicked = panic::last(panicked.take(), panic);
    };
    // SAFETY: the caller's contract.
    let walked = panic::catch(|| unsafe { each(main, ask) });
    let cut_short = walked.is_err();
    *panicked = panic::last(panicked.take(), walked.err());
    if cut_short || core.has_death() { 0 } else { asked_below }
}

/// Calls the leak hook with every suspended greenlet with which it was not called before. `panicked` is replaced by the
/// last panic of the hook, if there is one.
///
/// # Safety
///
/// As for [`round`].
unsafe fn report<V: 'static, E: 'static>(tree: &'static Tree<V, E>, main: BlockPtr, panicked: &mut Option<Payload>) {
    let mut tell = |greenlet: &Greenlet<V, E>| {
        let block = greenlet.block();
        // An unstarted greenlet is freed with its last handle, as always.
        if block != main && !block.has(DEAD | LEAKED) && !block.is_unstarted() {
            block.leak(); // so it is reported once
            block.retain();
            (tree.leak)(greenlet);
        }
    };
    // Repeated after each panic of a hook: greenlets that were reported are skipped.
    // SAFETY: the caller's contract.
    while let Err(payload) = panic::catch(|| unsafe { each(main, &mut tell) }) {
        *panicked = panic::last(panicked.take(), Some(payload));
    }
}

/// Makes every handle inert, and detaches the greenlets that still exist: they lose their parents and leave the ring. A
/// dead or unstarted greenlet is freed here if it has no handle, else by its last handle. One that refused to exit is
/// never freed.
///
/// # Safety
///
/// As for [`round`].
unsafe fn cut_loose<V: 'static, E: 'static>(tree: &'static Tree<V, E>, main: BlockPtr) -> Option<Payload> {
    tree.replace_listener(main.core(), None);
    main.set(DEAD | ENDED);
    main.id.end();
    tree.occupancy.leave();
    let mut at = main.successor();
    while at != main {
        at.count_no_more(); // among the dead greenlets of its pool
        at.set(ENDED);
        at.home.get().count_out_of_tree(); // its pool counts the stacks that are not back yet
        paint::keep(at); // its high-water mark
        at.id.end();
        at = at.successor();
    }
    // Requests from other cores: from here on none sets a bit in this core's `slow`, which is the bell of
    // `records::mail`; those that are left are dropped.
    tree.mail.take_down(wait_for_the_bell);
    if let Some(settle) = tree.settle.get() {
        (settle.clear)(&tree.mail);
    }
    pool::give_up_all(main.core());
    // User code runs only from here on, when every greenlet is marked: destructors of what the freed greenlets owned.
    let mut panicked = None;
    while main.successor() != main {
        let greenlet = main.successor().retain();
        greenlet.unlink();
        if let Some(target) = greenlet.take_pin() {
            // SAFETY: the pin owned the reference.
            panicked = panic::last(panicked, unsafe { release_caught::<V, E>(target) });
        }
        if let Some(parent) = greenlet.take_parent() {
            // SAFETY: the parent field owned the reference.
            panicked = panic::last(panicked, unsafe { release_caught::<V, E>(parent) });
        }
        // SAFETY: the reference was counted above.
        panicked = panic::last(panicked, unsafe { release_caught::<V, E>(greenlet) });
    }
    // SAFETY: the reference was counted by `enter`. Handles may own more: the tree cannot be entered until they are
    // dropped.
    panic::last(panicked, unsafe { release_caught::<V, E>(main) })
}
