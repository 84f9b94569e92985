//! Giving up a greenlet: when it is refused, and what becomes of the others when it is not. Stopped by real guards:
//! guest `abandon`.
#![cfg(all(feature = "abandon", not(miri)))]

use crate::common::{Handle, Main, Me, alone, echo, stacks};
use greenlet::{AbandonError, ContextPool, Event, GreenletLocal, Overflow, Refused, Stack, State, Thrown, Tree};
use std::arch::asm;
use std::cell::{Cell, UnsafeCell};
use std::fmt::{self, Write};
use std::rc::Rc;
use std::sync::Mutex;

static TREE: Tree<u32> = Tree::new();

fn tree(run: impl FnOnce(&Main)) {
    let _alone = alone();
    TREE.enter(|main| run(main)).unwrap();
}

/// What a fault handler would say if the current greenlet had been stopped 8 bytes below its stack.
fn overflow_of(me: &Handle) -> Overflow {
    let limit = me.stack().unwrap().limit;
    // SAFETY: this is the tree's own code.
    unsafe { Overflow::at(limit - 8, limit + 16) }.unwrap()
}

/// Why it is refused. The error must come back.
fn refused(tree: &'static Tree<u32>, overflow: &Overflow) -> AbandonError {
    // SAFETY: not safe, if it were not refused.
    let Err(Refused { reason, returned }) = unsafe { tree.abandon(overflow, "back") };
    assert_eq!(returned, "back");
    reason
}

/// Why a panic of the current greenlet is refused. Not called where it is not.
fn refused_after_panic() -> AbandonError {
    // SAFETY: not safe, if it were not refused.
    let Err(Refused { reason, returned }) = unsafe { TREE.abandon_current("back") };
    assert_eq!(returned, "back");
    reason
}

#[test]
fn an_overflow_is_what_is_at_the_limit_of_the_current_stack() {
    // SAFETY: no tree is entered on this thread, or this is the tree's own code.
    let at = |address, sp| unsafe { Overflow::at(address, sp) };
    {
        let _alone = alone();
        assert_eq!(at(0x1000, 0x1000), None);
    }
    tree(|main| {
        let other = main.spawn(stacks!(1), echo).unwrap();
        other.switch(1).unwrap();
        let others = other.stack().unwrap().limit;
        assert_eq!(at(others - 8, others), None, "main is current");
        let g = main.build(stacks!(1)).name("deep").spawn(move |me: &Me, x| {
            let Stack { base, limit, .. } = me.stack().unwrap();
            for address in [limit - 4096, limit - 1, limit, limit + 63] {
                let sp = limit + 32;
                let expected = Stack { base, limit, sp };
                let found = at(address, sp).unwrap();
                assert_eq!(
                    (found.stack, found.stopped_at, found.greenlet.name),
                    (expected, Some(address), Some("deep"))
                );
                assert_eq!(found.past_limit(), limit.saturating_sub(address));
                let message = found.to_string();
                assert!(message.contains(&format!("\"deep\", {}-byte stack {limit:#x}", base - limit)), "{message}");
                assert!(message.contains(&format!("sp {sp:#x}, stopped at {address:#x}; give its pool")), "{message}");
            }
            for address in [limit - 4097, limit + 64, base, others - 8] {
                assert_eq!(at(address, limit), None, "{address:#x}");
            }
            assert_eq!(at(limit - 8, limit - 100).unwrap().past_limit(), 100);
            Ok(x)
        });
        assert_eq!(g.unwrap().switch(1), Ok(1));
    });
}

#[test]
fn outside_of_its_tree_it_is_refused() {
    static OTHER: Tree<u32> = Tree::new();
    let mut overflow = None;
    tree(|main| {
        let g = main.spawn(stacks!(1), |me: &Me, x| {
            assert_eq!(refused(&OTHER, &overflow_of(me)), AbandonError::NotEntered);
            Ok(x)
        });
        assert_eq!(g.unwrap().switch(1), Ok(1));
        let g = main.spawn(stacks!(1), |me: &Me, _| Ok(overflow_of(me).stack.limit as u32)).unwrap();
        let limit = g.switch(0).unwrap() as usize;
        let stack = Stack { base: limit + crate::common::SIZE, limit, sp: limit };
        let greenlet = greenlet::Identity { id: g.id(), name: None, is_main: false };
        overflow = Some(Overflow { greenlet, stack, stopped_at: Some(limit - 8) });
    });
    assert_eq!(refused(&TREE, &overflow.unwrap()), AbandonError::NotEntered);
}

