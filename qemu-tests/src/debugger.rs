//! Debuggers for guests: QEMU waits with its gdbstub, and the debugger connects by a socket. For GDB also transcripts
//! of its output.
//!
//! A guest `X.rs` may have a file `X.gdb` beside it, with commands for GDB. `X.gdb.out` has their output, without the
//! parts that differ from build to build; `cargo run -- aarch64 X --gdb --bless` writes it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use anyhow::{Context, Result, bail, ensure};

use crate::boot::Boot;
use crate::limit::Limit;
use crate::machine::Machine;
use crate::{places, process, tools, transcript};

const LIMIT: Limit = Limit::of_silence(Duration::from_secs(60));
/// How long QEMU may take until it listens.
const START: Duration = Duration::from_secs(300);
/// The environment variable that names another GDB than the default, for all functions here.
const OTHER_GDB: &str = "GREENLET_GDB";

/// A debugger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Debugger {
    /// GDB for every instruction set, without any extension.
    Gdb,
    /// GDB, with the script that is in the program.
    GdbWithScript,
    /// LLDB.
    Lldb,
}

/// A locale of the debugger, which replaces that of the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locale {
    /// Without variables: the character set is ASCII.
    C,
    /// With UTF-8.
    Utf8,
}

impl Locale {
    fn set(self, command: &mut Command) {
        for name in ["LC_ALL", "LC_CTYPE", "LANG"] {
            command.env_remove(name);
        }
        command.env("PYTHONCOERCECLOCALE", "0"); // a GDB that Python starts would be in another locale
        if self == Self::Utf8 {
            command.env("LC_ALL", "C.UTF-8");
        }
    }
}

impl Debugger {
    /// The program.
    #[must_use]
    pub fn program(self) -> String {
        match self {
            Self::Gdb | Self::GdbWithScript => env::var(OTHER_GDB).unwrap_or_else(|_| "gdb-multiarch".to_owned()),
            Self::Lldb => newest("lldb").unwrap_or_else(|| "lldb".to_owned()),
        }
    }

    /// The number of its version up to the first point: of `GNU gdb (Debian 13.1-3) 13.1` or `lldb version 19.1.7`. `None`
    /// if it is not installed.
    #[must_use]
    pub fn version(self) -> Option<u32> {
        let said = Command::new(self.program()).arg("--version").output().ok()?.stdout;
        let said = String::from_utf8_lossy(&said);
        said.lines().next()?.rsplit(' ').next()?.split('.').next()?.parse().ok()
    }

    /// GDB, with options to be quiet and to end after its commands.
    fn batch(self) -> Result<Command> {
        let mut command = Command::new(self.program());
        match self {
            Self::Gdb | Self::GdbWithScript => {
                command.args(["-nx", "-batch", "-iex", "set pagination off", "-iex", "set width 0", "-iex"]);
                command.arg(if self == Self::Gdb { "set auto-load off".to_owned() } else { trust()? });
            }
            Self::Lldb => {
                command.args(["--no-lldbinit", "--batch", "--no-use-colors"]);
            }
        }
        command.stdin(Stdio::null());
        Ok(command)
    }

    fn option_of_a_command(self) -> &'static str {
        match self {
            Self::Gdb | Self::GdbWithScript => "-ex",
            Self::Lldb => "-o",
        }
    }

    fn connect(self, socket: &Path) -> String {
        match self {
            Self::Gdb | Self::GdbWithScript => format!("target remote {}", socket.display()),
            Self::Lldb => format!("process connect --plugin gdb-remote unix-connect://{}", socket.display()),
        }
    }

    /// The commands that connect to a port of this computer, however long the answers take.
    pub(crate) fn connect_to_port(self, port: u16) -> [String; 2] {
        match self {
            // In seconds; GDB's own 2 are little on a busy computer.
            Self::Gdb | Self::GdbWithScript => ["set remotetimeout 300".to_owned(), format!("target remote :{port}")],
            Self::Lldb => {
                ["settings set plugin.process.gdb-remote.packet-timeout 300".to_owned(), format!("gdb-remote {port}")]
            }
        }
    }

    /// Runs `commands` on `program`, in a locale with UTF-8; returns the output.
    ///
    /// # Errors
    ///
    /// When it cannot be started, or fails; with its output.
    pub fn run<T: AsRef<str>>(self, program: &Path, commands: impl IntoIterator<Item = T>) -> Result<String> {
        self.run_in(Locale::Utf8, program, commands)
    }

    /// As [`run`](Self::run), in another locale.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn run_in<T: AsRef<str>>(
        self,
        locale: Locale,
        program: &Path,
        commands: impl IntoIterator<Item = T>,
    ) -> Result<String> {
        let mut command = self.batch()?;
        locale.set(&mut command);
        for line in commands {
            command.args([self.option_of_a_command(), line.as_ref()]);
        }
        command.arg(program);
        let name = self.program();
        let ended = process::run(command, LIMIT, |_| Ok(())).with_context(|| format!("cannot run {name}"))?;
        let (output, errors) = (String::from_utf8_lossy(&ended.output), String::from_utf8_lossy(&ended.errors));
        // GDB ends with 1 if its last command failed, which a transcript may show.
        ensure!(
            matches!(ended.status, process::Status::Exited(0 | 1)),
            "{name} ended with {:?}:\n{output}\n{errors}",
            ended.status
        );
        Ok(output.into_owned())
    }
}

