//! Passes the script for GDB to the assembly, which puts it into ELF files.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::{env, fs};

/// The script, in this order: `PARTS` of `gdb/greenlet.py`, which loads them from a folder.
const PARTS: [&str; 6] = ["memory.py", "records.py", "tasks.py", "frames.py", "commands.py", "step.py"];

// Around the parts: they run in a module of their own, where names of the user and of other scripts are not theirs.
const BEGIN: &str = "import sys, types; exec(compile(r'''";
const END: &str = "''', 'greenlet.py', 'exec'), \
                   sys.modules.setdefault('greenlet_gdb', types.ModuleType('greenlet_gdb')).__dict__)";

/// For a target whose files are ELF: sets `cfg(gdb_script)`, and `GREENLET_GDB_SCRIPT` to the directives, in a template
/// of assembly, that include the script.
pub(crate) fn emit(root: &Path) {
    println!("cargo::rustc-check-cfg=cfg(gdb_script)");
    println!("cargo::rerun-if-changed=gdb");
    println!("cargo::rerun-if-changed=build/debugger.rs");
    let of_target = |name| env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    let is_elf = of_target("VENDOR") != "apple" && of_target("OS") != "uefi";
    // The compiler's incremental cache compares the assembly, and not the text that it includes.
    let mut hash = DefaultHasher::new();
    let mut include = |part: &&str| {
        let file = root.join("gdb").join(part);
        fs::read(&file).ok()?.hash(&mut hash);
        let path = file.to_str().filter(|path| !path.contains('\n'))?;
        Some(format!(".incbin \"{}\"", quoted(path)))
    };
    // Without a file, or with a path that no string can hold, only the debugger misses the script.
    if let Some(parts) = PARTS.iter().map(&mut include).collect::<Option<Vec<_>>>()
        && is_elf
    {
        println!("cargo::rustc-cfg=gdb_script");
        let script = format!(".ascii \"{BEGIN}\"; {}; .ascii \"{END}\"", parts.join("; "));
        println!("cargo::rustc-env=GREENLET_GDB_SCRIPT={script} /* {:x} */", hash.finish());
    }
}

/// The path in a string of the assembler, in a template of `naked_asm!`.
fn quoted(path: &str) -> String {
    path.replace('\\', r"\\").replace('"', r#"\""#).replace('{', "{{").replace('}', "}}")
}
