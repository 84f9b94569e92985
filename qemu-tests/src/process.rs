//! A child process that cannot outlive the runner, has a limit on its [own time](crate::limit), and whose output is
//! passed on as it arrives.

use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, getpid, getppid, kill_process_group, set_parent_process_death_signal};

use crate::limit::{Limit, Overrun, Watch};

/// How a child ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Status {
    /// By itself, with this status.
    Exited(i32),
    /// By this signal, which did not come from the runner.
    Signalled(i32),
    /// By the runner, at its limit.
    TimedOut(Overrun),
}

/// A child that has ended.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub status: Status,
    /// Its standard output, without carriage returns.
    pub output: Vec<u8>,
    /// Its standard error.
    pub errors: Vec<u8>,
    /// How long it ran.
    pub took: Duration,
}

/// A piece of output, by the pipe from which it came.
enum Chunk {
    Output(Vec<u8>),
    Errors(Vec<u8>),
}

/// Runs `command` until it ends, or has used up its `limit`. Passes its standard output, without carriage returns, to
/// `seen` as it arrives.
///
/// The child gets an empty standard input unless `command` sets another, and a process group of its own: a time-out
/// ends the group and nothing else. The kernel kills the child when the calling thread ends for any reason.
///
/// # Errors
///
/// When the child cannot be started or `seen` fails; the child is ended then.
pub fn run(command: Command, limit: Limit, seen: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<Ended> {
    run_then(command, limit, || true, seen)
}

/// [`run`], but after its limit the child is ended only when `may_end`, which is called again and again then, returns
/// `true`.
///
/// # Errors
///
/// As [`run`].
pub fn run_then(
    command: Command,
    limit: Limit,
    may_end: impl FnMut() -> bool,
    seen: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<Ended> {
    match supervised(command, limit, || false, may_end, seen)? {
        Some(ended) => Ok(ended),
        None => unreachable!("it is ended early only when `is_over` says so"),
    }
}

/// [`run`], until `is_over` returns `true`: then the child is ended, and this returns `None`.
///
/// # Errors
///
/// As [`run`].
pub fn run_until(
    command: Command,
    limit: Limit,
    is_over: impl FnMut() -> bool,
    seen: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<Option<Ended>> {
    supervised(command, limit, is_over, || true, seen)
}

fn supervised(
    mut command: Command,
    limit: Limit,
    mut is_over: impl FnMut() -> bool,
    mut may_end: impl FnMut() -> bool,
    mut seen: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<Option<Ended>> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    die_with_this_thread(&mut command);
    let started = Instant::now();
    let mut group = Group { leader: command.spawn()?, is_reaped: false };
    let chunks = chunks_of(&mut group.leader);
    let mut watch = Watch::new(group.leader.id(), limit);

    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let status = loop {
        let chunk = chunks.recv_timeout(watch.until_look());
        let all_is_read = chunk.is_err();
        if chunk.is_ok() {
            watch.heard();
        }
        match chunk {
            Ok(Chunk::Output(mut chunk)) => {
                chunk.retain(|&byte| byte != b'\r');
                seen(&chunk)?;
                output.append(&mut chunk);
            }
            Ok(Chunk::Errors(mut chunk)) => errors.append(&mut chunk),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break group.wait(&mut watch)?,
        }
        if is_over() {
            return Ok(None);
        }
        // Checked after each chunk, too: otherwise a child that prints without pause would never reach its limit.
        if let Some(overrun) = watch.look(all_is_read) {
            while !may_end() {
                // A child that cannot write would not come to a stop, either.
                if let Ok(Chunk::Output(chunk)) = chunks.recv_timeout(Duration::from_millis(20)) {
                    output.extend(chunk.into_iter().filter(|&byte| byte != b'\r'));
                }
            }
            break Status::TimedOut(overrun);
        }
    };
    drop(group);
    // A group that was ended may have written output that was not read yet.
    for chunk in chunks.try_iter() {
        if let Chunk::Errors(mut chunk) = chunk {
            errors.append(&mut chunk);
        }
    }
    Ok(Some(Ended { status, output, errors, took: started.elapsed() }))
}

/// A child and the process group that it leads. The group is ended when this is dropped, unless the child has ended by
/// itself and was waited for.
struct Group {
    leader: Child,
    /// Whether the child was waited for: its number, and so its group's, may belong to another process from then on.
    is_reaped: bool,
}

impl Group {
    /// Waits for the child, which has closed its output already.
    fn wait(&mut self, watch: &mut Watch) -> io::Result<Status> {
        loop {
            if let Some(status) = self.leader.try_wait()? {
                self.is_reaped = true;
                return Ok(status_of(status));
            }
            if let Some(overrun) = watch.look(true) {
                return Ok(Status::TimedOut(overrun));
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.is_reaped {
            return;
        }
        // Also when the child has ended already: others of its group may live on.
        if let Some(leader) = Pid::from_raw(self.leader.id().cast_signed()) {
            let _gone_already = kill_process_group(leader, Signal::KILL);
        }
        let _reaped = self.leader.wait();
    }
}

/// Makes the kernel kill the child when this thread ends.
fn die_with_this_thread(command: &mut Command) {
    let parent = getpid();
    let in_child = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // Had the parent died before that line, the signal would never come.
        if getppid() == Some(parent) { Ok(()) } else { Err(io::Error::from(Errno::SRCH)) }
    };
    // SAFETY: between fork and exec only what is async-signal-safe may run, because another thread
    // may have held any lock at the fork. The closure makes two system calls through rustix, which
    // go straight to the kernel, builds errors from numbers, and neither allocates nor locks.
    unsafe { command.pre_exec(in_child) };
}

/// Reads both outputs of `child` on threads of their own, which end with the child.
fn chunks_of(child: &mut Child) -> mpsc::Receiver<Chunk> {
    // Bounded, so that a child that prints very much waits for this process instead of filling its memory.
    let (sender, receiver) = mpsc::sync_channel(64);
    if let Some(output) = child.stdout.take() {
        pump(output, sender.clone(), Chunk::Output);
    }
    if let Some(errors) = child.stderr.take() {
        pump(errors, sender, Chunk::Errors);
    }
    receiver
}

/// Sends the contents of `pipe` until it is closed or the receiver is gone.
fn pump(mut pipe: impl Read + Send + 'static, sender: SyncSender<Chunk>, label: fn(Vec<u8>) -> Chunk) {
    thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        loop {
            match pipe.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) if sender.send(label(buffer[..count].to_vec())).is_err() => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
    });
}

/// Converts `status` to a [`Status`].
fn status_of(status: ExitStatus) -> Status {
    // On Unix a process that did not exit was ended by a signal.
    match status.code() {
        Some(code) => Status::Exited(code),
        None => Status::Signalled(status.signal().unwrap_or(0)),
    }
}
