//! A boot that the runner controls: QEMU waits with its gdbstub, and a thread of the runner is connected to it.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};

use crate::boot::Boot;
use crate::debugger::Socket;
use crate::process::{self, Ended};
use crate::stub::Stub;

/// How long QEMU may take to listen.
const START: Duration = Duration::from_secs(300);

/// How often the runner checks whether a running machine has stopped.
const LOOK: Duration = Duration::from_millis(50);

/// The machine of a boot, for the thread that controls it.
pub struct Machine {
    stub: Stub,
    limit: Receiver<()>,
}

/// Why a machine has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It reached a breakpoint.
    There,
    /// It has reached its limit, and was stopped at its present instruction.
    AtLimit,
    /// It has ended.
    Gone,
}

impl Machine {
    /// Its stub. To be used while the machine is stopped: at the beginning, and after each [`run`](Self::run).
    pub fn stub(&mut self) -> &mut Stub {
        &mut self.stub
    }

    /// Lets it run until it stops.
    ///
    /// # Errors
    ///
    /// When the stub does not do what it should.
    pub fn run(&mut self) -> Result<Stopped> {
        // Tested here, too, because a stop may follow another one so closely that the loop below does not wait.
        if self.limit.try_recv() != Err(TryRecvError::Empty) {
            return Ok(Stopped::AtLimit);
        }
        if self.stub.resume().is_err() {
            return Ok(Stopped::Gone);
        }
        loop {
            match self.stub.has_stopped(LOOK) {
                Ok(true) => return Ok(Stopped::There),
                Ok(false) if self.limit.try_recv() == Err(TryRecvError::Empty) => {}
                Ok(false) => {
                    self.stub.interrupt()?;
                    return Ok(Stopped::AtLimit);
                }
                Err(_) => return Ok(Stopped::Gone),
            }
        }
    }

    /// Lets it continue without breakpoints.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    pub fn leave(self) -> Result<()> {
        self.stub.detach()
    }
}

/// Boots, and calls `watch` with the machine, which is stopped before its first instruction. Returns the result of
/// `watch`.
///
/// At the limit QEMU is ended when `watch` has returned.
///
/// # Errors
///
/// As [`Boot::run`]; those of `watch`.
pub fn run<T: Send + 'static>(
    boot: &Boot<'_>,
    watch: impl FnOnce(Machine) -> Result<T> + Send + 'static,
    seen: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(Ended, T)> {
    run_with(boot, &[], watch, seen)
}

/// [`run`], with further arguments for QEMU.
///
/// # Errors
///
/// As [`run`].
pub fn run_with<T: Send + 'static>(
    boot: &Boot<'_>,
    arguments: &[OsString],
    watch: impl FnOnce(Machine) -> Result<T> + Send + 'static,
    seen: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(Ended, T)> {
    let socket = Socket::new();
    let mut command = boot.waiting_for_a_debugger(socket.path());
    command.args(arguments).stdin(Stdio::null());
    let (at_limit, limit) = mpsc::channel();
    let path = socket.path().to_owned();
    let watching = thread::spawn(move || {
        let stub = connected(&path, &limit)?;
        watch(Machine { stub, limit })
    });
    let may_end = || {
        let _has_returned = at_limit.send(());
        watching.is_finished()
    };
    let ended = process::run_then(command, boot.limit, may_end, seen);
    // For one that has not even connected.
    let _has_returned = at_limit.send(());
    let watched = watching.join().unwrap_or_else(|_| Err(anyhow!("the thread that watches the machine panicked")));
    let ended = ended.with_context(|| format!("cannot run {}", boot.machine.qemu))?;
    match watched {
        Ok(watched) => Ok((ended, watched)),
        Err(problem) => {
            let said = String::from_utf8_lossy(&ended.errors);
            Err(problem.context(format!("{} cannot be watched {}", boot.machine.qemu, said.trim()).trim().to_owned()))
        }
    }
}

/// A connection to the stub at `socket`, which QEMU opens soon.
fn connected(socket: &Path, limit: &Receiver<()>) -> Result<Stub> {
    let begun = Instant::now();
    loop {
        match Stub::connect(socket) {
            Ok(stub) => return Ok(stub),
            Err(error) => {
                ensure!(limit.try_recv() == Err(TryRecvError::Empty), "it ended before its gdbstub was there: {error}");
                ensure!(begun.elapsed() < START, "it opened no socket for its gdbstub: {error}");
            }
        }
        thread::sleep(Duration::from_millis(10));
    }
}
