//! This crate. Out by the partner's handle; back by a handle, too, or by `up`.

use crate::peer::{Error, Peer, SMALL, Stacks, USUAL, Value};
use crate::works::lookup;
use greenlet::{Greenlet, Me, Outcome, StackPool, StackRegion, Thrown};
use std::cell::Cell;
use std::hint::black_box;
use std::marker::PhantomData;
use std::sync::OnceLock;
use std::time::Instant;

/// As an ordinary program has them.
static POOL: StackPool<128, USUAL> = StackPool::new();
/// Has as many stacks as the first work needs.
static SMALL_STACKS: OnceLock<&'static StackRegion<SMALL>> = OnceLock::new();

pub(crate) struct Greenlets<B>(PhantomData<B>);

/// How a greenlet goes back to main.
pub(crate) trait Back {
    const NAME: &'static str;
    /// What it needs for that.
    type Way<V: Value>;

    fn way<V: Value>(me: &Me<V, Error>) -> Self::Way<V>;
    fn back<V: Value>(way: &Self::Way<V>, me: &Me<V, Error>, value: V) -> Outcome<V, Error>;

    /// Lookups by greenlets, and how they take turns.
    fn lookups(lanes: usize, count: usize) -> f64;
}

/// By a handle to the parent.
pub(crate) enum ByHandle {}

impl Back for ByHandle {
    const NAME: &'static str = if cfg!(feature = "unchecked") { "greenlet-unchecked" } else { "greenlet" };
    type Way<V: Value> = Greenlet<V, Error>;

    fn way<V: Value>(me: &Me<V, Error>) -> Greenlet<V, Error> {
        me.parent()
    }

    #[inline(always)]
    fn back<V: Value>(way: &Greenlet<V, Error>, _: &Me<V, Error>, value: V) -> Outcome<V, Error> {
        way.switch(value)
    }

    fn lookups(lanes: usize, count: usize) -> f64 {
        ring(lanes, count)
    }
}

/// By `up`.
pub(crate) enum ByUp {}

impl Back for ByUp {
    const NAME: &'static str = if cfg!(feature = "unchecked") { "greenlet-up-unchecked" } else { "greenlet-up" };
    type Way<V: Value> = ();

    fn way<V: Value>(_: &Me<V, Error>) {}

    #[inline(always)]
    fn back<V: Value>((): &(), me: &Me<V, Error>, value: V) -> Outcome<V, Error> {
        me.up(value)
    }

    fn lookups(lanes: usize, count: usize) -> f64 {
        lookup::by_main::<Greenlets<Self>>(lanes, count)
    }
}

pub(crate) struct Ground<V: Value> {
    main: Greenlet<V, Error>,
    small: Option<&'static StackRegion<SMALL>>,
}

pub(crate) struct Inside<'a, B: Back, V: Value> {
    me: &'a Me<V, Error>,
    way: B::Way<V>,
}

impl<B: Back + 'static> Peer for Greenlets<B> {
    const NAME: &'static str = B::NAME;
    const MOST: usize = usize::MAX;
    const KILLS: bool = true;
    const THROWS: bool = true;

    type Ground<V: Value> = Ground<V>;
    type Partner<V: Value> = Greenlet<V, Error>;
    type Inside<'a, V: Value> = Inside<'a, B, V>;
    type Stop<V: Value> = Thrown<V, Error>;

    fn enter<V: Value, R>(stacks: Stacks, bench: impl FnOnce(&Ground<V>) -> R) -> R {
        let small = (stacks.size == SMALL).then(|| region(stacks.count));
        V::tree().enter(|main| bench(&Ground { main: main.handle(), small })).unwrap()
    }

    #[inline(always)]
    fn create<V: Value, F>(ground: &Ground<V>, body: F) -> Greenlet<V, Error>
    where
        F: FnOnce(&mut Inside<'_, B, V>, V) -> Outcome<V, Error> + Send + 'static,
    {
        let body = |me: &Me<V, Error>, value| body(&mut Inside { me, way: B::way(me) }, value);
        match ground.small {
            // Not by `spawn`, which refuses to compile for values that a small stack is too small for, used or not.
            Some(region) => {
                let partner = ground.main.bare(region).unwrap();
                partner.set_run(body).unwrap();
                partner
            }
            None => ground.main.spawn(&POOL, body).unwrap(),
        }
    }

    #[inline(always)]
    fn resume<V: Value>(partner: &mut Greenlet<V, Error>, value: V) -> V {
        partner.switch(value).unwrap()
    }

    #[inline(always)]
    fn suspend<V: Value>(inside: &mut Inside<'_, B, V>, value: V) -> Outcome<V, Error> {
        B::back(&inside.way, inside.me, value)
    }

    #[inline(always)]
    fn once(ground: &Ground<usize>, value: usize) -> usize {
        ground.main.spawn(&POOL, |_, value| Ok(value)).unwrap().switch(value).unwrap()
    }

    #[inline(always)]
    fn throw(partner: &mut Greenlet<usize, Error>) -> usize {
        partner.throw(Error::Thrown).unwrap()
    }

    fn is_error(stop: &Thrown<usize, Error>) -> bool {
        matches!(stop, Thrown::Error(_))
    }

    fn climb(depth: usize) -> Option<f64> {
        let arrived = usize::tree().enter(|main| {
            assert_eq!(nest(main, depth), Err(Thrown::Error(Error::Climbs)));
            Instant::now()
        });
        Some((arrived.unwrap() - LEFT.get()?).as_nanos() as f64)
    }

    fn lookups(lanes: usize, count: usize) -> f64 {
        B::lookups(lanes, count)
    }
}

/// Greenlets each of which switches to the next one, as only symmetric coroutines can: main has no part in it until all
/// is done.
fn ring(lanes: usize, count: usize) -> f64 {
    let time = usize::tree().enter(|main| {
        let ring: Vec<_> = (0..lanes).map(|_| main.bare(&POOL).unwrap()).collect();
        for (lane, next) in ring.iter().zip(ring.iter().cycle().skip(1)) {
            let next = next.clone();
            let body = move |me: &Me<usize, Error>, _| {
                let done = |idle| idle && lookup::DESK.is_done();
                match lookup::lane(|idle| if done(idle) { me.up(0) } else { next.switch(0) }.map(drop))? {}
            };
            lane.set_run(body).unwrap();
        }
        let time = lookup::timed(count, || {
            black_box(&ring[0]).switch(0).unwrap();
        });
        // Each has a handle of the next: they would not end with the last handle here.
        for lane in &ring {
            lane.kill().unwrap();
        }
        time
    });
    time.unwrap()
}

/// The small stacks, which are made once and last as long as the program.
fn region(count: usize) -> &'static StackRegion<SMALL> {
    let region = SMALL_STACKS.get_or_init(|| {
        let memory = Box::leak(Box::<[u8]>::new_uninit_slice(StackRegion::<SMALL>::bytes(count.max(1000))));
        StackRegion::carve(memory).unwrap()
    });
    assert!(count <= region.count(), "the first work that has small stacks must be the one with the most");
    region
}

thread_local! {
    /// When the innermost greenlet ended.
    static LEFT: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Runs a child that runs a child, and so on; the last one fails.
fn nest(me: &Greenlet<usize, Error>, depth: usize) -> Outcome<usize, Error> {
    if depth == 0 {
        LEFT.set(Some(Instant::now()));
        return Err(Thrown::Error(Error::Climbs));
    }
    let child = me.spawn(&POOL, move |me, _| nest(me, depth - 1)).unwrap();
    child.switch(0)
}