#[test]
fn main_is_refused() {
    tree(|main| {
        let g = main.spawn(stacks!(1), |me: &Me, x| me.up(overflow_of(me).stack.limit as u32 ^ x)).unwrap();
        let limit = g.stack().unwrap().limit;
        let stack = Stack { sp: limit, ..g.stack().unwrap() };
        let greenlet = greenlet::Identity { id: main.id(), name: None, is_main: true };
        assert_eq!(refused(&TREE, &Overflow { greenlet, stack, stopped_at: Some(limit - 8) }), AbandonError::Main);
    });
}

#[test]
fn another_greenlet_is_refused() {
    tree(|main| {
        let pool = stacks!(2);
        let other = main.spawn(pool, echo).unwrap();
        other.switch(1).unwrap();
        let g = main.spawn(pool, move |me: &Me, x| {
            let mine = overflow_of(me);
            let others = Overflow { greenlet: greenlet::Identity { id: other.id(), ..mine.greenlet }, ..mine };
            assert_eq!(refused(&TREE, &others), AbandonError::NotCurrent);
            let stack = Stack { sp: other.stack().unwrap().limit, ..other.stack().unwrap() };
            assert_eq!(refused(&TREE, &Overflow { stack, ..mine }), AbandonError::NotCurrent);
            Ok(x)
        });
        assert_eq!(g.unwrap().switch(1), Ok(1));
    });
}

#[test]
fn what_no_fault_has_stopped_at_the_limit_is_refused() {
    tree(|main| {
        let g = main.spawn(stacks!(1), |me: &Me, x| {
            let overflow = overflow_of(me);
            assert_eq!(refused(&TREE, &Overflow { stopped_at: None, ..overflow }), AbandonError::TooLate);
            for sp in [me.stack().unwrap().sp, overflow.stack.limit + 577, overflow.stack.limit - 4097] {
                let stack = Stack { sp, ..overflow.stack };
                assert_eq!(refused(&TREE, &Overflow { stack, ..overflow }), AbandonError::NotAtLimit);
            }
            Ok(x)
        });
        assert_eq!(g.unwrap().switch(1), Ok(1));
    });
}

#[test]
fn on_the_stack_of_a_greenlet_it_is_refused() {
    tree(|main| {
        let g = main.spawn(stacks!(1), |me: &Me, x| {
            assert_eq!(refused(&TREE, &overflow_of(me)), AbandonError::OnStack);
            me.up(x)
        });
        let g = g.unwrap();
        assert_eq!((g.switch(1), g.state()), (Ok(1), State::Suspended));
    });
}

/// When dropped, records the reason for which `abandon` is refused there, on whatever stack that is.
struct Asks(Handle);

impl Drop for Asks {
    fn drop(&mut self) {
        let current = self.0.current().unwrap();
        let reason = refused(&TREE, &overflow_of(&current));
        if reason == AbandonError::Busy {
            assert_eq!(refused_after_panic(), reason, "a panic here is refused, too");
        }
        SAID.lock().unwrap().push(reason);
    }
}

static SAID: Mutex<Vec<AbandonError>> = Mutex::new(Vec::new());

/// What was said since the last time.
fn said() -> Vec<AbandonError> {
    std::mem::take(&mut SAID.lock().unwrap())
}

/// A greenlet's local value: it tries to abandon when it is made, if `ASKS_FIRST` is set, and when it is dropped.
static KEPT: GreenletLocal<Cell<Option<Asks>>, 4> = GreenletLocal::new(|| {
    drop(ASKS_FIRST.take());
    Cell::new(None)
});
static CONTEXTS: ContextPool<Asks, 1> = ContextPool::new();

thread_local! {
    static ASKS_FIRST: Cell<Option<Asks>> = const { Cell::new(None) };
}

/// Asks when it is written to for the first time.
struct Writer(Option<Asks>);

impl fmt::Write for Writer {
    fn write_str(&mut self, _: &str) -> fmt::Result {
        drop(self.0.take());
        Ok(())
    }
}

