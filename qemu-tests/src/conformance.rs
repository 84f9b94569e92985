//! Runs conformance scenarios: any number of files, one boot, or one run of the hosted program.
//!
//! Everything is parsed before anything runs, by the parser that the guest itself uses. The run must print a log for
//! each parsed name, in order, none skipped and none twice.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fmt, fs};

use anyhow::{Context, Result, bail, ensure};
use conformance::{Operation, Reader, Scenario};

use crate::boot::{Boot, Input};
use crate::cli::Misuse;
use crate::compile::{self, Profile};
use crate::foreign;
use crate::limit::Limit;
use crate::logs::{Sinks, Splitter};
use crate::machine::{self, Machine};
use crate::process::{self, Ended, Status};
use crate::tools::Needs;
use crate::verdict;

/// The objects on which the operations of scenarios act.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Subject {
    /// Greenlets. The logs were written by the Python package.
    #[default]
    Greenlets,
    /// Tasklets and channels. The logs were written by Stackless Python.
    Tasklets,
}

impl Subject {
    /// The guest that runs such scenarios.
    #[must_use]
    pub fn guest(self) -> &'static str {
        match self {
            Self::Greenlets => "conformance",
            Self::Tasklets => "tasklets",
        }
    }
}

/// The most input that fits into the memory of every machine, above the place where it begins.
const LARGEST_INPUT: usize = 96 << 20;

/// Where scenarios run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    /// As a process on the host.
    Host,
    /// On bare metal.
    Machine(&'static Machine),
}

/// The places that must agree: the host, and a machine for each instruction set.
pub static EVERYWHERE: [Place; 3] =
    [Place::Host, Place::Machine(machine::ONE_OF_EACH[0]), Place::Machine(machine::ONE_OF_EACH[1])];

impl Place {
    /// The place that the user calls `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        if name == "host" { Some(Self::Host) } else { machine::named(name).map(Self::Machine) }
    }

    /// Adds the tools that are needed to run something there.
    pub fn needs(self, needs: &mut Needs) {
        if let Self::Machine(machine) = self {
            needs.machine(machine);
        }
    }

    /// Whether the suite runs there by default what is built in `profile`.
    #[must_use]
    pub fn is_usual(self, profile: Profile) -> bool {
        match self {
            Self::Host => true,
            Self::Machine(machine) => machine.covers_by_default(profile, false, false),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => formatter.write_str("host"),
            Self::Machine(machine) => machine.fmt(formatter),
        }
    }
}

/// Scenarios that are known to be well formed.
#[derive(Debug, Default)]
pub struct Bundle {
    subject: Subject,
    text: Vec<u8>,
    names: Vec<String>,
}

impl Bundle {
    /// Reads and checks `files`; keeps the scenarios whose names are in `only`, or all when that is empty.
    ///
    /// # Errors
    ///
    /// A [`Misuse`] with a line for each file that cannot be read, is malformed or has no scenario
    /// in it, and for each name of `only` that no scenario has; and when there is no file, or more than a machine's
    /// memory holds.
    pub fn read(subject: Subject, files: &[PathBuf], only: &[String]) -> Result<Self> {
        let read = |file: &Path| match subject {
            Subject::Greenlets => read::<conformance::Op>(file, drop),
            Subject::Tasklets => read::<conformance::tasklets::Op>(file, drop),
        };
        let mut bundle = Self { subject, ..Self::default() };
        let mut problems = Vec::new();
        for file in files {
            match read(file) {
                Ok(checked) => bundle.add(&checked, only),
                Err(problem) => problems.push(problem),
            }
        }
        if files.is_empty() {
            problems.push("no scenario file is named".to_owned());
        }
        // A file that could not be read may have the scenario.
        if problems.is_empty() {
            let unknown = only.iter().filter(|name| !bundle.names.contains(name));
            problems.extend(unknown.map(|name| format!("no scenario of these files is called `{name}`")));
        }
        if bundle.text.len() > LARGEST_INPUT {
            problems.push(format!("{} bytes of scenarios; up to {LARGEST_INPUT} run at once", bundle.text.len()));
        }
        if problems.is_empty() { Ok(bundle) } else { Err(Misuse(problems.join("\nerror: ")).into()) }
    }

    /// Adds the scenarios of a file.
    fn add(&mut self, file: &Checked, only: &[String]) {
        let mut lines = file.text.split_inclusive(|&byte| byte == b'\n');
        let mut read = 0;
        for (name, end) in &file.scenarios {
            let own = lines.by_ref().take(end - read).flatten();
            read = *end;
            if only.is_empty() || only.contains(name) {
                self.names.push(name.clone());
                self.text.extend(own);
                // The last line of a file need not end.
                self.text.push(b'\n');
            } else {
                own.for_each(drop);
            }
        }
    }

    /// The names of the scenarios, in order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The limit of a run: many times the time that so many scenarios take. Each scenario prints its log while it runs.
    fn limit(&self) -> Limit {
        const SILENCE: Duration = Duration::from_secs(60);
        const BASE: u64 = 120;
        const PER_MEBIBYTE: u64 = 300;
        let total = Duration::from_secs(BASE + PER_MEBIBYTE * self.text.len() as u64 / (1 << 20));
        Limit { silence: SILENCE, total }
    }
}

