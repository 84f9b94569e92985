//! What the hosted tests share: a tree with hooks that are listened to, a pool that must be whole afterwards, a log.
#![allow(
    dead_code,
    unused_macros,
    unused_imports,
    reason = "which of it is used depends on the features and on the program"
)]

use greenlet::{Greenlet, Outcome, SharedStackPool, Stacks, Thrown, Tree};
use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::ops::Deref;
use std::process::{Command, Output};
use std::rc::Rc;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) type Handle = Greenlet<u32, &'static str>;
pub(crate) type Main = greenlet::Main<u32, &'static str>;
pub(crate) type Me = greenlet::Me<u32, &'static str>;
pub(crate) type Out = Outcome<u32, &'static str>;

/// What an exit without a payload carries in [`tree`].
pub(crate) const EXIT: u32 = 1000;

/// Bytes of a stack. A failed assertion that prints a backtrace needs most of it.
pub(crate) const SIZE: usize = 256 * 1024;

/// Stacks for greenlets that must not outlive the [`tree`] of their test. Shared: with `std` every thread is a core.
pub(crate) static STACKS: SharedStackPool<32, SIZE> = SharedStackPool::new();

/// A pool of a test's own: for greenlets that keep their stacks, or to count them.
macro_rules! stacks {
    ($count:expr) => {
        $crate::common::stacks!($count, $crate::common::SIZE)
    };
    ($count:expr, $size:expr) => {{
        static OWN: greenlet::StackPool<{ $count }, { $size }> = greenlet::StackPool::new();
        &OWN
    }};
}

/// A tree of a test's own, for values or errors of other types.
macro_rules! own_tree {
    ($value:ty, $error:ty) => {{
        static OWN: greenlet::Tree<$value, $error> = greenlet::Tree::new();
        &OWN
    }};
}
pub(crate) use {own_tree, stacks};

/// Waits until no other test of this program is in a tree, and keeps the others out while the guard lives.
///
/// There is one core in the world: hosted, a second `enter` in another thread is refused, and tests run in threads. A
/// test that fails poisons the lock; the others are not to fail with it.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static CORE: Mutex<()> = Mutex::new(());
    CORE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A static cell that one test uses at a time: one that is [`alone`], or the only one to use it. No thread-local: under
/// Miri each greenlet is a thread.
pub(crate) struct Alone<T>(Cell<T>);

// SAFETY: each declaration ensures that; and of the threads that are a test's greenlets under Miri, one runs at a time,
// started or woken by the one before.
unsafe impl<T> Sync for Alone<T> {}

impl<T> Alone<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Cell::new(value))
    }
}

impl<T> Deref for Alone<T> {
    type Target = Cell<T>;

    fn deref(&self) -> &Cell<T> {
        &self.0
    }
}

/// With the feature `cores` alone, a program says which core it runs on: the one that [`alone`] lets in.
#[cfg(all(feature = "cores", not(feature = "std")))]
mod one_core {
    struct OneCore;

    // SAFETY: one core, one test at a time; there are no handlers.
    unsafe impl greenlet::CoreIdentity for OneCore {
        fn number() -> usize {
            0
        }

        fn in_handler() -> bool {
            false
        }
    }

    greenlet::core_identity!(OneCore);
}

/// Runs a test as the main greenlet of a tree. Afterwards as many of [`STACKS`] must be free as before, and no hook may
/// have been called without the test taking its line with [`heard`].
pub(crate) fn tree<R>(test: impl FnOnce(&Main) -> R) -> R {
    static TREE: Tree<u32> = Tree::with_exit(|| EXIT).on_unraisable(unraisable).on_leak(leak);
    let _alone = alone();
    let free = || TREE.enter(|main| free_stacks(main, &STACKS)).unwrap();
    let before = free();
    let result = TREE.enter(test).unwrap();
    assert_eq!(heard(), [""; 0], "reported by a hook, and not expected");
    assert_eq!(free(), before, "a stack is lost");
    result
}

/// Runs the test of that name again, alone, in a process of its own; `None` in that process. For tests that may end it.
/// `module` is the caller's `module_path!()`.
pub(crate) fn in_child(module: &str, test: &str) -> Option<Output> {
    const CHILD: &str = "GREENLET_TEST_CHILD";
    // The harness names a test by its path without the crate.
    let test = module.split("::").skip(1).chain([test]).collect::<Vec<_>>().join("::");
    if std::env::var_os(CHILD).is_some() {
        return None;
    }
    let mut child = this_program();
    child.args([&*test, "--exact", "--nocapture", "--test-threads=1"]).env(CHILD, "1").env("RUST_BACKTRACE", "0");
    Some(child.output().unwrap())
}

/// A command that starts this program again: by the emulator that runs it, if there is one.
pub(crate) fn this_program() -> Command {
    let program = std::env::current_exe().unwrap();
    let emulator = std::env::var_os("GREENLET_TEST_RUNNER");
    let mut command = Command::new(emulator.as_deref().unwrap_or(program.as_os_str()));
    command.args(emulator.is_some().then_some(&program));
    command
}

