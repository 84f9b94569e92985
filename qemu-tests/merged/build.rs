//! Lists the library's test programs, each as a module: a new one is merged without being named here.

use std::path::Path;
use std::{env, fs};

/// The folder of the library's test programs.
const TESTS: &str = "../../tests";

/// Those that stay programs of their own.
const LEFT_OUT: [&str; 3] = [
    // It compiles programs: a mutant changes what code does, and not which code compiles.
    "compile_fail",
    // Thirty types of values, and a thousand of bodies: as much code as all others together.
    "floor",
    "values",
];

fn main() {
    println!("cargo::rerun-if-changed={TESTS}");
    let folder = Path::new(&env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join(TESTS);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a folder can be read").path()).collect();
    paths.sort();
    let mut modules = String::new();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|found| found == "rs")) {
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a module's name");
        if !LEFT_OUT.contains(&name) {
            modules += &format!("#[path = {path:?}]\nmod {name};\n");
        }
    }
    let out = env::var_os("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("library.rs"), modules).expect("OUT_DIR can be written");
}
