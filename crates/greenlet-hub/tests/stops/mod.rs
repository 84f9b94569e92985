//! What a wait is stopped with, and values of which each is counted.

pub(crate) mod waits;

use crate::clock::Clock;
use greenlet_hub::{Bounded, Channel, Condition, Event, JoinHandle, Mutex, Remote, Semaphore, Signal, Stop};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

/// Errors are counted, too.
pub(crate) type Task = greenlet_hub::Task<(), Value>;
pub(crate) type Ended = Result<(), Stop<Value>>;

pub(crate) const MS: Duration = Duration::from_millis(1);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// What became of a value.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fate {
    /// It went through an operation that promises to hand it over or to give it back.
    kept: bool,
    seen: u32,
    drops: u32,
}

#[derive(Default)]
pub(crate) struct Ledger(RefCell<Vec<Fate>>);

pub(crate) struct Value {
    number: usize,
    ledger: Rc<Ledger>,
}

impl Ledger {
    fn value(self: &Rc<Self>, kept: bool) -> Value {
        let mut fates = self.0.borrow_mut();
        fates.push(Fate { kept, ..Fate::default() });
        Value { number: fates.len() - 1, ledger: self.clone() }
    }

    /// Each value was dropped once, and one that is kept was seen once: by its receiver, or by the sender that got it back.
    pub(crate) fn is_right(&self) -> bool {
        let right = |fate: &Fate| fate.drops == 1 && (fate.seen == 1 || fate.seen == 0 && !fate.kept);
        self.0.borrow().iter().all(right)
    }
}

impl Value {
    /// Takes it as its receiver does, or the sender that gets it back.
    pub(crate) fn see(self) {
        self.ledger.0.borrow_mut()[self.number].seen += 1;
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.ledger.0.borrow_mut()[self.number].drops += 1;
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "value {}", self.number)
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.borrow().fmt(f)
    }
}

/// What one wait of one run is about. Each wait uses some of it.
pub(crate) struct Things {
    pub(crate) ledger: Rc<Ledger>,
    pub(crate) line: Channel<Value, Value>,
    pub(crate) room: Bounded<Value, 1>,
    pub(crate) lock: Mutex<Value>,
    pub(crate) permits: Semaphore,
    pub(crate) event: Event,
    pub(crate) condition: Condition,
    pub(crate) signal: Signal,
    pub(crate) mail: Remote<Value, 2>,
    /// Lets tasks that help go on.
    pub(crate) release: Event,
    /// Whether the future is ready.
    pub(crate) ready: Cell<bool>,
    /// The task that waits, and one that it joins.
    pub(crate) handle: RefCell<Option<JoinHandle<(), (), Value>>>,
    pub(crate) other: RefCell<Option<JoinHandle<Value, (), Value>>>,
}

impl Things {
    pub(crate) fn new() -> Self {
        let ledger = Rc::new(Ledger::default());
        Self {
            line: Channel::new(),
            room: Bounded::new(),
            lock: Mutex::new(ledger.value(false)),
            permits: Semaphore::new(0),
            event: Event::new(),
            condition: Condition::new(),
            signal: Signal::new(),
            mail: Remote::new(),
            release: Event::new(),
            ready: Cell::new(false),
            handle: RefCell::default(),
            other: RefCell::default(),
            ledger,
        }
    }

    /// A value that must not be lost.
    pub(crate) fn kept(&self) -> Value {
        self.ledger.value(true)
    }

    /// A value of which only the drop counts: that of a local variable, or a result that is lost with its task.
    pub(crate) fn any(&self) -> Value {
        self.ledger.value(false)
    }

    /// Takes out what was sent and not received.
    pub(crate) fn drain(&self, main: &Task) {
        while let Ok(Some(value)) = self.room.try_receive(main) {
            value.see();
        }
        while let Ok(Some(value)) | Err(Stop::Error(value)) = self.line.try_receive(main) {
            value.see();
        }
    }
}

/// How a wait is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Kill,
    RemoteKill,
    Throw,
    Timeout,
    Close,
    /// By an operation of the kernel.
    Cancel,
    /// Main's closure returns.
    EndOfRun,
    /// The same, without a handle to the task.
    Detached,
    /// It is stopped in no way.
    Not,
}

impl Way {
    pub(crate) const ALL: [Self; 9] = [
        Self::Kill,
        Self::RemoteKill,
        Self::Throw,
        Self::Timeout,
        Self::Close,
        Self::Cancel,
        Self::EndOfRun,
        Self::Detached,
        Self::Not,
    ];

    /// Stops the task of `things`; `by` runs.
    pub(crate) fn stop(self, by: &Task, things: &Things) {
        let handle = things.handle.borrow();
        let Some(handle) = handle.as_ref() else { return };
        match self {
            Self::Kill => handle.kill(),
            Self::RemoteKill => _ = handle.remote().kill(),
            Self::Throw => {
                if let Err(error) = handle.throw(things.any()) {
                    error.see();
                }
            }
            Self::Timeout => {
                Clock::pass(2_000);
                // In a timeout a check looks at the clock.
                by.with_timeout(HOUR, || by.shield(|| by.check())).unwrap();
            }
            Self::Close => {
                things.line.close(by);
                things.room.close(by);
            }
            Self::Cancel => {
                let row = by.report().rows().find(|row| row.name() == "waits");
                _ = row.and_then(|row| row.greenlet()).map(|greenlet| greenlet.cancel());
            }
            Self::EndOfRun | Self::Detached | Self::Not => {}
        }
    }

    /// Whether a wait that ended with this was stopped in this way.
    pub(crate) fn is_why(self, ended: &Ended) -> bool {
        match self {
            Self::Kill | Self::RemoteKill | Self::Cancel | Self::EndOfRun | Self::Detached => {
                matches!(ended, Err(Stop::Killed))
            }
            Self::Throw => matches!(ended, Err(Stop::Error(_))),
            Self::Timeout => matches!(ended, Err(Stop::Timeout(_))),
            Self::Close => matches!(ended, Err(Stop::Closed)),
            Self::Not => false,
        }
    }
}
