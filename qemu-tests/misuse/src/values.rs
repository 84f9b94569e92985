//! What greenlets exchange in the cases: counted, and with destructors that can be given something to do.

use crate::atomic::{AtomicU32, Ordering::Relaxed};
use crate::single::Single;
use core::fmt;
use greenlet::{Outcome, Thrown};

pub(crate) type Handle = greenlet::Greenlet<Value, Fault>;
pub(crate) type Weak = greenlet::WeakGreenlet<Value, Fault>;
pub(crate) type Main = greenlet::Main<Value, Fault>;
pub(crate) type Me = greenlet::Me<Value, Fault>;
pub(crate) type Out = Outcome<Value, Fault>;

/// Tokens that exist, wherever they are: in values, errors, bodies, on stacks.
static ALIVE: AtomicU32 = AtomicU32::new(0);

/// How many tokens there are. One that is dropped twice makes it wrap: a number that no account expects.
pub(crate) fn alive() -> u32 {
    ALIVE.load(Relaxed)
}

/// Something that is counted while it exists.
pub(crate) struct Token(());

impl Token {
    pub(crate) fn new() -> Self {
        ALIVE.fetch_add(1, Relaxed);
        Self(())
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Relaxed);
    }
}

/// What is sent: a number.
pub(crate) struct Value {
    pub(crate) number: u32,
    _alive: Token,
}

/// What is thrown: a number.
pub(crate) struct Fault {
    pub(crate) number: u32,
    _alive: Token,
}

/// The number of values and errors whose destructor does what [`on_drop`] was given, once.
pub(crate) const LOADED: u32 = 13;

static ON_DROP: Single<fn()> = Single::empty();

/// What the next loaded value or error does when it is dropped.
pub(crate) fn on_drop(act: fn()) {
    ON_DROP.set(act);
}

pub(crate) fn v(number: u32) -> Value {
    Value { number, _alive: Token::new() }
}

pub(crate) fn f(number: u32) -> Fault {
    Fault { number, _alive: Token::new() }
}

/// An error that leaves a body.
pub(crate) fn fails(number: u32) -> Out {
    Err(Thrown::Error(f(number)))
}

fn dropped(number: u32) {
    if number == LOADED
        && let Some(act) = ON_DROP.take()
    {
        act();
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        dropped(self.number);
    }
}

impl Drop for Fault {
    fn drop(&mut self) {
        dropped(self.number);
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}

/// Does something when it is dropped: for a body to capture, or to hold on its stack.
pub(crate) struct OnDrop<F: FnOnce()> {
    act: Option<F>,
    _alive: Token,
}

impl<F: FnOnce()> OnDrop<F> {
    pub(crate) fn new(act: F) -> Self {
        Self { act: Some(act), _alive: Token::new() }
    }
}

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(act) = self.act.take() {
            act();
        }
    }
}
