//! Decides whether a boot passed; if not, describes what happened and where to look.
//!
//! A pass needs everything at once: QEMU's exit status says code 0, and the last line of the transcript is `DONE n/n`
//! with n above 0, and no line says `FAIL`. Each way to miss that is a [`Failure`] with a message of its own. [`judge`]
//! depends only on the status and the output of the boot, so that the suite can test it with every kind of bad boot.

use std::fmt;

use crate::limit::{Overrun, Part};
use crate::machine::{GuestExit, Machine};
use crate::process::{Ended, Status};
use crate::transcript;

/// The ways in which a guest can end, as its head names them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// Every check passed.
    Pass,
    /// A check failed.
    Checks,
    /// It panicked.
    Panic,
    /// It ended by an unexpected exception.
    Fault,
    /// It did not end, and the runner ended it.
    Timeout,
    /// The machine reset itself.
    Reset,
}

impl Ending {
    /// Every ending.
    pub const ALL: [Self; 6] = [Self::Pass, Self::Checks, Self::Panic, Self::Fault, Self::Timeout, Self::Reset];

    /// Its name in a guest's head.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Checks => "checks",
            Self::Panic => "panic",
            Self::Fault => "fault",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
        }
    }
}

/// A boot that passed: how many checks its last line counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Done(pub u64);

/// A boot that did not pass.
#[derive(Debug, Eq, PartialEq)]
pub struct Failure {
    /// What happened.
    pub cause: Cause,
    machine: &'static str,
    transcript: String,
    errors: String,
}

/// Why a boot did not pass.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Cause {
    /// QEMU ended with its own status for failure.
    QemuFailed,
    /// A signal ended QEMU that did not come from the runner.
    QemuKilled(i32),
    /// A status that neither QEMU nor the board returns.
    UnknownStatus(i32),
    /// The guest's own exit code, to which only it can give a meaning.
    UnknownCode(i32),
    /// Its limit was used up.
    TimedOut(Overrun),
    /// The machine reset itself, or QEMU ended without a request of the board.
    Reset,
    /// The board reports a panic.
    Panic,
    /// The board reports an unexpected exception.
    Fault,
    /// The board reports failed checks.
    Checks,
    /// The status says pass, and nothing was printed.
    Silence,
    /// The status says pass, and no line is a `DONE`.
    NoDone,
    /// The status says pass, and text follows the first `DONE`.
    TextAfterDone,
    /// The status says pass, and the `DONE` line cannot be read or counts no check or a failed one.
    WrongDone,
    /// The status says pass, and a line says `FAIL`.
    FailLine,
}

/// Judges a boot on `machine` by its status and output.
///
/// # Errors
///
/// When it did not pass.
pub fn judge(machine: &Machine, ended: &Ended) -> Result<Done, Failure> {
    let transcript = transcript::text(&ended.output);
    cause_or_done(machine, ended.status, &transcript).map_err(|cause| Failure {
        cause,
        machine: machine.name,
        transcript,
        errors: transcript::text(&ended.errors),
    })
}

/// The whole of the judgement, over the status and the transcript.
fn cause_or_done(machine: &Machine, status: Status, transcript: &str) -> Result<Done, Cause> {
    let status = match status {
        Status::Exited(status) => status,
        Status::Signalled(signal) => return Err(Cause::QemuKilled(signal)),
        Status::TimedOut(overrun) => return Err(Cause::TimedOut(overrun)),
    };
    match machine.decode(status) {
        GuestExit::Code(0) => done(transcript),
        GuestExit::PoweredOff => ended(transcript),
        GuestExit::Code(1) => Err(Cause::Checks),
        GuestExit::Code(2) => Err(Cause::Panic),
        GuestExit::Code(3) => Err(Cause::Fault),
        GuestExit::Reset => Err(Cause::Reset),
        GuestExit::QemuFailed => Err(Cause::QemuFailed),
        GuestExit::Code(code) => Err(Cause::UnknownCode(code)),
        GuestExit::Unknown(status) => Err(Cause::UnknownStatus(status)),
    }
}

