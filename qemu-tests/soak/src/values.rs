//! What greenlets send and hold: counted while it exists.

use crate::atomic::{AtomicU32, Ordering::Relaxed};
use greenlet::Outcome;

pub(crate) type Handle = greenlet::Greenlet<Value, Value>;
pub(crate) type Weak = greenlet::WeakGreenlet<Value, Value>;
pub(crate) type Me = greenlet::Me<Value, Value>;
pub(crate) type Out = Outcome<Value, Value>;

/// How many there are of one kind of thing.
pub(crate) struct Counter(AtomicU32);

pub(crate) static VALUES: Counter = Counter::new();
pub(crate) static BODIES: Counter = Counter::new();
pub(crate) static CONTEXTS: Counter = Counter::new();
pub(crate) static LOCALS: Counter = Counter::new();

impl Counter {
    const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// How many exist. What is dropped twice makes it wrap, to a number that cannot be right.
    pub(crate) fn alive(&self) -> u32 {
        self.0.load(Relaxed)
    }

    pub(crate) fn one(&'static self) -> One {
        self.0.fetch_add(1, Relaxed);
        One(self)
    }
}

/// One thing that is counted.
pub(crate) struct One(&'static Counter);

impl Drop for One {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Relaxed);
    }
}

/// A value or an error: two words, so that it does not travel in one register.
pub(crate) struct Value {
    pub(crate) number: u64,
    _counted: One,
}

impl Value {
    pub(crate) fn new(number: u64) -> Self {
        Self { number, _counted: VALUES.one() }
    }
}
