//! A boot ends: when its own time is up, and not before; and when the runner itself is gone, in whatever way.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Failed;

use super::{AARCH64, case, expect, runner_with_fake, scratch};
use crate::Case;

pub(super) fn cases() -> Vec<Case> {
    vec![
        // Each is ended by what it used of its own time, and the message says which: a busy computer uses nothing of
        // it.
        ended(
            "sleeps",
            "echo begun; printf half; command -p sleep 1000",
            &["no output for ", " s asleep (", "| half", "the machine sleeps"],
        ),
        ended(
            "sleeps_in_silence",
            "command -p sleep 1000",
            &["it never printed anything: no output for ", " s asleep (", "the machine sleeps"],
        ),
        ended(
            "spins",
            "echo begun; while :; do :; done",
            &["no output for ", " s of processor time", "| begun", "a loop, a spin"],
        ),
        ended(
            "spins_in_silence",
            "while :; do :; done",
            &[
                "it never printed anything: no output for ",
                " s of processor time",
                "it never got as far as the console",
            ],
        ),
        ended(
            "floods",
            // Not so many lines that the runner takes more time to read them than the fake QEMU has.
            "while :; do echo flood; i=0; while [ $i -lt 200 ]; do i=$((i + 1)); done; done",
            &["no end after ", " s of processor time", "| flood", "it prints and does not end"],
        ),
        passes("starved", &format!("{STARVED}; exit 16"), Duration::from_millis(2900)),
        passes(
            "says_that_it_lives",
            "for _ in 1 2 3 4 5 6 7; do echo alive; command -p sleep 0.4; done; echo DONE 1/1; exit 16",
            Duration::from_millis(2700),
        ),
        case("ending::takes_the_whole_group", || {
            gone_after("ending-group", "command -p sleep 1000", &["--timeout", "1"], |_| Ok(()))
        }),
        case("ending::takes_what_outlives_the_leader_of_the_group", || {
            // A child of the fake QEMU, which itself ends at once; the child keeps the output open.
            gone_after("ending-orphan", "exit", &["--timeout", "1"], |_| Ok(()))
        }),
        case("ending::runner_killed", || {
            gone_after("ending-killed", ALIVE, &[], |runner| {
                runner.kill()?;
                Ok(())
            })
        }),
        case("ending::output_closed", || {
            // As in `cargo run | head -n 1`: the runner ends, and so does the guest.
            gone_after("ending-closed", ALIVE, &["--timeout", "600"], |runner| {
                drop(runner.stdout.take());
                Ok(())
            })
        }),
    ]
}

/// How long a test waits for what is due at once.
const SOON: Duration = Duration::from_secs(300);

/// A fake QEMU that keeps printing.
const ALIVE: &str = "while :; do echo alive; command -p sleep 0.1; done";

/// A fake QEMU that gets no processor for three seconds, and passes when it has one again.
const STARVED: &str = "echo begun; (command -p sleep 3; kill -s CONT $$) & kill -s STOP $$; echo DONE 1/1";

/// A fake QEMU that must be ended after a second of its own time without output, with all of `says`.
fn ended(name: &'static str, qemu: &'static str, says: &'static [&'static str]) -> Case {
    case(&format!("ending::{name}"), move || {
        let test = format!("ending-{name}");
        expect(runner_with_fake(&test, AARCH64, qemu, &["--timeout", "1"])?, 1, says).map(drop)
    })
}

/// A fake QEMU that may have a second of its own time without output, and passes after more than `least` seconds by the
/// clock.
fn passes(name: &'static str, qemu: &str, least: Duration) -> Case {
    let qemu = qemu.to_owned();
    case(&format!("ending::{name}"), move || {
        let began = Instant::now();
        expect(runner_with_fake(&format!("ending-{name}"), AARCH64, &qemu, &["--timeout", "1"])?, 0, &[])?;
        let took = began.elapsed();
        if took > least { Ok(()) } else { Err(format!("after {took:?} nothing had been waited for").into()) }
    })
}

/// Boots a fake QEMU that never ends by itself, does `what` to the runner, and sees that both it
/// and a child of it are gone soon. If it exits, the child that it leaves is what must be gone.
fn gone_after(
    test: &str,
    then: &str,
    words: &[&str],
    what: impl FnOnce(&mut std::process::Child) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let numbers = scratch(&format!("{test}-number"))?.join("pid");
    // Written under another name first, so that it is never seen half written.
    let [before, number] = if then == "exit" { ["command -p sleep 1000 & ", "$!"] } else { ["", "$$"] };
    let numbers_of = |number| format!("echo {number} > '{0}.new'; command -p mv '{0}.new' '{0}'", numbers.display());
    let qemu = format!("{before}{}; {then}", numbers_of(number));
    let mut command = runner_with_fake(test, AARCH64, &qemu, words)?;
    let mut runner = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null()).spawn()?;
    soon("the fake QEMU starts", || numbers.exists())?;
    let number = fs::read_to_string(&numbers)?;
    let result = what(&mut runner).and_then(|()| soon("QEMU is gone", || !is_alive(number.trim())));
    let _gone_already = runner.kill();
    runner.wait()?;
    result
}

/// Waits until `holds`, for a time that is long even on a busy computer; what passes takes none of it.
fn soon(what: &str, holds: impl Fn() -> bool) -> Result<(), Failed> {
    let deadline = Instant::now() + SOON;
    while !holds() {
        if Instant::now() > deadline {
            return Err(format!("not so after {SOON:?}: {what}").into());
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