#[test]
fn while_the_kernel_is_at_work_on_its_stack_it_is_refused() {
    static OLD: Tree<u32> = Tree::new();
    let old = {
        let _alone = alone();
        Cell::new(OLD.enter(|main| main.bare(stacks!(1)).ok()).unwrap())
    };
    tree(|main| {
        let to_main = main.handle();
        let worker = main.build(stacks!(1)).name("asks").spawn(move |me: &Me, x| {
            let asks = || Asks(to_main.clone());
            let ask = || drop(asks());
            let during = |what: &str, run: &dyn Fn()| {
                run();
                assert_eq!(said(), [AbandonError::Busy], "{what}");
                ask();
                assert_eq!(said(), [AbandonError::OnStack], "after {what}");
            };
            ask();
            assert_eq!(said(), [AbandonError::OnStack]);
            let pool = stacks!(2);
            during("the drop of an unstarted body", &|| {
                let asks = asks();
                drop(me.spawn(pool, move |_, x| (drop(asks), Ok(x)).1).unwrap());
            });
            during("the replacement of a body", &|| {
                let asks = asks();
                let g = me.spawn(pool, move |_, x| (drop(asks), Ok(x)).1).unwrap();
                assert!(g.set_run(|_, x| Ok(x)).is_ok());
            });
            during("a tracer of an arrival", &|| {
                let g = me.spawn(pool, echo).unwrap();
                g.switch(1).unwrap();
                me.set_trace(Some(&|_: Event, _: &Handle, target: &Handle| {
                    if target.name() == Some("asks") {
                        drop(Asks(target.clone()));
                    }
                    Ok(())
                }));
                g.switch(1).unwrap();
                me.set_trace(None);
            });
            during("a parent that is lost with the change of it", &|| {
                let asks = asks();
                let lost = me.spawn(pool, move |_, x| (drop(asks), Ok(x)).1).unwrap();
                let g = lost.bare(pool).unwrap();
                drop(lost);
                g.set_parent(me).unwrap();
            });
            during("a visitor", &|| {
                let mut first = true;
                me.for_each(|_| {
                    if std::mem::take(&mut first) {
                        ask();
                    }
                });
            });
            during("what writes a weak handle down", &|| {
                write!(Writer(Some(asks())), "{:?}", me.downgrade()).unwrap();
            });
            during("what makes a greenlet's value", &|| {
                ASKS_FIRST.set(Some(asks()));
                KEPT.with(me, |_| ()).unwrap();
            });
            during("the drop of a greenlet's value", &|| {
                let g = me.bare(pool).unwrap();
                KEPT.with(&g, |kept| kept.set(Some(asks()))).unwrap();
            });
            during("the drop of a context", &|| drop(CONTEXTS.create(asks()).map_err(|_| ()).unwrap()));
            during("the drop of a greenlet's context", &|| {
                me.set_context(Some(CONTEXTS.create(asks()).map_err(|_| ()).unwrap()));
                me.set_context::<Asks>(None);
            });
            during("the drop of what an ended tree has left", &|| {
                let left = old.take().unwrap();
                left.set_context(Some(CONTEXTS.create(asks()).map_err(|_| ()).unwrap()));
                drop(left);
            });
            #[cfg(feature = "recorder")]
            during("a visitor of a recorder", &|| {
                static RECORDER: greenlet::Recorder<1> = greenlet::Recorder::new(|| 0);
                me.set_trace(Some(&RECORDER));
                me.switch(1).unwrap();
                me.set_trace(None);
                RECORDER.for_each(|_| ask()).unwrap();
            });
            // A greenlet that the kernel runs meanwhile is not what is at work.
            let g = me.spawn(pool, {
                let to_main = to_main.clone();
                move |me: &Me, x| {
                    let left = me.up(x);
                    drop(Asks(to_main));
                    left
                }
            });
            let g = g.unwrap();
            g.switch(1).unwrap();
            drop(g);
            assert_eq!(said(), [AbandonError::OnStack]);
            Ok(x)
        });
        assert_eq!(worker.unwrap().switch(1), Ok(1));
    });
}

/// A stack for this and nothing else.
#[repr(align(16))]
struct Landing(UnsafeCell<[u8; 64 << 10]>);

// SAFETY: one test at a time is in the tree.
unsafe impl Sync for Landing {}

static LANDING: Landing = Landing(UnsafeCell::new([0; 64 << 10]));

/// Calls `land` on the landing stack, as if a fault handler returned there.
fn go_on_in(land: extern "C" fn() -> !) -> ! {
    let base = LANDING.0.get().addr() + size_of::<Landing>();
    // SAFETY: a call that does not return, on a stack of its own.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!("mov rsp, {base}", "xor ebp, ebp", "call {land}", "ud2", base = in(reg) base, land = in(reg) land, options(noreturn))
    }
    // SAFETY: the same.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!("mov sp, {base}", "mov x29, xzr", "blr {land}", "brk #1", base = in(reg) base, land = in(reg) land, options(noreturn))
    }
}

static STOPPED: Mutex<Option<Overflow>> = Mutex::new(None);

