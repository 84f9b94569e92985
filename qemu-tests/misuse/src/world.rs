//! What cases are played with: two trees whose hooks can be scripted, pools, and bodies of a few kinds.

use crate::answer::Answer;
use crate::single::Single;
use crate::values::{Fault, Handle, Main, Me, Out, Token, Value, v};
use greenlet::{ContextPool, GreenletLocal, StackPool, Thrown, Tree};

/// What an exit without a payload carries.
pub(crate) const EXIT: u32 = 1000;

/// Bytes of a stack: hosted, a failure that prints a backtrace needs most of it.
pub(crate) const SIZE: usize = if cfg!(unix) { 256 * 1024 } else { 32 * 1024 };

/// How many [`STACKS`] there are.
pub(crate) const COUNT: usize = 8;

/// Stacks that are all free again after each case.
pub(crate) static STACKS: StackPool<COUNT, SIZE> = StackPool::new();
/// The same, for cases about a pool of one.
pub(crate) static SINGLE: StackPool<1, SIZE> = StackPool::new();
pub(crate) static NONE: StackPool<0, SIZE> = StackPool::new();
/// Small ones, for bodies that are too large.
pub(crate) static SMALL: StackPool<1, 8192> = StackPool::new();
/// Stacks that greenlets may keep for ever. As many as cases say that they do.
pub(crate) static FOR_EVER: StackPool<16, SIZE> = StackPool::new();

pub(crate) static TREE: Tree<Value, Fault> = Tree::with_exit(exit).on_unraisable(unraisable).on_leak(leaked);
pub(crate) static OTHER: Tree<Value, Fault> = Tree::with_exit(exit).on_unraisable(unraisable).on_leak(leaked);

/// For the case in which a greenlet leaves its stack.
pub(crate) static OVERFLOWS: Tree<Value, Fault> = Tree::with_exit(exit).on_overflow(crate::reentry::hook);

pub(crate) static CONTEXTS: ContextPool<Value, 2> = ContextPool::new();
pub(crate) static LOCALS: GreenletLocal<Value, 2> = GreenletLocal::new(|| v(5));

/// What the hooks told since they were last asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) unraisable: u32,
    pub(crate) leaks: u32,
    /// The last thing that had nowhere to go.
    pub(crate) last: Option<Answer>,
}

static HEARD: Single<Heard> = Single::empty();

pub(crate) fn heard() -> Heard {
    HEARD.take().unwrap_or_default()
}

/// What the hooks do next, once, besides telling.
pub(crate) static ON_EXIT: Single<fn()> = Single::empty();
pub(crate) static ON_UNRAISABLE: Single<fn(&Handle)> = Single::empty();
pub(crate) static ON_LEAK: Single<fn(&Handle)> = Single::empty();

/// Has the end of the tree use up its rounds: in each, the exit function ends a greenlet of its own. What is created
/// after that is not asked to exit. The caller's hook for leaks calls [`rounds_are_used_up`].
pub(crate) fn use_up_rounds(main: &Handle) {
    fn ends_another() {
        if let Some(main) = SECOND.take() {
            drop(spawn(&main, |_, x| Ok(x)).switch(v(1)));
            use_up_rounds(&main);
        }
    }
    SECOND.set(main.clone());
    ON_EXIT.set(ends_another);
}

/// Takes back what [`use_up_rounds`] has left.
pub(crate) fn rounds_are_used_up() {
    drop(SECOND.take());
    ON_EXIT.take();
}

fn exit() -> Value {
    if let Some(act) = ON_EXIT.take() {
        act();
    }
    v(EXIT)
}

fn unraisable(victim: &Handle, thrown: Thrown<Value, Fault>) {
    let before = heard();
    HEARD.set(Heard { unraisable: before.unraisable + 1, last: Some(Err(thrown).into()), ..before });
    if let Some(act) = ON_UNRAISABLE.take() {
        act(victim);
    }
}

fn leaked(greenlet: &Handle) {
    let before = heard();
    HEARD.set(Heard { leaks: before.leaks + 1, ..before });
    if let Some(act) = ON_LEAK.take() {
        act(greenlet);
    }
}

/// Places for handles that greenlets, destructors and hooks of a case hand to each other.
pub(crate) static FIRST: Single<Handle> = Single::empty();
pub(crate) static SECOND: Single<Handle> = Single::empty();

/// Runs `body` as the main greenlet of [`TREE`].
pub(crate) fn tree<R>(body: impl FnOnce(&Main) -> R) -> R {
    TREE.enter(body).expect("no tree is entered")
}

/// The same of [`OTHER`].
pub(crate) fn other_tree<R>(body: impl FnOnce(&Main) -> R) -> R {
    OTHER.enter(body).expect("no tree is entered")
}

/// A child of `parent`.
#[track_caller]
pub(crate) fn spawn<F: FnOnce(&Me, Value) -> Out + 'static>(parent: &Handle, body: F) -> Handle {
    parent.build(&STACKS).name("subject").spawn(body).expect("a stack is free")
}

/// A body that waits in `up` once, holding something, and returns what comes.
pub(crate) fn waits() -> impl FnOnce(&Me, Value) -> Out + 'static {
    let held = Token::new();
    move |me, x| {
        let _held = held;
        me.up(x)
    }
}

/// A body that is never over.
pub(crate) fn never_ends() -> impl FnOnce(&Me, Value) -> Out + 'static {
    let held = Token::new();
    move |me, x| {
        drop(x);
        let _held = held;
        loop {
            drop(me.up(v(3)));
        }
    }
}

/// A body that ends by a value only: whatever is thrown into it, it waits again.
pub(crate) fn stubborn() -> impl FnOnce(&Me, Value) -> Out + 'static {
    let held = Token::new();
    move |me, _| {
        let _held = held;
        loop {
            if let Ok(last) = me.up(v(3)) {
                return Ok(last);
            }
        }
    }
}

/// A body that refuses the first thing that is thrown into it, and then ends.
pub(crate) fn refuses_once() -> impl FnOnce(&Me, Value) -> Out + 'static {
    let held = Token::new();
    move |me, x| {
        let _held = held;
        let _refused = me.up(x);
        me.up(v(3))
    }
}

/// A child of the current greenlet, `parent`, that waits in `up`.
#[track_caller]
pub(crate) fn waiting(parent: &Handle) -> Handle {
    started(spawn(parent, waits()))
}

/// Switches to a greenlet for the first time: it waits then, and has sent the 1 back.
#[track_caller]
pub(crate) fn started(greenlet: Handle) -> Handle {
    let _back = greenlet.switch(v(1));
    greenlet
}
