//! How the kernel comes to call user code, one way for each place where it does.

use super::called_back;
use super::operations::{Operation, child};
use crate::answer::Answer;
use crate::single::Single;
use crate::values::{Handle, LOADED, OnDrop, f, fails, on_drop, v};
use crate::world::{LOCALS, ON_EXIT, ON_LEAK, ON_UNRAISABLE, SECOND, STACKS, refuses_once, spawn, started, waits};
use greenlet::{ContextPool, Event, GreenletLocal, Refusal, RunError, SpawnError};

/// A row of the table: something that the kernel calls.
pub(crate) struct Callback {
    pub(super) name: &'static str,
    /// What it is, for the document.
    pub(super) says: &'static str,
    /// Has the kernel call it, from the code of the greenlet that is passed, which is current.
    pub(super) fire: fn(&Handle),
    /// What comes of operations, where it is not what comes elsewhere.
    pub(super) except: &'static [Except],
}

pub(super) struct Except {
    operation: &'static str,
    answer: Answer,
    /// For the document.
    pub(super) says: &'static str,
}

impl Callback {
    pub(super) fn excepts(&self, operation: &Operation) -> Option<&'static Except> {
        self.except.iter().find(|except| except.operation == operation.name)
    }

    pub(super) fn expects(&self, operation: &Operation) -> Answer {
        self.excepts(operation).map_or(operation.usual, |except| except.answer)
    }
}

const fn row(name: &'static str, says: &'static str, fire: fn(&Handle)) -> Callback {
    Callback { name, says, fire, except: &[] }
}

const fn except(operation: &'static str, answer: Answer, says: &'static str) -> Except {
    Except { operation, answer, says }
}

pub(super) static CALLBACKS: &[Callback] = &[
    row("in_unraisable", "the hook of `on_unraisable`", |me| {
        ON_UNRAISABLE.set(|_| called_back());
        drop(started(spawn(me, |me, x| me.up(x).or(fails(2)))));
    }),
    row("in_leak", "the hook of `on_leak`", |me| {
        let g = started(spawn(me, refuses_once()));
        let weak = g.downgrade();
        ON_LEAK.set(|_| called_back());
        drop(g);
        drop(weak.upgrade().map(|leaked| leaked.cancel()));
    }),
    Callback { except: AT_THE_END, ..row("in_leak_at_the_end", "the same, at the end of the tree", leaks_at_the_end) },
    row("in_exit", "the exit function, for a lost greenlet", |me| {
        let g = started(child(me));
        ON_EXIT.set(called_back);
        drop(g);
    }),
    row("in_exit_of_a_kill", "the exit function, for a `kill`", |me| {
        let g = started(child(me));
        ON_EXIT.set(called_back);
        drop(g.kill());
    }),
    row("in_tracer", "the tracer, for a greenlet that is resumed", |me| traced(me, || drop(me.switch(v(1))))),
    row("in_tracer_of_a_start", "the tracer, for a greenlet that starts", |me| {
        let g = child(me);
        traced(me, || drop(g.switch(v(1))));
    }),
    row("in_body", "the destructor of a body, with the last handle", |me| drop(armed(me))),
    row("in_body_refused", "the same, when an error reaches it unstarted", |me| drop(armed(me).throw(f(1)))),
    row("in_old_body", "the same, when another body replaces it", |me| {
        assert!(armed(me).set_run(waits()).is_ok(), "unstarted");
    }),
    row("in_value", "the destructor of a value for a greenlet without a body", |me| {
        on_drop(called_back);
        drop(me.bare(&STACKS).map(|bare| bare.switch(v(LOADED))));
    }),
    row("in_lost_value", "the same, of the result of a lost greenlet", |me| {
        on_drop(called_back);
        drop(started(spawn(me, |me, x| me.up(x).or(Ok(v(LOADED))))));
    }),
    row("in_error", "the destructor of an error for a greenlet without a body", |me| {
        on_drop(called_back);
        drop(me.bare(&STACKS).map(|bare| bare.throw(f(LOADED))));
    }),
    row("in_traced_error", "the destructor of what the error of a tracer replaces", |me| {
        on_drop(called_back);
        let before = me.set_trace(Some(&|_: Event, _: &Handle, _: &Handle| Err(f(3))));
        drop(me.throw(f(LOADED)));
        me.set_trace(before);
    }),
    row("in_local_init", "the init of a `GreenletLocal`", |me| {
        static MADE: GreenletLocal<(), 4> = GreenletLocal::new(called_back);
        let g = child(me);
        assert!(MADE.with(&g, |()| ()).is_ok(), "there is a place");
    }),
    row("in_local_with", "the closure of `GreenletLocal::with`", |me| {
        assert!(LOCALS.with(me, |_| called_back()).is_ok(), "there is a place");
    }),
    row("in_local_value", "the destructor of a `GreenletLocal`'s value", |me| {
        static DROPPED: GreenletLocal<OnDrop<fn()>, 4> = GreenletLocal::new(|| OnDrop::new(called_back));
        let g = child(me);
        assert!(DROPPED.with(&g, |_| ()).is_ok(), "there is a place");
    }),
    row("in_context", "the destructor of a context", |me| {
        static DROPPED: ContextPool<OnDrop<fn()>, 4> = ContextPool::new();
        child(me).set_context(DROPPED.create(OnDrop::new(called_back as fn())).ok());
    }),
    row("in_visitor", "the closure of `for_each`", |me| {
        let mut act: Option<fn()> = Some(called_back);
        me.for_each(|_| act.take().map_or((), |act| act()));
    }),
    Callback {
        except: ENDED,
        ..row("in_local_of_main", "the destructor of main's local value", |me| {
            static OF_MAIN: GreenletLocal<OnDrop<fn()>, 2> = GreenletLocal::new(|| OnDrop::new(called_back));
            assert!(OF_MAIN.with(me, |_| ()).is_ok(), "there is a place");
        })
    },
];

