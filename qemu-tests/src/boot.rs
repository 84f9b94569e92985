//! One boot: a guest on a machine, with or without input, under a limit.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, io};

use anyhow::{Context, Result};

use crate::limit::Limit;
use crate::machine::Machine;
use crate::{places, process};

/// The magic bytes by which the board recognises input.
const INPUT_MAGIC: &[u8; 8] = b"GLINPUT1";

/// How many inputs this process has written, so that each has a name of its own.
static WRITTEN: AtomicU32 = AtomicU32::new(0);

/// A boot that is to be made.
#[derive(Debug)]
pub struct Boot<'a> {
    /// The machine.
    pub machine: &'static Machine,
    /// The guest.
    pub elf: &'a Path,
    /// A file that is put into the guest's memory.
    pub input: Option<&'a Path>,
    /// The file to which the guest's log is written, if it [logs](crate::frames).
    pub log: Option<&'a Path>,
    /// Whether one instruction takes exactly one nanosecond of the guest's time.
    pub counted: bool,
    /// How many cores the machine has.
    pub cores: u32,
    /// When the guest is ended.
    pub limit: Limit,
}

impl Boot<'_> {
    /// Boots, and passes each piece of the transcript to `seen` when it arrives.
    ///
    /// # Errors
    ///
    /// If QEMU cannot be started or `seen` fails. How the boot ended is no error here: see [`verdict`](crate::verdict).
    pub fn run(&self, seen: impl FnMut(&[u8]) -> io::Result<()>) -> Result<process::Ended> {
        let mut command = self.command();
        command.stdin(Stdio::null());
        process::run(command, self.limit, seen).with_context(|| format!("cannot run {}", self.machine.qemu))
    }

    /// The command line, quoted for a shell.
    #[must_use]
    pub fn command_line(&self) -> String {
        let command = self.command();
        let words = [command.get_program()].into_iter().chain(command.get_args());
        let text: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
        // The only word that cannot be quoted holds a NUL, and no argument can.
        shlex::try_join(text.iter().map(AsRef::as_ref)).unwrap_or_else(|_| text.join(" "))
    }

    /// The command that starts QEMU and waits: a debugger connects by the Unix socket `socket`, and lets it boot.
    #[must_use]
    pub fn waiting_for_a_debugger(&self, socket: &Path) -> Command {
        let mut command = self.command();
        command.args(["-S", "-gdb"]).arg(format!("unix:{},server=on,wait=off", socket.display()));
        command
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.machine.qemu);
        command.args(self.machine.arguments(self.elf, self.input, self.log, self.counted, self.cores));
        command
    }
}

/// A file with input for a guest.
///
/// The file is removed on drop, unless it was [kept](Self::keep), so that a printed command line still works after a
/// failure.
#[derive(Debug)]
pub struct Input {
    path: PathBuf,
    kept: bool,
}

impl Input {
    /// Writes `data` as the board expects it.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn for_board(data: &[u8]) -> Result<Self> {
        let length = (data.len() as u64).to_le_bytes();
        Self::plain(&[INPUT_MAGIC, &length, data].concat())
    }

    /// Writes `data` as it is.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn plain(data: &[u8]) -> Result<Self> {
        let folder = places::built()?.join("inputs");
        let path = folder.join(format!("{}-{}", std::process::id(), WRITTEN.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&path, data))
            .with_context(|| format!("cannot write the guest's input to {}", path.display()))?;
        Ok(Self { path, kept: false })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves it there.
    pub fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        if !self.kept {
            let _gone_already = fs::remove_file(&self.path);
        }
    }
}
