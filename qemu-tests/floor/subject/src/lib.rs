//! What the kernel takes of a stack, to the byte, and the least stack that a body is accepted for. Fails when that is
//! less.
//!
//! Every instruction is stepped through, so that the lowest stack pointer is seen wherever it is; and the stack is
//! painted, so that what is written below it is seen, as functions without calls may do.

#[cfg(feature = "small")]
mod small;
mod stacks;
mod steps;

use greenlet::{Greenlet, Me, Outcome, RunError, StackPool, StackRegion, Tree};

use crate::stacks::Small;

/// Bytes of a stack that is large enough in any case.
const LARGE: usize = 128 * 1024;
/// Bytes at the limit of a stack that nothing may touch.
const BAND: usize = 64;
/// Which part of the least stack a greenlet needs in addition, to kill one that nothing else refers to as it arrives: a
/// quarter, as `docs/stack-sizing.md` says.
const LOST: usize = 4;
/// Bytes at its base that a control block has at most.
const BLOCK: usize = 256;

type Error = &'static str;
/// What becomes of a greenlet that was not started. The second argument creates others, on large stacks.
type Life<V> = fn(Greenlet<V, Error>, Others<V>);
type Region = &'static StackRegion<LARGE>;

macro_rules! values {
    ($($(#[$attribute:meta])* $name:ident($element:ty; $count:literal);)*) => {$(
        $(#[$attribute])*
        struct $name(#[allow(dead_code, reason = "it is sent, not looked at")] [$element; $count]);
        impl Default for $name {
            fn default() -> Self {
                Self([7; $count])
            }
        }
    )*};
}

values! {
    Word(u64; 1);
    Nine(u8; 9);
    Large(u64; 32);
    Huge(u8; 1500);
    #[repr(align(64))]
    Aligned(u8; 64);
    Dropped(u64; 4);
}

impl Drop for Dropped {
    fn drop(&mut self) {
        assert_eq!(self.0, [7; 4]);
    }
}

/// Measures all of them, a line each.
///
/// # Panics
///
/// When a stack that is accepted is overrun.
pub fn run() {
    macro_rules! with_values {
        ($($value:ty)*) => {
            [$({ static TREE: Tree<$value, Error> = Tree::new(); bodies(&TREE) }),*]
        };
    }
    steps::end_with_panics();
    let least = with_values!(() Word Nine Large Huge Aligned Dropped).into_iter().min().unwrap_or(0);
    #[cfg(feature = "small")]
    small::spawns();
    println!("the least to spare: {least}");
    assert!(least >= 0, "a stack that is accepted is overrun by {} bytes", -least);
}

fn bodies<V: Default + 'static>(tree: &'static Tree<V, Error>) -> i64 {
    tree.enter(|main| {
        let nothing = || |me: &Me<V, Error>, x| me.up(x);
        subject(main, "captures nothing", nothing).min(subject(main, "captures 1000 bytes", captures::<V, 1000>))
    })
    .unwrap()
}

/// A body that captures `BYTES`.
fn captures<V, const BYTES: usize>() -> impl FnOnce(&Me<V, Error>, V) -> Outcome<V, Error> + 'static
where
    V: Default + 'static,
{
    let captured = [1_u8; BYTES];
    move |me, x| if captured[7] == 1 { me.up(x) } else { Ok(x) }
}

/// Measures one body; returns how many bytes its least stack has to spare.
fn subject<V, F>(main: &Greenlet<V, Error>, what: &str, body: impl Fn() -> F) -> i64
where
    V: Default + 'static,
    F: FnOnce(&Me<V, Error>, V) -> Outcome<V, Error> + 'static,
{
    let needs = least_stack(main, body());
    let lives: [(&str, Life<V>); 7] = [
        ("killed", |g, _| drop((g.switch(V::default()), g.kill()))),
        ("ends", |g, _| drop((g.switch(V::default()), g.switch(V::default())))),
        ("thrown", |g, _| drop((g.switch(V::default()), g.throw("thrown")))),
        ("lost", |g, _| drop(g.switch(V::default()))),
        // Nothing refers to it when it leaves, so it leaves by the slow path.
        ("lost in a slow switch", |g, _| drop(g.switch_away(V::default()))),
        ("thrown unstarted", |g, _| drop(g.throw("thrown"))),
        ("killed unstarted", |g, _| drop(g.kill())),
    ];
    let [region, others] =
        [1, 2].map(|count| StackRegion::<LARGE>::carve(steps::painted(StackRegion::<LARGE>::bytes(count))).unwrap());
    let mut least = i64::MAX;
    // One that nothing refers to is killed by the one that arrives after it, which takes more than the least stack; and
    // nothing beside that depends on the body.
    let deeper: [(&str, Life<V>); 2] = [
        ("resumed by a lost one", |g, others| {
            drop((g.switch(V::default()), others.goes_to(&g).switch_away(V::default())));
            drop(g.switch(V::default()));
        }),
        ("lets the one go that it waited for", |g, others| {
            let parent = others.waits();
            g.set_parent(&parent).unwrap();
            drop((g.switch(V::default()), g.set_parent(others.main)));
            let weak = parent.downgrade();
            drop(parent);
            assert!(weak.upgrade().is_some(), "the pending `up` refers to it");
            drop((g.switch(V::default()), g.kill()));
            assert!(weak.upgrade().is_none(), "it is killed when the `up` returns");
        }),
    ];
    let with_more = needs + needs / LOST;
    let deeper = deeper.into_iter().filter(|_| size_of::<F>() == 0).map(|life| (with_more, life));
    let lives = lives.into_iter().map(|life| (needs, life)).chain(deeper);
    for (enough, (how, life)) in lives {
        let greenlet = main.bare(region).unwrap();
        greenlet.set_run(body()).unwrap();
        let stack = greenlet.stack().unwrap();
        let free = stack.limit + BAND..stack.base - BLOCK;
        let takes = stack.base - steps::lowest(free, || life(greenlet, Others { main, stacks: others }));
        let spare = enough as i64 - (takes + BAND) as i64;
        let value = std::any::type_name::<V>();
        println!(
            "{value}, {what}, {how}: takes {takes} and the band, is accepted on {needs}, should have {enough}: {spare} to spare"
        );
        least = least.min(spare);
    }
    for small in stacks::from(needs) {
        least = least.min(settles(main, what, &small, others, &body));
    }
    least
}

/// Measures a body on a stack that it is accepted on, while it settles kills that were requested from elsewhere, if
/// there is room for that. Returns how many bytes of the stack are left.
fn settles<V, F>(main: &Greenlet<V, Error>, what: &str, small: &Small<V>, others: Region, body: impl Fn() -> F) -> i64
where
    V: Default + 'static,
    F: FnOnce(&Me<V, Error>, V) -> Outcome<V, Error> + 'static,
{
    let lives: [(&str, Life<V>); 3] = [
        ("settles as it starts", |g, others| {
            let victim = others.waits();
            drop((victim.remote().kill(), g.switch(V::default()), g.kill()));
            assert!(victim.is_dead());
        }),
        ("settles in a switch", |g, others| {
            let victim = others.waits();
            drop((g.switch(V::default()), victim.remote().kill(), g.switch(V::default())));
            assert!(victim.is_dead());
        }),
        ("settles in a slow switch", |g, others| {
            let [victim, parent] = [others.waits(), others.waits()];
            g.set_parent(&parent).unwrap();
            // That waits until the parent is not above the current greenlet, so `g` leaves by the slow path.
            parent.remote().kill().unwrap();
            drop((g.switch(V::default()), victim.remote().kill(), g.switch(V::default())));
            assert!(victim.is_dead());
        }),
    ];
    let mut least = i64::MAX;
    for (how, life) in lives {
        let greenlet = (small.bare)(main);
        greenlet.set_run(body()).unwrap();
        let stack = greenlet.stack().unwrap();
        let floor = stack.limit + BAND;
        let lowest = steps::lowest(floor..stack.base - BLOCK, || life(greenlet, Others { main, stacks: others }));
        let (takes, spare) = (stack.base - lowest, lowest as i64 - floor as i64);
        let value = std::any::type_name::<V>();
        println!("{value}, {what}, {how}: takes {takes} and the band, of {}: {spare} to spare", small.size);
        least = least.min(spare);
    }
    least
}

/// Creates greenlets on large stacks.
struct Others<'a, V: 'static> {
    main: &'a Greenlet<V, Error>,
    stacks: Region,
}

impl<V: Default + 'static> Others<'_, V> {
    /// One that waits in `up`, again and again.
    fn waits(&self) -> Greenlet<V, Error> {
        let greenlet = self.main.bare(self.stacks).unwrap();
        let body = |me: &Me<V, Error>, mut x: V| loop {
            x = me.up(x)?;
        };
        greenlet.set_run(body).unwrap();
        drop(greenlet.switch(V::default()));
        greenlet
    }

    /// One that has not started, and switches to `to`.
    fn goes_to(&self, to: &Greenlet<V, Error>) -> Greenlet<V, Error> {
        let greenlet = self.main.bare(self.stacks).unwrap();
        let to = to.clone();
        greenlet.set_run(move |_, x| to.switch(x)).unwrap();
        greenlet
    }
}

/// What a stack must have for `body`, as a refusal says.
fn least_stack<V, F>(main: &Greenlet<V, Error>, body: F) -> usize
where
    V: 'static,
    F: FnOnce(&Me<V, Error>, V) -> Outcome<V, Error> + 'static,
{
    static TINY: StackPool<1, 1024> = StackPool::new();
    match main.bare(&TINY).unwrap().set_run(body).map_err(|refused| refused.reason) {
        Err(RunError::TooLarge { needs, .. }) => needs,
        other => panic!("{other:?}"),
    }
}
