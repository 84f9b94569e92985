//! Every way in which a boot can go wrong is distinguished from a pass, and has words of its own.

use super::{AARCH64, X86_64, case, expect, runner_with_fake};
use crate::Case;

/// The exit statuses of QEMU for the board's codes, and a few that the board never causes.
const PASS: [i32; 2] = [16, 33];
const CHECKS: [i32; 2] = [17, 35];
const PANIC: [i32; 2] = [18, 37];
const FAULT: [i32; 2] = [19, 39];
const RESET: [i32; 2] = [0, 0];
const QEMU_FAILED: [i32; 2] = [1, 1];
const OWN_CODE: [i32; 2] = [25, 51];
const UNKNOWN: [i32; 2] = [7, 64];

/// A bad boot: its name, what QEMU's standard output and exit status are, and what the runner has
/// to say about it.
struct Bad {
    name: &'static str,
    output: &'static str,
    status: [i32; 2],
    says: &'static [&'static str],
}

#[rustfmt::skip]
const BAD: &[Bad] = &[
    Bad { name: "qemu_fails_by_itself", output: "", status: QEMU_FAILED, says: &["QEMU failed by itself", "fake qemu's reason"] },
    Bad { name: "qemu_fails_after_done", output: "DONE 3/3\\n", status: QEMU_FAILED, says: &["QEMU failed by itself"] },
    Bad { name: "reset_in_silence", output: "", status: RESET, says: &["reset itself before it printed anything", "-d int,cpu_reset"] },
    Bad { name: "reset_after_text", output: "hello\\n", status: RESET, says: &["the machine reset itself", "| hello"] },
    Bad { name: "reset_after_done", output: "DONE 3/3\\n", status: RESET, says: &["the machine reset itself"] },
    Bad { name: "status_of_no_program", output: "DONE 3/3\\n", status: UNKNOWN, says: &["neither its own nor the board's"] },
    Bad { name: "code_of_its_own", output: "DONE 3/3\\n", status: OWN_CODE, says: &["a code of its own, 9"] },
    Bad { name: "silence", output: "", status: PASS, says: &["printed nothing at all"] },
    Bad { name: "no_done", output: "hello\\n", status: PASS, says: &["its last line is `hello`, not `DONE n/n`"] },
    Bad { name: "done_with_a_failed_check", output: "DONE 3/4\\n", status: PASS, says: &["its last line is `DONE 3/4`"] },
    Bad { name: "done_with_no_check", output: "DONE 0/0\\n", status: PASS, says: &["its last line is `DONE 0/0`", "counts no check"] },
    Bad { name: "done_misspelt", output: "DONE 3/3 \\n", status: PASS, says: &["its last line is `DONE 3/3 `"] },
    Bad { name: "done_cut_short", output: "DONE 3/", status: PASS, says: &["its last line is `DONE 3/`"] },
    Bad { name: "text_after_done", output: "DONE 3/3\\nbye\\n", status: PASS, says: &["more after its `DONE` line", "| bye"] },
    Bad { name: "done_twice", output: "DONE 3/3\\nDONE 3/3\\n", status: PASS, says: &["more after its `DONE` line"] },
    Bad { name: "pass_with_a_fail_line", output: "FAIL a.rs:1: x\\nDONE 3/3\\n", status: PASS, says: &["it printed `FAIL a.rs:1: x`"] },
    Bad { name: "checks", output: "FAIL a.rs:1: x\\nFAIL a.rs:2: y\\nDONE 1/3\\n", status: CHECKS, says: &["2 checks failed: FAIL a.rs:1: x"] },
    Bad { name: "checks_and_nothing_said", output: "DONE 3/3\\n", status: CHECKS, says: &["its exit code says that checks failed"] },
    Bad { name: "panic", output: "PANIC in greenlet 1: x\\n# at a.rs:1\\n", status: PANIC, says: &["PANIC in greenlet 1: x", "| # at a.rs:1"] },
    Bad { name: "panic_and_nothing_said", output: "DONE 3/3\\n", status: PANIC, says: &["printed no `PANIC` line"] },
    Bad { name: "fault", output: "FAULT: write to 0x10 outside any greenlet\\n", status: FAULT, says: &["FAULT: write to 0x10", "cargo xtask symbolize ELF"] },
    Bad { name: "fault_and_nothing_said", output: "DONE 3/3\\n", status: FAULT, says: &["printed no `FAULT` line"] },
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for bad in BAD {
        for (machine, elf_machine, status) in [("aarch64", AARCH64, bad.status[0]), ("x86_64", X86_64, bad.status[1])] {
            let name = format!("verdict::{}::{machine}", bad.name);
            let scratch = name.replace("::", "-");
            cases.push(case(&name, move || {
                let qemu = format!("printf '{}'; echo \"fake qemu's reason\" >&2; exit {status}", bad.output);
                expect(runner_with_fake(&scratch, elf_machine, &qemu, &[])?, 1, bad.says).map(drop)
            }));
        }
    }
    cases.push(case("verdict::pass", || {
        // The same fake passes when nothing is wrong, or the rest would prove nothing.
        for (machine, status) in [(AARCH64, PASS[0]), (X86_64, PASS[1])] {
            let qemu = format!("printf 'hello\\r\\n# note\\r\\nDONE 3/3\\r\\n'; exit {status}");
            let output = expect(runner_with_fake("verdict-pass", machine, &qemu, &[])?, 0, &[])?;
            let printed = String::from_utf8_lossy(&output.stdout);
            let (command_line, transcript) = printed.split_once('\n').unwrap_or_default();
            if !command_line.starts_with("qemu-system-") || transcript != "hello\n# note\nDONE 3/3\n" {
                return Err(format!("printed: {printed:?}").into());
            }
        }
        Ok(())
    }));
    cases.push(case("verdict::qemu_killed", || {
        expect(runner_with_fake("verdict-killed", AARCH64, "kill -SEGV $$", &[])?, 1, &["QEMU was ended by signal 11"])
            .map(drop)
    }));
    cases
}
