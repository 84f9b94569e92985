//! The crate `corosensei`: asymmetric, each coroutine with a type of its own. Its own stacks, with a guard page.

use crate::peer::{Peer, Stacks, USUAL, Value};
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, ScopedCoroutine, Yielder};
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::time::Instant;

pub(crate) enum Corosensei {}

/// A stack for a coroutine that finishes at once and can give it back.
pub(crate) struct Ground(RefCell<DefaultStack>);

impl Peer for Corosensei {
    const NAME: &'static str = "corosensei";
    const KILLS: bool = true;

    type Ground<V: Value> = Ground;
    type Partner<V: Value> = Coroutine<V, V, V>;
    type Inside<'a, V: Value> = &'a Yielder<V, V>;
    type Stop<V: Value> = Infallible;

    fn enter<V: Value, R>(_: Stacks, bench: impl FnOnce(&Ground) -> R) -> R {
        bench(&Ground(RefCell::new(stack())))
    }

    fn create<V: Value, F>(_: &Ground, body: F) -> Coroutine<V, V, V>
    where
        F: FnOnce(&mut &Yielder<V, V>, V) -> Result<V, Infallible> + Send + 'static,
    {
        Coroutine::with_stack(stack(), |mut yielder, value| {
            let Ok(value) = body(&mut yielder, value);
            value
        })
    }

    #[inline(always)]
    fn resume<V: Value>(partner: &mut Coroutine<V, V, V>, value: V) -> V {
        partner.resume(value).as_yield().unwrap()
    }

    #[inline(always)]
    fn suspend<V: Value>(inside: &mut &Yielder<V, V>, value: V) -> Result<V, Infallible> {
        Ok(inside.suspend(value))
    }

    #[inline(always)]
    fn once(ground: &Ground, value: usize) -> usize {
        let mut stack = ground.0.borrow_mut();
        let coroutine = ScopedCoroutine::<usize, (), usize, _>::with_stack(&mut *stack, |_, value| value);
        coroutine.scope(|mut coroutine| coroutine.resume(value)).as_return().unwrap()
    }

    /// The same with a stack that was used before, suspended once and dropped.
    #[inline(always)]
    fn kill(ground: &Ground, value: usize) -> usize {
        let mut stack = ground.0.borrow_mut();
        let coroutine =
            ScopedCoroutine::<usize, usize, usize, _>::with_stack(&mut *stack, |yielder, value| yielder.suspend(value));
        coroutine.scope(|mut coroutine| coroutine.resume(value)).as_yield().unwrap()
    }

    fn climb(depth: usize) -> Option<f64> {
        let mut stacks: Vec<_> = (0..depth).map(|_| stack()).collect();
        assert_eq!(nest(&mut stacks), Err("climbs"));
        let arrived = Instant::now();
        Some((arrived - LEFT.get()?).as_nanos() as f64)
    }
}

fn stack() -> DefaultStack {
    DefaultStack::new(USUAL).unwrap()
}

thread_local! {
    /// When the innermost coroutine ended.
    static LEFT: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Resumes a coroutine that resumes another one, and so on; the last one fails.
fn nest(stacks: &mut [DefaultStack]) -> Result<usize, &'static str> {
    let Some((stack, rest)) = stacks.split_first_mut() else {
        LEFT.set(Some(Instant::now()));
        return Err("climbs");
    };
    let child = ScopedCoroutine::<usize, (), _, _>::with_stack(stack, |_, _| nest(rest));
    match child.scope(|mut child| child.resume(0)) {
        CoroutineResult::Return(end) => end,
        CoroutineResult::Yield(()) => unreachable!("it never suspends"),
    }
}
