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

use crate::kernel::handle::Greenlet;
use crate::kernel::settle::{keep, settle};
use crate::kernel::tree::Tree;
use crate::records::busy::Busy;
use crate::records::mail::{Mail, Number, Request};
use core::fmt;
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
