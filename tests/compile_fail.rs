//! What must not compile: one program for each rule, beside a twin that obeys it. See `ui/README.md`.

// With the feature `cores` alone these programs would have to say which core they run on.
#![cfg(not(all(feature = "cores", not(feature = "std"))))]

use std::collections::BTreeSet;
use std::fs;

#[test]
fn what_breaks_a_rule_is_refused_and_its_twin_is_not() {
    let programs = trybuild::TestCases::new();
    // With programs that pass among them all are built, not only checked: the sizes of bodies and pools are seen then.
    programs.pass("tests/ui/pass/*.rs");
    programs.compile_fail("tests/ui/*.rs");
}

#[test]
fn every_refused_program_has_the_words_of_its_refusal_and_a_twin() {
    let refused = names("tests/ui", "rs");
    assert!(refused.len() >= 20, "{refused:?}");
    assert_eq!(refused, names("tests/ui", "stderr"));
    assert_eq!(refused, names("tests/ui/pass", "rs"));
}

fn names(folder: &str, extension: &str) -> BTreeSet<String> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let files = files.filter(|file| file.extension().is_some_and(|it| it == extension));
    files.map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}
