//! Wakers, each with the time at which it is due.

use core::task::Waker;

/// Up to `N` wakers. One that is inserted twice keeps the earlier time: embassy's futures insert theirs at each poll.
pub(crate) struct Queue<const N: usize>([Option<(u64, Waker)>; N]);

/// What became of a waker.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Inserted {
    /// It is the one that is due first.
    First,
    Later,
    /// There is no place for it.
    Full,
}

impl<const N: usize> Queue<N> {
    pub(crate) const fn new() -> Self {
        Self([const { None }; N])
    }

    /// Inserts a waker, which is taken if it becomes part of the queue.
    pub(crate) fn insert(&mut self, at: u64, waker: &mut Option<Waker>) -> Inserted {
        let first = self.first().is_none_or(|first| at < first);
        let of_this = |place: &&mut Option<(u64, Waker)>| {
            place.as_ref().zip(waker.as_ref()).is_some_and(|((_, old), new)| old.will_wake(new))
        };
        if let Some(Some((old, _))) = self.0.iter_mut().find(of_this) {
            *old = at.min(*old);
        } else if let Some(place) = self.0.iter_mut().find(|place| place.is_none()) {
            *place = waker.take().map(|waker| (at, waker));
        } else {
            return Inserted::Full;
        }
        if first { Inserted::First } else { Inserted::Later }
    }

    /// Returns the earliest time.
    pub(crate) fn first(&self) -> Option<u64> {
        self.0.iter().flatten().map(|&(at, _)| at).min()
    }

    /// Takes a waker that is due.
    pub(crate) fn take_due(&mut self, now: u64) -> Option<Waker> {
        let due = self.0.iter_mut().find(|place| place.as_ref().is_some_and(|&(at, _)| at <= now))?;
        due.take().map(|(_, waker)| waker)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::sync::Arc;
    use std::task::Wake;

    struct One;

    impl Wake for One {
        fn wake(self: Arc<Self>) {}
    }

    fn waker() -> Option<Waker> {
        Some(Arc::new(One).into())
    }

    #[test]
    fn what_is_due_is_taken_and_the_rest_stays() {
        let mut queue = Queue::<3>::new();
        assert_eq!(queue.first(), None);
        let (mut a, mut b, mut c) = (waker(), waker(), waker());
        let b_again = b.clone().unwrap();
        assert_eq!(queue.insert(20, &mut a), Inserted::First);
        assert_eq!(queue.insert(10, &mut b), Inserted::First);
        assert_eq!(queue.insert(30, &mut c), Inserted::Later);
        assert!(a.is_none() && b.is_none() && c.is_none());
        assert_eq!((queue.first(), queue.take_due(9).is_none()), (Some(10), true));
        assert!(queue.take_due(19).unwrap().will_wake(&b_again));
        assert!(queue.take_due(19).is_none());
        assert!(queue.take_due(30).is_some() && queue.take_due(30).is_some() && queue.take_due(30).is_none());
    }

    #[test]
    fn the_same_waker_has_one_place_and_the_earlier_time() {
        let mut queue = Queue::<1>::new();
        let one = waker();
        assert_eq!(queue.insert(20, &mut one.clone()), Inserted::First);
        assert_eq!(queue.insert(30, &mut one.clone()), Inserted::Later);
        assert_eq!(queue.first(), Some(20));
        assert_eq!(queue.insert(10, &mut one.clone()), Inserted::First);
        assert_eq!(queue.first(), Some(10));
        let mut other = waker();
        assert_eq!(queue.insert(5, &mut other), Inserted::Full);
        assert!(other.is_some()); // to be woken at once instead
        assert!(queue.take_due(10).is_some());
        assert_eq!(queue.insert(5, &mut other), Inserted::First);
    }
}
