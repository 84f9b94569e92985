//! Looks for Boost.Context, whose assembly functions are a peer where it is installed.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(fcontext)");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CC");
    // The C compiler prints the file's path when it has one, else the bare name. The archive, so that a call of it
    // needs no table of the dynamic linker's.
    let cc = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let Ok(found) = Command::new(cc).arg("-print-file-name=libboost_context.a").output() else { return };
    let found = String::from_utf8_lossy(&found.stdout);
    let archive = Path::new(found.trim());
    if let (true, Some(folder)) = (archive.is_absolute(), archive.parent()) {
        println!("cargo::rerun-if-changed={}", archive.display());
        println!("cargo::rustc-link-search=native={}", folder.display());
        println!("cargo::rustc-link-lib=static=boost_context");
        println!("cargo::rustc-cfg=fcontext");
    }
}
