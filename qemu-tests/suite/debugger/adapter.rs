//! The adapters by which VS Code and other editors use LLDB and GDB, driven as an editor does: by the Debug Adapter
//! Protocol, with the launch configurations of docs/debugging.md, through the proxy.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use qemu_tests::compile::Profile;
use qemu_tests::debugger::{Debugger, newest};
use qemu_tests::machine;
use qemu_tests::tools::Needs;
use qemu_tests::{places, proxy};
use serde_json::{Value, json};

use super::proxy::{BACKTRACES, GUEST, STEPS, STEPS_FROM, THREADS, VARIABLE};
use crate::{Case, builds};

/// How long an adapter may say nothing.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// A debugger with an adapter.
#[derive(Clone)]
enum Adapted {
    /// LLDB's is a program of its own.
    Lldb(String),
    /// GDB is its own, from version 14 on.
    Gdb,
}

/// On request, and where an adapter is installed.
pub(super) fn cases() -> Vec<Case> {
    let lldb = newest("lldb-dap").map(|program| ("lldb", Adapted::Lldb(program)));
    let gdb = Debugger::Gdb.version().is_some_and(|version| version >= 14).then_some(("gdb", Adapted::Gdb));
    let mut cases = Vec::new();
    for (of, adapted) in lldb.into_iter().chain(gdb) {
        for machine in ["aarch64", "x86_64"].map(|name| machine::named(name).expect("a machine of the table")) {
            for profile in [Profile::Debug, Profile::Release] {
                let mut needs = Needs::default();
                needs.machine(machine);
                let guest = builds::Guest::new(GUEST, machine.code(), profile);
                let (guests, adapted) = (vec![guest.clone()], adapted.clone());
                let test = move || {
                    let elf = guest.file()?;
                    let tried = proxy::at_a_guest(machine, &elf, |at| drive(&adapted, profile, &elf, at));
                    tried.map_err(|error| format!("{error:#}").into())
                };
                let name = format!("debugger::proxy::adapter_of_{of}::{machine}::{profile}");
                cases.push(Case::new(name, needs, test).with_guests(guests).when_asked_for());
            }
        }
    }
    cases
}

fn drive(adapted: &Adapted, profile: Profile, elf: &Path, address: SocketAddr) -> Result<()> {
    let is_lldb = matches!(adapted, Adapted::Lldb(_));
    let mut adapter = Adapter::start(adapted)?;
    adapter.ask("initialize", json!({"adapterID": "greenlets", "pathFormat": "path"}))?;
    let how = if is_lldb {
        let patience = format!("settings set plugin.process.gdb-remote.packet-timeout {}", PATIENCE.as_secs());
        json!({"program": elf, "initCommands": [patience], "gdb-remote-port": address.port(), "stopOnEntry": true})
    } else {
        json!({"program": elf, "target": address.to_string()})
    };
    adapter.send("attach", how)?;
    adapter.event("initialized")?;
    adapter.ask("setFunctionBreakpoints", json!({"breakpoints": [{"name": "look_here"}]}))?;
    adapter.ask("configurationDone", json!({}))?;
    // Both wait then, LLDB because it is told to.
    adapter.event("stopped")?;
    adapter.ask("continue", json!({"threadId": 1}))?;
    // LLDB may say twice that it stopped where it connected.
    while !adapter.event("stopped")?["reason"].as_str().is_some_and(|reason| reason.contains("breakpoint")) {}

    let threads = adapter.ask("threads", json!({}))?;
    let threads = threads["threads"].as_array().context("no list of threads")?;
    let named =
        |said: &str| threads.iter().find(|thread| thread["name"].as_str().is_some_and(|name| name.starts_with(said)));
    for said in THREADS {
        // LLDB 19 gives a name to main only once it has stopped there.
        ensure!(is_lldb && said.starts_with("main:") || named(said).is_some(), "no thread `{said}` in {threads:?}");
    }
    // GDB has numbers of its own for threads.
    let number = |of: usize| if is_lldb { json!(BACKTRACES[of].0) } else { named(THREADS[of]).unwrap()["id"].clone() };
    for (of, (id, lines)) in BACKTRACES.into_iter().enumerate() {
        let trace = adapter.ask("stackTrace", json!({"threadId": number(of), "levels": 30}))?;
        let frames = trace["stackFrames"].as_array().context("no frames")?.iter();
        let in_guest = frames.filter(|frame| frame["source"]["name"].as_str() == Some(&format!("{GUEST}.rs")));
        let in_guest: Vec<_> = in_guest.collect();
        let found: Vec<_> = in_guest.iter().filter_map(|frame| frame["line"].as_u64()).collect();
        let is_there = found.iter().copied().take(lines.len()).eq(lines.iter().map(|&line| u64::from(line)));
        ensure!(is_there, "thread {id} is at lines {found:?} of the guest instead of {lines:?}");
        // An optimized program has it nowhere.
        if id == VARIABLE.0 && profile == Profile::Debug {
            let found = adapter.variables(&in_guest[0]["id"])?;
            let (_, name, value) = VARIABLE;
            ensure!(found.iter().any(|is| (&*is.0, &*is.1) == (name, value)), "no {name} is {value}: {found:?}");
        }
    }

    adapter.ask("setFunctionBreakpoints", json!({"breakpoints": []}))?;
    let source = json!({"path": source_of_guest(), "name": format!("{GUEST}.rs")});
    adapter.ask("setBreakpoints", json!({"source": source, "breakpoints": [{"line": STEPS_FROM}]}))?;
    adapter.ask("continue", json!({"threadId": number(1)}))?;
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
    fn start(adapted: &Adapted) -> Result<Self> {
        let mut command = match adapted {
            Adapted::Lldb(program) => Command::new(program),
            Adapted::Gdb => Command::new(Debugger::Gdb.program()),
        };
        if matches!(adapted, Adapted::Gdb) {
            let patience = format!("set remotetimeout {}", PATIENCE.as_secs());
            command.args(["--nx", "-i=dap", "-iex", &patience]);
        }
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
            let message = self.next().with_context(|| format!("`{command}` has no answer"))?;
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
            let message = match self.events.is_empty() {
                true => self.next().with_context(|| format!("there is no event `{name}`"))?,
                false => self.events.remove(0),
            };
            if message["event"] == name {
                return Ok(message["body"].clone());
            }
            ensure!(message["success"] != false, "a request fails before `{name}`: {message}");
            if message["event"] == "terminated" {
                bail!("the program has ended before `{name}`");
            }
        }
    }

    /// The variables of a frame, with their values.
    fn variables(&mut self, frame: &Value) -> Result<Vec<(String, String)>> {
        let mut found = Vec::new();
        let scopes = self.ask("scopes", json!({"frameId": frame}))?;
        for scope in
            scopes["scopes"].as_array().context("no scopes")?.iter().filter(|scope| scope["name"] != "Registers")
        {
            let of = json!({"variablesReference": scope["variablesReference"]});
            let variables = self.ask("variables", of)?;
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let variables = variables["variables"].as_array().context("no variables")?.iter();
            found.extend(variables.map(|variable| (text(&variable["name"]), text(&variable["value"]))));
        }
        Ok(found)
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
