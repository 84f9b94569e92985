//@ profiles: debug release small
//@ stack: 32768
//@ timeout: 300
//@ long
#![no_std]
#![no_main]
//! Every operation, with every number of bytes left on the stack: a guard page stops it, and it is given up with all
//! others whole, or refused.
//!
//! After each attempt all static memory is put back: a refusal leaves a tree that cannot continue.

use board::faults::{self, Access, Land};
use board::{check, println};
use core::panic::Location;
use core::sync::atomic::Ordering::Relaxed;
use feature_guests::{anew, left};
use greenlet::{AbandonError, GuardedStackPool, Overflow, Refused, State, Thrown};
use operations::{CONTEXTS, Handle, IN_KERNEL, LOCAL, Main, OLD, OPERATIONS, OTHERS, Operation, RECORDER, TREE, Told};
use spin::Mutex;

#[path = "abandon_sweep/operations.rs"]
mod operations;

board::guest!(main);
feature_guests::one_core!();

/// Bytes of the stack that overflows, and what is left of it at most: more than any operation takes.
const SIZE: usize = 32768;
const MOST: usize = 24 << 10;
/// From one attempt to the next: the alignment of a stack pointer.
const STEP: usize = 16;
/// How often in a row an operation goes well until it is done with.
const ENOUGH: usize = 20;

static GUARDED: GuardedStackPool<1, SIZE> = GuardedStackPool::new();
static OVERFLOW: Mutex<Option<Overflow>> = Mutex::new(None);

/// How an attempt ended.
#[derive(Clone, Copy, PartialEq)]
enum End {
    GivenUp,
    /// The kernel was at work.
    Busy,
    /// The origin is not current any more, right before the switch.
    NotCurrent,
    /// Noticed as it left: the stack pointer was at the limit, and nothing below was touched.
    Late,
    Well,
    Broken,
}

// Which of the words that are not put back is what.
const OPERATION: usize = 0;
const LEFT: usize = 1;
/// How often in a row it went well.
const IN_A_ROW: usize = 2;
/// How often it was refused because code was stopped that the kernel had called.
const CALLED: usize = 3;
/// Whether the last one that was stopped was called by the kernel.
const IN_CALL: usize = 4;
/// How often each end was, of this operation and of all.
const ENDS: usize = 8;
const ALL_ENDS: usize = 16;

fn word(at: usize) -> usize {
    anew::words()[at].load(Relaxed)
}

fn set_word(at: usize, value: usize) {
    anew::words()[at].store(value, Relaxed);
}

fn main() {
    let guard = GUARDED.guards().next().expect("there is a stack");
    board::unmap(guard.clone());
    faults::on(stopped);
    anew::remember(guard);
    next()
}

fn stopped(access: &Access) -> Option<Land> {
    // SAFETY: this is the core of the tree.
    let Some(overflow) = (unsafe { Overflow::at(access.address, access.sp) }) else {
        // SAFETY: the same.
        let whose = unsafe { greenlet::stack_of(access.address) };
        return whose.is_some_and(|(greenlet, _)| greenlet.name == Some("deep")).then_some(|| end(End::NotCurrent));
    };
    *OVERFLOW.lock() = Some(overflow);
    Some(land)
}

fn land() -> ! {
    let overflow = OVERFLOW.lock().take().expect("the handler has left it");
    set_word(IN_CALL, IN_KERNEL.load(Relaxed).into());
    // SAFETY: a guard page has stopped it; nothing that it does is shared but handles. This stack is for nothing else.
    let Err(Refused { reason, .. }) = unsafe { TREE.abandon(&overflow, Told("out of stack")) };
    must(reason == AbandonError::Busy);
    set_word(CALLED, word(CALLED) + word(IN_CALL));
    end(End::Busy)
}

/// What does not hold ends an attempt.
#[track_caller]
fn must(holds: bool) {
    if !holds {
        let (name, left) = (OPERATIONS[word(OPERATION)].name, word(LEFT));
        println!("BROKEN: {name} with {left} bytes left, as {} says", Location::caller());
        end(End::Broken);
    }
}

