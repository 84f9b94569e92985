//! What another core, or an interrupt handler, may ask of a greenlet: to end, or to be woken.
//!
//! ```text
//!   other core, handler              the greenlet's core
//!   RemoteGreenlet::kill ──┐         next switch, `attend` ──► exit thrown into it
//!                          ├► mail ─►
//!   RemoteGreenlet::wake ──┘         `woken` ──► a handle, for who schedules
//! ```
//!
//! The mail of a greenlet are bits beside its number, in the word that weak handles look at: one compare-and-swap checks that
//! the greenlet still exists and leaves the request. The words stay what they are for ever, whoever holds the slot. Who was asked is
//! put into a list of the tree's, so that its core looks at those and at nobody else; and a kill sets a bit in the word that this
//! core tests when it switches. The steps on both sides, and why they come in this order, are in `mail`.

use crate::block::{Block, BlockPtr, DEAD};
#[cfg(feature = "abandon")]
use crate::busy::Busy;
use crate::handle::Greenlet;
use crate::here::{ASKED, Here};
use crate::mail::{Mail, Number, Request};
use crate::panic::{self, Held};
use crate::references::end_for_nobody;
use crate::tree::{Tree, each};
use core::fmt;
use core::mem::offset_of;
use core::ptr::NonNull;

/// Refers to a greenlet from anywhere: another core, an interrupt handler, another thread. Made by [`Greenlet::remote`].
///
/// Not counted, and of no use for a switch: it can leave a request, which the greenlet's own core settles when it comes to it.
/// A greenlet that is gone is noticed, also if its stack has another greenlet by now. `Copy`, `Send` and `Sync`; three words.
///
/// ```
/// # use greenlet::{StackPool, Tree};
/// # static STACKS: StackPool<1, 16384> = StackPool::new();
/// # static TREE: Tree<u32> = Tree::new();
/// TREE.enter(|main| {
///     let g = main.spawn(&STACKS, |me, x| me.up(x)).unwrap();
///     g.switch(1).unwrap();
///     let remote = g.remote();
///     std::thread::spawn(move || remote.kill().unwrap()).join().unwrap();
///     assert!(!g.is_dead()); // nothing has happened yet
///     assert_eq!(main.attend(), 1);
///     assert!(g.is_dead());
///     drop(g);
///     assert!(remote.kill().is_err());
/// }).unwrap();
/// ```
#[derive(Clone, Copy)]
pub struct RemoteGreenlet {
    number: NonNull<Number>,
    mail: &'static Mail,
    id: u64,
}

// SAFETY: of a number and of a mail all is atomic, or of the tree's core to look at; and this only leaves requests.
unsafe impl Send for RemoteGreenlet {}
// SAFETY: the same.
unsafe impl Sync for RemoteGreenlet {}

/// The greenlet was freed, or its tree has ended.
///
/// ```
/// # use greenlet::{Gone, StackPool, Tree};
/// # static STACKS: StackPool<1, 16384> = StackPool::new();
/// # static TREE: Tree<u32> = Tree::new();
/// # TREE.enter(|main| {
/// let g = main.bare(&STACKS).unwrap();
/// let remote = g.remote();
/// assert_eq!(remote.wake(), Ok(()));
/// drop(g);
/// assert_eq!(remote.wake(), Err(Gone));
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Gone;

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the greenlet was freed, or its tree has ended; drop this `RemoteGreenlet`, there is nothing to ask",
        )
    }
}

impl core::error::Error for Gone {}

impl RemoteGreenlet {
    /// Asks for a kill: the greenlet's core throws an exit into it, as [`cancel`](Greenlet::cancel) does, at its next transfer,
    /// whichever greenlets that is between and whatever is sent: where it arrives, before it returns. Or when
    /// [`attend`](Greenlet::attend) is called. A core that neither transfers nor attends settles nothing. What comes back is thrown
    /// away; an error goes to [`on_unraisable`](crate::Tree::on_unraisable), as does [`NoRun`](crate::Thrown::NoRun) of a greenlet without a
    /// body, which stays as it is. The main greenlet is never killed, and a dead one not again.
    ///
    /// A kill that is asked for while others are settled waits for the next transfer.
    ///
    /// A kill of the greenlet that runs, or of a parent of it, near or far, waits until it is neither, and is settled by the transfer
    /// that makes it so. As any transfer may be that one, each takes the slow path meanwhile, and looks whether it is: some ten times
    /// what a switch takes otherwise, and more for each parent on the way to main. So whoever asks for the kill of a greenlet that
    /// does not leave, as one that leads others for ever, slows its core down until it does: tell that one by a value.
    ///
    /// If the exit function of the tree panics, that goes on in the transfer which settles the kill, and the kill is asked for again.
    ///
    /// Takes the same time, however many greenlets there are; lock-free. Asked for twice before it is settled, it is one kill.
    ///
    /// # Errors
    ///
    /// [`Gone`]: the greenlet does not exist any more.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.spawn(&STACKS, |me, x| me.up(x)).unwrap();
    /// g.switch(1).unwrap();
    /// g.remote().kill().unwrap(); // from anywhere
    /// assert!(!g.is_dead());
    /// main.attend();
    /// assert!(g.is_dead());
    /// # }).unwrap();
    /// ```
    pub fn kill(&self) -> Result<(), Gone> {
        self.leave(Request::Kill)
    }

