//! Everything that the kernel calls, and every operation inside of it: what comes of that, and that the kernel is whole
//! afterwards.
//!
//! `callbacks` makes the kernel call user code, in each of the ways that there are; `operations` are done there. Each
//! pair is a case. What is expected is what an operation gives elsewhere, or what a callback excepts. `docs/reentry.md`
//! has the same as a table, which [`write_table`] makes: a test compares the two.

mod callbacks;
#[cfg(unix)]
mod exits;
mod operations;
mod overflow;

#[cfg(unix)]
pub use exits::exit_inside;
pub(crate) use overflow::hook;
pub use overflow::overflow;

use crate::answer::Answer;
use crate::single::Single;
use crate::values::Handle;
use crate::verdict::same;
use crate::world::{SECOND, STACKS, heard, spawn, started, tree, waiting, waits};
use crate::{Case, What};
pub(crate) use callbacks::Callback;
use callbacks::{CALLBACKS, OVERFLOW};
use core::fmt;
pub(crate) use operations::Operation;
use operations::{Group, OPERATIONS};

/// Greenlets for the operations: one that waits in `up`, one that does and has no other handle, one of each kind that
/// has not started.
static PARTNER: Single<Handle> = Single::empty();
static LAST: Single<Handle> = Single::empty();
static UNSTARTED: Single<Handle> = Single::empty();
static BARE: Single<Handle> = Single::empty();

/// What is played, and what came of it.
static PLAYED: Single<(&'static Callback, &'static Operation)> = Single::empty();
static CAME: Single<Answer> = Single::empty();

/// What the next callback does.
static ACT: Single<fn()> = Single::empty();

/// Called by every callback.
fn called_back() {
    if let Some(act) = ACT.take() {
        act();
    }
}

fn prepare(main: &Handle) {
    // They answer: what comes is sent up, until something is thrown.
    let answers = || {
        started(spawn(main, |me, mut x| {
            loop {
                x = me.up(x)?;
            }
        }))
    };
    PARTNER.set(answers());
    LAST.set(waiting(main));
    UNSTARTED.set(spawn(main, waits()));
    BARE.set(main.bare(&STACKS).expect("a stack is free"));
}

/// The current greenlet; when the tree has ended, a greenlet of it.
fn here() -> Handle {
    let any = partner();
    any.current().unwrap_or(any)
}

fn partner() -> Handle {
    PARTNER.with(Handle::clone).expect("prepared")
}

/// Has the kernel call the callback that is being played, in itself; whether it has.
fn again() -> Answer {
    static AGAIN: Single<()> = Single::empty();
    if let Some(fire) = PLAYED.with(|(callback, _)| callback.fire) {
        ACT.set(|| AGAIN.set(()));
        fire(&here());
    }
    ACT.take();
    AGAIN.take().is_some().into()
}

/// Plays an operation in a callback.
pub(crate) fn play(callback: &'static Callback, operation: &'static Operation) {
    tree(|main| {
        prepare(main);
        PLAYED.set((callback, operation));
        ACT.set(|| {
            if let Some(run) = PLAYED.with(|(_, operation)| operation.run) {
                CAME.set(run());
            }
        });
        (callback.fire)(main);
    });
    same(CAME.take(), Some(callback.expects(operation)));
    drop((PARTNER.take(), LAST.take(), UNSTARTED.take(), BARE.take(), SECOND.take()));
    PLAYED.take();
    ACT.take();
    let _asked_for = heard();
}

pub(crate) fn cases() -> impl Iterator<Item = Case> {
    CALLBACKS.iter().flat_map(|callback| {
        OPERATIONS.iter().map(|operation| Case {
            group: callback.name,
            name: operation.name,
            what: What::Inside(callback, operation),
            keeps: (0, 0),
        })
    })
}

/// The names of the callbacks in whose rows the cases are.
pub fn callbacks() -> impl Iterator<Item = &'static str> {
    CALLBACKS.iter().map(|callback| callback.name)
}

/// The names of all operations, in the order in which [`overflow`] reports them.
pub fn operations() -> impl Iterator<Item = &'static str> {
    OPERATIONS.iter().map(|operation| operation.name)
}

/// Writes the table of `docs/reentry.md`.
///
/// # Errors
///
/// Those of `out`.
pub fn write_table(out: &mut dyn fmt::Write) -> fmt::Result {
    out.write_str("| called by the crate |")?;
    Group::ALL.iter().try_for_each(|group| write!(out, " {} |", group.head()))?;
    out.write_str(" cases |\n|---|")?;
    Group::ALL.iter().try_for_each(|_| out.write_str("---|"))?;
    out.write_str("---|\n")?;
    for callback in [&OVERFLOW].into_iter().chain(CALLBACKS) {
        write!(out, "| {} |", callback.says)?;
        for group in Group::ALL {
            write_cell(out, callback, group)?;
        }
        writeln!(out, " `{}` |", callback.name)?;
    }
    Ok(())
}

/// `works`, or what is excepted, each thing once.
fn write_cell(out: &mut dyn fmt::Write, callback: &Callback, group: Group) -> fmt::Result {
    let of_group = || OPERATIONS.iter().filter(|operation| operation.group == group);
    let excepted = || of_group().filter_map(|operation| callback.excepts(operation));
    let usual = match group {
        Group::Enter => "refused: `CoreBusy`",
        _ => "works",
    };
    let mut last = "";
    for text in excepted().map(|except| except.says) {
        if text != last {
            write!(out, "{} {text}", if last.is_empty() { "" } else { "," })?;
        }
        last = text;
    }
    match (excepted().count(), of_group().count()) {
        (0, _) => write!(out, " {usual} |"),
        (some, all) if some < all => write!(out, ", else {usual} |"),
        _ => out.write_str(" |"),
    }
}
