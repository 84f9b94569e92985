//! What a debugger without any extension shows: GDB stops in a guest over QEMU's gdbstub, and its backtrace goes from a greenlet to
//! its parents, to main, and to the entry of the image.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};
use std::{fs, thread};

use libtest_mimic::Failed;
use qemu_tests::boot::Boot;
use qemu_tests::compile::Profile;
use qemu_tests::limit::Limit;
use qemu_tests::machine::{Machine, ONE_OF_EACH};
use qemu_tests::process;
use qemu_tests::tools::Needs;

use crate::{Case, builds};

const GUEST: &str = "backtrace";
const GDB: &str = "gdb-multiarch";
const LIMIT: Limit = Limit::of_silence(Duration::from_secs(60));
/// How long QEMU may take until it listens.
const START: Duration = Duration::from_secs(300);

/// Functions that a backtrace shows in this order, for each time that the guest calls `leaf`. The trampoline shows as `<signal handler
/// called>`: its frame is a signal frame, because its caller stands on another stack.
const BACKTRACES: [&[&str]; 6] = [
    &["leaf", "middle", TRAMPOLINE, "outer", TRAMPOLINE, "main::{closure#0}", "enter", "main ()", "_start"],
    &["leaf", "middle", TRAMPOLINE, "outer", TRAMPOLINE, "main::{closure#0}", "enter", "main ()", "_start"],
    &["leaf", TRAMPOLINE, TRAMPOLINE, "main::{closure#0}", "enter", "main ()", "_start"],
    &["leaf", "middle", TRAMPOLINE, "outer", TRAMPOLINE, "main::{closure#0}", "enter", "main ()", "_start"],
    &["leaf", "middle", TRAMPOLINE, "outer", TRAMPOLINE, "main::{closure#0}", "enter", "main ()", "_start"],
    &["leaf", TRAMPOLINE, TRAMPOLINE, "main::{closure#0}", "enter", "main ()", "_start"],
];
const TRAMPOLINE: &str = "<signal handler called>";

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for machine in ONE_OF_EACH {
        for profile in [Profile::Debug, Profile::Release] {
            let mut needs = Needs::default();
            needs.machine(machine);
            needs.gdb();
            let name = format!("debugger::a_backtrace_reaches_the_entry_of_the_image::{machine}::{profile}");
            let guest = builds::Guest::new(GUEST, machine.target, profile);
            let guests = vec![guest.clone()];
            cases.push(Case::new(name, needs, move || backtraces(machine, &guest)).with_guests(guests));
        }
    }
    cases
}

fn backtraces(machine: &'static Machine, guest: &builds::Guest) -> Result<(), Failed> {
    let shown = debugged(machine, &guest.file()?)?;
    let shown: Vec<_> = shown.split("Breakpoint 1, ").skip(1).collect();
    if shown.len() != BACKTRACES.len() {
        return Err(format!("{} stops instead of {}:\n{}", shown.len(), BACKTRACES.len(), shown.concat()).into());
    }
    for (shown, expected) in shown.iter().zip(BACKTRACES) {
        if let Some(problem) = wrong(shown, expected) {
            return Err(format!("{problem}, in:\n{shown}").into());
        }
    }
    Ok(())
}

/// What is wrong with a backtrace that is to have these functions in this order, as often as they are named and no more trampolines.
fn wrong(shown: &str, expected: &[&str]) -> Option<String> {
    let frames: Vec<_> = shown.lines().filter(|line| line.starts_with('#')).collect();
    let mut left = frames.iter();
    for name in expected {
        if !left.any(|frame| frame.contains(name)) {
            return Some(format!("{name} is missing, or not in its place"));
        }
    }
    let trampolines = |lines: &[&str]| lines.iter().filter(|line| line.contains(TRAMPOLINE)).count();
    if left.next().is_some() || trampolines(&frames) != trampolines(expected) {
        return Some("there are more frames than expected".to_owned());
    }
    shown.contains("Backtrace stopped").then(|| "the walk did not end well".to_owned())
}

/// Boots `elf` under GDB; returns what that shows at each call of `leaf`.
fn debugged(machine: &'static Machine, elf: &Path) -> Result<String, Failed> {
    let socket = Socket::new();
    let boot = Boot { machine, elf, input: None, log: None, counted: false, cores: 1, limit: LIMIT };
    let mut qemu = boot.waiting_for_a_debugger(&socket.0);
    let qemu = qemu.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn()?;
    let mut qemu = Ends(qemu);
    let started = Instant::now();
    while !socket.0.exists() {
        if let Some(status) = qemu.0.try_wait()? {
            return Err(format!("{} ended before GDB came: {status}", machine.qemu).into());
        }
        if started.elapsed() > START {
            return Err(format!("{} opened no socket for GDB", machine.qemu).into());
        }
        thread::sleep(Duration::from_millis(20));
    }
    let mut gdb = Command::new(GDB);
    gdb.args(["-nx", "-batch", "-iex", "set pagination off", "-iex", "set width 0"]);
    gdb.args(["-ex", &format!("target remote {}", socket.0.display()), "-ex", &format!("hbreak {GUEST}::leaf")]);
    for _ in BACKTRACES {
        gdb.args(["-ex", "continue", "-ex", "backtrace"]);
    }
    gdb.arg(elf).stdin(Stdio::null());
    let ended = process::run(gdb, LIMIT, |_| Ok(()))?;
    let (output, errors) = (String::from_utf8_lossy(&ended.output), String::from_utf8_lossy(&ended.errors));
    if ended.status != process::Status::Exited(0) {
        return Err(format!("GDB ended with {:?}:\n{output}\n{errors}", ended.status).into());
    }
    Ok(output.into_owned())
}

/// Where QEMU waits for GDB; removed when dropped.
struct Socket(PathBuf);

impl Socket {
    fn new() -> Self {
        static OPENED: AtomicU32 = AtomicU32::new(0);
        let number = OPENED.fetch_add(1, Relaxed);
        // The path of a socket is short: not below the folder of builds, which may be deep.
        let path = std::env::temp_dir().join(format!("greenlet-{}-{number}.gdb", std::process::id()));
        let _was_there = fs::remove_file(&path);
        Self(path)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _gone_already = fs::remove_file(&self.0);
    }
}

/// A process that is ended when this is dropped.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _reaped = self.0.wait();
    }
}
