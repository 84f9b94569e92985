//! Passes `gdb/greenlet.py` to the assembly, which puts the script into ELF files.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::{env, fs};

/// For a target whose files are ELF: sets `cfg(gdb_script)`, and `GREENLET_GDB_SCRIPT` to the directive, in a template of
/// assembly, that includes the script.
pub(crate) fn emit(root: &Path) {
    println!("cargo::rustc-check-cfg=cfg(gdb_script)");
    println!("cargo::rerun-if-changed=gdb/greenlet.py");
    println!("cargo::rerun-if-changed=build/debugger.rs");
    let of_target = |name| env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    let is_elf = of_target("VENDOR") != "apple" && of_target("OS") != "uefi";
    let file = root.join("gdb/greenlet.py");
    // Without the file, or with a path that no string can hold, only the debugger misses the script.
    let path = file.to_str().filter(|path| is_elf && !path.contains('\n'));
    if let (Some(path), Ok(script)) = (path, fs::read(&file)) {
        // The compiler's incremental cache compares the assembly, and not the text that it includes.
        let mut hash = DefaultHasher::new();
        script.hash(&mut hash);
        println!("cargo::rustc-cfg=gdb_script");
        println!("cargo::rustc-env=GREENLET_GDB_SCRIPT=.incbin \"{}\" /* {:x} */", quoted(path), hash.finish());
    }
}

/// The path in a string of the assembler, in a template of `naked_asm!`.
fn quoted(path: &str) -> String {
    path.replace('\\', r"\\").replace('"', r#"\""#).replace('{', "{{").replace('}', "}}")
}
