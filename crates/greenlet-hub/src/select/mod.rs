//! Waiting for the first of several things.

mod arms;
mod tuples;

pub use arms::{EventArm, JoinArm, Receive, Send, Sleep};
pub use tuples::{Chosen2, Chosen3, Chosen4, Chosen5, Chosen6};

use crate::node::{Kind, Node};
use crate::room;
use crate::slot::SlotRef;
use crate::stop::Stop;
use crate::task::Task;
use crate::what::{Waiting, What};
use core::ptr;

/// How many arms a `select` may have.
const MOST: usize = 8;

/// One of the alternatives for which [`select`] waits: made by [`Channel::receiving`](crate::Channel::receiving),
/// [`Channel::sending`](crate::Channel::sending), [`Event::setting`](crate::Event::setting),
/// [`Task::sleeping`](crate::Task::sleeping) and [`JoinHandle::joining`](crate::JoinHandle::joining).
///
/// A `&mut` to an arm is an arm, too: so an arm that was not chosen can be used again.
///
/// ```
/// # use core::time::Duration;
/// # use greenlet_hub::{Channel, Chosen2, Hub, Threads, select};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// static LINE: Channel<String> = Channel::new();
/// # HUB.run(|main| {
/// let mut sending = LINE.sending("late".into());
/// let Ok(Chosen2::Second(())) = select(main, (&mut sending, main.sleeping(Duration::from_millis(1)))) else { panic!() };
/// assert_eq!(sending.into_value().unwrap(), "late"); // no task received it
/// # }).unwrap();
/// ```
pub trait Arm<V: 'static, E: 'static>: sealed::Arm<V, E> {}

impl<V: 'static, E: 'static, A: sealed::Arm<V, E>> Arm<V, E> for A {}

/// The arms of a [`select`]: a tuple of two to six, or an array or slice of up to eight of one type.
///
/// ```
/// # use greenlet_hub::{Channel, Hub, Threads, select};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
/// static LINES: [Channel<u32>; 3] = [const { Channel::new() }; 3];
/// # HUB.run(|main| {
/// main.spawn(&STACKS, |me| Ok(LINES[1].send(me, 7)?)).unwrap();
/// let arms = LINES.each_ref().map(|line| line.receiving());
/// assert_eq!(select(main, arms), Ok((1, Ok(7))));
/// # }).unwrap();
/// ```
pub trait Choices<V: 'static, E: 'static>: sealed::Choices<V, E, Chosen = <Self as Choices<V, E>>::Chosen> {
    /// Which arm was chosen, with its output.
    type Chosen;
}

impl<V: 'static, E: 'static, C: sealed::Choices<V, E>> Choices<V, E> for C {
    type Chosen = <C as sealed::Choices<V, E>>::Chosen;
}

pub(crate) mod sealed {
    use crate::node::{Kind, Node};
    use crate::task::Task;

    /// All methods take `&self`: pointers to the arm's place exist while it waits.
    #[doc(hidden)]
    pub trait Arm<V: 'static, E: 'static> {
        type Output;
        /// Completes the arm if that needs no wait.
        fn now(&self, me: &Task<V, E>) -> Option<Self::Output>;
        /// Returns what a node of this arm waits for, and its place.
        fn place(&self) -> (Kind, *mut ());
        /// Puts a node into the list of what this waits for.
        ///
        /// # Safety
        ///
        /// The node and the arm stay where they are until the node is dropped.
        unsafe fn enlist(&self, me: &Task<V, E>, node: &Node);
        /// Returns `true` if the arm can complete although its node is not done: a timer that is due.
        fn is_due(&self) -> bool {
            false
        }
        /// Called on every arm when the wait is over.
        fn leave(&self) {}
        /// Returns the output of the arm, which is done.
        fn output(&self) -> Self::Output;
    }

    #[doc(hidden)]
    pub trait Choices<V: 'static, E: 'static> {
        type Chosen;
        fn count(&self) -> usize;
        fn now(&self, index: usize, me: &Task<V, E>) -> Option<Self::Chosen>;
        fn place(&self, index: usize) -> (Kind, *mut ());
        /// # Safety
        ///
        /// As [`Arm::enlist`].
        unsafe fn enlist(&self, index: usize, me: &Task<V, E>, node: &Node);
        fn is_due(&self, index: usize) -> bool;
        fn leave(&self, index: usize);
        fn output(&self, index: usize) -> Self::Chosen;
    }
}

