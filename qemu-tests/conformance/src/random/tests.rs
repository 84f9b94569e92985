//! What the generator promises, on many scenarios.

extern crate std;

use std::collections::BTreeSet;
use std::format;
use std::string::ToString as _;

use super::scenario;
use crate::op::Op;
use crate::parse::Scenarios;

const COUNT: u64 = 2_000;

#[test]
fn every_scenario_is_well_formed_and_reads_back_as_it_was() {
    for index in 0..COUNT {
        let made = scenario(7, index);
        let text = made.to_string();
        let read = Scenarios::new(text.as_bytes()).next().expect("a scenario").unwrap();
        assert_eq!(made, read, "{text}");
        assert_eq!(made.name(), format!("s7_{index}"));
    }
}

#[test]
fn the_largest_numbers_fit_the_name() {
    assert_eq!(scenario(u64::MAX, u64::MAX).name(), "sffffffffffffffff_18446744073709551615");
}

#[test]
fn every_op_and_every_size_comes_up() {
    let (mut words, mut sizes, mut longest) = (BTreeSet::new(), BTreeSet::new(), 0);
    for index in 0..COUNT {
        let made = scenario(8, index);
        sizes.insert(made.slots());
        for op in (0..made.slots()).flat_map(|slot| made.script(slot)) {
            words.insert(match op {
                Op::Trace { .. } => op.to_string(),
                _ => op.to_string().split(' ').next().unwrap_or_default().to_string(),
            });
        }
        longest = longest.max((0..made.slots()).map(|slot| made.script(slot).len()).max().unwrap_or(0));
    }
    assert_eq!(words.len(), 22, "{words:?}");
    assert_eq!(sizes, (2..=16).collect());
    assert_eq!(longest, 24);
}

/// Scenarios with a [forsaken](super::forsaken) greenlet are common: its script begins in a way that chance alone has
/// not.
#[test]
fn running_greenlets_lose_their_last_references() {
    let forsaken = |made: &crate::Scenario| {
        let begins = |me: u8| match made.script(me) {
            [_, Op::Drop { slot }, Op::Parent { slot: child, .. }, ..] => {
                *slot == me && matches!(made.script(*child).last(), Some(Op::Return { .. }))
            }
            _ => false,
        };
        (1..made.slots()).any(begins)
    };
    let count = (0..COUNT).filter(|&index| forsaken(&scenario(9, index))).count() as u64;
    assert!((COUNT / 20..COUNT / 5).contains(&count), "{count} of {COUNT}");
}

/// A failure must be reproducible.
#[test]
fn a_seed_means_the_same_for_ever() {
    let plain = "\
scenario s1_9
slots 3
script 0
new 1 -
drop 1
hold
kill 0 9 a
bare 2 -
th 1 10 a
cur
sw 2 11 a
st 1
th 1 12 a
script 1
up 13 -
script 2
sw 1 - x
end
";
    let forsaken = "\
scenario s1_1845
slots 3
script 0
new 1 -
drop 2
new 2 1
sw 1 33 a
sw 2 34 a
sw 2 35 a
boom 36
run 2
kill 2 - a
kill 0 - a
drop 1
st 1
tq
drop 2
kill 1 - a
kill 2 - a
script 1
up 37 a
drop 1
par 2 0
sw 0 38 -
trace on
boom 39
script 2
ret 40
end
";
    for (index, expected) in [(9, plain), (1845, forsaken)] {
        assert_eq!(scenario(1, index).to_string(), expected);
    }
}
