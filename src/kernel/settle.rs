//! Settling kills that other cores or interrupt handlers requested. This runs on the greenlets' own core.

use crate::arch::{Cpu, Native, Words};
use crate::kernel::handle::Greenlet;
use crate::kernel::references::{kill_discarding, release_caught, write_exit};
use crate::kernel::thrown::Outcome;
use crate::kernel::transfer::word::is_wide;
use crate::kernel::tree::{Tree, each};
use crate::records::block::{Block, BlockPtr, DEAD, SETTLING};
use crate::records::busy::Busy;
use crate::records::core_state::ASKED;
use crate::records::mail::{Mail, Number, Request};
use crate::records::optimized::is_unoptimized;
use crate::records::panic::{self, Payload};
use core::mem::{ManuallyDrop, MaybeUninit, offset_of};
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

/// What a tree needs because requests are possible.
///
/// Only [`Greenlet::remote`](crate::Greenlet::remote) stores it in the tree, so a program without remote handles does
/// not link the two functions. That is early enough: a request can be made only through what `remote` has returned.
/// Only the tree's core writes and reads the pointer. It stays set when the tree ends: every later run has the same
/// types.
pub(crate) struct Settle {
    /// [`settle_where_room`] for the tree's types.
    settle: unsafe fn(BlockPtr) -> Option<Payload>,
    /// The end of the tree calls it.
    pub(crate) clear: fn(&Mail),
}

impl Settle {
    pub(crate) const fn of<V: 'static, E: 'static>() -> &'static Self {
        const { &Self { settle: settle_where_room::<V, E>, clear: Mail::clear } }
    }
}

/// Settles kills that other cores or interrupt handlers requested. Returns the panic of user code that ran meanwhile.
///
/// # Safety
///
/// `me` is the current greenlet, of a tree of `V` and `E`.
#[cold]
#[inline(never)]
pub(crate) unsafe fn settle_asked<V: 'static, E: 'static>(me: BlockPtr) -> Option<Payload> {
    // SAFETY: a greenlet of the tree runs here, so the tree is entered.
    let Some(Settle { settle, .. }) = unsafe { Tree::<V, E>::of(me) }.settle.get() else {
        me.core().clear_slow(ASKED); // set by a late request to an earlier tree of this core
        return None;
    };
    // SAFETY: the tree is entered, and has the types `V` and `E`.
    unsafe { settle(me) }
}

/// [`settle`], if the stack has room for that.
///
/// # Safety
///
/// As for [`settle_asked`].
unsafe fn settle_where_room<V: 'static, E: 'static>(me: BlockPtr) -> Option<Payload> {
    if !has_room::<V, E>(me) {
        return None; // the bit stays set, so the next greenlet that is resumed comes here as well
    }
    // SAFETY: the same contract.
    unsafe { settle::<V, E>(me, None) }
}

/// Whether the stack of `me`, which is current and receives a packet, has room to settle kills. Main's always has.
///
/// A greenlet settles kills that have nothing to do with it, so the least stack does not include the room for that. If
/// there is none, the kills wait for the next greenlet that has it.
#[inline(always)]
fn has_room<V, E>(me: BlockPtr) -> bool {
    let takes = if is_unoptimized() { const { takes::<V, E>(true) } } else { const { takes::<V, E>(false) } };
    me.is_main() || Native::stack_pointer().addr().saturating_sub(me.floor().addr()) >= takes
}

/// Bytes of stack that an arrival takes to settle kills, without what the code of the user takes: the exit function,
/// and `on_unraisable` if a victim ends with an error. `qemu-tests/floor` measures it.
const fn takes<V, E>(unoptimized: bool) -> usize {
    let (frames, outcomes, words, notes) = match (unoptimized, cfg!(feature = "std")) {
        (false, false) => (640, 4, 2, 64),
        (false, true) => (1024, 6, 2, 64),
        (true, false) => (1792, 14, 16, 256),
        (true, true) => (3072, 16, 16, 256),
    };
    let notes = if cfg!(feature = "abandon") { notes } else { 0 };
    let words = if is_wide::<V>() { words * size_of::<Words>() } else { 0 };
    size_of::<Outcome<V, E>>().saturating_mul(outcomes).saturating_add(frames + words + notes)
}