/// How many stacks of a pool are free.
pub(crate) fn free_stacks<V, E, P: Stacks>(main: &Greenlet<V, E>, pool: &'static P) -> usize {
    let all: Vec<_> = std::iter::from_fn(|| main.bare(pool).ok()).collect();
    all.len()
}

/// Not of a thread: under Miri each greenlet is one.
static HEARD: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// What the hooks told since they were last asked: `leak NAME`, `unraisable NAME WHAT`.
pub(crate) fn heard() -> Vec<String> {
    std::mem::take(&mut HEARD.lock().unwrap())
}

pub(crate) fn unraisable(greenlet: &Handle, thrown: Thrown<u32, &'static str>) {
    let told = format!("unraisable {} {thrown:?}", greenlet.name().unwrap_or("-"));
    HEARD.lock().unwrap().push(told);
}

pub(crate) fn leak(greenlet: &Handle) {
    let told = format!("leak {}", greenlet.name().unwrap_or("-"));
    HEARD.lock().unwrap().push(told);
}

/// A body that returns what it gets, and until then holds something.
pub(crate) fn holding<T: 'static>(held: T) -> impl FnOnce(&Me, u32) -> Out {
    move |_, x| {
        let _held = held;
        Ok(x)
    }
}

/// A body that waits in `up`, holding something, and returns what it gets.
pub(crate) fn waiting_with<T: 'static>(held: T) -> impl FnOnce(&Me, u32) -> Out {
    move |me, x| {
        let _held = held;
        me.up(x)
    }
}

/// A body that sends everything back to where it came from: to its parent, until something is thrown.
pub(crate) fn echo(me: &Me, mut x: u32) -> Out {
    loop {
        x = me.up(x)?;
    }
}

/// [`echo`], holding something.
pub(crate) fn echo_with<T: 'static>(held: T) -> impl FnOnce(&Me, u32) -> Out {
    move |me, x| {
        let _held = held;
        echo(me, x)
    }
}

/// A body that ends only by a value: whatever is thrown into it, it waits again.
pub(crate) fn stubborn(me: &Me, x: u32) -> Out {
    loop {
        if let Ok(last) = me.up(x) {
            return Ok(last);
        }
    }
}

/// A child of `parent` that waits in its first `up`, having been started by the current greenlet, which is `parent`.
pub(crate) fn waiting(parent: &Handle) -> Handle {
    let greenlet = parent.spawn(&STACKS, echo).unwrap();
    greenlet.switch(0).unwrap();
    greenlet
}

/// An unstarted child of `parent` with a body that must not run, and says `-name` when it is dropped.
pub(crate) fn unstarted(parent: &Handle, log: &Log, name: &'static str) -> Handle {
    let captured = log.dropping(name);
    let never = move |_: &Me, _| {
        let _captured = captured;
        unreachable!("{name} runs")
    };
    parent.spawn(&STACKS, never).unwrap()
}

/// How an exit without a payload shows, as what a transfer returns.
pub(crate) fn exit_shown() -> String {
    format!("{:?}", Out::Err(Thrown::Exit(EXIT)))
}

/// A child of `parent` that is dead.
pub(crate) fn dead(parent: &Handle) -> Handle {
    let greenlet = parent.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
    greenlet.cancel().unwrap();
    greenlet
}

/// A child of `parent`, running `body`, that is left to the end of the tree: only its own body keeps a handle to it.
/// The caller is not to keep the one that is returned.
pub(crate) fn left_over<F: FnOnce(&Me, u32) -> Out + 'static>(parent: &Handle, name: &'static str, body: F) -> Handle {
    left_over_on(&STACKS, parent, name, body)
}

/// The same, on a stack of `pool`.
pub(crate) fn left_over_on<P: Stacks>(
    pool: &'static P,
    parent: &Handle,
    name: &'static str,
    body: impl FnOnce(&Me, u32) -> Out + 'static,
) -> Handle {
    let own = Rc::new(Cell::new(None));
    let kept = own.clone();
    let greenlet = parent.build(pool).name(name).spawn(move |me, x| {
        let _myself = kept.take();
        body(me, x)
    });
    let greenlet = greenlet.unwrap();
    own.set(Some(greenlet.clone()));
    greenlet
}

/// What happened, in order. Clones write into one log.
#[derive(Clone, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub(crate) fn say(&self, what: impl Display) {
        self.0.borrow_mut().push(what.to_string());
    }

    /// Everything since the last time, in one string, with spaces between.
    pub(crate) fn take(&self) -> String {
        self.0.take().join(" ")
    }

    /// A value that says `-name` when it is dropped.
    pub(crate) fn dropping(&self, name: impl Display) -> Dropping {
        Dropping(self.clone(), format!("-{name}"))
    }
}

pub(crate) struct Dropping(Log, String);

impl Drop for Dropping {
    fn drop(&mut self) {
        self.0.say(&self.1);
    }
}
