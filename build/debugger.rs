//! Passes the path of `gdb/greenlet.py` to the assembly, which puts the script into ELF files.

use std::env;
use std::path::Path;

/// Sets `cfg(gdb_script)`, and `GREENLET_GDB_SCRIPT` to the path as a string in a template of assembly, for a target whose
/// files are ELF.
pub(crate) fn tell(root: &Path) {
    println!("cargo::rustc-check-cfg=cfg(gdb_script)");
    println!("cargo::rerun-if-changed=gdb/greenlet.py");
    println!("cargo::rerun-if-changed=build/debugger.rs");
    let of_target = |name| env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    let elf = of_target("VENDOR") != "apple" && of_target("OS") != "uefi";
    let script = root.join("gdb/greenlet.py");
    // A path that no string can hold is left out: only the debugger misses the script.
    if let (true, Some(path)) = (elf, script.to_str().filter(|path| !path.contains('\n'))) {
        println!("cargo::rustc-cfg=gdb_script");
        println!("cargo::rustc-env=GREENLET_GDB_SCRIPT={}", quoted(path));
    }
}

fn quoted(path: &str) -> String {
    path.replace('\\', r"\\").replace('"', r#"\""#).replace('{', "{{").replace('}', "}}")
}
