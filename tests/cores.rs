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

/// Stops a thread at each of its instructions, one after the other, while others go on.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod stepped {
    use super::*;
    use core::arch::asm;
    use std::hint;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

    unsafe extern "C" {
        fn signal(signal: i32, handler: extern "C" fn(i32)) -> usize;
    }

    const SIGTRAP: i32 = 5;

    static STEP: AtomicUsize = AtomicUsize::new(0);
    static STOP: AtomicUsize = AtomicUsize::new(0);
    static IS_STOPPED: AtomicBool = AtomicBool::new(false);
    static MAY_GO_ON: AtomicBool = AtomicBool::new(false);

    extern "C" fn trap(_: i32) {
        if STEP.fetch_add(1, SeqCst) == STOP.load(SeqCst) {
            IS_STOPPED.store(true, SeqCst);
            wait_for(&MAY_GO_ON);
        }
    }

    fn wait_for(flag: &AtomicBool) {
        while !flag.load(SeqCst) {
            hint::spin_loop();
        }
    }

    static ONE: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    static FIRST: Tree<u32> = Tree::new();
    static SECOND: Tree<u32> = Tree::new();

    /// A slot is on its way into the inbox of a tree that has ended, and a greenlet of another tree has the slot by
    /// now: only its own tree settles a request to that greenlet. The fault that this notices needs a main greenlet
    /// whose block has the address of its tree, as it has with `fp-control`.
    #[test]
    fn a_request_in_the_lists_of_an_ended_tree_is_not_taken_for_one_to_the_next_greenlet_of_the_slot() {
        let _alone = as_core_0();
        // SAFETY: the handler uses atomics alone.
        unsafe { signal(SIGTRAP, trap) };
        for stop in 0.. {
            if request_stopped_at(stop) {
                assert!(stop > 50, "a request takes more instructions than {stop}");
                return;
            }
        }
    }

    /// Returns whether the request ended before it came to its instruction number `stop`.
    fn request_stopped_at(stop: usize) -> bool {
        STEP.store(0, SeqCst);
        STOP.store(stop, SeqCst);
        IS_STOPPED.store(false, SeqCst);
        MAY_GO_ON.store(false, SeqCst);
        let request = FIRST.enter(|main| {
            let greenlet = main.spawn(&ONE, |_me, x| Ok(x)).unwrap();
            let remote = greenlet.remote();
            let request = std::thread::spawn(move || {
                NUMBER.set(2);
                // SAFETY: sets the trap flag, and changes no other; the red zone is left out.
                unsafe {
                    asm!(
                        "lea rsp, [rsp - 128]",
                        "pushfq",
                        "or dword ptr [rsp], 0x100",
                        "popfq",
                        "lea rsp, [rsp + 128]"
                    );
                }
                let asked = remote.kill();
                // SAFETY: clears it.
                unsafe {
                    asm!(
                        "lea rsp, [rsp - 128]",
                        "pushfq",
                        "and dword ptr [rsp], 0xfffffeff",
                        "popfq",
                        "lea rsp, [rsp + 128]",
                    );
                }
                IS_STOPPED.store(true, SeqCst);
                asked
            });
            wait_for(&IS_STOPPED);
            request
        });
        let has_ended = STEP.load(SeqCst) <= stop;
        let (settled, core) = SECOND
            .enter(|main| {
                drop(main.spawn(&ONE, |_me, x| Ok(x)).unwrap());
                let ran_on = std::sync::Arc::new(AtomicUsize::new(usize::MAX));
                let told = ran_on.clone();
                let next = main
                    .spawn(&ONE, move |me, x| {
                        let asked = me.up(x);
                        told.store(NUMBER.get(), SeqCst);
                        asked
                    })
                    .unwrap();
                assert_eq!(next.switch(1), Ok(1));
                next.remote().kill().unwrap();
                MAY_GO_ON.store(true, SeqCst);
                let _ = request.unwrap().join().unwrap();
                let settled = as_core(1, || FIRST.enter(|main| main.attend()).unwrap());
                (settled, ran_on.load(SeqCst))
            })
            .unwrap();
        assert_eq!((settled, core), (0, usize::MAX), "at instruction {stop}");
        has_ended
    }
}
