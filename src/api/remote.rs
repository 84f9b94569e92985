//! Requests to a greenlet from another core, thread or interrupt handler: a kill or a wake.
//!
//! ```text
//!   other core, handler              the greenlet's core
//!   RemoteGreenlet::kill ──┐         next switch, `attend` ──► exit thrown into it
//!                          ├► mail ─►
//!   RemoteGreenlet::wake ──┘         `woken` ──► a handle, for the scheduler
//! ```
//!
//! The pending requests of a greenlet are bits in the word that holds its id, which weak handles read: one
//! compare-and-swap checks that the greenlet still exists and sets the bit. That word stays an atomic word for
//! ever, whichever greenlet has the stack. The greenlet is also put into a list of its tree, so that the tree's
//! core examines only greenlets with requests. A kill sets a bit in the word that this core tests at each switch.
//! `records::mail` has the steps on both sides, and the reason for their order.

use crate::kernel::handle::Greenlet;
use crate::kernel::settle::{Settle, keep, settle};
use crate::kernel::tree::Tree;
use crate::records::busy::Busy;
use crate::records::mail::{Mail, Number, Request};
use crate::records::panic;
use core::fmt;
use core::ptr::NonNull;

/// Refers to a greenlet from another core, another thread or an interrupt handler. Made by [`Greenlet::remote`].
///
/// It is not counted, and cannot switch: it leaves a request, which the greenlet's own core handles later. A
/// greenlet that was freed is detected, also if its stack has another greenlet by now. `Copy`, `Send` and `Sync`;
/// its size is three words.
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
///     assert!(!g.is_dead()); // requested, not yet handled
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

// SAFETY: the fields of a number and of a mail are atomic, or are read by the tree's core only; and this type only
// leaves requests.
unsafe impl Send for RemoteGreenlet {}
// SAFETY: the same.
unsafe impl Sync for RemoteGreenlet {}

/// The error of a request to a greenlet that was freed, or whose tree has ended.
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
        f.write_str("the greenlet was freed, or its tree has ended; drop this `RemoteGreenlet`, no request is possible")
    }
}

impl core::error::Error for Gone {}

impl RemoteGreenlet {
    /// Requests a kill: the greenlet's core throws an exit into the greenlet later, as [`cancel`](Greenlet::cancel)
    /// does.
    ///
    /// The core handles the request in its next transfer between any two greenlets, before that transfer returns to
    /// the greenlet that it resumes; or in a call of [`attend`](Greenlet::attend). A core that makes neither
    /// handles no request. The result of the kill is discarded; an error, and [`NoRun`](crate::Thrown::NoRun) of a
    /// greenlet without a body, which stays as it is, goes to [`on_unraisable`](crate::Tree::on_unraisable). The
    /// request has no effect on main and on a dead greenlet.
    ///
    /// The current greenlet and its ancestors cannot be killed in this way: such a request stays pending until the
    /// greenlet is neither, and is handled by the transfer that makes it so. Until then every transfer takes the
    /// slow path, to check for this, which costs about ten times a fast switch, and more for each ancestor. So do
    /// not request the kill of a greenlet that stays an ancestor of all others for ever, such as one that runs a
    /// scheduling loop: send it a value that makes it return. A kill that is requested while the core settles others
    /// waits for the next transfer. A greenlet that has too little of its stack left to settle kills handles none, and
    /// the request waits for the next one that has enough; main always has (`docs/stack-sizing.md`, "For kills from
    /// elsewhere").
    ///
    /// If the exit function of the tree panics, the panic is resumed in the transfer that handles the kill, and the
    /// request is pending again.
    ///
    /// # Cost
    ///
    /// Constant time, whatever the number of greenlets; lock-free. Two requests before the first is handled are one
    /// kill.
    ///
    /// # Errors
    ///
    /// [`Gone`]: the greenlet was freed, or its tree has ended.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.spawn(&STACKS, |me, x| me.up(x)).unwrap();
    /// g.switch(1).unwrap();
    /// g.remote().kill().unwrap(); // from any core, thread or handler
    /// assert!(!g.is_dead());
    /// main.attend();
    /// assert!(g.is_dead());
    /// # }).unwrap();
    /// ```
    pub fn kill(&self) -> Result<(), Gone> {
        self.leave(Request::Kill)
    }