/// Judges by the transcript alone, of a machine whose status tells nothing.
fn ended(transcript: &str) -> Result<Done, Cause> {
    let says = |start| transcript.lines().any(|line| line.starts_with(start));
    if transcript.trim().is_empty() {
        // The board reports whatever ends it.
        Err(Cause::Reset)
    } else if says("PANIC") {
        Err(Cause::Panic)
    } else if says("FAULT") {
        Err(Cause::Fault)
    } else if says("FAIL ") && says("DONE") {
        Err(Cause::Checks)
    } else {
        done(transcript)
    }
}

/// Judges the transcript of a program that ended with the status of a pass.
///
/// # Errors
///
/// When its last line is not `DONE n/n` with n above 0, or a line says `FAIL`.
pub fn done(transcript: &str) -> Result<Done, Cause> {
    let mut lines = transcript.lines();
    let Some(line) = lines.find(|line| line.starts_with("DONE")) else {
        return Err(if transcript.trim().is_empty() { Cause::Silence } else { Cause::NoDone });
    };
    if lines.next().is_some() {
        return Err(Cause::TextAfterDone);
    }
    if transcript.lines().any(|line| line.starts_with("FAIL ")) {
        return Err(Cause::FailLine);
    }
    match line.rsplit('/').next().and_then(|total| total.parse().ok()) {
        Some(total) if total > 0 && line == format!("DONE {total}/{total}") => Ok(Done(total)),
        _ => Err(Cause::WrongDone),
    }
}

