//! The functions that are called.

use super::scenes::RELIC;
use crate::answer::Answer;
use crate::values::{Fault, Handle, Token, Value, alive, f, v};
use crate::verdict::{holds, same};
use crate::world::{CONTEXTS, LOCALS, STACKS};
use core::fmt::Write as _;
use core::hash::{Hash as _, Hasher};
use greenlet::{Event, Refused};
use heapless::String;

pub(super) fn switch(subject: &Handle, _me: &Handle) -> Answer {
    subject.switch(v(7)).into()
}

pub(super) fn throw(subject: &Handle, _me: &Handle) -> Answer {
    subject.throw(f(8)).into()
}

pub(super) fn kill(subject: &Handle, _me: &Handle) -> Answer {
    subject.kill().into()
}

pub(super) fn kill_with(subject: &Handle, _me: &Handle) -> Answer {
    subject.kill_with(v(9)).into()
}

pub(super) fn cancel(subject: &Handle, _me: &Handle) -> Answer {
    subject.cancel().into()
}

/// Requests a kill as another core does, and settles it in the caller; returns the number of kills.
pub(super) fn remote_kill(subject: &Handle, me: &Handle) -> Answer {
    match subject.remote().kill() {
        Ok(()) => Answer::Number(me.attend() as u32),
        Err(gone) => gone.into(),
    }
}

/// A wake that is left, and taken.
pub(super) fn remote_wake(subject: &Handle, me: &Handle) -> Answer {
    if let Err(gone) = subject.remote().wake() {
        holds(me.woken().is_none(), "no wake is pending");
        return gone.into();
    }
    let woken = me.woken();
    holds(me.woken().is_none(), "one greenlet is woken");
    (woken.as_ref() == Some(subject)).into()
}

pub(super) fn attend(subject: &Handle, _me: &Handle) -> Answer {
    Answer::Number(subject.attend() as u32)
}

pub(super) fn woken(subject: &Handle, _me: &Handle) -> Answer {
    subject.woken().is_some().into()
}

pub(super) fn set_parent_to_the_caller(subject: &Handle, me: &Handle) -> Answer {
    subject.set_parent(me).into()
}

pub(super) fn set_parent_to_itself(subject: &Handle, _me: &Handle) -> Answer {
    subject.set_parent(subject).into()
}

pub(super) fn set_parent_to_one_of_an_ended_tree(subject: &Handle, _me: &Handle) -> Answer {
    RELIC.with(|relic| subject.set_parent(relic)).map_or(Answer::No, Answer::from)
}

/// It becomes the parent of a greenlet that has another.
pub(super) fn adopt(subject: &Handle, me: &Handle) -> Answer {
    me.bare(&STACKS).expect("a stack is free").set_parent(subject).into()
}

/// What is refused comes back whole: `made` less one token, if it is dropped here.
fn returned<R, B>(result: Result<(), Refused<R, B>>, refused: fn(R) -> Answer) -> Answer {
    match result {
        Ok(()) => Answer::Done,
        Err(Refused { reason, returned }) => {
            let before = alive();
            drop(returned);
            same(alive(), before - 1);
            refused(reason)
        }
    }
}

pub(super) fn set_run(subject: &Handle, _me: &Handle) -> Answer {
    let token = Token::new();
    let body = move |_: &greenlet::Me<Value, Fault>, x| {
        let _held = token;
        Ok(x)
    };
    returned(subject.set_run(body), Answer::Run)
}

pub(super) fn spawn(subject: &Handle, _me: &Handle) -> Answer {
    let token = Token::new();
    let child = subject.spawn(&STACKS, move |_, x| {
        let _held = token;
        Ok(x)
    });
    returned(child.map(|child| same(child.parent().as_ref(), Some(subject))), Answer::Spawn)
}

pub(super) fn bare(subject: &Handle, _me: &Handle) -> Answer {
    subject.bare(&STACKS).map_or_else(Answer::Spawn, |child| (child.parent().as_ref() == Some(subject)).into())
}

pub(super) fn build_with_it_for_a_parent(subject: &Handle, me: &Handle) -> Answer {
    let child = me.build(&STACKS).name("child").parent(subject).bare();
    child.map_or_else(Answer::Spawn, |child| (child.parent().as_ref() == Some(subject)).into())
}

pub(super) fn build_below_it_with_another_parent(subject: &Handle, me: &Handle) -> Answer {
    let child = subject.build(&STACKS).parent(me).bare();
    child.map_or_else(Answer::Spawn, |child| (child.parent().as_ref() == Some(me)).into())
}

pub(super) fn context(subject: &Handle, _me: &Handle) -> Answer {
    subject.set_context(Some(CONTEXTS.create(v(4)).expect("a context is free")));
    holds(subject.context::<u32>().is_none(), "a context of another type is not found");
    let found = subject.context::<Value>().is_some_and(|value| value.number == 4);
    subject.set_context::<u32>(None);
    holds(subject.context::<Value>().is_none(), "none is left");
    found.into()
}

