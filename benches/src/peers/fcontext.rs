//! Boost.Context's assembly: a function that saves all registers on the stack, and a word that goes along.

use crate::peer::{Peer, Stacks, Value};
use crate::slab::Slab;
use std::convert::Infallible;
use std::ffi::c_void;
use std::marker::PhantomData;

pub(crate) enum Fcontext {}

/// Where a context stands.
type Place = *mut c_void;

/// What a context gets when it is resumed: where the other one is suspended, and the word from there.
#[repr(C)]
struct Transfer {
    from: Place,
    data: *mut c_void,
}

unsafe extern "C" {
    fn make_fcontext(end: *mut c_void, size: usize, entry: unsafe extern "C" fn(Transfer)) -> Place;
    fn jump_fcontext(to: Place, data: *mut c_void) -> Transfer;
}

/// The other side, seen from either.
pub(crate) struct Other<V> {
    place: Place,
    values: PhantomData<V>,
}

/// What a context is started with.
struct Start<V, F> {
    body: F,
    values: PhantomData<V>,
}

impl Peer for Fcontext {
    const NAME: &'static str = "boost-fcontext";
    const MOST: usize = usize::MAX;

    type Ground<V: Value> = Slab;
    type Partner<V: Value> = Other<V>;
    type Inside<'a, V: Value> = Other<V>;
    type Stop<V: Value> = Infallible;

    fn enter<V: Value, R>(stacks: Stacks, bench: impl FnOnce(&Slab) -> R) -> R {
        bench(&Slab::new(stacks))
    }

    fn create<V: Value, F>(ground: &Slab, body: F) -> Other<V>
    where
        F: FnOnce(&mut Other<V>, V) -> Result<V, Infallible> + Send + 'static,
    {
        prepare(ground.take(), ground.size(), body)
    }

    #[inline(always)]
    fn resume<V: Value>(partner: &mut Other<V>, value: V) -> V {
        transfer(partner, value)
    }

    #[inline(always)]
    fn suspend<V: Value>(inside: &mut Other<V>, value: V) -> Result<V, Infallible> {
        Ok(transfer(inside, value))
    }

    #[inline(always)]
    fn once(ground: &Slab, value: usize) -> usize {
        let mut partner = prepare(ground.end(0), ground.size(), |_, value: usize| Ok(value));
        transfer(&mut partner, value)
    }
}

/// Makes a context, and lets it fetch its body.
#[inline(always)]
fn prepare<V: Value, F>(end: *mut u8, size: usize, body: F) -> Other<V>
where
    F: FnOnce(&mut Other<V>, V) -> Result<V, Infallible> + Send + 'static,
{
    // SAFETY: the slab has the memory below `end`; nothing runs on this stack any more.
    let place = unsafe { make_fcontext(end.cast(), size, entry::<V, F>) };
    let start = Start { body, values: PhantomData::<V> };
    let mut start = Some(start);
    // SAFETY: the context is at its entry, which takes the body out of `start` and comes back at once.
    let there = unsafe { jump_fcontext(place, (&raw mut start).cast()) };
    Other { place: there.from, values: PhantomData }
}

/// # Safety
///
/// Entered by `prepare`.
unsafe extern "C" fn entry<V: Value, F>(first: Transfer)
where
    F: FnOnce(&mut Other<V>, V) -> Result<V, Infallible>,
{
    // SAFETY: `prepare` sends a pointer to it, and waits.
    let start = unsafe { &mut *first.data.cast::<Option<Start<V, F>>>() };
    let body = start.take().unwrap().body;
    // SAFETY: `prepare` waits.
    let second = unsafe { jump_fcontext(first.from, std::ptr::null_mut()) };
    // SAFETY: the resumer waits, and sends a value.
    let value = unsafe { second.data.cast::<V>().read() };
    let mut inside = Other { place: second.from, values: PhantomData };
    let Ok(value) = body(&mut inside, value);
    transfer(&mut inside, value);
    unreachable!("this context is over")
}

#[inline(always)]
fn transfer<V: Value>(other: &mut Other<V>, mut value: V) -> V {
    // SAFETY: the other side waits in this function, for a pointer to a value.
    let there = unsafe { jump_fcontext(other.place, (&raw mut value).cast()) };
    other.place = there.from;
    // SAFETY: it sent one, and waits.
    unsafe { there.data.cast::<V>().read() }
}
