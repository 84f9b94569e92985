//! Tracers: a callback for every transfer of a tree.

use crate::kernel::handle::Greenlet;
use crate::kernel::thrown::Thrown;
use crate::kernel::transfer::arrival::{Delivery, Place, replace_by_panic};
use crate::kernel::tree::Tree;
use crate::records::block::BlockPtr;
use crate::records::core_state::{Core, TRACE};
use crate::records::panic;
use core::fmt;
use core::mem::ManuallyDrop;

/// What a transfer did.
///
/// ```
/// # use greenlet::{Event, StackPool, Tree};
/// # static STACKS: StackPool<1, 16384> = StackPool::new();
/// # static TREE: Tree<u32> = Tree::new();
/// # type Handle = greenlet::Greenlet<u32, &'static str>;
/// # TREE.enter(|main| {
/// let g = main.spawn(&STACKS, |_me, _| Err("no".into())).unwrap();
/// main.set_trace(Some(&|event: Event, origin: &Handle, _: &Handle| {
///     // Main sends a value; what leaves the body is an error.
///     assert_eq!(event, if origin.is_main() { Event::Switch } else { Event::Throw });
///     Ok(())
/// }));
/// assert!(g.switch(1).is_err());
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// The target is about to receive a value.
    Switch,
    /// The target is about to receive an error, an exit or [`Thrown::NoRun`], or resume a panic.
    Throw,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Switch => "switch",
            Self::Throw => "throw",
        })
    }
}

/// A tracer: once set by [`Greenlet::set_trace`], it is called for every transfer of the tree.
///
/// It is called in the target, on its stack, before the target continues or starts; also if target and origin are the
/// same greenlet. A greenlet that dies is the origin of its result. There is no call for dead greenlets that a transfer
/// passes over, nor for a transfer that fails in its sender with [`Thrown::NoRun`].
///
/// A tracer may itself switch, throw, and create and drop greenlets. Its own transfers are traced as well. What was
/// sent to the target is delivered when the tracer returns: if the tracer switches away, the target continues only
/// after a switch back to it.
///
/// Implemented for closures and functions (a reference to one that captures nothing is `'static`), for `Recorder` and
/// for `DefmtTrace`.
///
/// ```
/// # use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// # use greenlet::{Event, Greenlet, Trace, Tree};
/// struct Count(AtomicU32);
///
/// impl<V: 'static, E: 'static> Trace<V, E> for Count {
///     fn event(&self, _event: Event, _origin: &Greenlet<V, E>, _target: &Greenlet<V, E>) -> Result<(), E> {
///         self.0.fetch_add(1, Relaxed);
///         Ok(())
///     }
/// }
///
/// static COUNT: Count = Count(AtomicU32::new(0));
/// # static TREE: Tree<u32> = Tree::new();
/// # TREE.enter(|main| {
/// main.set_trace(Some(&COUNT));
/// main.switch(1).unwrap(); // to oneself
/// assert_eq!(COUNT.0.load(Relaxed), 1);
/// # }).unwrap();
/// ```
pub trait Trace<V: 'static, E: 'static> {
    /// Called for one transfer, from `origin` to `target`, which is current.
    ///
    /// # Errors
    ///
    /// An error replaces the value, error or exit that was sent to the target, and the tracer is removed. With the
    /// feature `std` a panic does the same.
    ///
    /// ```
    /// # use greenlet::{Event, Greenlet, Trace};
    /// struct Deadline(fn() -> bool);
    ///
    /// impl<V: 'static> Trace<V, &'static str> for Deadline {
    ///     fn event(&self, _: Event, _: &Greenlet<V, &'static str>, target: &Greenlet<V, &'static str>)
    ///         -> Result<(), &'static str>
    ///     {
    ///         if (self.0)() && !target.is_main() { Err("too late") } else { Ok(()) } // ends the target
    ///     }
    /// }
    /// ```
    fn event(&self, event: Event, origin: &Greenlet<V, E>, target: &Greenlet<V, E>) -> Result<(), E>;
}

impl<V: 'static, E: 'static, F: Fn(Event, &Greenlet<V, E>, &Greenlet<V, E>) -> Result<(), E>> Trace<V, E> for F {
    fn event(&self, event: Event, origin: &Greenlet<V, E>, target: &Greenlet<V, E>) -> Result<(), E> {
        self(event, origin, target)
    }
}

/// A tracer as a tree stores it.
///
/// ```
/// # use greenlet::{Event, Tracer, Tree};
/// # static TREE: Tree<u32> = Tree::new();
/// # type Handle = greenlet::Greenlet<u32, &'static str>;
/// # TREE.enter(|main| {
/// let quiet: Tracer<u32, &'static str> = &|_: Event, _: &Handle, _: &Handle| Ok(());
/// main.set_trace(Some(quiet));
/// # }).unwrap();
/// ```
pub type Tracer<V, E> = &'static dyn Trace<V, E>;