/// Settles the pending kills, and adds their number to `count`. A panic of user code ends this, and is returned.
///
/// The next transfer calls this again if requests are left: kills that have to wait, or, after a panic, all that were
/// not settled.
///
/// # Safety
///
/// `any` is a greenlet of a tree of `V` and `E` that is entered on this core.
#[cold]
pub(crate) unsafe fn settle<V: 'static, E: 'static>(any: BlockPtr, count: Option<&mut usize>) -> Option<Payload> {
    // SAFETY: the tree is entered.
    let tree = unsafe { Tree::<V, E>::of(any) };
    let _busy = Busy::in_tree_of(any);
    any.core().clear_slow(ASKED); // before the lists are read: a later request sets the bit again
    // SAFETY: the tree is entered.
    let me = unsafe { any.core().current() };
    let is_nested = me.has(SETTLING); // a destructor called `attend`
    me.set(SETTLING);
    let mut round = Round { tree, settled: 0, is_unfinished: false, panicked: None };
    // SAFETY: the tree is entered.
    unsafe { round.settle_listed() };
    if round.panicked.is_none() && tree.mail.is_missing(Request::Kill) {
        // SAFETY: the tree is entered.
        unsafe { round.settle_missing(me) };
    }
    if !is_nested {
        me.clear(SETTLING);
    }
    if round.is_unfinished || round.panicked.is_some() {
        me.core().set_slow(ASKED);
    }
    if let Some(count) = count {
        *count += round.settled;
    }
    round.panicked
}

/// One call of [`settle`].
struct Round<V: 'static, E: 'static> {
    tree: &'static Tree<V, E>,
    settled: usize,
    /// Whether kills have to wait.
    is_unfinished: bool,
    /// The panic that ends the round.
    panicked: Option<Payload>,
}

impl<V: 'static, E: 'static> Round<V, E> {
    /// Settles the kills whose requests are in the lists: first in the queue, where an outer call of [`settle`] may
    /// have left requests; then in the inbox, but only once, because kills that have to wait are put back there.
    ///
    /// # Safety
    ///
    /// The tree is entered on this core.
    #[cfg_attr(not(any(unoptimized, debug_assertions)), inline(always))] // else out of line: smaller frames
    unsafe fn settle_listed(&mut self) {
        let mail = &self.tree.mail;
        let mut collected = false;
        loop {
            while self.panicked.is_none()
                && let Some(number) = mail.next(Request::Kill)
            {
                // SAFETY: the memory of a slot is never freed, and a `Number` consists of atomics.
                if unsafe { number.as_ref() }.take(Request::Kill) {
                    // SAFETY: `take` returned true: the request is to a greenlet of this tree, which exists.
                    let greenlet = ManuallyDrop::new(unsafe { keep::<V, E>(number) }).block();
                    // SAFETY: the reference was just counted.
                    unsafe { self.kill(greenlet) };
                    // SAFETY: the same reference.
                    let panicked = unsafe { release_caught::<V, E>(greenlet) };
                    self.panicked = panic::last(self.panicked.take(), panicked);
                }
            }
            if collected || self.panicked.is_some() || !mail.collect(Request::Kill) {
                return;
            }
            collected = true;
        }
    }