extern "C" fn land() -> ! {
    let overflow = STOPPED.lock().unwrap().take().unwrap();
    assert_eq!(refused_after_panic(), AbandonError::NotOnStack);
    // SAFETY: its body has asked for this, and keeps nothing that others rely on; the stack is for this.
    let Err(Refused { reason, .. }) = unsafe { TREE.abandon(&overflow, "out of stack") };
    eprintln!("refused: {reason}");
    std::process::abort()
}

/// A body that is given up.
fn given_up(me: &Me) -> ! {
    *STOPPED.lock().unwrap() = Some(overflow_of(me));
    go_on_in(land)
}

#[test]
fn the_error_arrives_in_the_parent_and_the_slot_is_gone() {
    tree(|main| {
        let pool = stacks!(3);
        for left in (0..3).rev() {
            let g = main.spawn(pool, |me: &Me, x| {
                me.up(x)?;
                given_up(me)
            });
            let g = g.unwrap();
            g.switch(1).unwrap();
            assert_eq!(g.switch(1), Err(Thrown::Error("out of stack")));
            assert!(g.is_dead());
            assert_eq!(g.references(), 1);
            let weak = g.downgrade();
            drop(g);
            assert!(weak.upgrade().is_none());
            assert_eq!(pool.free(), left);
        }
        let mut listed = 0;
        main.for_each(|_| listed += 1);
        assert_eq!(listed, 1);
        let message = main.bare(pool).unwrap_err().to_string();
        assert!(message.contains("3 by abandoned greenlets: `reclaim` their stacks"), "{message}");
    });
}

#[test]
fn a_greenlet_that_refused_to_end_or_has_no_reference_is_given_up() {
    tree(|main| {
        let pool = stacks!(2);
        // Leaked: it refuses its exit, and is found by a weak handle.
        let g = main.spawn(pool, |me: &Me, x| {
            let _refused = me.up(x);
            let _goes_on = me.up(x);
            given_up(me)
        });
        let g = g.unwrap();
        g.switch(1).unwrap();
        let weak = g.downgrade();
        drop(g);
        let g = weak.upgrade().unwrap();
        assert_eq!(g.switch(1), Err(Thrown::Error("out of stack")));
        drop(g);
        assert!(weak.upgrade().is_none());
        // The last handle goes while it runs.
        let weak = main.spawn(pool, |me: &Me, _| {
            let child = me.spawn(stacks!(1), |me: &Me, x| {
                me.parent().switch(x)?;
                given_up(me)
            });
            let child = child.unwrap();
            child.switch(0).unwrap();
            let weak = child.downgrade();
            assert_eq!(child.switch(1), Err(Thrown::Error("out of stack")));
            drop(child);
            assert!(weak.upgrade().is_none());
            given_up(me)
        });
        assert_eq!(weak.unwrap().switch(1), Err(Thrown::Error("out of stack")));
        assert_eq!(pool.free(), 0);
        let mut listed = 0;
        main.for_each(|_| listed += 1);
        assert_eq!(listed, 1);
    });
}

/// Their errors have no receiver but the hook, and the others are asked to exit all the same.
#[test]
fn the_end_of_a_tree_goes_on_past_greenlets_that_are_given_up_as_they_exit() {
    let (pool, asked) = (stacks!(4), Rc::new(Cell::new(0)));
    tree(|main| {
        for number in 0..4 {
            let asked = asked.clone();
            let g = main.spawn(pool, move |me: &Me, x| {
                let exit = me.up(x);
                asked.set(asked.get() + 1);
                if number == 2 { exit } else { given_up(me) }
            });
            let g = g.unwrap();
            g.switch(1).unwrap();
            std::mem::forget(g);
        }
    });
    assert_eq!(asked.get(), 4);
    tree(|main| {
        let g = main.spawn(stacks!(1), echo).unwrap();
        assert_eq!((g.switch(2), main.references(), main.kills_in_progress()), (Ok(2), 2, 0));
    });
}

#[test]
fn each_refusal_names_the_remedy() {
    use AbandonError::*;
    for (error, remedy) in [
        (NotEntered, "on the core and in the tree of the fault"),
        (Main, "reset the core"),
        (NotCurrent, "reset the core"),
        (TooLate, "put a guard below the stack"),
        (NotAtLimit, "reset the core"),
        (Busy, "larger SIZE"),
        (Masked, "larger SIZE"),
        (OnStack, "a stack of its own"),
        (NotOnStack, "as by a handler; reset the core"),
        (State, "with DF clear"),
        (Interrupt, "(IST)"),
    ] {
        assert!(error.to_string().contains(remedy), "{error:?}: {error}");
    }
    let _is_an_error: &dyn std::error::Error = &Main;
}