    /// Requests a wake: [`woken`](Greenlet::woken) returns the greenlet to the scheduler on its core.
    ///
    /// Several wakes of a greenlet before `woken` returns it count as one.
    ///
    /// # Cost
    ///
    /// Constant time, whatever the number of greenlets; lock-free.
    ///
    /// # Errors
    ///
    /// [`Gone`]: the greenlet was freed, or its tree has ended.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.spawn(&STACKS, |me, x| me.up(x)).unwrap();
    /// g.switch(1).unwrap();
    /// g.remote().wake().unwrap(); // for example from an interrupt handler
    /// assert_eq!(main.woken().unwrap().switch(2), Ok(2)); // in the scheduler
    /// # }).unwrap();
    /// ```
    pub fn wake(&self) -> Result<(), Gone> {
        self.leave(Request::Wake)
    }

    /// Returns the id of the greenlet.
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
        // SAFETY: memory that was once a stack stays one for ever; `Greenlet::remote` made this from a greenlet of
        // the tree of `mail`.
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

/// # Requests from other cores and handlers
impl<V: 'static, E: 'static> Greenlet<V, E> {
    /// Returns a token with which another core, another thread or an interrupt handler can kill or wake this
    /// greenlet.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.bare(&STACKS).unwrap();
    /// let remote = g.remote();
    /// std::thread::spawn(move || remote.wake().unwrap()).join().unwrap(); // `Send`, unlike a handle
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
            tree.settle.set(Some(Settle::of::<V, E>()));
            block.id.admit();
            &tree.mail
        };
        RemoteGreenlet { number: block.number(), mail, id: block.id() }
    }

    /// Handles the pending [kill requests](RemoteGreenlet::kill) of this tree, oldest first; returns how many it
    /// handled.
    ///
    /// Each transfer does this as well: this function is for code that makes none. Requests to kill the current
    /// greenlet or an ancestor of it stay pending. While an overflow is being reported or the process exits, all
    /// stay pending, and 0 is returned. Takes time in proportion to the number of requests, whatever the number of
    /// greenlets.
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
        if self.is_ended() || self.block().core().stopped().is_some() {
            return 0;
        }
        // SAFETY: the tree has not ended; the handle has its types.
        let tree = unsafe { Tree::<V, E>::of(self.block()) };
        let mut settled = 0;
        if tree.mail.has(Request::Kill) {
            // SAFETY: the same.
            if let Some(payload) = unsafe { settle::<V, E>(self.block(), Some(&mut settled)) } {
                panic::resume(payload);
            }
        }
        settled
    }

    /// Takes the oldest pending [wake request](RemoteGreenlet::wake) of this tree, and returns its greenlet.
    ///
    /// Whether and when to switch to the greenlet is up to the caller. A greenlet is returned once, however many
    /// wakes it has. Greenlets come in the order of their wakes, with one exception: if a greenlet was woken and
    /// freed, another one that has its stack now, and is woken, can take its place in the order. Takes constant
    /// time, whatever the number of greenlets, but for one that has its stack from another tree in which a wake was not
    /// taken: it is searched for in the whole tree.
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
        // SAFETY: the tree has not ended; the handle has its types.
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
            // SAFETY: stacks stay stacks for ever, and all fields of their numbers are atomic.
            if unsafe { number.as_ref() }.take(Request::Wake) {
                // SAFETY: the request was made to a greenlet of this tree, which exists.
                return Some(unsafe { keep(number) });
            }
        }
    }

    /// Returns the first greenlet of the tree that has a wake, found by a walk over all of them.
    ///
    /// For greenlets that are not in the list of this tree's mail: their stacks came from another tree while they
    /// were still in the list of that tree's mail.
    #[cold]
    fn woken_missing(&self, mail: &'static Mail) -> Option<Self> {
        let mut found = None;
        self.for_each(|greenlet| {
            if found.is_none() && greenlet.block().id.take_found(Request::Wake) {
                found = Some(greenlet.clone());
                mail.leave_missing(Request::Wake); // the next call looks for further ones
            }
        });
        found
    }
}
