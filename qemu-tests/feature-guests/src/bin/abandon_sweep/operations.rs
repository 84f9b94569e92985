//! What is tried, and the greenlets that it is tried on.

use core::cell::{Cell, OnceCell, UnsafeCell};
use core::fmt::{self, Write};
use core::hint::black_box;
use core::mem;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use greenlet::{AnyContext, ContextPool, Event, GreenletLocal, Recorder, StackPool, Thrown, Tracer, Tree};

pub(crate) type Main = greenlet::Main<u32, Told>;
pub(crate) type Me = greenlet::Me<u32, Told>;
pub(crate) type Handle = greenlet::Greenlet<u32, Told>;

/// Stacks for the greenlets that do not overflow.
pub(crate) const STACKS: usize = 14;
pub(crate) static OTHERS: StackPool<STACKS, 8192> = StackPool::new();
pub(crate) static TREE: Tree<u32, Told> = Tree::with_exit(|| own_work(0))
    .on_unraisable(|_, _thrown| work(()))
    .on_leak(|_| work(()))
    .on_overflow(|_| super::end(super::End::Late));
/// A tree that has ended.
pub(crate) static OLD: Tree<u32, Told> = Tree::new();
pub(crate) static LOCAL: GreenletLocal<Works, 3> = GreenletLocal::new(|| work(Works));
pub(crate) static CONTEXTS: ContextPool<Works, 2> = ContextPool::new();
pub(crate) static RECORDER: Recorder<4> = Recorder::new(|| work(0));

/// Whether the kernel has called what runs, and holds something meanwhile.
pub(crate) static IN_KERNEL: AtomicBool = AtomicBool::new(false);

/// Called by the kernel: it takes more stack than its caller needs after it.
pub(crate) fn work<T>(result: T) -> T {
    IN_KERNEL.store(true, Relaxed);
    let result = take_stack::<128, _>(result);
    IN_KERNEL.store(false, Relaxed);
    result
}

/// What is called while nothing is held: it may be given up.
fn own_work<T>(result: T) -> T {
    take_stack::<32, _>(result)
}

#[inline(never)]
fn take_stack<const WORDS: usize, T>(result: T) -> T {
    black_box(&Cell::new([0u64; WORDS]));
    result
}