/// A tracer, and the function that calls it. Only [`Greenlet::set_trace`] creates one. Arrivals reach [`tell`] only
/// through this pointer, so a program that sets no tracer does not link it.
pub(crate) struct Listener<V: 'static, E: 'static> {
    tracer: Tracer<V, E>,
    tell: Tell<V, E>,
}

impl<V: 'static, E: 'static> Listener<V, E> {
    pub(crate) fn new(tracer: Tracer<V, E>) -> Self {
        Self { tracer, tell: tell::<V, E> }
    }

    pub(crate) fn tracer(self) -> Tracer<V, E> {
        self.tracer
    }
}

type Tell<V, E> = unsafe fn(Tracer<V, E>, BlockPtr, BlockPtr, &mut Place<V, E>, Delivery) -> Delivery;

impl<V: 'static, E: 'static> Clone for Listener<V, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V: 'static, E: 'static> Copy for Listener<V, E> {}

impl<V: 'static, E: 'static> Tree<V, E> {
    /// Replaces the tracer; returns the previous one. Called by the core that entered this tree, with its record.
    pub(crate) fn replace_listener(&self, core: &Core, new: Option<Listener<V, E>>) -> Option<Listener<V, E>> {
        match new {
            Some(_) => core.set_slow(TRACE),
            None => core.clear_slow(TRACE),
        }
        self.listener.replace(new)
    }
}

/// Calls the tracer, if there is one, for a transfer that `target` has just received; returns whether an outcome is
/// delivered.
///
/// # Safety
///
/// `target` is current; `origin` exists while this runs; both are of a tree of `V` and `E` that is entered. If an
/// outcome was `delivered`, it is in `place`.
#[inline]
pub(crate) unsafe fn trace<V: 'static, E: 'static>(
    origin: BlockPtr,
    target: BlockPtr,
    place: &mut Place<V, E>,
    delivered: Delivery,
) -> Delivery {
    if target.core().slow() & TRACE == 0 {
        return delivered;
    }
    // SAFETY: the caller's contract.
    unsafe { call_listener(origin, target, place, delivered) }
}

/// Calls the tracer. Out of line, so that an arrival without a tracer does not save the registers that this needs.
///
/// # Safety
///
/// As for [`trace`].
#[cold]
#[inline(never)]
unsafe fn call_listener<V: 'static, E: 'static>(
    origin: BlockPtr,
    target: BlockPtr,
    place: &mut Place<V, E>,
    delivered: Delivery,
) -> Delivery {
    // SAFETY: the tree is entered.
    match unsafe { Tree::<V, E>::of(target) }.listener.get() {
        // SAFETY: the caller's contract.
        Some(Listener { tracer, tell }) => unsafe { tell(tracer, origin, target, place, delivered) },
        None => delivered,
    }
}

/// Calls `tracer`. If it returns an error or panics, that replaces what is in `place`, and the tracer is removed.
///
/// # Safety
///
/// As for [`trace`].
#[cold]
unsafe fn tell<V: 'static, E: 'static>(
    tracer: Tracer<V, E>,
    origin: BlockPtr,
    target: BlockPtr,
    place: &mut Place<V, E>,
    delivered: Delivery,
) -> Delivery {
    // SAFETY: the tree is entered, and has the types `V` and `E`.
    let tree = unsafe { Tree::<V, E>::of(target) };
    let core = target.core();
    // SAFETY: by the contract.
    let is_value = delivered.is_ok() && unsafe { place.assume_init_ref() }.is_ok();
    let event = if is_value { Event::Switch } else { Event::Throw };
    // SAFETY: both exist while this runs; the handles are not dropped.
    let origin = ManuallyDrop::new(unsafe { Greenlet::from_block(origin) });
    // SAFETY: the same.
    let target = ManuallyDrop::new(unsafe { Greenlet::from_block(target) });
    match panic::catch(|| tracer.event(event, &origin, &target)) {
        Ok(Ok(())) => delivered,
        Ok(Err(error)) => {
            tree.replace_listener(core, None);
            let dropped = match delivered {
                // SAFETY: by the contract. Something else is written.
                Ok(()) => panic::catch(|| unsafe { place.assume_init_drop() }),
                Err(payload) => panic::drop_payload(payload),
            };
            match dropped {
                Ok(()) => _ = place.write(Err(Thrown::Error(error))),
                Err(_) => panic::discard(error),
            }
            dropped
        }
        Err(payload) => {
            tree.replace_listener(core, None);
            // SAFETY: the caller's contract.
            unsafe { replace_by_panic(payload, place, delivered) }
        }
    }
}
