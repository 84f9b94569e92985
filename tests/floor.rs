//! The least stack that a body is accepted for holds it, and all that the kernel does for it.
// Under Miri, frames are on the stacks of threads.
#![cfg(not(miri))]

#[path = "library/common.rs"]
mod common;

use common::{alone, in_child, own_tree};
use greenlet::{Greenlet, RunError, StackPool, State};

/// A value that detects that it was overwritten.
struct Large([u64; 32]);

impl Default for Large {
    fn default() -> Self {
        Self([7; 32])
    }
}

impl Drop for Large {
    fn drop(&mut self) {
        assert_eq!(self.0, [7; 32]);
    }
}

#[test]
fn a_body_that_is_accepted_leaves_the_neighbours_of_its_stack_alone() {
    // What overruns a stack may do anything to the program.
    let Some(output) = in_child(module_path!(), "a_body_that_is_accepted_leaves_the_neighbours_of_its_stack_alone")
    else {
        let _alone = alone();
        own_tree!(u64, ()).enter(|main| on_every_size(main)).unwrap();
        own_tree!(Large, ()).enter(|main| on_every_size(main)).unwrap();
        own_tree!([u64; 1], ()).enter(|main| on_every_size(main)).unwrap();
        own_tree!((u64, u64), ()).enter(|main| on_every_size(main)).unwrap();
        own_tree!([u64; 8], ()).enter(|main| on_every_size(main)).unwrap();
        own_tree!([u32; 3], ()).enter(|main| on_every_size(main)).unwrap();
        own_tree!([u8; 9], ()).enter(|main| on_every_size(main)).unwrap();
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Runs bodies on stacks of every size, from ones that are too small to ones that are large enough in any case.
fn on_every_size<V: Default + 'static>(main: &Greenlet<V, ()>) {
    let accepted = of_every_size(main, &mut |bare| runs_beside_others(bare));
    assert!(accepted.is_sorted() && !accepted[0] && accepted[accepted.len() - 1], "more is always enough");
}

/// Creates a greenlet without a body.
type Bare<'a, V> = &'a dyn Fn(&'static str) -> Greenlet<V, ()>;

/// What `run` returns for stacks of every size, the smallest first.
fn of_every_size<V: Default + 'static, R>(main: &Greenlet<V, ()>, run: &mut dyn FnMut(Bare<'_, V>) -> R) -> Vec<R> {
    macro_rules! multiples_of_64 {
        ($($n:literal)*) => {
            vec![$({
                static POOL: StackPool<3, { 64 * $n }> = StackPool::new();
                run(&|name| main.build(&POOL).name(name).bare().unwrap())
            },)*]
        };
    }
    multiples_of_64!(
        16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53
        54 55 56 57 58 59 60 61 62 63 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 79 80 81 82 83 84 85 86 87 88 89 90 92
        94 96 98 100 105 110 115 120 125 130 135 140 145 150 160 170 180 190 200 250 300
    )
}

/// Lets `high` start, switch once and be killed, if its stack is found large enough for its body; whether it was. The
/// stacks of the three are neighbours: the control block of one stands right below the stack of the next.
///
/// `bare` is not a type parameter, so that all sizes of stacks share this code. With three copies of `bare` in each,
/// they took most of the time that this file takes to compile.
fn runs_beside_others<V: Default + 'static>(bare: Bare<'_, V>) -> bool {
    let [low, middle, high] = ["low", "middle", "high"].map(bare);
    let captured = [1_u8; 100];
    match high.set_run(move |me, x| if captured[7] == 1 { me.up(x) } else { Ok(x) }) {
        Err(refused) => {
            assert!(matches!(refused.reason, RunError::TooLarge { needs, stack } if needs > stack));
            false
        }
        Ok(()) => {
            let about = |g: &Greenlet<V, ()>| (g.id(), g.name(), g.state(), g.references(), g.stack());
            let before = [about(&low), about(&middle)];
            assert!(high.switch(V::default()).is_ok() && high.kill().is_ok());
            assert_eq!([about(&low), about(&middle)], before, "overrun from above");
            assert_eq!((high.name(), high.state()), (Some("high"), State::Dead));
            true
        }
    }
}

/// Whether a body that captures `N` bytes needs exactly the stack that `bare` has. What it needs is kept in `needed`
/// when a smaller one is refused.
fn needs_all<const N: usize>(bare: Bare<'_, u64>, needed: &mut usize) -> bool {
    let (captured, greenlet) = ([1_u8; N], bare("exact"));
    match greenlet.set_run(move |_me, x| Ok(x + u64::from(captured[7]))) {
        Err(refused) => {
            let RunError::TooLarge { needs, stack } = refused.reason else { panic!("{refused}") };
            assert!(needs > stack, "{needs} bytes on {stack}");
            *needed = needs;
            false
        }
        Ok(()) => {
            let size = greenlet.stack().map_or(0, |stack| stack.size());
            assert!(*needed <= size, "{needed} bytes on {size}");
            size == *needed
        }
    }
}

#[test]
fn a_stack_of_exactly_the_least_size_is_accepted() {
    let _alone = alone();
    let exact = own_tree!(u64, ()).enter(|main| {
        let mut needed = [0; 4];
        let [a, b, c, d] = &mut needed;
        of_every_size(main, &mut |bare| {
            [needs_all::<16>(bare, a), needs_all::<32>(bare, b), needs_all::<48>(bare, c), needs_all::<64>(bare, d)]
        })
    });
    let exact = exact.unwrap().into_iter().flatten().any(|exact| exact);
    // The body counts three times there: so one of four that differ by 16 bytes needs a multiple of 64.
    assert!(exact || !cfg!(debug_assertions), "none needs exactly a stack");
}
