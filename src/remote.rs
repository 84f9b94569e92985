//! What another core, or an interrupt handler, may ask of a greenlet: to end, or to be woken.
//!
//! ```text
//!   other core, handler              the greenlet's core
//!   RemoteGreenlet::kill ──┐         slow arrival, `attend` ──► exit thrown into it
//!                          ├► mail ─►
//!   RemoteGreenlet::wake ──┘         `woken` ──► a handle, for who schedules
//! ```
//!
//! The mail of a greenlet are bits beside its number, in the word that weak handles look at: one compare-and-swap checks that
//! the greenlet still exists and leaves the request. The words stay what they are for ever, whoever holds the slot; the tree counts
//! requests, so that its core looks through its greenlets only when there are some. The steps on both sides, and why they
//! come in this order, are in `mail`.

use crate::block::{BlockPtr, DEAD};
#[cfg(feature = "abandon")]
use crate::busy::Busy;
use crate::handle::Greenlet;
use crate::mail::{Mail, Number, Request};
use crate::references::end_under_me;
use crate::thrown::Sent;
use crate::transfer::slow::surface;
use crate::tree::{Tree, each};
use core::fmt;
use core::mem;

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
    number: &'static Number,
    mail: &'static Mail,
    id: u64,
}

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
    /// Asks for a kill: the greenlet's core throws an exit into it, as [`cancel`](Greenlet::cancel) does, at the next transfer
    /// there that takes the slow path, such as a throw, when a greenlet ends, or when [`attend`](Greenlet::attend) is called. What comes back is thrown away; an error
    /// goes to [`on_unraisable`](crate::Tree::on_unraisable), as does [`NoRun`](crate::Thrown::NoRun) of a greenlet without a
    /// body, which stays as it is. The main greenlet is never killed, and a dead one not again.
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
        if self.mail.leave(self.number, self.id, request) { Ok(()) } else { Err(Gone) }
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
        if !self.is_ended() {
            // SAFETY: the handle is of a tree of `V` and `E` that has not ended.
            unsafe { Tree::<V, E>::of(block) }.settle.set(Some(settle::<V, E>));
        }
        // SAFETY: memory that was once a stack stays one for ever, and the number in it an atomic, whoever holds it.
        let number = unsafe { &(*block.as_ptr()).id };
        RemoteGreenlet { number, mail: block.mail.get(), id: block.id() }
    }

    /// Settles the kills that were asked for from elsewhere, in the order of creation; returns how many.
    ///
    /// A kill of the current greenlet, or of a parent of it, near or far, waits until it is neither.
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
        if self.is_ended() {
            return 0;
        }
        // SAFETY: the tree has not ended; the handle knows its types.
        unsafe { settle::<V, E>(self.block()) }
    }

    /// Takes the next wake that was left from elsewhere, if there is one: the greenlet, for the caller to switch to as it sees
    /// fit. In the order of creation, each greenlet once for all the wakes it was left.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<2, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let [a, b] = [(); 2].map(|()| main.bare(&STACKS).unwrap());
    /// b.remote().wake().unwrap();
    /// a.remote().wake().unwrap();
    /// assert_eq!((main.woken(), main.woken(), main.woken()), (Some(a), Some(b), None));
    /// # }).unwrap();
    /// ```
    pub fn woken(&self) -> Option<Self> {
        let mail = self.block().mail.get();
        if self.is_ended() || !mail.collect(Request::Wake) {
            return None;
        }
        #[cfg(feature = "abandon")]
        let _busy = Busy::in_tree_of(self.block());
        let mut found = None;
        self.for_each(|greenlet| {
            let number = &greenlet.block().id;
            if !number.asks(Request::Wake) {
                return;
            }
            if found.is_none() {
                number.take(Request::Wake);
                found = Some(greenlet.clone());
            } else {
                mail.put_back(Request::Wake); // more for the next call
            }
        });
        found
    }
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
    let mail = any.mail.get();
    if !mail.collect(Request::Kill) {
        return 0;
    }
    #[cfg(feature = "abandon")]
    let _busy = Busy::in_tree_of(any);
    // SAFETY: the tree is entered.
    let tree = unsafe { Tree::<V, E>::of(any) };
    // SAFETY: the same.
    let main = unsafe { any.here().main() };
    let mut settled = 0;
    let kill = |greenlet: &Greenlet<V, E>| {
        let block = greenlet.block();
        if !block.id.asks(Request::Kill) {
            return;
        }
        if block.is_main() || block.has(DEAD) {
            block.id.take(Request::Kill);
            return;
        }
        let exit = (tree.exit)();
        // SAFETY: the tree is entered.
        if block.is_above(unsafe { any.here().current() }) {
            mail.put_back(Request::Kill); // waits
            return;
        }
        block.id.take(Request::Kill);
        if block.has(DEAD) {
            return; // the exit function has ended it
        }
        settled += 1;
        // SAFETY: the handle refers to it; it is neither main nor an ancestor of the current greenlet.
        let arrival = unsafe { end_under_me(block, Sent::Exit(exit), |arrival| arrival) };
        if let Err(thrown) = surface(arrival.and_then(|arrival| arrival)) {
            (tree.unraisable)(greenlet, thrown);
        }
    };
    let unfinished = Unfinished(mail);
    // SAFETY: main heads the ring.
    unsafe { each(main, kill) };
    mem::forget(unfinished);
    settled
}

/// Dropped only by a panic, a greenlet's or a hook's, that leaves [`settle`] half-way: the kills that it did not come to are
/// looked for the next time.
struct Unfinished(&'static Mail);

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.0.put_back(Request::Kill);
    }
}
