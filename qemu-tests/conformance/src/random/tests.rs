//! What the generator promises, on many scenarios.

extern crate std;

use std::collections::BTreeSet;
use std::format;
use std::string::ToString as _;

use super::scenario;
use crate::parse::Scenarios;
use crate::scenario::Op;

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

/// Whoever has seen a failure must be able to have it again.
#[test]
fn a_seed_means_the_same_for_ever() {
    let expected = "\
scenario s1_9
slots 3
script 0
new 1 -
drop 2
drop 1
drop 2
new 2 -
th 1 28 a
sw 2 29 a
st 2
script 1
up 30 -
up 31 e
script 2
up 32 -
kill 1 - -
up 33 a
par 0 2
end
";
    assert_eq!(scenario(1, 9).to_string(), expected);
}
