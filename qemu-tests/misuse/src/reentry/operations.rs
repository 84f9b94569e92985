//! What user code may do inside of a callback: every operation, with what comes of it where nothing is in its way.

use super::{BARE, LAST, UNSTARTED, again, here, partner};
use crate::answer::Answer;
use crate::values::{Fault, Handle, Value, f, v};
#[cfg(feature = "std")]
use crate::world::OVERFLOWS;
use crate::world::{CONTEXTS, EXIT, LOCALS, OTHER, STACKS, TREE, spawn, waits};
use greenlet::{EnterError, Event, Tree};

/// A column of the table: operations of which mostly the same comes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Transfers,
    Lost,
    Creates,
    Changes,
    Enter,
    Remote,
    Questions,
    Again,
}

impl Group {
    pub(super) const ALL: [Self; 8] = [
        Self::Transfers,
        Self::Lost,
        Self::Creates,
        Self::Changes,
        Self::Enter,
        Self::Remote,
        Self::Questions,
        Self::Again,
    ];

    /// The head of its column.
    pub(super) const fn head(self) -> &'static str {
        match self {
            Self::Transfers => "transfers, `cancel`",
            Self::Lost => "a last handle is dropped",
            Self::Creates => "`spawn`, `bare`",
            Self::Changes => "`set_run`, `set_parent`, `set_context`, `set_trace`",
            Self::Enter => "`enter`",
            Self::Remote => "`attend`, `woken`",
            Self::Questions => "`clone`, `for_each`, queries",
            Self::Again => "the same callback again",
        }
    }
}

/// An operation.
pub(crate) struct Operation {
    pub(super) name: &'static str,
    pub(super) group: Group,
    pub(super) run: fn() -> Answer,
    /// What comes of it, unless a callback says otherwise.
    pub(super) usual: Answer,
}

const fn operation(group: Group, name: &'static str, run: fn() -> Answer, usual: Answer) -> Operation {
    Operation { name, group, run, usual }
}

pub(super) static OPERATIONS: &[Operation] = &[
    operation(Group::Transfers, "switch", || with_partner(|g| g.switch(v(7)).into()), Answer::Value(7)),
    operation(Group::Transfers, "switch_to_oneself", || here().switch(v(7)).into(), Answer::Value(7)),
    operation(Group::Transfers, "throw", || with_partner(|g| g.throw(f(9)).into()), Answer::Error(9)),
    operation(Group::Transfers, "kill", || with_partner(|g| g.kill().into()), Answer::Value(EXIT)),
    operation(Group::Transfers, "kill_with", || with_partner(|g| g.kill_with(v(8)).into()), Answer::Value(8)),
    operation(Group::Transfers, "cancel", || with_partner(|g| g.cancel().into()), Answer::Value(EXIT)),
    operation(Group::Lost, "drop_suspended", || is_gone(LAST.take()), Answer::Yes),
    operation(Group::Lost, "drop_unstarted", || is_gone(UNSTARTED.take()), Answer::Yes),
    operation(Group::Creates, "spawn", spawns, Answer::Done),
    operation(
        Group::Creates,
        "bare",
        || here().bare(&STACKS).map_or_else(Answer::Spawn, |_| Answer::Done),
        Answer::Done,
    ),
    operation(Group::Changes, "set_run", sets_run, Answer::Done),
    operation(Group::Changes, "set_parent", sets_parent, Answer::Done),
    operation(Group::Changes, "set_context", sets_context, Answer::Done),
    operation(Group::Changes, "set_trace", sets_trace, Answer::Done),
    operation(Group::Enter, "enter", || enters(&TREE), Answer::Enter(EnterError::CoreBusy)),
    operation(Group::Enter, "enter_another", || enters(&OTHER), Answer::Enter(EnterError::CoreBusy)),
    operation(Group::Remote, "attend", attends, Answer::Number(1)),
    operation(Group::Remote, "woken", is_woken, Answer::Yes),
    operation(Group::Questions, "clone", clones, Answer::Yes),
    operation(Group::Questions, "for_each", visits, Answer::Yes),
    operation(Group::Questions, "state", questions, Answer::Yes),
    operation(
        Group::Questions,
        "local",
        || Answer::Number(LOCALS.with(&here(), |value| value.number).unwrap_or(0)),
        Answer::Number(5),
    ),
    operation(Group::Again, "again", again, Answer::Yes),
];

/// Calls `act` with the partner, which is a child of the caller.
fn with_partner(act: impl FnOnce(&Handle) -> Answer) -> Answer {
    let partner = partner();
    // Refused when the tree has ended: then so is what comes.
    let _moved = partner.set_parent(&here());
    act(&partner)
}

/// Drops a handle, the last one; whether the greenlet is gone.
fn is_gone(last: Option<Handle>) -> Answer {
    let weak = last.as_ref().map(Handle::downgrade);
    drop(last);
    weak.is_some_and(|weak| weak.upgrade().is_none()).into()
}

fn spawns() -> Answer {
    let spawned = here().spawn(&STACKS, waits());
    spawned.map_or_else(|refused| Answer::Spawn(refused.reason), |_| Answer::Done)
}

fn sets_run() -> Answer {
    let set = BARE.with(|bare| bare.set_run(waits()));
    set.map_or(Answer::NoRun, |set| set.map_or_else(|refused| Answer::Run(refused.reason), |()| Answer::Done))
}

fn sets_parent() -> Answer {
    BARE.with(|bare| bare.set_parent(&here()).into()).unwrap_or(Answer::NoRun)
}

fn sets_context() -> Answer {
    let context = CONTEXTS.create(v(4)).ok();
    here().set_context(context);
    here().set_context::<Value>(None);
    Answer::Done
}

fn sets_trace() -> Answer {
    let before = here().set_trace(Some(&|_: Event, _: &Handle, _: &Handle| Ok(())));
    here().set_trace(before);
    Answer::Done
}

fn enters(tree: &'static Tree<Value, Fault>) -> Answer {
    tree.enter(|_| ()).map_or_else(|refused| Answer::Enter(refused.reason), |()| Answer::Done)
}

fn attends() -> Answer {
    with_partner(|partner| {
        let left = partner.remote().kill();
        let settled = here().attend() as u32;
        left.map_or_else(Answer::from, |()| Answer::Number(settled))
    })
}

fn is_woken() -> Answer {
    with_partner(|partner| {
        let left = partner.remote().wake();
        let woken = here().woken();
        left.map_or_else(Answer::from, |()| (woken.as_ref() == Some(partner)).into())
    })
}

fn clones() -> Answer {
    with_partner(|partner| {
        let more = [partner.clone(), partner.handle()];
        (partner.downgrade().upgrade().as_ref() == Some(&more[0])).into()
    })
}

fn visits() -> Answer {
    let mut seen = false;
    here().for_each(|greenlet| seen |= *greenlet == partner());
    seen.into()
}

fn questions() -> Answer {
    let me = here();
    // SAFETY: this is the core that entered the tree, or there is one thread.
    let told = unsafe { greenlet::current_report() };
    let is_me = told.is_some_and(|told| told.id == me.id() && told.is_main == me.is_main());
    #[cfg(feature = "std")]
    let is_me = is_me && [&TREE, &OVERFLOWS].into_iter().find_map(|tree| tree.current()).as_ref() == Some(&me);
    (is_me && me.is_current() && me.references() > 0 && me.stack().is_some() != me.is_main()).into()
}

/// A child of `parent` for the callbacks: it waits.
pub(super) fn child(parent: &Handle) -> Handle {
    spawn(parent, waits())
}
