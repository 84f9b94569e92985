//! Values of every size and shape, on every way that a value can go: nothing is lost, nothing is dropped twice.

#[path = "library/common.rs"]
mod common;

use common::{Alone, SIZE, alone, stacks};
use greenlet::{Event, Greenlet, Me, Outcome, Refusal, Sent, StackPool, Thrown, Tree};
use std::fmt::Debug;
use std::rc::Rc;

/// How many [`Counted`] there are.
static LIVE: Alone<isize> = Alone::new(0);

fn live() -> isize {
    LIVE.get()
}

/// What a [`Counted`] carries.
trait Payload: Debug + PartialEq + 'static {
    fn make(seed: u8) -> Self;
}

#[derive(Debug, PartialEq)]
struct Counted<P: Payload>(P);

impl<P: Payload> Counted<P> {
    fn make(seed: u8) -> Self {
        LIVE.set(live() + 1);
        Self(P::make(seed))
    }
}

impl<P: Payload> Drop for Counted<P> {
    fn drop(&mut self) {
        LIVE.set(live() - 1);
        assert!(live() >= 0, "dropped twice");
        assert!(align_of::<P>().is_power_of_two() && (&raw const self.0).is_aligned());
    }
}

impl<const N: usize> Payload for [u8; N] {
    fn make(seed: u8) -> Self {
        std::array::from_fn(|at| seed.wrapping_mul(31).wrapping_add(at as u8))
    }
}

impl<const N: usize> Payload for [u32; N] {
    fn make(seed: u8) -> Self {
        std::array::from_fn(|at| u32::from(seed).wrapping_mul(0x0101_0133).wrapping_add(at as u32))
    }
}

impl<const N: usize> Payload for [u64; N] {
    fn make(seed: u8) -> Self {
        std::array::from_fn(|at| u64::from(seed).wrapping_mul(0x0101_0101_0101_0133).wrapping_add(at as u64))
    }
}

/// Sends back what it gets, in whatever way; ends by the exit that carries 0.
fn answer<P: Payload>(me: &Me<Counted<P>, Counted<P>>, mut value: Counted<P>) -> Outcome<Counted<P>, Counted<P>> {
    loop {
        value = match me.up(value) {
            Err(Thrown::Exit(last)) if last == Counted::make(0) => return Err(Thrown::Exit(last)),
            Ok(value) | Err(Thrown::Error(value) | Thrown::Exit(value)) => value,
            Err(other) => return Err(other),
        }
    }
}

type CountedTree<P> = Tree<Counted<P>, Counted<P>>;
type CountedHandle<P> = Greenlet<Counted<P>, Counted<P>>;

fn goes_every_way<P: Payload>(tree: &'static CountedTree<P>, pool: &'static StackPool<4, SIZE>) {
    let _alone = alone();
    LIVE.set(0); // a test that failed has left some
    let make = Counted::<P>::make;
    let mut inert = None;
    tree.enter(|main| {
        let g = main.spawn(pool, answer).unwrap();
        for by in 1..4 {
            assert_eq!(g.switch(make(by)), Ok(make(by)), "to the body, then from fast to fast");
        }
        assert_eq!(g.throw(make(4)), Ok(make(4)), "from slow to fast");
        assert_eq!(g.kill_with(make(5)), Ok(make(5)));
        main.set_trace(Some(&|_: Event, _: &CountedHandle<P>, _: &CountedHandle<P>| Ok(())));
        assert_eq!(g.switch(make(6)), Ok(make(6)), "from slow to slow");
        assert_eq!(main.switch(make(7)), Ok(make(7)), "to itself");
        main.set_trace(Some(&|_: Event, _: &CountedHandle<P>, _: &CountedHandle<P>| Err(Counted::make(8))));
        assert_eq!(main.switch(make(9)), Err(Thrown::Error(make(8))), "replaced by the tracer's error");
        assert_eq!(main.throw(make(9)), Err(Thrown::Error(make(9))));

        let bare = main.bare(pool).unwrap();
        let before = live();
        assert_eq!(bare.switch(make(1)), Err(Thrown::NoRun));
        assert_eq!(bare.throw(make(1)), Err(Thrown::NoRun));
        assert_eq!(bare.kill_with(make(1)), Err(Thrown::NoRun));
        assert_eq!(live(), before, "lost values are dropped");
        bare.set_run(|_me, value| Ok(value)).unwrap();
        assert_eq!(bare.switch(make(2)), Ok(make(2)), "by return");
        assert_eq!(bare.switch(make(3)), Ok(make(3)), "past a dead one");
        assert_eq!(bare.throw(make(4)), Err(Thrown::Error(make(4))));

        let capturing = || {
            let captured = (make(1), make(2));
            main.spawn(pool, move |_me, value| if value == captured.0 { Ok(captured.1) } else { Ok(value) }).unwrap()
        };
        drop(capturing());
        assert_eq!(live(), before, "captured and never run");
        let g = capturing();
        assert_eq!(g.switch(make(1)), Ok(make(2)));
        let failing = main.spawn(pool, |_me, value| Err(Thrown::Error(value))).unwrap();
        assert_eq!(failing.switch(make(5)), Err(Thrown::Error(make(5))), "by an error that leaves a body");
        inert = Some(g);
    })
    .unwrap();
    let inert = inert.unwrap();
    assert_eq!(inert.switch(make(1)), Err(Thrown::Refused(Refusal::Ended, Some(Sent::Value(make(1))))));
    assert_eq!(inert.throw(make(2)), Err(Thrown::Refused(Refusal::Ended, Some(Sent::Error(make(2))))));
    assert_eq!(inert.kill_with(make(3)), Err(Thrown::Refused(Refusal::Ended, Some(Sent::Exit(make(3))))));
    assert_eq!(live(), 0);
}

