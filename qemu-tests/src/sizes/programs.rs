//! The programs that are measured. Each adds one feature to an earlier one.

use crate::compile::Profile;

/// What a program prints.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Prints {
    /// Nothing: its sections are measured.
    Nothing,
    /// Figures that it has measured itself; its sections are not measured.
    Figures,
}

/// A program of `qemu-tests/sizes/src/bin`.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) name: &'static str,
    /// Its exit code, which it can have computed only by doing its work.
    pub(super) returns: i32,
    /// The feature that it needs: it is built with that one and no other.
    pub(super) feature: Option<&'static str>,
    /// Whether it is built with each other feature, too.
    with_each: bool,
    /// Whether it is also built without optimization.
    with_debug: bool,
    pub(super) prints: Prints,
}

const USUAL: Program =
    Program { name: "", returns: 0, feature: None, with_each: false, with_debug: false, prints: Prints::Nothing };

/// In the order of the tables.
pub(super) static PROGRAMS: [Program; 11] = [
    Program { name: "empty", returns: 3, ..USUAL },
    Program { name: "two", returns: 25, with_each: true, ..USUAL },
    Program { name: "throw", returns: 26, ..USUAL },
    Program { name: "kill", returns: 37, ..USUAL },
    Program { name: "values", returns: 26, ..USUAL },
    Program { name: "many", returns: 73, ..USUAL },
    Program { name: "hub", returns: 23, ..USUAL },
    Program { name: "heap", returns: 25, feature: Some("alloc"), ..USUAL },
    Program { name: "recorded", returns: 29, feature: Some("recorder"), ..USUAL },
    Program { name: "ram", with_each: true, prints: Prints::Figures, ..USUAL },
    Program { name: "stacks", feature: Some("high-water"), with_debug: true, prints: Prints::Figures, ..USUAL },
];

/// The program that shows in how little RAM four greenlets have room; not in the tables.
pub(super) static FOUR: Program = Program { name: "four", ..USUAL };

impl Program {
    /// Whether it is built with this profile and feature.
    pub(super) fn is_wanted(&self, profile: Profile, feature: Option<&str>) -> bool {
        let profiles = self.with_debug || profile != Profile::Debug;
        profiles && (self.feature == feature || (self.with_each && self.feature.is_none()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::{FOUR, PROGRAMS};
    use crate::places;

    #[test]
    fn every_source_is_a_program_of_the_table() {
        let sources = fs::read_dir(places::sizes().join("src/bin")).unwrap();
        let names = sources.map(|source| source.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
        let known: BTreeSet<_> = PROGRAMS.iter().chain([&FOUR]).map(|program| program.name.to_owned()).collect();
        assert_eq!(names.collect::<BTreeSet<_>>(), known);
    }
}
