//! Wasmtime's fibers, which it publishes for its own use: asymmetric. Their own stacks, with a guard page.

use crate::peer::{Peer, Stacks, USUAL, Value};
use std::cell::Cell;
use std::convert::Infallible;
use wasmtime_internal_fiber::{Fiber, FiberStack, Suspend};

pub(crate) enum Wasmtime {}

/// A stack for a fiber that finishes at once and can give it back.
pub(crate) struct Ground(Cell<Option<FiberStack>>);

impl Peer for Wasmtime {
    const NAME: &'static str = "wasmtime-fiber";

    type Ground<V: Value> = Ground;
    type Partner<V: Value> = Fiber<'static, V, V, V>;
    type Inside<'a, V: Value> = &'a mut Suspend<V, V, V>;
    type Stop<V: Value> = Infallible;

    fn enter<V: Value, R>(_: Stacks, bench: impl FnOnce(&Ground) -> R) -> R {
        bench(&Ground(Cell::new(Some(stack()))))
    }

    fn create<V: Value, F>(_: &Ground, body: F) -> Fiber<'static, V, V, V>
    where
        F: FnOnce(&mut &mut Suspend<V, V, V>, V) -> Result<V, Infallible> + Send + 'static,
    {
        let body = |value, mut suspend: &mut Suspend<V, V, V>| {
            let Ok(value) = body(&mut suspend, value);
            value
        };
        Fiber::new(stack(), body).unwrap()
    }

    #[inline(always)]
    fn resume<V: Value>(partner: &mut Fiber<'static, V, V, V>, value: V) -> V {
        partner.resume(value).unwrap_err()
    }

    #[inline(always)]
    fn suspend<V: Value>(inside: &mut &mut Suspend<V, V, V>, value: V) -> Result<V, Infallible> {
        Ok(inside.suspend(value))
    }

    #[inline(always)]
    fn once(ground: &Ground, value: usize) -> usize {
        let stack = ground.0.take().unwrap();
        let fiber = Fiber::<usize, usize, usize>::new(stack, |value, _| value).unwrap();
        let value = fiber.resume(value).unwrap();
        ground.0.set(Some(fiber.into_stack()));
        value
    }
}

fn stack() -> FiberStack {
    FiberStack::new(USUAL, false).unwrap()
}
