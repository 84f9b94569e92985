//! The script for GDB in ELF files.

/// Lines that put the script of `gdb/` into the section in which GDB looks for scripts: a byte 4 for Python, a name,
/// the text. The section is not allocated, so it takes no byte of the image.
///
/// They are part of the trampoline, because the linker leaves out what nothing refers to: a static, and `global_asm!`.
#[cfg(gdb_script)]
macro_rules! gdb_script {
    () => {
        concat!(
            ".pushsection .debug_gdb_scripts, \"MS\", %progbits, 1
             .byte 4
             .ascii \"greenlet.py\\n\"
             ",
            env!("GREENLET_GDB_SCRIPT"),
            "
             .byte 0
             .popsection"
        )
    };
}

/// Nothing: the file is not ELF.
#[cfg(not(gdb_script))]
macro_rules! gdb_script {
    () => {
        ""
    };
}
