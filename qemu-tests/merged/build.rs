//! Lists the library's test programs, each as a module: a new one is merged without being named here.

use std::path::Path;
use std::{env, fs};

/// Folders of test programs, and the prefix of their modules.
const FOLDERS: [(&str, &str); 2] = [("../../tests", ""), ("../conformance/tests", "conformance_")];

/// Programs that compile programs: a mutant changes what code does, and not which code compiles.
const LEFT_OUT: [&str; 1] = ["compile_fail"];

fn main() {
    let mut modules = String::new();
    for (folder, prefix) in FOLDERS {
        println!("cargo::rerun-if-changed={folder}");
        let folder = Path::new(&env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join(folder);
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("a folder can be read").path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|found| found == "rs")) {
            let name = path.file_stem().and_then(|name| name.to_str()).expect("a module's name");
            if !LEFT_OUT.contains(&name) {
                modules += &format!(
                    "#[allow(dead_code, reason = \"its own lock\")]\n#[path = {path:?}]\nmod {prefix}{name};\n"
                );
            }
        }
    }
    let out = env::var_os("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("programs.rs"), modules).expect("OUT_DIR can be written");
}
