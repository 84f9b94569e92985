//! What the kernel takes of a stack, to the byte, and the least stack that a body is accepted for. Fails when that is less.
//!
//! Every instruction is stepped through, so that the lowest stack pointer is seen wherever it is; and the stack is painted, so that
//! what is written below it is seen, as functions without calls may do.

#[cfg(feature = "small")]
mod small;
mod steps;

use greenlet::{Greenlet, Me, Outcome, RunError, StackPool, StackRegion, Tree};

/// Bytes of a stack that is large enough in any case.
const LARGE: usize = 128 * 1024;
/// Bytes at the limit of a stack that nothing may touch.
const BAND: usize = 64;
/// Bytes at its base that a control block has at most.
const BLOCK: usize = 256;

type Error = &'static str;
/// What becomes of a greenlet that was not started.
type Life<V> = fn(Greenlet<V, Error>);

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
    let least = with_values!(() Word Nine Large Huge Aligned Dropped).into_iter().min().unwrap_or(0);
    #[cfg(feature = "small")]
    small::spawns();
    println!("the least to spare: {least}");
    assert!(least >= 0, "a stack that is accepted is overrun by {} bytes", -least);
}

fn bodies<V: Default + 'static>(tree: &'static Tree<V, Error>) -> i64 {
    tree.enter(|main| {
        let captures = || {
            let captured = [1_u8; 100];
            move |me: &Me<V, Error>, x| if captured[7] == 1 { me.up(x) } else { Ok(x) }
        };
        let nothing = || |me: &Me<V, Error>, x| me.up(x);
        subject(main, "captures 100 bytes", captures).min(subject(main, "captures nothing", nothing))
    })
    .unwrap()
}

/// Measures one body; returns how many bytes its least stack has to spare.
fn subject<V, F>(main: &Greenlet<V, Error>, what: &str, body: impl Fn() -> F) -> i64
where
    V: Default + 'static,
    F: FnOnce(&Me<V, Error>, V) -> Outcome<V, Error> + 'static,
{
    let needs = least_stack(main, body());
    let lives: [(&str, Life<V>); 6] = [
        ("killed", |g| drop((g.switch(V::default()), g.kill()))),
        ("ends", |g| drop((g.switch(V::default()), g.switch(V::default())))),
        ("thrown", |g| drop((g.switch(V::default()), g.throw("thrown")))),
        ("lost", |g| drop(g.switch(V::default()))),
        ("thrown unstarted", |g| drop(g.throw("thrown"))),
        ("killed unstarted", |g| drop(g.kill())),
    ];
    let region = StackRegion::<LARGE>::carve(steps::painted(StackRegion::<LARGE>::bytes(1))).unwrap();
    let mut least = i64::MAX;
    for (how, life) in lives {
        let greenlet = main.bare(region).unwrap();
        greenlet.set_run(body()).unwrap();
        let stack = greenlet.stack().unwrap();
        let free = stack.limit + BAND..stack.base - BLOCK;
        let takes = stack.base - steps::lowest(free, || life(greenlet));
        let spare = needs as i64 - (takes + BAND) as i64;
        let value = std::any::type_name::<V>();
        println!("{value}, {what}, {how}: takes {takes} and the band, is accepted on {needs}: {spare} to spare");
        least = least.min(spare);
    }
    least
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
