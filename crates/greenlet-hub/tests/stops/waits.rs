//! Every operation that waits, and what completes it.

use super::{Ended, HOUR, Task, Things, Value};
use crate::STACKS;
use crate::clock::Clock;
use greenlet::Refused;
use greenlet_hub::{Await, Chosen2, Chosen3, Stackful, Stop, select};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

pub(crate) struct Wait {
    pub(crate) name: &'static str,
    /// Before the task that waits is spawned.
    pub(crate) prepare: fn(&Task, &Rc<Things>),
    pub(crate) wait: fn(&Task, &Rc<Things>) -> Ended,
    pub(crate) complete: fn(&Task, &Things),
    pub(crate) is: Is,
}

/// How completion and a stop go together.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Is {
    /// What was handed over counts, and the next wait is stopped.
    Plain,
    /// The same, and main's wait ends with `Stop::Deadlock` if no task can complete it.
    Hopeless,
    /// The same, but another task completes it, and this one runs meanwhile.
    Helped,
    /// A stop counts although it is complete.
    Loose,
}

const TEN_MS: Duration = Duration::from_millis(10);

fn nothing(_main: &Task, _things: &Rc<Things>) {}

/// A task has the lock until the event `release`.
fn hold(main: &Task, things: &Rc<Things>) {
    let shared = things.clone();
    let holder = main.spawn(&STACKS, move |me| {
        let _guard = shared.lock.lock(me)?;
        shared.release.wait(me)
    });
    drop(holder.unwrap());
    main.yield_now().unwrap();
}

/// A task that ends after the event `release`.
fn spawn_other(main: &Task, things: &Rc<Things>) {
    let shared = things.clone();
    let other = main.spawn(&STACKS, move |me| {
        let result = shared.any();
        shared.release.wait(me)?;
        Ok(result)
    });
    *things.other.borrow_mut() = Some(other.unwrap());
    main.yield_now().unwrap();
}

fn release(main: &Task, things: &Things) {
    things.release.set(main);
    main.yield_now().unwrap();
}

fn fill(main: &Task, things: &Rc<Things>) {
    assert!(things.room.try_send(main, things.kept()).is_ok());
}

fn sent(sent: Result<(), Refused<Stop<Value>, Value>>) -> Ended {
    sent.map_err(|refused| {
        refused.returned.see();
        refused.reason
    })
}

fn receive(main: &Task, things: &Things) {
    match things.line.try_receive(main) {
        Ok(Some(value)) | Err(Stop::Error(value)) => value.see(),
        _ => {}
    }
}

fn send(main: &Task, things: &Things) {
    if let Err(value) = things.line.try_send(main, things.kept()) {
        value.see();
    }
}

fn pass(main: &Task, _things: &Things) {
    Clock::pass(10_000);
    main.with_timeout(HOUR, || main.check()).unwrap();
}

fn is_ready<'a>(things: &'a Rc<Things>) -> impl Future<Output = ()> + use<'a> {
    let local = things.any();
    poll_fn(move |_context| {
        let _ = &local;
        if things.ready.get() { Poll::Ready(()) } else { Poll::Pending }
    })
}

fn make_ready(main: &Task, things: &Things) {
    things.ready.set(true);
    wake(main, things);
}

fn wake(_main: &Task, things: &Things) {
    _ = things.handle.borrow().as_ref().map(|handle| handle.remote().wake());
}

/// A select that sends one value and receives another one.
fn selects(me: &Task, things: &Rc<Things>) -> Ended {
    let mut sending = things.line.sending(things.kept());
    let late = me.sleeping(HOUR);
    let chosen = select(me, (&mut sending, things.event.setting(), late));
    if let Some(value) = sending.into_value() {
        value.see();
    }
    match chosen? {
        Chosen3::First(Err(refused)) => {
            if let Some(value) = refused.returned {
                value.see();
            }
            Err(refused.reason)
        }
        _ => Ok(()),
    }
}

fn wait_on(body: impl FnOnce() -> Result<Value, Stop<Value>>) -> Ended {
    body().map(Value::see)
}