/// An error with a destructor that does something.
#[derive(Debug, PartialEq)]
pub(crate) struct Told(pub(crate) &'static str);

impl Drop for Told {
    fn drop(&mut self) {
        work(());
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Does something when it is dropped.
#[derive(Debug)]
pub(crate) struct Works;

impl Drop for Works {
    fn drop(&mut self) {
        work(());
    }
}

/// The greenlets that operations are tried on. Handles are here and not on the stack that overflows, as far as
/// possible.
pub(crate) struct Set {
    main: Handle,
    waiting: Handle,
    pub(crate) child: Handle,
    bare: Handle,
    pending: Handle,
    lost: Cell<Option<Handle>>,
    stubborn: Cell<Option<Handle>>,
    sore: Cell<Option<Handle>>,
    /// Has a value and a context.
    kept: Cell<Option<Handle>>,
    /// Of the tree that has ended, with a value.
    old: Cell<Option<Handle>>,
    /// Children of the one that overflows: one that ends with an error, and one more.
    failing: OnceCell<Handle>,
    own: OnceCell<Handle>,
    made: Cell<Option<Handle>>,
}

struct Place(UnsafeCell<Option<Set>>);

// SAFETY: one core, and no handler looks at it.
unsafe impl Sync for Place {}

static SET: Place = Place(UnsafeCell::new(None));

/// Something that a greenlet of the old tree has kept.
pub(crate) fn leave_behind(main: &Main) -> Option<Handle> {
    let old = main.bare(&OTHERS).ok()?;
    LOCAL.with(&old, |_| ()).ok()?;
    Some(old)
}

/// All but the one that overflows.
pub(crate) fn prepare(main: &Main, old: Option<Option<Handle>>) -> &'static Set {
    let spawn = |body: fn(&Me, u32) -> greenlet::Outcome<u32, Told>, starts: bool| {
        let Ok(greenlet) = main.spawn(&OTHERS, body) else { panic!("too few stacks") };
        assert!(!starts || matches!(greenlet.switch(1), Ok(1)));
        greenlet
    };
    let echo = |me: &Me, mut x| loop {
        x = me.up(x)?;
    };
    main.set_trace(Some(&RECORDER));
    assert!(matches!(main.switch(1), Ok(1)));
    main.set_trace(None);
    let captured = Works;
    let Ok(pending) = main.spawn(&OTHERS, move |_, x| {
        let _captured = &captured;
        Ok(x)
    }) else {
        panic!("too few stacks")
    };
    let kept = spawn(|_, x| Ok(x), false);
    assert!(LOCAL.with(&kept, |_| ()).is_ok());
    kept.set_context(CONTEXTS.create(Works).ok());
    let set = Set {
        main: main.handle(),
        waiting: spawn(|me, x| me.up(x), true),
        child: spawn(echo, true),
        bare: main.bare(&OTHERS).ok().unwrap_or_else(|| panic!("too few stacks")),
        pending,
        lost: Cell::new(Some(spawn(echo, true))),
        stubborn: Cell::new(Some(spawn(
            |me, x| {
                mem::forget(me.up(x));
                me.up(x)
            },
            true,
        ))),
        sore: Cell::new(Some(spawn(|me, x| me.up(x).or(Err(Thrown::Error(Told("sore")))), true))),
        kept: Cell::new(Some(kept)),
        old: Cell::new(old.flatten()),
        failing: OnceCell::new(),
        own: OnceCell::new(),
        made: Cell::new(None),
    };
    // SAFETY: nothing refers to it yet.
    let place = unsafe { &mut *SET.0.get() };
    place.insert(set)
}

/// The children of the one that overflows.
pub(crate) fn prepare_in(me: &Me, set: &Set) {
    let failing = me.spawn(&OTHERS, |_, _| Err(Thrown::Error(Told("child"))));
    let own = me.spawn(&OTHERS, |me, x| me.up(x));
    assert!(failing.is_ok_and(|failing| set.failing.set(failing).is_ok()));
    assert!(own.is_ok_and(|own| set.own.set(own).is_ok()));
}

/// Gives up all handles.
pub(crate) fn take() {
    // SAFETY: nothing uses it any more: what did is dead, or is done with it.
    drop(unsafe { &mut *SET.0.get() }.take());
}

impl Set {
    fn count(&self, greenlet: &Handle) -> usize {
        let in_cells = [&self.lost, &self.stubborn, &self.sore, &self.kept, &self.made].into_iter().filter(|cell| {
            let handle = cell.take();
            let found = handle.as_ref() == Some(greenlet);
            cell.set(handle);
            found
        });
        let always = [&self.main, &self.waiting, &self.child, &self.bare, &self.pending];
        let own = [&self.failing, &self.own].into_iter().filter_map(OnceCell::get);
        in_cells.count() + always.into_iter().chain(own).filter(|handle| *handle == greenlet).count()
    }
}

/// How many references there are, to all greenlets but main, that are neither handles of the set nor parent fields:
/// those that lie on the stack of the one that overflowed. None is missing, and none is to main.
pub(crate) fn surplus(main: &Main, deep: &Handle, set: &Set) -> usize {
    let mut surplus = 0;
    main.for_each(|greenlet| {
        let mut known = set.count(greenlet) + usize::from(greenlet == deep);
        // The one of `enter`, and one of the visitor that this is in.
        known += if greenlet.is_main() { 1 } else { 0 };
        main.for_each(|child| known += usize::from(child.parent().as_ref() == Some(greenlet)));
        let found = greenlet.references() as usize - 1;
        super::must(found >= known && (found == known || !greenlet.is_main()));
        surplus += found - known;
    });
    surplus
}

/// One way into the kernel.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Me, &Set),
    /// How many handles its own code holds for a while: they are lost with the stack. And what a leak keeps, if it goes
    /// well.
    pub(crate) loses: usize,
    pub(crate) tracer: Option<Tracer<u32, Told>>,
}

const fn operation(name: &'static str, run: fn(&Me, &Set)) -> Operation {
    Operation { name, run, loses: 0, tracer: None }
}

impl Operation {
    const fn loses(self, loses: usize) -> Self {
        Self { loses, ..self }
    }

    const fn traced(self, tracer: Tracer<u32, Told>) -> Self {
        Self { tracer: Some(tracer), ..self }
    }
}

const TRACER: Tracer<u32, Told> = &|_: Event, _: &Handle, _: &Handle| work(Ok(()));

pub(crate) static OPERATIONS: Operations = Operations([
    operation("switch", |_, set| mem::forget(set.waiting.switch(1))),
    operation("switch, traced", |_, set| mem::forget(set.waiting.switch(1))).traced(TRACER),
    operation("switch, recorded", |_, set| mem::forget(set.waiting.switch(1))).traced(&RECORDER),
    operation("switch to a dead one", |_, set| {
        mem::forget(set.own.get().map(|own| (own.kill(), own.switch(1))));
    }),
    operation("switch to one that fails", |_, set| mem::forget(set.failing.get().map(|failing| failing.switch(1)))),
    operation("switch to oneself", |me, _| mem::forget(me.switch(1))).traced(TRACER),
    operation("up", |me, _| mem::forget(me.up(1))),
    operation("up, traced", |me, _| mem::forget(me.up(1))).traced(TRACER),
    operation("switch_away", |_, set| mem::forget(set.child.clone().switch_away(1))).loses(1),
    operation("switch_away by the last handle", |_, set| mem::forget(set.lost.take().map(|g| g.switch_away(1))))
        .loses(1),
    operation("switch by a weak handle", |_, set| mem::forget(set.child.downgrade().switch(1))),
    operation("switch by a weak handle, traced", |_, set| mem::forget(set.waiting.downgrade().switch(1)))
        .traced(TRACER),
    operation("throw", |_, set| mem::forget(set.main.throw(Told("thrown")))),
    operation("throw at one without a body", |_, set| mem::forget(set.bare.throw(Told("thrown")))),
    operation("kill", |_, set| mem::forget(set.child.kill())),
    operation("kill of an unstarted one", |_, set| mem::forget(set.pending.kill())),
    operation("cancel", |_, set| mem::forget(set.child.cancel())),
    operation("spawn", |me, set| set.made.set(me.spawn(&OTHERS, |_, x| Ok(x)).ok())).loses(1),
    operation("spawn of a claim", |me, set| {
        let claimed = me.build(&OTHERS).claim();
        set.made.set(claimed.ok().map(|claimed| claimed.spawn(|_, x| Ok(x))));
    })
    .loses(1),
    operation("loss of a claim", |me, _| drop(me.build(&OTHERS).claim())).loses(1),
    operation("life", |me, _| {
        let _ended = me.spawn(&OTHERS, |_, x| Ok(x)).map(|g| g.switch(1));
    })
    .loses(1),
    operation("loss", |_, set| drop(set.lost.take())).loses(1),
    operation("loss of one with values", |_, set| drop(set.kept.take())).loses(1),
    operation("loss that leaks", |_, set| drop(set.stubborn.take())).loses(2),
    operation("loss with an error", |_, set| drop(set.sore.take())).loses(1),
    operation("loss of what an ended tree has left", |_, set| drop(set.old.take())).loses(1),
    operation("clone", |_, set| set.made.set(Some(set.child.clone()))).loses(1),
    operation("set_parent", |_, set| assert!(set.bare.set_parent(&set.waiting).is_ok())),
    operation("set_run", |_, set| assert!(set.pending.set_run(|_, x| Ok(x)).is_ok())),
    operation("for_each", |me, _| me.for_each(|_| work(()))),
    operation("report_stacks", |me, _| me.report_stacks(&mut |_| work(()))),
    operation("Debug of a weak handle", |_, set| {
        let _written = write!(Writer, "{:?}", set.child.downgrade());
    }),
    operation("a value", |me, _| {
        let _first = LOCAL.with(me, |_| own_work(()));
    }),
    operation("a context", |me, set| {
        if let Some(kept) = set.kept.take() {
            kept.set_context::<Works>(None);
            me.set_context(CONTEXTS.create(Works).ok());
            me.set_context::<Works>(None);
            set.kept.set(Some(kept));
        }
    })
    .loses(1),
    operation("a context over another", |me, set| {
        if let Some(kept) = set.kept.take() {
            let below = kept.any_context();
            me.set_any_context(CONTEXTS.create_over(below.as_ref(), Works).ok().map(AnyContext::from));
            set.kept.set(Some(kept));
        }
    })
    .loses(1),
    operation("a context of another", |me, set| {
        if let Some(kept) = set.kept.take() {
            me.set_any_context(kept.any_context());
            kept.set_any_context(None);
            me.set_any_context(None);
            set.kept.set(Some(kept));
        }
    })
    .loses(1),
    operation("loss of a context", |_, _| drop(CONTEXTS.create(Works).ok().map(AnyContext::from))).loses(1),
    operation("a visitor of a recorder", |_, _| assert!(RECORDER.for_each(|_| work(())).is_ok())),
    operation("attend", |me, set| {
        let _asked = set.child.remote().kill();
        me.attend();
    }),
    operation("woken", |me, set| {
        let _asked = set.child.remote().wake();
        set.made.set(me.woken());
    })
    .loses(1),
]);

/// Shared, as these are functions and a tracer that captures nothing.
pub(crate) struct Operations([Operation; 40]);

// SAFETY: one core; what a tracer is, is known here.
unsafe impl Sync for Operations {}

impl core::ops::Deref for Operations {
    type Target = [Operation];

    fn deref(&self) -> &[Operation] {
        &self.0
    }
}

/// Takes what is written, and some stack.
struct Writer;

impl Write for Writer {
    fn write_str(&mut self, _: &str) -> fmt::Result {
        work(Ok(()))
    }
}