/// The text of a file that is well formed.
pub(crate) struct Checked {
    text: Vec<u8>,
    /// The scenarios by name, each with the number of its last line.
    scenarios: Vec<(String, usize)>,
}

/// Reads a file, checks it, and hands its scenarios to `take`.
///
/// # Errors
///
/// The file with the line, what is wrong with it and what is allowed, when it is malformed or has no scenario in it;
/// the file and why, when it cannot be read.
pub(crate) fn read<O: Operation>(file: &Path, mut take: impl FnMut(Scenario<O>)) -> Result<Checked, String> {
    let name = file.display();
    let text = fs::read(file).map_err(|error| format!("{name}: cannot be read: {error}"))?;
    let mut scenarios = Vec::new();
    let mut reader = Reader::<O>::new(&text);
    while let Some(scenario) = reader.next() {
        let scenario = scenario.map_err(|malformed| format!("{name}:{}: {malformed}", malformed.line))?;
        scenarios.push((scenario.name().to_owned(), reader.lines_read()));
        take(scenario);
    }
    if scenarios.is_empty() {
        // An empty file has a first line, too.
        let last = reader.lines_read().max(1);
        return Err(format!("{name}:{last}: no scenario up to the end: one starts with \"scenario NAME\""));
    }
    Ok(Checked { text, scenarios })
}

/// What a run printed.
#[derive(Debug)]
pub struct Ran<S> {
    /// The sinks that received the lines.
    pub sinks: S,
    /// What was wrong, if the run did not end correctly with every scenario done.
    pub failure: Option<String>,
}

/// Builds the program that runs scenarios at `place`; returns its path.
///
/// # Errors
///
/// When it does not build.
pub fn build(subject: Subject, place: Place, profile: Profile) -> Result<PathBuf> {
    match place {
        Place::Host => compile::example("conformance", "host", profile),
        Place::Machine(machine) => compile::guest(machine.code(), profile, subject.guest()),
    }
}

/// Runs all of `bundle` in one run of the program that [`build`] built. The command line of a boot is passed to
/// `sinks`, as the first line that is not part of a log.
///
/// # Errors
///
/// When nothing could be run at all.
pub fn run<S: Sinks>(place: Place, program: &Path, bundle: &Bundle, mut sinks: S) -> Result<Ran<S>> {
    let mut input = match place {
        Place::Host => Input::plain(&bundle.text)?,
        Place::Machine(_) => Input::for_board(&bundle.text)?,
    };
    let boot = |machine| Boot {
        machine,
        elf: program,
        input: Some(input.path()),
        log: None,
        counted: false,
        cores: 1,
        limit: bundle.limit(),
    };
    if let Place::Machine(machine) = place {
        sinks.aside(format!("{}\n", boot(machine).command_line()).as_bytes())?;
    }
    let mut splitter = Splitter::new(&bundle.names, sinks);
    let seen = |piece: &[u8]| splitter.take(piece);
    let ended = match place {
        Place::Machine(machine) => boot(machine).run(seen)?,
        Place::Host => {
            let mut command = foreign::command(program);
            if bundle.subject == Subject::Tasklets {
                command.arg("tasklets");
            }
            command.stdin(fs::File::open(input.path()).context("cannot open the scenarios again")?);
            process::run(command, bundle.limit(), seen).context("cannot run the hosted program")?
        }
    };
    let (sinks, problem) = splitter.finish()?;
    // How the run ended explains why logs are missing, so it comes first.
    let failure = match judge(place, &ended, bundle.names.len()) {
        Err(failure) => Some(match problem {
            Some(problem) => format!("{failure:#}\n{problem}"),
            None => format!("{failure:#}"),
        }),
        Ok(()) => problem,
    };
    if failure.is_some() {
        input.keep();
    }
    Ok(Ran { sinks, failure })
}

/// Whether a run ended with `DONE count/count` and the right status.
fn judge(place: Place, ended: &Ended, count: usize) -> Result<()> {
    let done = match place {
        Place::Machine(machine) => verdict::judge(machine, ended)?,
        Place::Host => {
            let errors = String::from_utf8_lossy(&ended.errors);
            match ended.status {
                Status::Exited(0) => {}
                Status::Exited(status) => bail!("the hosted program ended with status {status}: {}", errors.trim()),
                Status::Signalled(signal) => bail!("signal {signal} ended the hosted program: {}", errors.trim()),
                Status::TimedOut(overrun) => bail!("{overrun}; the hosted program was ended"),
            }
            verdict::done(&String::from_utf8_lossy(&ended.output))
                .map_err(|cause| anyhow::anyhow!("the hosted program's last line is not `DONE n/n` ({cause:?})"))?
        }
    };
    ensure!(done.0 == count as u64, "its last line is `DONE {0}/{0}`, and {count} scenarios went in", done.0);
    Ok(())
}

/// Logs to standard output, everything else to standard error.
#[derive(Debug, Default)]
pub struct Console;

impl Sinks for Console {
    fn log(&mut self, line: &[u8]) -> io::Result<()> {
        io::stdout().write_all(line)
    }

    fn aside(&mut self, line: &[u8]) -> io::Result<()> {
        io::stderr().write_all(line)
    }
}