pub(super) fn local(subject: &Handle, _me: &Handle) -> Answer {
    LOCALS.with(subject, |value| value.number).map_or_else(Answer::Local, Answer::Number)
}

/// Whether a tracer can be set, queried and removed.
pub(super) fn trace(subject: &Handle, _me: &Handle) -> Answer {
    holds(subject.set_trace(Some(&|_: Event, _: &Handle, _: &Handle| Ok(()))).is_none(), "no tracer was set before");
    let listens = subject.trace().is_some();
    same(subject.set_trace(None).is_some(), listens);
    listens.into()
}

pub(super) fn state(subject: &Handle, _me: &Handle) -> Answer {
    Answer::Is(subject.state())
}

pub(super) fn is_started(subject: &Handle, _me: &Handle) -> Answer {
    subject.is_started().into()
}

pub(super) fn is_active(subject: &Handle, _me: &Handle) -> Answer {
    subject.is_active().into()
}

pub(super) fn is_dead(subject: &Handle, _me: &Handle) -> Answer {
    subject.is_dead().into()
}

pub(super) fn is_current(subject: &Handle, _me: &Handle) -> Answer {
    subject.is_current().into()
}

pub(super) fn is_main(subject: &Handle, _me: &Handle) -> Answer {
    subject.is_main().into()
}

pub(super) fn is_ended(subject: &Handle, _me: &Handle) -> Answer {
    subject.is_ended().into()
}

pub(super) fn id(subject: &Handle, me: &Handle) -> Answer {
    let id = subject.id();
    (id == subject.downgrade().id() && id == subject.remote().id() && (id == me.id()) == (subject == me)).into()
}

pub(super) fn name(subject: &Handle, _me: &Handle) -> Answer {
    subject.name().map_or(Answer::No, Answer::Text)
}

/// Its parent is the main greenlet of the tree, or there is none; or else.
pub(super) fn parent(subject: &Handle, _me: &Handle) -> Answer {
    match subject.parent() {
        Some(parent) if parent.is_main() => Answer::Yes,
        Some(_) => Answer::Done,
        None => Answer::No,
    }
}

pub(super) fn current(subject: &Handle, me: &Handle) -> Answer {
    subject.current().map_or(Answer::No, |current| if current == *me { Answer::Yes } else { Answer::Done })
}

pub(super) fn references(subject: &Handle, _me: &Handle) -> Answer {
    Answer::Number(subject.references())
}

pub(super) fn clone_counts_one_more(subject: &Handle, _me: &Handle) -> Answer {
    let clones = [subject.clone(), subject.handle()];
    let more = subject.references();
    drop(clones);
    Answer::Number(more)
}

pub(super) fn kills_in_progress(subject: &Handle, _me: &Handle) -> Answer {
    Answer::Number(subject.kills_in_progress())
}

pub(super) fn for_each(subject: &Handle, _me: &Handle) -> Answer {
    let mut listed = 0;
    subject.for_each(|_| listed += 1);
    Answer::Number(listed)
}

pub(super) fn stack(subject: &Handle, _me: &Handle) -> Answer {
    let Some(stack) = subject.stack() else { return Answer::No };
    (stack.size() == STACKS.stack_size() && stack.limit < stack.sp && stack.sp < stack.base).into()
}

pub(super) fn upgrade(subject: &Handle, _me: &Handle) -> Answer {
    (subject.downgrade().upgrade().as_ref() == Some(subject)).into()
}

pub(super) fn equality(subject: &Handle, me: &Handle) -> Answer {
    holds(hash(subject) == hash(&subject.clone()), "clones have one hash");
    (subject == me).into()
}

fn hash(handle: &Handle) -> u64 {
    struct Sum(u64);
    impl Hasher for Sum {
        fn finish(&self) -> u64 {
            self.0
        }

        fn write(&mut self, bytes: &[u8]) {
            self.0 = bytes.iter().fold(self.0, |sum, &byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        }
    }
    let mut sum = Sum(0);
    handle.hash(&mut sum);
    sum.finish()
}

/// What `Debug` prints, without the number.
pub(super) fn debug(subject: &Handle, _me: &Handle) -> Answer {
    const ENDS: [&str; 7] = [
        "\"subject\" (pending)",
        "\"subject\" (current)",
        "\"subject\" (suspended)",
        "\"subject\" (dead)",
        "main greenlet (current)",
        "main greenlet (suspended)",
        "main greenlet (dead)",
    ];
    let mut text = String::<96>::new();
    let printed = write!(text, "{subject:?}");
    holds(printed.is_ok(), "there is room for it");
    ENDS.into_iter().find(|end| text.ends_with(end)).map_or(Answer::No, Answer::Text)
}