/// Counts an end; the next attempt follows.
fn end(how: End) -> ! {
    for all in [ENDS, ALL_ENDS] {
        set_word(all + how as usize, word(all + how as usize) + 1);
    }
    set_word(LEFT, word(LEFT) + STEP);
    set_word(IN_A_ROW, if how == End::Well { word(IN_A_ROW) + 1 } else { 0 });
    if word(IN_A_ROW) == ENOUGH || word(LEFT) > MOST || how == End::Broken {
        let [given_up, busy, not_current, late, well, broken] = core::array::from_fn(|end| word(ENDS + end));
        println!(
            "# {}: given up {given_up}, busy {busy}, not current {not_current}, late {late}, well {well}, broken {broken}",
            OPERATIONS[word(OPERATION)].name
        );
        if word(IN_A_ROW) == ENOUGH {
            let called = if word(CALLED) > 0 { ", and is refused in what it calls" } else { "" };
            println!("  {} | goes well with enough{called}", OPERATIONS[word(OPERATION)].name);
        }
        (LEFT..ALL_ENDS).for_each(|at| set_word(at, 0));
        set_word(OPERATION, word(OPERATION) + 1);
    }
    // SAFETY: one core, and no interrupts.
    unsafe { anew::begin(next) }
}

extern "C" fn next() -> ! {
    if let Some(operation) = OPERATIONS.get(word(OPERATION)) {
        end(attempt(operation, word(LEFT)))
    }
    let ends = |end: End| word(ALL_ENDS + end as usize);
    let total: usize = (ALL_ENDS..ALL_ENDS + 6).map(word).sum();
    println!("# attempts: {total} attempts");
    check!(ends(End::Broken) == 0);
    check!(ends(End::GivenUp) > 100 && ends(End::Busy) > 100 && ends(End::Well) >= ENOUGH * OPERATIONS.len());
    board::finish()
}

fn attempt(operation: &'static Operation, bytes: usize) -> End {
    let old = OLD.enter(operations::leave_behind).ok();
    must(old.is_some());
    let mut given_up = false;
    let entered = TREE.enter(|main| {
        let set = operations::prepare(main, old);
        let body = move |me: &operations::Me, x| {
            operations::prepare_in(me, set);
            left::with(me.stack().map_or(0, |stack| stack.limit), bytes, &mut || (operation.run)(me, set));
            Ok(x + 1)
        };
        let deep = main.build(&GUARDED).name("deep").spawn(body);
        let Ok(deep) = deep else { return must(false) };
        let tracer = operation.tracer.map(|tracer| main.set_trace(Some(tracer)));
        let mut arrived = deep.switch(1);
        if !deep.is_dead() {
            // It waits in the operation; something that it sent has arrived. It has a pin now, if it waits in `up`.
            must(deep.set_parent(&set.child).is_ok() && deep.set_parent(main).is_ok());
            arrived = deep.switch(1);
        }
        if tracer.is_some() {
            main.set_trace(None);
        }
        given_up = matches!(arrived, Err(Thrown::Error(Told("out of stack"))));
        must(deep.is_dead() || matches!(arrived, Ok(1)));
        must(!given_up || word(IN_CALL) == 0);
        whole(main);
        must(operations::surplus(main, &deep, set) <= operation.loses);
        operations::take();
        drop(deep);
        whole(main);
    });
    must(entered.is_ok());
    must(GUARDED.free() == usize::from(!given_up) && OTHERS.free() + operation.loses >= operations::STACKS);
    again(operation.loses);
    if given_up { End::GivenUp } else { End::Well }
}

/// The tree is consistent: each greenlet in it is on a stack, and can still be switched to.
fn whole(main: &Main) {
    must(main.current().as_ref() == Some(main) && main.kills_in_progress() == 0);
    let (mut seen, mut last) = (0, None);
    main.for_each(|greenlet| {
        must(last.is_none_or(|last| last < greenlet.id()));
        last = Some(greenlet.id());
        must(greenlet.is_main() == (greenlet.state() == State::Running));
        must(greenlet.references() > 1);
        seen += 1;
    });
    must((1..20).contains(&seen));
    let free = OTHERS.free();
    let more = main.spawn(&OTHERS, |me, x| me.up(x));
    must(more.is_ok_and(|more: Handle| matches!(more.switch(7), Ok(7))) == (free > 0));
    must(OTHERS.free() == free);
}

/// Both trees are entered again, and whatever there are places of has them free.
fn again(lost: usize) {
    must(OLD.enter(|_| ()).is_ok());
    let entered = TREE.enter(|main| {
        let g = main.spawn(&OTHERS, |_, x| Ok(x + 1));
        must(g.is_ok_and(|g: Handle| LOCAL.with(&g, |_| ()).is_ok() && matches!(g.switch(1), Ok(2))));
        must(LOCAL.with(main, |_| ()).is_ok());
    });
    must(entered.is_ok());
    must([(); 2].map(|()| CONTEXTS.create(operations::Works)).iter().all(Result::is_ok) || lost > 0);
    must(RECORDER.for_each(|_| ()).is_ok());
}
