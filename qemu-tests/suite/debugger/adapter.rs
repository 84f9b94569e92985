//! The adapter by which VS Code and other editors use LLDB, driven as an editor does: by the Debug Adapter Protocol, with
//! the launch configuration of docs/debugging.md, through the proxy.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use qemu_tests::compile::Profile;
use qemu_tests::debugger::newest;
use qemu_tests::machine::{self, Machine};
use qemu_tests::tools::Needs;
use qemu_tests::{places, proxy};
use serde_json::{Value, json};

use super::proxy::{BACKTRACES, GUEST, STEPS, STEPS_FROM, THREADS, seen};
use crate::{Case, builds};

/// How long the adapter may say nothing.
const PATIENCE: Duration = Duration::from_secs(300);

/// On request, and where an adapter is installed.
pub(super) fn cases() -> Vec<Case> {
    let Some(program) = newest("lldb-dap") else { return Vec::new() };
    let mut cases = Vec::new();
    for machine in ["aarch64", "x86_64"].map(|name| machine::named(name).expect("a machine of the table")) {
        for profile in [Profile::Debug, Profile::Release] {
            let mut needs = Needs::default();
            needs.machine(machine);
            let guest = builds::Guest::new(GUEST, machine.code(), profile);
            let (guests, program) = (vec![guest.clone()], program.clone());
            let test = move || {
                let elf = guest.file()?;
                let tried = proxy::at_a_guest(machine, &elf, |address| drive(&program, machine, &elf, address));
                tried.map_err(|error| format!("{error:#}").into())
            };
            let name = format!("debugger::proxy::adapter_of_lldb::{machine}::{profile}");
            cases.push(Case::new(name, needs, test).with_guests(guests).when_asked_for());
        }
    }
    cases
}

fn drive(program: &str, machine: &Machine, elf: &Path, address: SocketAddr) -> Result<()> {
    let mut adapter = Adapter::start(program)?;
    adapter.ask("initialize", json!({"adapterID": "lldb-dap", "pathFormat": "path"}))?;
    let patience = format!("settings set plugin.process.gdb-remote.packet-timeout {}", PATIENCE.as_secs());
    adapter.send(
        "attach",
        json!({"program": elf, "initCommands": [patience], "attachCommands": [format!("gdb-remote {}", address.port())]}),
    )?;
    adapter.event("initialized")?;
    adapter.ask("setFunctionBreakpoints", json!({"breakpoints": [{"name": "look_here"}]}))?;
    adapter.ask("configurationDone", json!({}))?;
    adapter.event("stopped")?;

    let threads = adapter.ask("threads", json!({}))?;
    let threads = threads["threads"].as_array().context("no list of threads")?;
    for said in THREADS {
        let is_it = |thread: &Value| thread["name"].as_str().is_some_and(|name| name.starts_with(said));
        // LLDB 19 gives a name to main only once it has stopped there.
        ensure!(said.starts_with("main:") || threads.iter().any(is_it), "no thread `{said}` in {threads:?}");
    }
    for (id, lines) in BACKTRACES {
        let trace = adapter.ask("stackTrace", json!({"threadId": id, "levels": 30}))?;
        let frames = trace["stackFrames"].as_array().context("no frames")?.iter();
        let in_guest = frames.filter(|frame| frame["source"]["name"].as_str() == Some(&format!("{GUEST}.rs")));
        let lines = seen(true, machine, lines);
        let found: Vec<_> = in_guest.filter_map(|frame| frame["line"].as_u64()).collect();
        let is_there = found.iter().copied().take(lines.len()).eq(lines.iter().map(|&line| u64::from(line)));
        ensure!(is_there, "thread {id} is at lines {found:?} of the guest instead of {lines:?}");
    }

    adapter.ask("setFunctionBreakpoints", json!({"breakpoints": []}))?;
    let source = json!({"path": source_of_guest(), "name": format!("{GUEST}.rs")});
    adapter.ask("setBreakpoints", json!({"source": source, "breakpoints": [{"line": STEPS_FROM}]}))?;
    adapter.ask("continue", json!({"threadId": BACKTRACES[1].0}))?;
    let stepper = adapter.event("stopped")?["threadId"].clone();
    adapter.ask("setBreakpoints", json!({"source": source, "breakpoints": []}))?;
    let mut lines = vec![u64::from(STEPS_FROM)];
    for _ in 0..4 * STEPS.len() {
        if lines.len() > STEPS.len() {
            break;
        }
        adapter.ask("next", json!({"threadId": stepper}))?;
        let stopped = adapter.event("stopped")?;
        ensure!(stopped["threadId"] == stepper, "a step went to another greenlet: {stopped}");
        let trace = adapter.ask("stackTrace", json!({"threadId": stepper, "levels": 1}))?;
        let line = trace["stackFrames"][0]["line"].as_u64().context("no line")?;
        // It stops within a line, too, where a function that is inlined there begins.
        if trace["stackFrames"][0]["source"]["name"] == format!("{GUEST}.rs") && lines.last() != Some(&line) {
            lines.push(line);
        }
    }
    ensure!(lines[1..].iter().copied().eq(STEPS.map(u64::from)), "steps came to the lines {lines:?}, not {STEPS:?}");
    adapter.send("disconnect", json!({"terminateDebuggee": true}))
}

/// The source of the guest.
fn source_of_guest() -> PathBuf {
    places::guests().join("src/bin").join(GUEST).with_extension("rs")
}

/// An adapter that runs; ended when this is dropped.
struct Adapter {
    process: Child,
    input: ChildStdin,
    come: Receiver<Value>,
    /// Events that came before an answer.
    events: Vec<Value>,
    sent: u64,
}

impl Adapter {
    fn start(program: &str) -> Result<Self> {
        let mut command = Command::new(program);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let (input, output) = process.stdin.take().zip(process.stdout.take()).context("no pipes")?;
        let (sender, come) = mpsc::channel();
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            while let Ok(message) = message(&mut output) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        Ok(Self { process, input, come, events: Vec::new(), sent: 0 })
    }

    fn send(&mut self, command: &str, arguments: Value) -> Result<()> {
        self.sent += 1;
        let text = json!({"seq": self.sent, "type": "request", "command": command, "arguments": arguments}).to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{text}", text.len())?;
        Ok(self.input.flush()?)
    }

    /// Sends a request, and returns the body of its answer.
    fn ask(&mut self, command: &str, arguments: Value) -> Result<Value> {
        self.send(command, arguments)?;
        loop {
            let message = self.next()?;
            if message["type"] == "event" {
                self.events.push(message);
            } else if message["request_seq"] == self.sent {
                ensure!(message["success"] == true, "`{command}` fails: {message}");
                return Ok(message["body"].clone());
            }
        }
    }

    /// The body of the next event of this name.
    fn event(&mut self, name: &str) -> Result<Value> {
        loop {
            let message = if self.events.is_empty() { self.next()? } else { self.events.remove(0) };
            if message["event"] == name {
                return Ok(message["body"].clone());
            }
            if message["event"] == "terminated" {
                bail!("the program has ended before `{name}`");
            }
        }
    }

    fn next(&mut self) -> Result<Value> {
        self.come.recv_timeout(PATIENCE).context("the adapter says nothing more")
    }
}

impl Drop for Adapter {
    fn drop(&mut self) {
        let _ended_already = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// The next message: its length in a head, and JSON.
fn message(output: &mut BufReader<ChildStdout>) -> Result<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        ensure!(output.read_line(&mut line)? > 0, "the end");
        match line.trim().split_once(": ") {
            Some(("Content-Length", number)) => length = number.parse()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut text = vec![0; length];
    output.read_exact(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}
