//! Draws mutants: a number of them, by a seed, in shards.

use std::fmt;
use std::str::FromStr;

/// One of several parts of a sample, each of which is tested separately: `K/N`, with K from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shard {
    number: usize,
    of: usize,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Self = Self { number: 0, of: 1 };

    /// The elements of this part.
    pub(super) fn of(self, sample: Vec<String>) -> Vec<String> {
        sample.into_iter().skip(self.number).step_by(self.of).collect()
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((number, of)) if number < of => Ok(Self { number, of }),
            _ => Err(format!("a shard is K/N with K from 0 to N-1, as 0/2 and 1/2, and `{text}` is none")),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.number, self.of)
    }
}

/// `count` of `names`, or all when there are no more, in random order: the same for the same names and seed.
pub(super) fn draw(mut names: Vec<String>, seed: u64, count: usize) -> Vec<String> {
    let mut state = seed;
    let count = count.min(names.len());
    for at in 0..count {
        let other = at + below(&mut state, names.len() - at);
        names.swap(at, other);
    }
    names.truncate(count);
    names
}

/// A number in `0..end`, by SplitMix64, so that a seed gives the same numbers everywhere.
fn below(state: &mut u64, end: usize) -> usize {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    (((mixed >> 32) * end as u64) >> 32) as usize
}

/// A setting of cargo-mutants for the mutants of these names alone: a regular expression for each.
pub(super) fn named(names: &[String]) -> String {
    let mut setting = String::from("examine_re = [\n");
    for name in names {
        let is_meta = |c: char| r"\.+*?()|[]{}^$#&-~".contains(c);
        let literal: String = name.chars().flat_map(|c| is_meta(c).then_some('\\').into_iter().chain([c])).collect();
        // A literal string of TOML; no name has three quotes.
        setting += &format!("    '''^{literal}$''',\n");
    }
    setting + "]\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("mutant {number}")).collect()
    }

    #[test]
    fn a_seed_draws_the_same_and_nothing_twice() {
        let drawn = draw(names(500), 1, 200);
        assert_eq!(drawn, draw(names(500), 1, 200));
        assert_ne!(drawn, draw(names(500), 2, 200));
        let mut sorted = drawn.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!((drawn.len(), sorted.len()), (200, 200));
        // A larger sample begins with a smaller one.
        assert_eq!(draw(names(500), 1, 300)[..200], drawn);
        assert_eq!(draw(names(5), 1, 200).len(), 5);
    }

    #[test]
    fn shards_are_the_whole_sample() {
        let shard = |text: &str| text.parse::<Shard>().unwrap().of(names(5));
        assert_eq!([shard("0/2"), shard("1/2")].map(|part| part.len()), [3, 2]);
        assert_eq!(shard("0/1"), names(5));
        for wrong in ["", "1", "2/2", "0/0", "-1/2", "a/b", "0/2/3"] {
            assert!(wrong.parse::<Shard>().unwrap_err().contains("as 0/2 and 1/2"), "{wrong}");
        }
    }

    #[test]
    fn a_name_stands_for_itself() {
        let name = "src/a.rs:1:2: replace + with * in <impl A for B<'_>>::f".to_owned();
        let setting = named(&[name]);
        assert_eq!(
            setting,
            "examine_re = [\n    '''^src/a\\.rs:1:2: replace \\+ with \\* in <impl A for B<'_>>::f$''',\n]\n"
        );
    }
}