/// When the hooks of the end run, each greenlet that does not refuse is dead.
static AT_THE_END: &[Except] = &[
    except("set_run", Answer::Run(RunError::Started), "`set_run`: they are dead"),
    except("attend", Answer::Number(0), "`attend`: 0, they are dead"),
    except("again", Answer::No, "each greenlet is reported once"),
];

/// When main is freed, its tree has ended.
static ENDED: &[Except] = &[
    except("switch", Answer::Back(Refusal::Ended, 7), REFUSED_ENDED),
    except("switch_to_oneself", Answer::Back(Refusal::Ended, 7), REFUSED_ENDED),
    except("throw", Answer::Back(Refusal::Ended, 9), REFUSED_ENDED),
    except("kill", Answer::Refused(Refusal::Ended), REFUSED_ENDED),
    except("kill_with", Answer::Back(Refusal::Ended, 8), REFUSED_ENDED),
    except("cancel", Answer::Refused(Refusal::Ended), REFUSED_ENDED),
    except("spawn", Answer::Spawn(SpawnError::Ended), REFUSED_ENDED),
    except("bare", Answer::Spawn(SpawnError::Ended), REFUSED_ENDED),
    except("set_run", Answer::Run(RunError::Ended), REFUSED_ENDED),
    except("set_parent", Answer::Parent(greenlet::ParentError::Ended), REFUSED_ENDED),
    except("attend", Answer::Gone, "refused: `Gone`"),
    except("woken", Answer::Gone, "refused: `Gone`"),
    except("for_each", Answer::No, "the tree is empty"),
    except("state", Answer::No, "the tree is empty"),
    except("again", Answer::No, "cannot happen"),
];
const REFUSED_ENDED: &str = "refused: `Ended`";

/// The row of the hook of an overflow. Its operations are done one after the other, in one call: the hook cannot
/// return.
pub(super) static OVERFLOW: Callback = Callback {
    except: &[
        except("switch", Answer::Back(Refusal::Overflow, 7), REFUSED_OVERFLOW),
        except("switch_to_oneself", Answer::Back(Refusal::Overflow, 7), REFUSED_OVERFLOW),
        except("throw", Answer::Back(Refusal::Overflow, 9), REFUSED_OVERFLOW),
        except("kill", Answer::Back(Refusal::Overflow, crate::world::EXIT), REFUSED_OVERFLOW),
        except("kill_with", Answer::Back(Refusal::Overflow, 8), REFUSED_OVERFLOW),
        except("cancel", Answer::Refused(Refusal::Overflow), REFUSED_OVERFLOW),
        except("drop_suspended", Answer::No, "suspended: leaked"),
        except("attend", Answer::Number(0), "`attend`: 0, nothing is settled"),
        except("again", Answer::No, "cannot happen: transfers are refused"),
    ],
    // What would be found again, if it were a departure.
    ..row("in_overflow", "the hook of `on_overflow`", |me| drop(me.parent().map(|parent| parent.switch(v(1)))))
};
const REFUSED_OVERFLOW: &str = "refused: `Overflow`";

/// Runs `act` while a tracer is set that calls back once.
fn traced(me: &Handle, act: impl FnOnce()) {
    static ONCE: Single<()> = Single::empty();
    ONCE.set(());
    let before = me.set_trace(Some(&|_: Event, _: &Handle, _: &Handle| {
        if ONCE.take().is_some() {
            called_back();
        }
        Ok(())
    }));
    act();
    me.set_trace(before);
}

/// An unstarted greenlet whose body calls back when it is dropped.
fn armed(me: &Handle) -> Handle {
    let armed = OnDrop::new(called_back);
    spawn(me, move |_, x| {
        let _armed = &armed;
        Ok(x)
    })
}

/// A greenlet that refuses to end until the hook that is called with it has called back.
fn leaks_at_the_end(me: &Handle) {
    static MAY_END: Single<()> = Single::empty();
    if SECOND.with(|_| ()).is_some() {
        return; // from inside: one that is created at the end is not killed, and would keep its stack
    }
    ON_LEAK.set(|leaked| {
        called_back();
        MAY_END.set(());
        drop(leaked.cancel());
        MAY_END.take();
    });
    SECOND.set(started(spawn(me, |me, x| {
        let mut last = me.up(x);
        while MAY_END.take().is_none() {
            last = me.up(v(3));
        }
        last
    })));
}
