//! Switches from several places of a program, each with a partner of its own, in turn.

use super::{WARM_UP, assert_answered, echo, lap, trip};
use crate::peer::{Peer, Stacks};

/// Four call sites, four partners with one body.
pub(super) fn four<P: Peer>(count: usize) -> f64 {
    P::enter(Stacks::usual(4), |ground| {
        let mut partners: [_; 4] = std::array::from_fn(|_| echo::<P, usize>(ground));
        let mut value = 0;
        let four = lap(count / 4, || {
            // Each of these lines is a call site of its own in the program.
            value = trip::<P, usize>(&mut partners[0], value);
            value = trip::<P, usize>(&mut partners[1], value);
            value = trip::<P, usize>(&mut partners[2], value);
            value = trip::<P, usize>(&mut partners[3], value);
        });
        assert_answered(value, count);
        four / 4.0
    })
}

/// Eight call sites, eight partners with one body: the partners switch back from one place.
pub(super) fn eight<P: Peer>(count: usize) -> f64 {
    P::enter(Stacks::usual(8), |ground| {
        let mut partners = std::array::from_fn(|_| echo::<P, usize>(ground));
        let (time, value) = eight_sites::<P>(&mut partners, count);
        assert_answered(value, count);
        time
    })
}

/// Eight call sites, eight partners with a body each: nine functions switch, at sixteen places.
pub(super) fn eight_bodies<P: Peer>(count: usize) -> f64 {
    P::enter(Stacks::usual(8), |ground| {
        let mut partners = [
            adds::<P, 1>(ground),
            adds::<P, 2>(ground),
            adds::<P, 3>(ground),
            adds::<P, 4>(ground),
            adds::<P, 5>(ground),
            adds::<P, 6>(ground),
            adds::<P, 7>(ground),
            adds::<P, 8>(ground),
        ];
        let (time, value) = eight_sites::<P>(&mut partners, count);
        let rounds = (count + count / WARM_UP) / partners.len();
        assert_eq!(value, rounds * (1..=partners.len()).sum::<usize>(), "a partner has not answered each time");
        time
    })
}

/// A partner that answers with its own number added. With each number the compiler makes another body, which it cannot
/// merge.
fn adds<P: Peer, const NUMBER: usize>(ground: &P::Ground<usize>) -> P::Partner<usize> {
    let mut partner = P::create(ground, |inside, mut value: usize| {
        loop {
            value = P::suspend(inside, value.wrapping_add(NUMBER))?;
        }
    });
    P::resume(&mut partner, 0);
    partner
}

/// Time of a trip, and what the last one answered.
#[inline(always)]
fn eight_sites<P: Peer>(partners: &mut [P::Partner<usize>; 8], count: usize) -> (f64, usize) {
    let mut value = 0;
    let eight = lap(count / 8, || {
        // Each of these lines is a call site of its own in the program.
        value = trip::<P, usize>(&mut partners[0], value);
        value = trip::<P, usize>(&mut partners[1], value);
        value = trip::<P, usize>(&mut partners[2], value);
        value = trip::<P, usize>(&mut partners[3], value);
        value = trip::<P, usize>(&mut partners[4], value);
        value = trip::<P, usize>(&mut partners[5], value);
        value = trip::<P, usize>(&mut partners[6], value);
        value = trip::<P, usize>(&mut partners[7], value);
    });
    (eight / 8.0, value)
}
