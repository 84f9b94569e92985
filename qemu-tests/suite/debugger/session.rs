//! A debugger at a guest: QEMU waits with its gdbstub, the debugger runs a list of commands.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};
use std::{fs, thread};

use libtest_mimic::Failed;
use qemu_tests::boot::Boot;
use qemu_tests::limit::Limit;
use qemu_tests::machine::Machine;
use qemu_tests::process;

const LIMIT: Limit = Limit::of_silence(Duration::from_secs(60));
/// How long QEMU may take until it listens.
const START: Duration = Duration::from_secs(300);

/// A debugger that is installed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Debugger {
    Gdb,
    Lldb,
}

impl Debugger {
    /// The program.
    pub(super) fn program(self) -> &'static str {
        match self {
            Self::Gdb => "gdb-multiarch",
            Self::Lldb => "lldb",
        }
    }

    /// It, told to be quiet and to end after its commands.
    fn batch(self) -> Command {
        let mut command = Command::new(self.program());
        command.args(match self {
            Self::Gdb => ["-nx", "-batch", "-iex", "set pagination off", "-iex", "set width 0"].as_slice(),
            Self::Lldb => ["--no-lldbinit", "--batch", "--no-use-colors"].as_slice(),
        });
        command.stdin(Stdio::null());
        command
    }

    fn option_of_a_command(self) -> &'static str {
        match self {
            Self::Gdb => "-ex",
            Self::Lldb => "-o",
        }
    }

    fn connect(self, socket: &Path) -> String {
        match self {
            Self::Gdb => format!("target remote {}", socket.display()),
            Self::Lldb => format!("process connect --plugin gdb-remote unix-connect://{}", socket.display()),
        }
    }
}

/// Boots `elf` under a debugger, which runs `commands` once it is connected; returns what that prints.
pub(super) fn at_a_guest<T: AsRef<str>>(
    debugger: Debugger,
    machine: &'static Machine,
    elf: &Path,
    commands: impl IntoIterator<Item = T>,
) -> Result<String, Failed> {
    let socket = Socket::new();
    let boot = Boot { machine, elf, input: None, log: None, counted: false, cores: 1, limit: LIMIT };
    let mut qemu = boot.waiting_for_a_debugger(&socket.0);
    let qemu = qemu.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn()?;
    let mut qemu = Ends(qemu);
    let started = Instant::now();
    while !socket.0.exists() {
        if let Some(status) = qemu.0.try_wait()? {
            return Err(format!("{} ended before a debugger came: {status}", machine.qemu).into());
        }
        if started.elapsed() > START {
            return Err(format!("{} opened no socket for a debugger", machine.qemu).into());
        }
        thread::sleep(Duration::from_millis(20));
    }
    let mut command = debugger.batch();
    let option = debugger.option_of_a_command();
    command.args([option, &debugger.connect(&socket.0)]);
    for line in commands {
        command.args([option, line.as_ref()]);
    }
    command.arg(elf);
    let ended = process::run(command, LIMIT, |_| Ok(()))?;
    let (output, errors) = (String::from_utf8_lossy(&ended.output), String::from_utf8_lossy(&ended.errors));
    if ended.status != process::Status::Exited(0) {
        return Err(format!("{} ended with {:?}:\n{output}\n{errors}", debugger.program(), ended.status).into());
    }
    Ok(output.into_owned())
}

/// Where QEMU waits for a debugger; removed when dropped.
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