impl Failure {
    /// The ending that a guest's head would have to name for this to be right; `None` when no
    /// guest can mean it.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        match self.cause {
            Cause::TimedOut(_) => Some(Ending::Timeout),
            Cause::Reset => Some(Ending::Reset),
            Cause::Panic => Some(Ending::Panic),
            Cause::Fault => Some(Ending::Fault),
            Cause::Checks => Some(Ending::Checks),
            _ => None,
        }
    }

    /// What happened, in a sentence or two, with what the guest or QEMU said about it.
    fn story(&self) -> String {
        let last = self.transcript.lines().next_back().unwrap_or("");
        let said = |start: &str| self.transcript.lines().find(|line| line.starts_with(start));
        let silent = self.transcript.trim().is_empty();
        match self.cause {
            Cause::QemuFailed => format!("QEMU failed by itself (exit status 1){}", self.of_qemu()),
            Cause::QemuKilled(signal) => {
                format!("QEMU was ended by signal {signal}, which is not ours{}", self.of_qemu())
            }
            Cause::UnknownStatus(status) => {
                format!("QEMU ended with status {status}, which is neither its own nor the board's{}", self.of_qemu())
            }
            Cause::UnknownCode(code) => format!("the guest exited with a code of its own, {code}"),
            Cause::TimedOut(overrun) if silent => format!("it never printed anything: {overrun}; QEMU was ended"),
            Cause::TimedOut(overrun) => format!("{overrun}; QEMU was ended"),
            Cause::Reset if silent => {
                "the machine reset itself before it printed anything (QEMU's exit status is 0)".to_owned()
            }
            Cause::Reset => "the machine reset itself (QEMU's exit status is 0)".to_owned(),
            Cause::Panic => said("PANIC").unwrap_or("it panicked, and printed no `PANIC` line").to_owned(),
            Cause::Fault => said("FAULT").unwrap_or("it faulted, and printed no `FAULT` line").to_owned(),
            Cause::Checks => {
                let failed: Vec<_> = self.transcript.lines().filter(|line| line.starts_with("FAIL ")).collect();
                match failed.first() {
                    Some(first) => format!(
                        "{} failed: {first}",
                        if failed.len() == 1 { "a check".to_owned() } else { format!("{} checks", failed.len()) }
                    ),
                    None => format!("its exit code says that checks failed; its last line is `{last}`"),
                }
            }
            Cause::Silence => "its exit code says pass, but it printed nothing at all".to_owned(),
            Cause::NoDone => format!("its exit code says pass, but its last line is `{last}`, not `DONE n/n`"),
            Cause::TextAfterDone => "its exit code says pass, but it printed more after its `DONE` line".to_owned(),
            Cause::WrongDone => {
                format!("its exit code says pass, but its last line is `{last}`, not `DONE n/n` with n above 0")
            }
            Cause::FailLine => {
                format!("its exit code says pass, but it printed `{}`", said("FAIL ").unwrap_or_default())
            }
        }
    }

    /// What QEMU wrote to standard error, to append to a sentence.
    fn of_qemu(&self) -> String {
        match self.errors.trim() {
            "" => ", and gave no reason".to_owned(),
            reason => format!(":\n  {}", reason.replace('\n', "\n  ")),
        }
    }

    /// Where to look.
    fn hint(&self) -> &'static str {
        let silent = self.transcript.trim().is_empty();
        match self.cause {
            Cause::QemuFailed => "run the command line by hand; too old a QEMU, or an ELF file that it cannot load?",
            Cause::QemuKilled(_) => "out of memory? the kernel's log names the sender of a signal",
            Cause::UnknownStatus(_) => "the exit device in the board, or a QEMU that this runner does not support",
            Cause::UnknownCode(_) => {
                "find the call of the board's `exit`: 0 is a pass, 1 failed checks, 2 a panic, 3 a fault"
            }
            Cause::TimedOut(Overrun { part: Part::Total, .. }) => {
                "it prints and does not end: a loop, or a limit that is too short for so much work"
            }
            Cause::TimedOut(Overrun { time, .. }) if time.is_sleep() => {
                "the machine sleeps: every core waits in `wfi` or `hlt` for an interrupt that does not come, or was never started"
            }
            Cause::TimedOut(_) if silent => {
                "it never got as far as the console: the linker script, the boot code, a register that is used before it is set up"
            }
            Cause::TimedOut(_) => {
                "a loop, a spin on what never comes, or long work: that prints a note (`# ...`) now and then, or has a longer \
                 `//@ timeout` in its head; `cargo run -- MACHINE GUEST --census` lists greenlets and where they are"
            }
            Cause::Reset => {
                "an exception while one was handled: bad vectors, bad page tables, or a stack that ran into nothing; \
                 add `-d int,cpu_reset -D FILE` to the command line"
            }
            Cause::Panic => "the `# at` line below the PANIC line",
            Cause::Fault => {
                "the functions below the FAULT line, at its registers; of a log that was kept: `cargo xtask symbolize ELF < LOG`"
            }
            Cause::Checks | Cause::FailLine => "each FAIL line names file and line",
            Cause::Silence => "did anything of the board run? it prints `DONE n/n` before it exits",
            Cause::NoDone => "find what ended QEMU: only the board may, and it prints `DONE n/n` first",
            Cause::TextAfterDone => "`DONE n/n` is the last line that the board prints; find what printed after it",
            Cause::WrongDone => {
                "a guest that counts no check proves nothing, and exit code and count come from one place in the board"
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}: {}", self.machine, self.story())?;
        match self.cause {
            // QEMU's own reason is all there is to see.
            Cause::QemuFailed => {}
            _ => writeln!(formatter, "last lines:\n{}", transcript::tail(&self.transcript))?,
        }
        write!(formatter, "look at: {}", self.hint())
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine;

    #[test]
    fn a_machine_without_a_status_is_judged_by_its_transcript() {
        let machine = machine::named("loongarch64").unwrap();
        for (transcript, cause) in [
            ("", Cause::Reset),
            ("hello\n", Cause::NoDone),
            ("PANIC outside any greenlet: no\n", Cause::Panic),
            ("FAULT: breakpoint outside any greenlet\n", Cause::Fault),
            ("FAIL a.rs:1: no\nDONE 1/2\n", Cause::Checks),
            ("DONE 1/2\n", Cause::WrongDone),
            ("DONE 0/0\n", Cause::WrongDone),
        ] {
            assert_eq!(cause_or_done(machine, Status::Exited(0), transcript), Err(cause), "{transcript}");
        }
        assert_eq!(cause_or_done(machine, Status::Exited(0), "DONE 2/2\n"), Ok(Done(2)));
        assert_eq!(cause_or_done(machine, Status::Exited(1), "DONE 2/2\n"), Err(Cause::QemuFailed));
    }
}
