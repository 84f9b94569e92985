//! `run-elf`, as cargo calls it: from any folder, in the middle of a build with flags of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use qemu_tests::places;

use super::{X86_64, case, elf_header, expect, path_with_fake_qemu, scratch};
use crate::Case;

pub(super) fn cases() -> Vec<Case> {
    vec![case("run_elf::inside_another_build", || {
        let folder = scratch("run-elf")?.join("a folder, with more");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("the guest"), elf_header(X86_64))?;
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("run-elf"));
        command.arg("the guest").current_dir(&folder).env("PATH", path_with_fake_qemu()?);
        // What an outer cargo, or its user, may have set for the guest's build.
        command.env("RUSTFLAGS", "--no-such-flag").env("CARGO_ENCODED_RUSTFLAGS", "--no-such-flag");
        command.env("CARGO_BUILD_TARGET", "x86_64-unknown-none").env("CARGO_MANIFEST_DIR", "/nosuch");
        // Where the runner that is built already is.
        let target = places::built()?;
        command.env("CARGO_TARGET_DIR", target.parent().unwrap_or(&target));
        command.env("FAKE_QEMU", r#"for word; do echo "<$word>"; done; echo DONE 1/1; exit 33"#);
        let output = expect(command, 0, &[])?;
        let printed = String::from_utf8_lossy(&output.stdout);
        if printed.contains("-kernel 'the guest'\n") && printed.contains("<the guest>\nDONE 1/1\n") {
            Ok(())
        } else {
            Err(format!("printed:\n{printed}").into())
        }
    })]
}
