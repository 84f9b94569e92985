//! A boot ends: when its time is up, and when the runner itself is gone, in whatever way.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Failed;

use super::{AARCH64, case, expect, runner_with_fake, scratch};
use crate::Case;

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("ending::time_is_up", || {
            let qemu = "echo begun; printf half; command -p sleep 1000";
            expect(
                runner_with_fake("ending-time", AARCH64, qemu, &["--timeout", "1"])?,
                1,
                &["no end after 1.", "| begun", "| half"],
            )
            .map(drop)
        }),
        case("ending::time_is_up_in_silence", || {
            let says = ["not a character in 1.", "it never got as far as the console"];
            expect(runner_with_fake("ending-silence", AARCH64, "command -p sleep 1000", &["--timeout", "1"])?, 1, &says)
                .map(drop)
        }),
        case("ending::time_is_up_in_a_flood", || {
            let qemu = "while :; do echo flood; done";
            expect(
                runner_with_fake("ending-flood", AARCH64, qemu, &["--timeout", "1"])?,
                1,
                &["no end after 1.", "| flood"],
            )
            .map(drop)
        }),
        case("ending::time_is_up_takes_the_whole_group", || {
            gone_after("ending-group", &["--timeout", "1"], |_| Ok(()))
        }),
        case("ending::runner_killed", || {
            gone_after("ending-killed", &[], |runner| {
                runner.kill()?;
                Ok(())
            })
        }),
        case("ending::output_closed", || {
            // As in `cargo run | head -n 1`: the runner ends, and so does the guest.
            gone_after("ending-closed", &["--timeout", "20"], |runner| {
                drop(runner.stdout.take());
                Ok(())
            })
        }),
    ]
}

/// Boots a fake QEMU that never ends by itself, does `what` to the runner, and sees that both it
/// and a child of it are gone soon.
fn gone_after(
    test: &str,
    words: &[&str],
    what: impl FnOnce(&mut std::process::Child) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let numbers = scratch(&format!("{test}-number"))?.join("pid");
    // Written under another name first, so that it is never seen half written.
    let qemu = format!(
        "echo $$ > '{0}.new'; command -p mv '{0}.new' '{0}'; while :; do echo alive; command -p sleep 0.1; done",
        numbers.display()
    );
    let mut command = runner_with_fake(test, AARCH64, &qemu, words)?;
    let mut runner = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null()).spawn()?;
    soon("the fake QEMU starts", || numbers.exists())?;
    let number = fs::read_to_string(&numbers)?;
    let result = what(&mut runner).and_then(|()| soon("QEMU is gone", || !is_alive(number.trim())));
    let _gone_already = runner.kill();
    runner.wait()?;
    result
}

/// Waits until `holds`, for a time that is long even on a busy computer.
fn soon(what: &str, holds: impl Fn() -> bool) -> Result<(), Failed> {
    let deadline = Instant::now() + Duration::from_secs(15);
    while !holds() {
        if Instant::now() > deadline {
            return Err(format!("not so after 15 s: {what}").into());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Whether the process with this number runs; one that is dead and waits for its parent does not.
fn is_alive(number: &str) -> bool {
    let status = fs::read_to_string(Path::new("/proc").join(number).join("stat")).unwrap_or_default();
    // `NUMBER (NAME) STATE ...`, and the name may hold anything.
    let state = status.rsplit(')').next().and_then(|rest| rest.trim().chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}