/// A program of LLVM's that is installed, under its own name or with the number of a version; the newest of these.
#[must_use]
pub fn newest(name: &str) -> Option<String> {
    let numbered = (14..=40).rev().map(|version| format!("{name}-{version}"));
    [name.to_owned()].into_iter().chain(numbered).find(|name| tools::on_path(name).is_some())
}

/// What GDB is told of a machine, if anything: one that takes every program for one of Linux does not let a RISC-V
/// processor step, but sets breakpoints, to which other greenlets come.
pub(crate) fn about(machine: &Machine) -> Option<&'static str> {
    machine.target.starts_with("riscv").then_some("set osabi none")
}

/// GDB's command to load scripts that are in files below the target directory.
fn trust() -> Result<String> {
    Ok(format!("add-auto-load-safe-path {}", places::built()?.parent().context("the target directory")?.display()))
}

/// Boots `elf` under a debugger, which runs `commands` once it is connected; returns the output.
///
/// # Errors
///
/// When QEMU or the debugger cannot be started, or fail.
pub fn at_a_guest<T: AsRef<str>>(
    debugger: Debugger,
    machine: &'static Machine,
    elf: &Path,
    commands: impl IntoIterator<Item = T>,
) -> Result<String> {
    let qemu = Waiting::start(machine, elf, 1, Stdio::null())?;
    let commands = commands.into_iter().map(|line| line.as_ref().to_owned());
    debugger.run(elf, [debugger.connect(&qemu.socket.0)].into_iter().chain(commands))
}

/// Boots `elf` with so many `cores` under a GDB at the terminal.
///
/// # Errors
///
/// When QEMU or GDB cannot be started.
pub fn at_the_terminal(machine: &'static Machine, elf: &Path, cores: u32) -> Result<ExitStatus> {
    let qemu = Waiting::start(machine, elf, cores, Stdio::inherit())?;
    let mut command = Command::new(Debugger::Gdb.program());
    command.arg("-iex").arg(trust()?);
    if let Some(setting) = about(machine) {
        command.args(["-iex", setting]);
    }
    command.args(["-ex", &Debugger::GdbWithScript.connect(&qemu.socket.0)]).arg(elf);
    command.status().with_context(|| format!("cannot run {}", Debugger::Gdb.program()))
}

/// GDB's transcript of the guest whose commands are in `script`.
///
/// # Errors
///
/// As [`at_a_guest`]; when the file cannot be read.
pub fn transcript(machine: &'static Machine, elf: &Path, script: &Path) -> Result<String> {
    let commands = fs::read_to_string(script).with_context(|| format!("cannot read {}", script.display()))?;
    let commands = commands.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let commands = about(machine).map(str::to_owned).into_iter().chain(echoed(commands));
    at_a_guest(Debugger::GdbWithScript, machine, elf, commands).map(|shown| plain(&shown))
}

/// GDB's transcript of these commands on a core file of `elf`.
///
/// # Errors
///
/// As [`Debugger::run`].
pub fn transcript_of_core(elf: &Path, core: &Path, commands: &[&str]) -> Result<String> {
    let opened = [format!("core-file {}", core.display())].into_iter().chain(echoed(commands.iter().copied()));
    Debugger::GdbWithScript.run(elf, opened).map(|shown| plain(&shown))
}

/// The commands, each with an echo before it, after the settings for transcripts.
fn echoed<'a>(commands: impl Iterator<Item = &'a str>) -> impl Iterator<Item = String> {
    let commands = commands.flat_map(|line| [format!("echo +{line}\\n"), line.to_owned()]);
    SETTINGS.into_iter().map(str::to_owned).chain(commands)
}

