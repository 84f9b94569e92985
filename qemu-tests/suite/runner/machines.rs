//! `cargo xtask machines` where QEMU lacks a machine: that is said, and it is no pass if nothing was run.

use std::fs;

use libtest_mimic::Failed;

use super::{case, expect, runner, scratch};
use crate::{Case, fakes};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("machines::unknown_processor", || {
            // Whatever it is asked for, this QEMU answers with a list of boards.
            unknown("processor", "echo 'virt  a board'", "qemu-system-aarch64 does not support the processor a64fx")
        }),
        case("machines::unknown_board", || {
            unknown("board", "echo '  a64fx'", "qemu-system-aarch64 does not support the board virt")
        }),
        case("machines::qemu_fails", || {
            let mut command = runner(&["machines", "virt a64fx"])?;
            command.env("PATH", fakes::qemus()?).env("FAKE_QEMU", "exit 1");
            expect(command, 1, &["`qemu-system-aarch64 -M help` failed"]).map(drop)
        }),
    ]
}

/// The fake `qemu` lacks something for the machine asked for: in the table and in the file stands what.
fn unknown(name: &str, qemu: &str, lack: &str) -> Result<(), Failed> {
    let file = scratch(&format!("machines-{name}"))?.join("rows.json");
    let mut command = runner(&["machines", "virt a64fx", "--json"])?;
    command.arg(&file).env("PATH", fakes::qemus()?).env("FAKE_QEMU", qemu);
    let output = expect(command, 1, &["nothing was run"])?;
    let (table, rows) = (String::from_utf8_lossy(&output.stdout), fs::read_to_string(&file)?);
    if table.contains(&format!("-  {lack}\n")) && rows.contains(&format!("\"not_run\": \"{lack}\"")) {
        Ok(())
    } else {
        Err(format!("not said: {lack}\n{table}\n{rows}").into())
    }
}
