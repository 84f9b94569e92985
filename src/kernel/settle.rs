//! Kills that were asked for from elsewhere: how the greenlet's core settles them.

use crate::kernel::handle::Greenlet;
use crate::kernel::references::end_under_me;
use crate::kernel::thrown::Sent;
use crate::kernel::transfer::slow::surface;
use crate::kernel::tree::{Tree, each};
use crate::records::block::{Block, BlockPtr, DEAD};
use crate::records::busy::Busy;
use crate::records::here::{ASKED, Here};
use crate::records::mail::{Mail, Number, Request};
use crate::records::panic::{self, Held};
use core::mem::offset_of;
use core::ptr::NonNull;

/// A handle to the greenlet whose slot has this number.
///
/// # Safety
///
/// The number came from a list. Its slot holds a greenlet of a tree of `V` and `E` that is entered on this core.
pub(crate) unsafe fn keep<V: 'static, E: 'static>(number: NonNull<Number>) -> Greenlet<V, E> {
    // SAFETY: it is that of a block, with the provenance of the whole: see `BlockPtr::number`.
    let block = unsafe { number.cast::<Block>().byte_sub(offset_of!(Block, id)) };
    // SAFETY: by the contract, it exists.
    let block = unsafe { BlockPtr::new(block.as_ptr()) };
    // SAFETY: the same, and counted here.
    unsafe { Greenlet::from_block(block.retain()) }
}

/// What arrivals call when there may be kills to settle: [`settle`] of the tree's types.
///
/// [`Greenlet::remote`](crate::Greenlet::remote) alone names it to the tree, so that a program without remote handles has none of this code. That is
/// enough: a kill can be asked for only through what `remote` returned, after that, and only while the tree of that run lasts. The
/// pointer is written and read by the core of the tree. It stays when the tree ends: who was late may have counted a request still,
/// and the next run is of the same types.
pub(crate) type Settle = unsafe fn(BlockPtr) -> usize;

/// Settles the kills that were asked for; returns how many.
///
/// # Safety
///
/// `any` is a greenlet of a tree of `V` and `E` that is entered on this core.
#[cold]
pub(crate) unsafe fn settle<V: 'static, E: 'static>(any: BlockPtr) -> usize {
    // SAFETY: the tree is entered.
    let tree = unsafe { Tree::<V, E>::of(any) };
    let (mail, here) = (&tree.mail, any.here());
    let _busy = Busy::in_tree_of(any);
    here.clear_slow(ASKED); // before the look: a kill that is asked for after that rings again
    let mut unfinished = Unfinished { here, is: true, missing: None };
    let (mut settled, mut waits) = (0, false);
    let mut kill = |greenlet: &Greenlet<V, E>| match end(tree, greenlet) {
        End::Settled => settled += 1,
        End::Waits => waits = true,
        End::Needless => {}
    };
    // Those that were left by who was interrupted, or who called the code that called this; then those of the inbox, once: who waits
    // is put back there.
    let mut collected = false;
    loop {
        while let Some(number) = mail.next(Request::Kill) {
            // SAFETY: slots stay, and of their numbers all is atomic.
            if unsafe { number.as_ref() }.take(Request::Kill) {
                // SAFETY: it was asked of a greenlet of this tree, which exists.
                let greenlet = Held::new(unsafe { keep::<V, E>(number) });
                kill(&greenlet);
                drop(greenlet.into_inner());
            }
        }
        if collected || !mail.collect(Request::Kill) {
            break;
        }
        collected = true;
    }
    if mail.is_missing(Request::Kill) {
        unfinished.missing = Some(mail);
        // SAFETY: the same; main heads the ring.
        let main = unsafe { here.main() };
        let found = |greenlet: &Greenlet<V, E>| {
            if greenlet.block().id.take_found(Request::Kill) {
                kill(greenlet);
            }
        };
        // SAFETY: the tree is entered.
        unsafe { each(main, found) };
        unfinished.missing = None;
    }
    unfinished.is = waits;
    settled
}

/// What became of a kill.
enum End {
    Settled,
    /// It is of the current greenlet, or of a parent of it, and was put back.
    Waits,
    Needless,
}

/// Settles one kill, which was taken.
fn end<V: 'static, E: 'static>(tree: &'static Tree<V, E>, greenlet: &Greenlet<V, E>) -> End {
    let block = greenlet.block();
    let is_needless = || block.is_main() || block.has(DEAD);
    // SAFETY: the tree is entered.
    let is_above = || block.is_above(unsafe { block.here().current() });
    if is_needless() {
        return End::Needless;
    }
    // The exit function may end it, or switch.
    let exit = if is_above() { None } else { Some(panic::catch(tree.exit)) };
    let exit = exit.transpose().unwrap_or_else(|payload| {
        // SAFETY: the greenlet exists, and is of this tree.
        unsafe { tree.mail.post(block.number(), block.id(), Request::Kill) };
        panic::resume(payload)
    });
    if is_needless() {
        return End::Needless;
    }
    let Some(exit) = exit.filter(|_| !is_above()) else {
        // SAFETY: the greenlet exists, and is of this tree.
        unsafe { tree.mail.post(block.number(), block.id(), Request::Kill) };
        return End::Waits;
    };
    // SAFETY: the handle refers to it; it is neither main nor an ancestor of the current greenlet.
    let arrival = unsafe { end_under_me(block, Sent::Exit(exit), |arrival| arrival) };
    if let Err(thrown) = surface(arrival.and_then(|arrival| arrival)) {
        (tree.unraisable)(greenlet, thrown);
    }
    End::Settled
}

/// When [`settle`] is over, has the next transfer come back to what it has left: what has to wait, or all of it after a panic, of a
/// greenlet or a hook.
struct Unfinished {
    here: &'static Here,
    is: bool,
    missing: Option<&'static Mail>,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(mail) = self.missing {
            mail.leave_missing(Request::Kill);
        }
        if self.is {
            self.here.set_slow(ASKED);
        }
    }
}