/// Waits until one of several arms completes, and returns which one, with its output. The other arms have no effect:
/// nothing that an arm received is ever dropped.
///
/// If several arms can complete at once, the choice varies: each call starts at an arm that a pseudo-random generator
/// picks, and takes the first one from there that can complete. So no arm starves; and if all can complete, each is
/// chosen equally often. The sequence is the same in every run.
///
/// # Errors
///
/// A reason to stop.
///
/// # Panics
///
/// If an array or slice has no arm or more than eight, or another hub uses one of the channels or events.
///
/// ```
/// # use core::time::Duration;
/// # use greenlet_hub::{Hub, Threads};
/// use greenlet_hub::{Channel, Chosen3, Event, select};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// static REQUESTS: Channel<u32> = Channel::new();
/// static SHUTDOWN: Event = Event::new();
/// # HUB.run(|main| {
/// match select(main, (REQUESTS.receiving(), SHUTDOWN.setting(), main.sleeping(Duration::from_millis(1)))).unwrap() {
///     Chosen3::First(request) => println!("{request:?}"),
///     Chosen3::Second(()) => println!("shutdown"),
///     Chosen3::Third(()) => println!("nothing for a millisecond"),
/// }
/// # }).unwrap();
/// ```
pub fn select<V: Default + 'static, E: 'static, C: Choices<V, E>>(
    me: &Task<V, E>,
    choices: C,
) -> Result<<C as Choices<V, E>>::Chosen, Stop<E>> {
    room::probe_for::<C, V, E>();
    let count = choices.count();
    assert!((1..=MOST).contains(&count), "a `select` has 1 to 8 arms; let another task wait for the rest");
    me.check()?;
    // A counter would always start at the same arm in a loop of two selects. The upper half is the more random one.
    let random = &me.slot.schedule().random;
    random.set(random.get().wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    let first = (random.get() >> 16) as usize;
    for turn in 0..count {
        if let Some(chosen) = choices.now((first + turn) % count, me) {
            return Ok(chosen);
        }
    }
    let mut nodes = unused(me.slot);
    for (index, node) in nodes[..count].iter_mut().enumerate() {
        (node.kind, node.data) = choices.place(index);
    }
    /// Calls `leave` of each arm, also if a panic unwinds through this.
    struct Leave<'a, V: 'static, E: 'static, C: Choices<V, E>>(&'a C, usize, core::marker::PhantomData<(V, E)>);
    impl<V: 'static, E: 'static, C: Choices<V, E>> Drop for Leave<'_, V, E, C> {
        fn drop(&mut self) {
            (0..self.1).for_each(|index| self.0.leave(index));
        }
    }
    let leave = Leave(&choices, count, core::marker::PhantomData);
    for (index, node) in nodes[..count].iter().enumerate() {
        node.group.set(&raw const nodes[..count]);
        // SAFETY: nodes and choices stay in this frame, the nodes are dropped before the choices, and what the arms
        // refer to is borrowed by them.
        unsafe { choices.enlist(index, me, node) };
    }
    // A node that is done goes before a timer that is due: its value was handed over already.
    let chosen = || {
        let node = nodes[..count].iter().position(|node| node.done.get());
        node.or_else(|| (0..count).find(|&index| choices.is_due(index)))
    };
    let waited = me.wait_until(&What::named(Waiting::Select, None, nodes[0].address()), || chosen().is_some());
    let index = chosen();
    nodes[..count].iter().for_each(Node::unlink);
    drop(leave);
    waited?;
    Ok(choices.output(index.unwrap_or_default()))
}

/// Nodes that wait for nothing. The compiler writes an array expression in place; it would move the result of
/// `array::from_fn`, 700 bytes. Without optimization the copies of the elements are in a frame of their own.
#[cfg_attr(not(debug_assertions), inline(always))]
fn unused(slot: SlotRef) -> [Node; MOST] {
    let node = || Node::new(slot, Kind::Receive, ptr::null_mut());
    [node(), node(), node(), node(), node(), node(), node(), node()]
}
