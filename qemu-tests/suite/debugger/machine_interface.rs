//! GDB's machine interface, by which VS Code's extension for C and C++ and other editors use GDB: driven as they do,
//! through the proxy, without any script.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use qemu_tests::compile::Profile;
use qemu_tests::debugger::Debugger;
use qemu_tests::machine;
use qemu_tests::proxy;
use qemu_tests::tools::Needs;

use super::adapter::PATIENCE;
use super::proxy::{BACKTRACES, GUEST, STEPS, STEPS_FROM, THREADS, VARIABLE};
use crate::{Case, builds};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for machine in ["aarch64", "x86_64"].map(|name| machine::named(name).expect("a machine of the table")) {
        for profile in [Profile::Debug, Profile::Release] {
            let mut needs = Needs::default();
            needs.machine(machine);
            needs.gdb();
            let guest = builds::Guest::new(GUEST, machine.code(), profile);
            let guests = vec![guest.clone()];
            let test = move || {
                let elf = guest.file()?;
                let tried = proxy::at_a_guest(machine, &elf, |address| drive(profile, &elf, address));
                tried.map_err(|error| format!("{error:#}").into())
            };
            let name = format!("debugger::proxy::machine_interface_of_gdb::{machine}::{profile}");
            let usual = machine.name == "aarch64" && profile == Profile::Release;
            cases.push(Case::new(name, needs, test).with_guests(guests).usual_if(usual));
        }
    }
    cases
}

fn drive(profile: Profile, elf: &Path, address: SocketAddr) -> Result<()> {
    let mut gdb = Gdb::start(elf)?;
    gdb.ask(&format!("-gdb-set remotetimeout {}", PATIENCE.as_secs()))?;
    gdb.ask(&format!("-target-select remote {address}"))?;
    gdb.ask("-break-insert -h look_here")?;
    gdb.run("-exec-continue")?;

    let threads = gdb.ask("-thread-info")?;
    for said in THREADS {
        ensure!(threads.contains(&format!("details=\"{said}")), "no thread `{said}` in {threads}");
    }
    for (id, lines) in BACKTRACES {
        let thread = number(&threads, id)?;
        let frames = gdb.ask(&format!("-stack-list-frames --thread {thread}"))?;
        let found = lines_of_guest(&frames);
        ensure!(found.starts_with(lines), "thread {id} is at lines {found:?} of the guest instead of {lines:?}");
        // An optimized program has it nowhere.
        if id == VARIABLE.0 && profile == Profile::Debug {
            let (_, name, value) = VARIABLE;
            let frame = frames_of_guest(&frames).next().and_then(|frame| field(frame, "level")).context("no level")?;
            let of = format!("--thread {thread} --frame {frame} --simple-values");
            let found = gdb.ask(&format!("-stack-list-variables {of}"))?;
            let found = found.split('{').find(|variable| variable.starts_with(&format!("name=\"{name}\"")));
            ensure!(found.and_then(|found| field(found, "value")) == Some(value), "{name} is no {value}: {found:?}");
        }
    }

    gdb.ask("-break-delete")?;
    gdb.ask(&format!("-break-insert -h {GUEST}.rs:{STEPS_FROM}"))?;
    // From a thread that does not run, as a click in the list of threads has it.
    gdb.ask(&format!("-thread-select {}", number(&threads, BACKTRACES[2].0)?))?;
    let stepper = thread_of(&gdb.run("-exec-continue")?)?;
    gdb.ask("-break-delete")?;
    let mut lines = vec![STEPS_FROM];
    for _ in 0..4 * STEPS.len() {
        if lines.len() > STEPS.len() {
            break;
        }
        let stopped = gdb.run("-exec-next")?;
        ensure!(thread_of(&stopped)? == stepper, "a step went to another greenlet: {stopped}");
        // A line may take two.
        lines.extend(lines_of_guest(&stopped).first().filter(|line| lines.last() != Some(line)));
    }
    ensure!(lines[1..] == STEPS, "steps came to the lines {lines:?}, not {STEPS:?}");
    gdb.ask("-target-disconnect").map(drop)
}

/// The number that GDB gives to the thread of a greenlet, in its list of threads.
fn number(threads: &str, id: u64) -> Result<&str> {
    let (before, _) = threads.split_once(&format!("\",target-id=\"Thread {id}\"")).context("no such thread")?;
    Ok(before.rsplit_once('"').context("no number")?.1)
}

fn thread_of(stopped: &str) -> Result<String> {
    Ok(field(stopped, "thread-id").context("no thread has stopped")?.to_owned())
}

/// The frames of an answer that are in the guest's source.
fn frames_of_guest(frames: &str) -> impl Iterator<Item = &str> {
    frames.split("frame={").skip(1).filter(|frame| frame.contains(&format!("{GUEST}.rs\"")))
}

/// The lines of these.
fn lines_of_guest(frames: &str) -> Vec<u32> {
    frames_of_guest(frames).filter_map(|frame| field(frame, "line")?.parse().ok()).collect()
}

/// The value of `NAME="VALUE"`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split_once(&format!("{name}=\""))?.1.split('"').next()
}

/// A GDB that runs; ended when this is dropped.
struct Gdb {
    process: Child,
    input: ChildStdin,
    come: Receiver<String>,
}

impl Gdb {
    fn start(elf: &Path) -> Result<Self> {
        let mut command = Command::new(Debugger::Gdb.program());
        command.args(["--quiet", "--nx", "--interpreter=mi3"]).arg(elf);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let (input, output) = process.stdin.take().zip(process.stdout.take()).context("no pipes")?;
        let (sender, come) = mpsc::channel();
        thread::spawn(move || {
            // GDB 18 escapes half of the bytes of a letter.
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
            }
        });
        Ok(Self { process, input, come })
    }

    /// Returns the next record that begins so.
    fn record(&mut self, start: &str) -> Result<String> {
        loop {
            let line = self.come.recv_timeout(PATIENCE).with_context(|| format!("GDB has not said `{start}`"))?;
            if line.starts_with("^error") {
                bail!("GDB says: {line}");
            }
            if line.starts_with(start) {
                return Ok(line);
            }
        }
    }

    /// Sends a command, and returns its answer.
    fn ask(&mut self, command: &str) -> Result<String> {
        writeln!(self.input, "{command}")?;
        let answer = if command.starts_with("-target-select") { "^connected" } else { "^done" };
        self.record(answer).context(command.to_owned())
    }

    /// Sends a command by which the program runs, and returns where it stops.
    fn run(&mut self, command: &str) -> Result<String> {
        writeln!(self.input, "{command}")?;
        self.record("^running")?;
        self.record("*stopped").context(command.to_owned())
    }
}

impl Drop for Gdb {
    fn drop(&mut self) {
        let _ended_already = self.process.kill();
        let _reaped = self.process.wait();
    }
}
