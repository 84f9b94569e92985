//! The crate `generator`: asymmetric, finds the current generator in a thread-local. Its own stacks, with a guard page.

use crate::peer::{Peer, Stacks, USUAL, Value};
use generator::{Gn, Scope};
use std::convert::Infallible;

pub(crate) enum Generator {}

impl Peer for Generator {
    const NAME: &'static str = "generator";
    const KILLS: bool = true;

    type Ground<V: Value> = ();
    type Partner<V: Value> = generator::Generator<'static, V, V>;
    type Inside<'a, V: Value> = Scope<'a, 'static, V, V>;
    type Stop<V: Value> = Infallible;

    fn enter<V: Value, R>(_: Stacks, bench: impl FnOnce(&()) -> R) -> R {
        bench(&())
    }

    fn create<V: Value, F>((): &(), body: F) -> Self::Partner<V>
    where
        F: FnOnce(&mut Scope<'_, 'static, V, V>, V) -> Result<V, Infallible> + Send + 'static,
    {
        Gn::new_scoped_opt(USUAL / size_of::<usize>(), |mut scope| {
            let value = scope.get_yield().unwrap();
            let Ok(value) = body(&mut scope, value);
            value
        })
    }

    #[inline(always)]
    fn resume<V: Value>(partner: &mut Self::Partner<V>, value: V) -> V {
        partner.send(value)
    }

    #[inline(always)]
    fn suspend<V: Value>(inside: &mut Scope<'_, 'static, V, V>, value: V) -> Result<V, Infallible> {
        Ok(inside.yield_(value).unwrap())
    }
}