/// The file with the expected transcript of a script.
#[must_use]
pub fn expected(script: &Path) -> PathBuf {
    script.with_extension("gdb.out")
}

/// Compares a transcript with the expected one of `script`.
///
/// # Errors
///
/// The first difference, and the command that accepts it.
pub fn compare(transcript: &str, script: &Path) -> Result<()> {
    let file = expected(script);
    let name = script.file_stem().unwrap_or_default().display();
    let how = format!("`cargo run -- aarch64 {name} --gdb --bless` writes it");
    let expected = fs::read_to_string(&file).with_context(|| format!("cannot read {}; {how}", file.display()))?;
    transcript::compare(transcript, &expected)
        .or_else(|difference| bail!("{}: {difference}\n{how}; GDB showed:\n{transcript}", file.display()))
}

/// Settings of GDB that leave out of a transcript what differs from build to build.
const SETTINGS: [&str; 4] = [
    "set print address off",
    "set print symbol off",
    "set print frame-arguments presence",
    "set filename-display basename",
];

/// Whether a line is a frame of the board: these differ from machine to machine. `board::guest!` defines `guest_main`.
fn is_of_the_board(line: &str) -> bool {
    ["at board::", "at _start", "at core_entry"].iter().any(|frame| line.starts_with(frame))
        || line.starts_with("at ") && line.contains("::guest_main ()")
}

/// The output of GDB from the first command on, without the parts that the settings cannot leave out: numbers of
/// frames, whose count depends on inlining; bytes of stack in use; and the board's frames.
fn plain(shown: &str) -> String {
    let lines = shown.lines().skip_while(|line| !line.starts_with('+')).map(without_numbers);
    let left_out = |line: &String| line.starts_with("[Inferior ") || is_of_the_board(line);
    lines.filter(|line| !left_out(line)).flat_map(|line| [line, "\n".to_owned()]).collect()
}

/// A line without the number of a frame, with `_` for bytes before a slash and a size, and with columns two blanks
/// apart.
fn without_numbers(line: &str) -> String {
    if let Some((_, frame)) = line.strip_prefix('#').and_then(|frame| frame.split_once(' ')) {
        return format!("at {}", frame.trim_start()); // a number sign would be a note
    }
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let cells =
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(|cell| match cell.split_once('/') {
            Some((used, size)) if is_number(used) && is_number(size) => format!("_/{size}"),
            _ => cell.to_owned(),
        });
    cells.collect::<Vec<_>>().join("  ")
}

/// A QEMU that waits for a debugger; ended when this is dropped.
pub(crate) struct Waiting {
    qemu: Child,
    socket: Socket,
}

impl Waiting {
    pub(crate) fn start(machine: &'static Machine, elf: &Path, cores: u32, console: Stdio) -> Result<Self> {
        use std::os::unix::process::CommandExt as _;

        let socket = Socket::new();
        let boot = Boot { machine, elf, input: None, log: None, counted: false, cores, limit: LIMIT };
        let mut qemu = boot.waiting_for_a_debugger(&socket.0);
        // A process group of its own, so that signals from the terminal to the debugger do not reach QEMU.
        qemu.stdin(Stdio::null()).stdout(console).stderr(Stdio::inherit()).process_group(0);
        let qemu = qemu.spawn().with_context(|| format!("cannot run {}", machine.qemu))?;
        let mut waiting = Self { qemu, socket };
        let started = Instant::now();
        while !waiting.socket.0.exists() {
            if let Some(status) = waiting.qemu.try_wait()? {
                bail!("{} ended before a debugger came: {status}", machine.qemu);
            }
            ensure!(started.elapsed() < START, "{} opened no socket for a debugger", machine.qemu);
            thread::sleep(Duration::from_millis(20));
        }
        Ok(waiting)
    }

    /// Where its gdbstub listens.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket.0
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ended_already = self.qemu.kill();
        let _reaped = self.qemu.wait();
    }
}

/// Where QEMU waits for a debugger; removed when dropped.
pub(crate) struct Socket(PathBuf);

impl Socket {
    pub(crate) fn new() -> Self {
        static OPENED: AtomicU32 = AtomicU32::new(0);
        let number = OPENED.fetch_add(1, Relaxed);
        // The path of a socket must be short, so it is not below the folder of builds, whose path may be long.
        let path = env::temp_dir().join(format!("greenlet-{}-{number}.gdb", std::process::id()));
        let _was_there = fs::remove_file(&path);
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _gone_already = fs::remove_file(&self.0);
    }
}