pub(crate) const WAITS: [Wait; 25] = [
    Wait { name: "yield", prepare: nothing, wait: |me, _| me.yield_now(), complete: |_, _| (), is: Is::Loose },
    Wait { name: "park", prepare: nothing, wait: |me, _| me.park(), complete: wake, is: Is::Loose },
    Wait { name: "sleep", prepare: nothing, wait: |me, _| me.sleep(TEN_MS), complete: pass, is: Is::Plain },
    Wait {
        name: "tick",
        prepare: nothing,
        wait: |me, _| me.interval(TEN_MS).tick(me).map(drop),
        complete: pass,
        is: Is::Plain,
    },
    Wait {
        name: "send",
        prepare: nothing,
        wait: |me, all| sent(all.line.send(me, all.kept())),
        complete: receive,
        is: Is::Hopeless,
    },
    Wait {
        name: "send an error",
        prepare: nothing,
        wait: |me, all| sent(all.line.send_error(me, all.kept())),
        complete: receive,
        is: Is::Hopeless,
    },
    Wait {
        name: "receive",
        prepare: nothing,
        wait: |me, all| wait_on(|| all.line.receive(me)),
        complete: send,
        is: Is::Hopeless,
    },
    Wait {
        name: "receive an error",
        prepare: nothing,
        wait: |me, all| match all.line.receive(me) {
            Err(Stop::Error(error)) if all.ready.get() => {
                error.see();
                Ok(())
            }
            received => received.map(Value::see),
        },
        complete: |main, all| {
            all.ready.set(true);
            if all.line.balance(main) < 0 {
                all.line.send_error(main, all.kept()).unwrap();
            }
        },
        is: Is::Loose, // the receiver is preferred, so it runs at once
    },
    Wait {
        name: "send to a full channel",
        prepare: fill,
        wait: |me, all| sent(all.room.send(me, all.kept())),
        complete: |main, all| _ = all.room.try_receive(main).unwrap().map(Value::see),
        is: Is::Hopeless,
    },
    Wait {
        name: "receive from an empty channel",
        prepare: nothing,
        wait: |me, all| wait_on(|| all.room.receive(me)),
        complete: |main, all| _ = all.room.try_send(main, all.kept()).map_err(Value::see),
        is: Is::Hopeless,
    },
    Wait {
        name: "lock",
        prepare: hold,
        wait: |me, all| all.lock.lock(me).map(drop),
        complete: release,
        is: Is::Helped,
    },
    Wait {
        name: "acquire",
        prepare: nothing,
        wait: |me, all| all.permits.acquire(me).map(drop),
        complete: |main, all| all.permits.add(main),
        is: Is::Hopeless,
    },
    Wait {
        name: "event",
        prepare: nothing,
        wait: |me, all| all.event.wait(me),
        complete: |main, all| all.event.set(main),
        is: Is::Hopeless,
    },
    Wait {
        name: "condition",
        prepare: nothing,
        wait: |me, all| all.condition.wait(me, all.lock.lock(me)?).map(drop),
        complete: |main, all| all.condition.notify_one(main),
        is: Is::Loose, // it has to lock again
    },
    Wait {
        name: "signal",
        prepare: nothing,
        wait: |me, all| all.signal.wait(me).map(drop),
        complete: |_, all| all.signal.raise(1),
        is: Is::Plain,
    },
    Wait {
        name: "remote",
        prepare: nothing,
        wait: |me, all| wait_on(|| all.mail.receive(me)),
        complete: |_, all| _ = all.mail.try_send(all.any()).map_err(Value::see),
        is: Is::Plain,
    },
    Wait {
        name: "join",
        prepare: spawn_other,
        wait: |me, all| {
            let other = all.other.borrow_mut().take().unwrap();
            other.join(me)?.map(Value::see)
        },
        complete: release,
        is: Is::Helped,
    },
    Wait {
        name: "scope",
        prepare: nothing,
        wait: |me, all| {
            let lent = all.any();
            me.scope(|scope| {
                let body = |me: &Task| {
                    let _both = (all.any(), &lent);
                    all.release.wait(me)
                };
                scope.spawn(&STACKS, body)?;
                scope.spawn(&STACKS, body)?;
                Ok(())
            })
        },
        complete: release,
        is: Is::Loose, // its tasks are killed before they see the event
    },
    Wait { name: "select sends", prepare: nothing, wait: selects, complete: receive, is: Is::Plain },
    Wait {
        name: "select does not send",
        prepare: nothing,
        wait: selects,
        complete: |main, all| all.event.set(main),
        is: Is::Plain,
    },
    Wait {
        name: "select receives",
        prepare: nothing,
        wait: |me, all| match select(me, (all.line.receiving(), me.sleeping(HOUR)))? {
            Chosen2::First(received) => received.map(Value::see),
            Chosen2::Second(()) => Ok(()),
        },
        complete: send,
        is: Is::Plain,
    },
    Wait {
        name: "select joins",
        prepare: spawn_other,
        wait: |me, all| {
            let mut other = all.other.borrow_mut().take().unwrap();
            select(me, (other.joining(), all.line.receiving())).map(drop)
        },
        complete: release,
        is: Is::Helped,
    },
    Wait {
        name: "future",
        prepare: nothing,
        wait: |me, all| me.wait(is_ready(all)),
        complete: make_ready,
        is: Is::Plain,
    },
    Wait {
        name: "greenlet as a future",
        prepare: nothing,
        wait: |me, all| {
            let shared = all.clone();
            let body = move |waits: &Await<(), Value>| {
                let _local = shared.any();
                waits.wait(is_ready(&shared))
            };
            let future = Stackful::new(me.greenlet(), &STACKS, body).map_err(|_| Stop::Closed)?;
            me.wait(future).map(drop)
        },
        complete: make_ready,
        is: Is::Plain,
    },
    Wait {
        name: "receive in two timeouts",
        prepare: nothing,
        wait: |me, all| {
            let receive = || me.with_timeout(HOUR, || wait_on(|| all.line.receive(me)));
            me.with_timeout(2 * HOUR, receive).map(drop)
        },
        complete: send,
        is: Is::Plain,
    },
];
