//! What `unwrap` prints of an error: its name, and what to do about it. The crates beside this one check it with this
//! file, too.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;
use std::{any, fs};

/// What an error of the user's is called: it has no remedy that this project could name.
pub(crate) const OF_THE_USER: &str = "of the user's";

/// An error value: the name of its type, and its `Debug` and `Display`.
pub(crate) struct Shown {
    of_type: String,
    debug: String,
    message: String,
}

pub(crate) fn show<T: Error>(error: T) -> Shown {
    let path = any::type_name::<T>().split('<').next().unwrap();
    let of_type = path.rsplit("::").next().unwrap().to_owned();
    Shown { of_type, debug: format!("{error:?}"), message: error.to_string() }
}

/// Checks that each error shows its name and its remedy, and that there is one of each variant of each error type in
/// the sources of the crate at `root`.
pub(crate) fn check(root: &str, errors: &[Shown]) {
    let mut listed = BTreeSet::new();
    for Shown { of_type, debug, message } in errors {
        let variant: String = debug.chars().take_while(|letter| letter.is_alphanumeric()).collect();
        assert!(debug.contains(message) || message.contains(OF_THE_USER), "{of_type}: {debug} without {message}");
        assert!(
            message.contains("; ") || message.contains(OF_THE_USER),
            "{of_type}::{variant}: no remedy in {message}"
        );
        listed.insert(format!("{of_type}::{variant}"));
    }
    let mut text = String::new();
    read(&Path::new(root).join("src"), &mut text);
    let mut found = BTreeSet::new();
    let impls = text.lines().filter(|line| line.starts_with("impl"));
    for name in impls.filter_map(|line| line.split_once(" core::error::Error for ").map(|(_, name)| name)) {
        let name = name.split(['<', ' ']).next().unwrap();
        let heads = [format!("\npub enum {name}<"), format!("\npub enum {name} {{")];
        let at = heads.iter().find_map(|head| text.find(head)).unwrap_or_else(|| panic!("{name} is no enum"));
        let body = text[at..].split("\n}").next().unwrap();
        let variants = body.lines().filter_map(|line| line.strip_prefix("    "));
        let variants = variants.filter(|line| line.starts_with(|first: char| first.is_uppercase()));
        found.extend(variants.map(|line| format!("{name}::{}", line.split(['(', ',', ' ']).next().unwrap())));
    }
    assert_eq!(listed, found, "left: checked here; right: in the sources");
}

/// Adds all sources in a folder.
fn read(folder: &Path, text: &mut String) {
    for path in fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
        if path.is_dir() {
            read(&path, text);
        } else {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}
