//! With the feature `cores` the program says which core it runs on; here threads play the cores, and the handlers.
#![cfg(all(feature = "cores", not(feature = "std")))]

use greenlet::{CoreIdentity, EnterError, Greenlet, SharedStackPool, State, Thrown, Tree};
use std::cell::Cell;
use std::sync::{Barrier, Mutex, MutexGuard, PoisonError};

thread_local! {
    static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
    static IN_HANDLER: Cell<bool> = const { Cell::new(false) };
}

struct Threads;

// SAFETY: a thread is the core whose number it was given by `as_core`, one test runs at a time and gives each number to
// one thread at a time; what stands for a handler is inside `in_handler`.
unsafe impl CoreIdentity for Threads {
    fn number() -> usize {
        NUMBER.get()
    }

    fn in_handler() -> bool {
        IN_HANDLER.get()
    }
}

greenlet::core_identity!(Threads);

/// One test at a time, as core 0.
fn as_core_0() -> MutexGuard<'static, ()> {
    static CORES: Mutex<()> = Mutex::new(());
    let alone = CORES.lock().unwrap_or_else(PoisonError::into_inner);
    NUMBER.set(0);
    alone
}

/// Runs `act` on a core of its own.
fn as_core<R: Send>(number: usize, act: impl FnOnce() -> R + Send) -> R {
    let on_core = move || {
        NUMBER.set(number);
        act()
    };
    std::thread::scope(|scope| scope.spawn(on_core).join().unwrap())
}

fn in_handler<R>(act: impl FnOnce() -> R) -> R {
    IN_HANDLER.set(true);
    let result = act();
    IN_HANDLER.set(false);
    result
}

fn try_enter(tree: &'static Tree<u32>) -> Result<(), EnterError> {
    tree.enter(|_main| ()).map_err(|refused| refused.reason)
}

fn echo(me: &greenlet::Me<u32, &'static str>, mut x: u32) -> greenlet::Outcome<u32, &'static str> {
    loop {
        x = me.up(x)?;
    }
}

static STACKS: SharedStackPool<8, 65536> = SharedStackPool::new();
static TREE: Tree<u32> = Tree::new();
static OTHER: Tree<u32> = Tree::new();

#[test]
fn each_core_enters_a_tree_of_its_own_and_none_that_another_has_entered() {
    let _alone = as_core_0();
    let entered = TREE.enter(|main| {
        assert_eq!((try_enter(&TREE), try_enter(&OTHER)), (Err(EnterError::CoreBusy), Err(EnterError::CoreBusy)));
        let (same, other) = as_core(1, || (try_enter(&TREE), try_enter(&OTHER)));
        assert_eq!((same, other), (Err(EnterError::OtherCore), Ok(())));
        main.spawn(&STACKS, echo).unwrap().switch(1)
    });
    assert_eq!(entered.unwrap(), Ok(1));
    assert_eq!(as_core(1, || try_enter(&TREE)), Ok(()), "it moves from core to core between its runs");
}

#[test]
fn cores_switch_at_the_same_time_without_disturbing_each_other() {
    let _alone = as_core_0();
    let start = Barrier::new(2);
    let work = |tree: &'static Tree<u32>, add: u32| {
        tree.enter(|main| {
            let g = main.spawn(&STACKS, echo).unwrap();
            start.wait();
            (0..50_000).for_each(|n| assert_eq!(g.switch(n + add), Ok(n + add)));
            let mut all = vec![];
            main.for_each(|g| all.push(g.id()));
            assert_eq!(all, [main.id(), g.id()]);
            drop(g);
            main.is_current()
        })
        .unwrap()
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            NUMBER.set(63);
            work(&OTHER, 7)
        });
        assert!(work(&TREE, 1));
        assert!(other.join().unwrap());
    });
    assert_eq!(STACKS.free(), 8);
}

#[test]
fn a_handler_enters_nothing_and_finds_no_current_greenlet_but_can_report() {
    let _alone = as_core_0();
    assert_eq!(in_handler(|| try_enter(&TREE)), Err(EnterError::NoCore));
    TREE.enter(|main| {
        let g = main.build(&STACKS).name("interrupted").spawn(|me, x| {
            assert_eq!(TREE.current(), Some(me.handle()));
            in_handler(|| {
                assert_eq!(try_enter(&OTHER), Err(EnterError::NoCore));
                assert!(TREE.current().is_none());
                // SAFETY: a handler on this core.
                let report = unsafe { greenlet::current_report() };
                assert_eq!(report.unwrap().name, Some("interrupted"));
            });
            Ok(x)
        });
        assert_eq!(g.unwrap().switch(1), Ok(1));
        assert_eq!(TREE.current(), Some(main.handle()));
        assert!(OTHER.current().is_none());
        assert!(as_core(5, || TREE.current().is_none()), "not of that core");
    })
    .unwrap();
    assert!(TREE.current().is_none());
}

#[test]
fn a_core_whose_number_is_too_high_enters_nothing() {
    let _alone = as_core_0();
    for number in [64, 65, usize::MAX] {
        assert_eq!(as_core(number, || try_enter(&TREE)), Err(EnterError::NoCore));
    }
    // SAFETY: no tree is entered on that core.
    assert!(as_core(64, || unsafe { greenlet::current_report() }.is_none()));
}

#[test]
fn a_handle_kept_on_one_core_is_inert_while_its_tree_runs_on_another() {
    let _alone = as_core_0();
    let kept: Greenlet<u32, &'static str> = TREE.enter(|main| main.spawn(&STACKS, echo).unwrap()).unwrap();
    as_core(2, || {
        TREE.enter(|main| assert_eq!(main.spawn(&STACKS, echo).unwrap().switch(4), Ok(4))).unwrap();
    });
    assert_eq!(kept.state(), State::Dead);
    assert!(matches!(kept.switch(1), Err(Thrown::Refused(..))));
}

#[test]
fn one_core_requests_a_kill_of_another() {
    let _alone = as_core_0();
    TREE.enter(|main| {
        let g = main.spawn(&STACKS, echo).unwrap();
        g.switch(0).unwrap();
        let remote = g.remote();
        as_core(1, || OTHER.enter(|_main| remote.kill()).unwrap()).unwrap();
        assert_eq!((g.is_dead(), main.attend(), g.is_dead()), (false, 1, true));
    })
    .unwrap();
}