    /// Leaves a wake: [`woken`](Greenlet::woken) gives it to whoever schedules on the greenlet's core. Several wakes that
    /// nobody has taken are one.
    ///
    /// Takes the same time, however many greenlets there are; lock-free.
    ///
    /// # Errors
    ///
    /// [`Gone`]: the greenlet does not exist any more.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.spawn(&STACKS, |me, x| me.up(x)).unwrap();
    /// g.switch(1).unwrap();
    /// g.remote().wake().unwrap(); // from a handler, say
    /// assert_eq!(main.woken().unwrap().switch(2), Ok(2)); // what a scheduler does
    /// # }).unwrap();
    /// ```
    pub fn wake(&self) -> Result<(), Gone> {
        self.leave(Request::Wake)
    }

    /// The number of the greenlet.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.bare(&STACKS).unwrap();
    /// assert_eq!(g.remote().id(), g.id());
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    fn leave(&self, request: Request) -> Result<(), Gone> {
        // SAFETY: memory that was once a stack stays one for ever; `remote` was asked for the greenlet, and knew its tree.
        if unsafe { self.mail.leave(self.number, self.id, request) } { Ok(()) } else { Err(Gone) }
    }
}

impl PartialEq for RemoteGreenlet {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for RemoteGreenlet {}

impl fmt::Debug for RemoteGreenlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "remote greenlet {}", self.id)
    }
}

/// # Requests from elsewhere
impl<V: 'static, E: 'static> Greenlet<V, E> {
    /// A token with which another core, a thread or an interrupt handler can ask for this greenlet's kill or leave it a wake.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.bare(&STACKS).unwrap();
    /// let remote = g.remote();
    /// std::thread::spawn(move || remote.wake().unwrap()).join().unwrap(); // `Send`, as a handle is not
    /// assert_eq!(main.woken(), Some(g));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn remote(&self) -> RemoteGreenlet {
        let block = self.block();
        let mail = if self.is_ended() {
            static NOWHERE: Mail = Mail::new();
            &NOWHERE
        } else {
            // SAFETY: the handle is of a tree of `V` and `E` that has not ended.
            let tree = unsafe { Tree::<V, E>::of(block) };
            tree.settle.set(Some(settle::<V, E>));
            block.id.admit();
            &tree.mail
        };
        RemoteGreenlet { number: block.number(), mail, id: block.id() }
    }

    /// Settles the kills that were asked for from elsewhere, in the order in which they were; returns how many.
    ///
    /// A kill of the current greenlet, or of a parent of it, near or far, waits until it is neither. The next transfer settles them
    /// as well: this is for code that makes none. While an overflow is being reported none is settled. Takes time for each kill, and
    /// none for other greenlets.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.spawn(&STACKS, |me, x| me.up(x)).unwrap();
    /// g.switch(1).unwrap();
    /// g.remote().kill().unwrap();
    /// assert_eq!((main.attend(), main.attend()), (1, 0));
    /// # }).unwrap();
    /// ```
    pub fn attend(&self) -> usize {
        if self.is_ended() || self.block().here().stopped().is_some() {
            return 0;
        }
        // SAFETY: the tree has not ended; the handle knows its types.
        let tree = unsafe { Tree::<V, E>::of(self.block()) };
        // SAFETY: the same.
        if tree.mail.has(Request::Kill) { unsafe { settle::<V, E>(self.block()) } } else { 0 }
    }

    /// Takes the next wake that was left from elsewhere, if there is one: the greenlet, for the caller to switch to as it sees
    /// fit. In the order in which they were left, each greenlet once for all the wakes it was left; one whose stack had another before
    /// it, that was left a wake and is gone, may come in that one's place. Takes the same time, however many greenlets there are.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<2, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let [a, b] = [(); 2].map(|()| main.bare(&STACKS).unwrap());
    /// b.remote().wake().unwrap();
    /// a.remote().wake().unwrap();
    /// assert_eq!((main.woken(), main.woken(), main.woken()), (Some(b), Some(a), None));
    /// # }).unwrap();
    /// ```
    pub fn woken(&self) -> Option<Self> {
        if self.is_ended() {
            return None;
        }
        // SAFETY: the tree has not ended; the handle knows its types.
        let mail = unsafe { &Tree::<V, E>::of(self.block()).mail };
        if !mail.has(Request::Wake) {
            return None;
        }
        #[cfg(feature = "abandon")]
        let _busy = Busy::in_tree_of(self.block());
        loop {
            let Some(number) = mail.next(Request::Wake) else {
                if mail.collect(Request::Wake) {
                    continue;
                }
                return if mail.is_missing(Request::Wake) { self.woken_missing(mail) } else { None };
            };
            // SAFETY: slots stay, and of their numbers all is atomic.
            if unsafe { number.as_ref() }.take(Request::Wake) {
                // SAFETY: it was asked of a greenlet of this tree, which exists.
                return Some(unsafe { keep(number) });
            }
        }
    }

    /// The first of all who was left a wake. Its slot came from another tree and was in that one's list still, so that it is in none
    /// of this one's.
    #[cold]
    fn woken_missing(&self, mail: &'static Mail) -> Option<Self> {
        let mut found = None;
        self.for_each(|greenlet| {
            if found.is_none() && greenlet.block().id.take_found(Request::Wake) {
                found = Some(greenlet.clone());
                mail.leave_missing(Request::Wake); // there may be more, for the next call
            }
        });
        found
    }
}