    /// Settles the kills whose requests are in no list: searches all greenlets of the tree.
    ///
    /// # Safety
    ///
    /// The tree is entered on this core, and `any` is one of its greenlets.
    #[cold]
    #[inline(never)]
    unsafe fn settle_missing(&mut self, any: BlockPtr) {
        // SAFETY: the tree is entered.
        let main = unsafe { any.core().main() };
        let visit = |greenlet: &Greenlet<V, E>| {
            if self.panicked.is_none() && greenlet.block().id.take_found(Request::Kill) {
                // SAFETY: the handle owns a reference.
                unsafe { self.kill(greenlet.block()) };
            }
        };
        // SAFETY: the tree is entered; main heads its ring.
        let searched = panic::catch(|| unsafe { each(main, visit) });
        self.panicked = panic::last(self.panicked.take(), searched.err());
        if self.panicked.is_some() {
            self.tree.mail.leave_missing(Request::Kill); // the search was cut short
        }
    }

    /// Settles one kill, whose request was taken. A kill of the current greenlet or of an ancestor of it has to wait:
    /// it is requested again. That of main or of a dead greenlet has no effect. Not inlined, so that its frame is not
    /// on the stack while a list is read.
    ///
    /// # Safety
    ///
    /// The caller owns a reference to `victim`, which is of this tree. The tree is entered on this core.
    #[inline(never)]
    unsafe fn kill(&mut self, victim: BlockPtr) {
        // SAFETY: the caller's contract.
        if !unsafe { self.is_killable(victim) } {
            return;
        }
        let mut place = MaybeUninit::uninit();
        if let Err(payload) = write_exit(self.tree, &mut place) {
            // SAFETY: the caller's contract.
            unsafe { self.ask_again(victim) };
            self.panicked = Some(payload);
            return;
        }
        // The exit function may have ended the greenlet, or switched.
        // SAFETY: the caller's contract.
        self.panicked = if unsafe { self.is_killable(victim) } {
            self.settled += 1;
            // SAFETY: the caller owns a reference; the greenlet is neither main nor an ancestor of the current
            // greenlet. The exit is in the place.
            unsafe { kill_discarding::<V, E>(victim, &mut place, Ok(())) }
        } else {
            // SAFETY: the exit is still there.
            panic::catch(|| unsafe { place.assume_init_drop() }).err()
        };
    }

    /// Whether a kill of `victim` can be settled now. If it has to wait, requests it again.
    ///
    /// # Safety
    ///
    /// As for [`kill`](Self::kill).
    #[inline(never)]
    unsafe fn is_killable(&mut self, victim: BlockPtr) -> bool {
        if victim.is_main() || victim.has(DEAD) {
            return false;
        }
        // SAFETY: the tree is entered.
        let is_above = victim.is_above(unsafe { victim.core().current() });
        if is_above {
            // SAFETY: the caller's contract.
            unsafe { self.ask_again(victim) };
        }
        !is_above
    }

    /// Requests the kill of `victim` again, for a later round.
    ///
    /// # Safety
    ///
    /// As for [`kill`](Self::kill).
    unsafe fn ask_again(&mut self, victim: BlockPtr) {
        self.is_unfinished = true;
        // SAFETY: the greenlet exists, and is of this tree.
        unsafe { self.tree.mail.post(victim.number(), victim.id(), Request::Kill) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_settling_takes_grows_with_the_outcomes_and_with_values_in_several_registers() {
        for unoptimized in [false, true] {
            let [byte, seven, eight] =
                [takes::<u8, ()>, takes::<[usize; 7], ()>, takes::<[usize; 8], ()>].map(|takes| takes(unoptimized));
            let word = size_of::<Outcome<[usize; 8], ()>>() - size_of::<Outcome<[usize; 7], ()>>();
            let outcomes = (eight - seven) / word;
            assert!((4..=16).contains(&outcomes) && (eight - seven).is_multiple_of(word), "{outcomes}");
            let grown = size_of::<Outcome<[usize; 8], ()>>() - size_of::<Outcome<u8, ()>>();
            let words = eight - byte - outcomes * grown;
            let each = if is_wide::<[usize; 8]>() { size_of::<Words>() } else { 0 };
            assert!(words >= 2 * each && words <= 16 * each, "{words} bytes");
        }
    }
}
