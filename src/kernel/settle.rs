//! Settling kills that other cores or interrupt handlers requested. This runs on the greenlets' own core.

use crate::kernel::handle::Greenlet;
use crate::kernel::references::kill_discarding;
use crate::kernel::tree::{Tree, each};
use crate::records::block::{Block, BlockPtr, DEAD, SETTLING};
use crate::records::busy::Busy;
use crate::records::core_state::ASKED;
use crate::records::mail::{Mail, Number, Request};
use crate::records::panic::{self, Held};
use core::mem::offset_of;
use core::ptr::NonNull;

/// Returns a counted handle to the greenlet in whose control block `number` is.
///
/// # Safety
///
/// `number` came from a list of requests. Its slot holds a greenlet of a tree of `V` and `E` that is entered on this
/// core.
pub(crate) unsafe fn keep<V: 'static, E: 'static>(number: NonNull<Number>) -> Greenlet<V, E> {
    // SAFETY: it is a field of a block, and its provenance covers the whole block: see `BlockPtr::number`.
    let block = unsafe { number.cast::<Block>().byte_sub(offset_of!(Block, id)) };
    // SAFETY: the block exists, by the contract.
    let block = unsafe { BlockPtr::new(block.as_ptr()) };
    // SAFETY: the same; the reference is counted here.
    unsafe { Greenlet::from_block(block.retain()) }
}

/// The function that an arrival calls when kills may be pending: [`settle`] for the tree's types.
///
/// Only [`Greenlet::remote`](crate::Greenlet::remote) stores it in the tree, so a program without remote handles does
/// not link it. That is early enough: a kill can be requested only through what `remote` has returned. Only the tree's
/// core writes and reads the pointer. It stays set when the tree ends: every later run has the same types.
pub(crate) type Settle = unsafe fn(BlockPtr) -> usize;

/// Settles the pending kills; returns how many.
///
/// # Safety
///
/// `any` is a greenlet of a tree of `V` and `E` that is entered on this core.
#[cold]
pub(crate) unsafe fn settle<V: 'static, E: 'static>(any: BlockPtr) -> usize {
    // SAFETY: the tree is entered.
    let tree = unsafe { Tree::<V, E>::of(any) };
    let (mail, core) = (&tree.mail, any.core());
    let _busy = Busy::in_tree_of(any);
    core.clear_slow(ASKED); // before the lists are read: a later request sets the bit again
    // SAFETY: the tree is entered.
    let me = unsafe { core.current() };
    let mut unfinished = Unfinished { me, is: true, missing: None, is_nested: me.has(SETTLING) };
    me.set(SETTLING);
    let (mut settled, mut waits) = (0, false);
    let mut kill = |greenlet: &Greenlet<V, E>| match end(tree, greenlet) {
        End::Settled => settled += 1,
        End::Waits => waits = true,
        End::Needless => {}
    };
    // First the queue, where an outer call of this function may have left requests; then the inbox, but only once,
    // because kills that have to wait are put back there.
    let mut collected = false;
    loop {
        while let Some(number) = mail.next(Request::Kill) {
            // SAFETY: the memory of a slot is never freed, and a `Number` consists of atomics.
            if unsafe { number.as_ref() }.take(Request::Kill) {
                // SAFETY: `take` returned true: the request is to a greenlet of this tree, which exists.
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
        // SAFETY: the tree is entered.
        let main = unsafe { core.main() };
        let found = |greenlet: &Greenlet<V, E>| {
            if greenlet.block().id.take_found(Request::Kill) {
                kill(greenlet);
            }
        };
        // SAFETY: the tree is entered; main heads its ring.
        unsafe { each(main, found) };
        unfinished.missing = None;
    }
    unfinished.is = waits;
    settled
}

/// The result of one kill.
enum End {
    /// The exit was thrown.
    Settled,
    /// The target is the current greenlet or an ancestor of it. The request was put back.
    Waits,
    /// The target is main, or dead already.
    Needless,
}

/// Settles one kill, which was taken from a list. Not inlined, so that on a small stack its frame is not part of that of
/// [`settle`].
#[inline(never)]
fn end<V: 'static, E: 'static>(tree: &'static Tree<V, E>, greenlet: &Greenlet<V, E>) -> End {
    let block = greenlet.block();
    let is_needless = || block.is_main() || block.has(DEAD);
    // SAFETY: the tree is entered.
    let is_above = || block.is_above(unsafe { block.core().current() });
    // SAFETY: the greenlet exists, and is of this tree.
    let ask_again = || unsafe { tree.mail.post(block.number(), block.id(), Request::Kill) };
    if is_needless() {
        return End::Needless;
    }
    if is_above() {
        ask_again();
        return End::Waits;
    }
    // The exit function may end the greenlet, or switch, so both tests are repeated after it.
    let exit = panic::catch(tree.exit);
    if exit.is_err() {
        ask_again();
    } else if is_needless() {
        return End::Needless;
    } else if is_above() {
        ask_again();
        return End::Waits;
    }
    // SAFETY: the handle owns a reference; the greenlet is neither main nor an ancestor of the current greenlet, or there
    // is no exit.
    match unsafe { kill_discarding::<V, E>(block, exit) } {
        Some(payload) => panic::resume(payload),
        None => End::Settled,
    }
}

/// Makes the next transfer call [`settle`] again if that has left requests: kills that have to wait, or, after a panic
/// of a greenlet or a hook, all that were not settled.
struct Unfinished {
    /// The greenlet that settles kills.
    me: BlockPtr,
    /// Whether requests are left.
    is: bool,
    /// Set while all greenlets of the tree are searched for requests that are in no list: a panic cuts the search
    /// short.
    missing: Option<&'static Mail>,
    /// Whether the greenlet was settling kills already: a destructor called `attend`.
    is_nested: bool,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_nested {
            self.me.clear(SETTLING);
        }
        if let Some(mail) = self.missing {
            mail.leave_missing(Request::Kill);
        }
        if self.is {
            self.me.core().set_slow(ASKED);
        }
    }
}