/// A handle to the greenlet whose slot has this number.
///
/// # Safety
///
/// The number came from a list. Its slot holds a greenlet of a tree of `V` and `E` that is entered on this core.
unsafe fn keep<V: 'static, E: 'static>(number: NonNull<Number>) -> Greenlet<V, E> {
    // SAFETY: it is that of a block, with the provenance of the whole: see `BlockPtr::number`.
    let block = unsafe { number.cast::<Block>().byte_sub(offset_of!(Block, id)) };
    // SAFETY: by the contract, it exists.
    let block = unsafe { BlockPtr::new(block.as_ptr()) };
    // SAFETY: the same, and counted here.
    unsafe { Greenlet::from_block(block.retain()) }
}

/// What arrivals call when there may be kills to settle: [`settle`] of the tree's types.
///
/// [`Greenlet::remote`] alone names it to the tree, so that a program without remote handles has none of this code. That is
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
    #[cfg(feature = "abandon")]
    let _busy = Busy::in_tree_of(any);
    here.clear_slow(ASKED); // before the look: a kill that is asked for after that rings again
    let mut unfinished = Unfinished { here, is: true, missing: None, settler: here.settler() };
    here.set_settler(here.current_ptr());
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

/// Settles one kill, which was taken. A function of its own: on a small stack, what it holds is not to lie beside what [`settle`] does.
#[inline(never)]
fn end<V: 'static, E: 'static>(tree: &'static Tree<V, E>, greenlet: &Greenlet<V, E>) -> End {
    let block = greenlet.block();
    let is_needless = || block.is_main() || block.has(DEAD);
    // SAFETY: the tree is entered.
    let is_above = || block.is_above(unsafe { block.here().current() });
    // SAFETY: the greenlet exists, and is of this tree.
    let ask_again = || unsafe { tree.mail.post(block.number(), block.id(), Request::Kill) };
    if is_needless() {
        return End::Needless;
    }
    if is_above() {
        ask_again();
        return End::Waits;
    }
    // The exit function may end it, or switch.
    let exit = panic::catch(tree.exit);
    if exit.is_err() {
        ask_again();
    } else if is_needless() {
        return End::Needless;
    } else if is_above() {
        ask_again();
        return End::Waits;
    }
    // SAFETY: the handle refers to it; it is neither main nor an ancestor of the current greenlet, or there is no exit.
    match unsafe { end_for_nobody::<V, E>(block, exit) } {
        Some(payload) => panic::resume(payload),
        None => End::Settled,
    }
}

/// When [`settle`] is over, has the next transfer come back to what it has left: what has to wait, or all of it after a panic, of a
/// greenlet or a hook.
struct Unfinished {
    here: &'static Here,
    is: bool,
    missing: Option<&'static Mail>,
    /// The greenlet that settled when this began.
    settler: *const Block,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.here.set_settler(self.settler);
        if let Some(mail) = self.missing {
            mail.leave_missing(Request::Kill);
        }
        if self.is {
            self.here.set_slow(ASKED);
        }
    }
}
