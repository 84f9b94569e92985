//! Coroutines without stacks, which firmware uses instead: two of them hand a number back and forth.
//!
//! Each function here calls `run` with a function that makes so many round trips and returns how many were answered in
//! all. So a meter in `run` sees round trips alone.

#![no_std]

mod critical;
mod embassy;
mod future;

pub use embassy::{SameCore, Shared, with_tasks};
pub use future::with_future;

#[cfg(test)]
mod tests {
    use super::{SameCore, Shared, with_future, with_tasks};

    /// Round trips continue where the last ones ended.
    fn go_on(trips: &mut dyn FnMut(u64) -> u64) -> [u64; 3] {
        [trips(1), trips(4), trips(0)]
    }

    #[test]
    fn each_round_trip_is_answered() {
        assert_eq!(with_tasks::<SameCore, _>(go_on), [1, 5, 5]);
        assert_eq!(with_tasks::<Shared, _>(go_on), [1, 5, 5]);
        assert_eq!(with_future(go_on), [1, 5, 5]);
    }
}