macro_rules! go_every_way {
    ($($name:ident: $payload:ty,)*) => {$(
        #[test]
        fn $name() {
            static TREE: CountedTree<$payload> = Tree::with_exit(|| Counted::make(0));
            goes_every_way(&TREE, stacks!(4));
        }
    )*};
}

go_every_way! {
    values_without_size_go_every_way: [u8; 0],
    values_of_1_byte_go_every_way: [u8; 1],
    values_of_3_bytes_go_every_way: [u8; 3],
    values_of_8_bytes_go_every_way: [u8; 8],
    values_of_9_bytes_go_every_way: [u8; 9],
    values_of_16_bytes_go_every_way: [u8; 16],
    values_of_64_bytes_go_every_way: [u8; 64],
    values_of_256_bytes_go_every_way: [u8; 256],
    values_of_1_word_go_every_way: [u64; 1],
    values_of_2_words_go_every_way: [u64; 2],
    values_of_3_words_go_every_way: [u64; 3],
    values_of_8_words_go_every_way: [u64; 8],
    values_of_9_words_go_every_way: [u64; 9],
    values_of_31_words_go_every_way: [u64; 31],
    values_of_32_words_go_every_way: [u64; 32],
    values_of_33_words_go_every_way: [u64; 33],
    values_of_2_half_words_go_every_way: [u32; 2],
    values_of_3_half_words_go_every_way: [u32; 3],
    values_of_15_half_words_go_every_way: [u32; 15],
    values_of_32_half_words_go_every_way: [u32; 32],
    values_of_33_half_words_go_every_way: [u32; 33],
    values_aligned_to_16_go_every_way: Align16,
    values_aligned_to_64_go_every_way: Align64,
    values_aligned_to_128_go_every_way: Align128,
    values_without_size_but_aligned_go_every_way: AlignedNothing,
    words_with_padding_go_every_way: Padded,
    large_values_with_padding_go_every_way: PaddedLarge,
    several_pointers_go_every_way: [&'static str; 4],
    enums_go_every_way: Choice,
    boxes_go_every_way: Box<u64>,
    counted_pointers_go_every_way: Rc<u64>,
    strings_go_every_way: String,
    floats_go_every_way: f64,
}

macro_rules! payloads {
    ($($payload:ty: $seed:ident => $make:expr,)*) => {$(
        impl Payload for $payload {
            fn make($seed: u8) -> Self {
                $make
            }
        }
    )*};
}

#[derive(Debug, PartialEq)]
#[repr(align(16))]
struct Align16(u8);
#[derive(Debug, PartialEq)]
#[repr(align(64))]
struct Align64([u8; 65]);
#[derive(Debug, PartialEq)]
#[repr(align(128))]
struct Align128(u64);
#[derive(Debug, PartialEq)]
#[repr(align(32))]
struct AlignedNothing;
#[derive(Debug, PartialEq)]
struct Padded(u8, u32);
#[derive(Debug, PartialEq)]
struct PaddedLarge(u8, u64, u8, u128);
#[derive(Debug, PartialEq)]
enum Choice {
    Nothing,
    Byte(u8),
    Boxed(Box<str>),
}

payloads! {
    Align16: seed => Self(seed),
    Align64: seed => Self([seed; 65]),
    Align128: seed => Self(seed.into()),
    AlignedNothing: _seed => Self,
    Padded: seed => Self(seed, u32::from(seed) << 20),
    PaddedLarge: seed => Self(seed, seed.into(), seed, u128::from(seed) << 100),
    Choice: seed => match seed {
        0 => Self::Nothing,
        1 | 3 | 5 | 7 | 9 => Self::Byte(seed),
        _ => Self::Boxed(format!("number {seed}").into()),
    },
    [&'static str; 4]: seed => std::array::from_fn(|at| &"nothing is lost, and nothing is dropped twice"[at..][..usize::from(seed)]),
    Box<u64>: seed => Box::new(seed.into()),
    Rc<u64>: seed => Rc::new(seed.into()),
    String: seed => "x".repeat(seed.into()),
    f64: seed => f64::from(seed) / 3.0,
}

#[test]
fn a_value_that_waits_in_a_suspended_greenlet_is_dropped_when_that_is_killed() {
    static TREE: CountedTree<[u8; 40]> = Tree::with_exit(|| Counted::make(0));
    let _alone = alone();
    LIVE.set(0); // a test that failed has left some
    TREE.enter(|main| {
        let keep = |me: &Me<Counted<_>, Counted<_>>, kept| {
            let answer = me.up(Counted::make(1));
            drop(kept);
            answer
        };
        let g = main.spawn(stacks!(1), keep).unwrap();
        drop(g.switch(Counted::make(2)));
        assert_eq!(live(), 1);
        drop(g);
        assert_eq!(live(), 0);
    })
    .unwrap();
}

#[test]
fn a_body_lies_aligned_on_its_stack() {
    #[repr(align(1024))]
    struct Wide(u32);
    impl Drop for Wide {
        fn drop(&mut self) {
            assert!((&raw const self.0).addr().is_multiple_of(1024));
            LIVE.set(live() + 1);
        }
    }
    common::tree(|main| {
        LIVE.set(0);
        let pool = stacks!(3);
        for started in [false, true] {
            let all = [1_u32, 2, 3].map(|n| {
                let (wide, odd) = (Wide(n), n as u8);
                main.spawn(pool, move |_me, x| Ok(x + wide.0 + u32::from(odd))).unwrap()
            });
            if started {
                assert_eq!(all.each_ref().map(|g| g.switch(10)), [Ok(12), Ok(14), Ok(16)]);
            }
        }
        assert_eq!(live(), 6);
    });
}

#[test]
fn floating_point_values_survive_switches() {
    common::tree(|main| {
        let series = |me: &common::Me, x: u32| {
            let [mut a, mut b, mut c, mut d] = [1.0, 2.0, 3.0, 4.0].map(|y| y * f64::from(x));
            for n in 0..100 {
                (a, b, c, d) = (a + 0.5, b * 1.01, c - 0.25, d / 1.01);
                me.up(n)?;
            }
            Ok((a + b + c + d) as u32)
        };
        let pool = stacks!(2);
        let both = [1, 1000].map(|x| {
            let g = main.spawn(pool, series).unwrap();
            g.switch(x).unwrap();
            g
        });
        for _ in 0..99 {
            both.iter().for_each(|g| assert!(g.switch(0).is_ok()));
        }
        let expected =
            |x: f64| (x + 50.0 + 2.0 * x * 1.01_f64.powi(100) + 3.0 * x - 25.0 + 4.0 * x / 1.01_f64.powi(100)) as u32;
        assert_eq!(both.map(|g| g.switch(0).unwrap()), [expected(1.0), expected(1000.0)]);
    });
}

/// Values that travel in one register, in several, and in memory.
#[test]
fn a_pending_up_pins_its_target_and_a_first_start_does_not_however_the_value_travels() {
    fn pins<V: Copy + Debug + PartialEq>(tree: &'static Tree<V>, pool: &'static StackPool<3, SIZE>, value: V) {
        let _alone = alone();
        let entered = tree.enter(|main| {
            let [old, new] = [0, 1].map(|_| main.spawn(pool, |me, value| me.up(value)).unwrap());
            old.switch(value).unwrap(); // started, so that the child's `up` is a fast one
            let child = old.spawn(pool, |me, value| me.up(value)).unwrap();
            child.set_parent(&new).unwrap();
            assert_eq!(old.references(), 1, "the child has not started");
            child.set_parent(&old).unwrap();
            assert_eq!(child.switch(value), Ok(value), "it goes up, and the parent ends with it");
            let before = old.references();
            child.set_parent(&new).unwrap();
            assert_eq!(old.references(), before, "the pin takes the place of the parent field");
        });
        entered.unwrap();
    }
    pins(common::own_tree!(u64, &'static str), stacks!(3), 7);
    pins(common::own_tree!([u64; 8], &'static str), stacks!(3), [7; 8]);
    pins(common::own_tree!([u64; 9], &'static str), stacks!(3), [7; 9]);
}
