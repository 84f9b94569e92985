//! The runner's command line: what is requested, and the error for arguments that make no sense.

mod endurance;
mod usage;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use lexopt::Arg::{Long, Short, Value};
use lexopt::{Parser, ValueExt};

pub use self::usage::usage;

use crate::compile::Profile;
use crate::conformance::{EVERYWHERE, Place, Subject};
use crate::fuzz::{self, Stretch};
use crate::guests::USUAL_LIMIT;
use crate::limit::Limit;
use crate::machine::{self, MACHINES, Machine};
use crate::machines;
use crate::mutants::{self, Shard};
use crate::places;
use crate::random;
use crate::reliability;
use crate::serve::{self, SERVERS, Server};
use crate::soak::{self, Tool};
use crate::stacks;
use crate::timeline::Wanted;

/// The guest that `cargo run` boots.
pub const USUAL_GUEST: &str = "tour";

/// What the runner is to do.
#[derive(Debug, PartialEq)]
pub enum Request {
    /// Boot a guest.
    Run {
        /// On which machine.
        machine: &'static Machine,
        /// Its name.
        guest: String,
        /// How it is compiled.
        profile: Profile,
        /// The limit, if not the one in its head.
        limit: Option<Limit>,
        /// Keep the transcript, for the suite to compare.
        bless: bool,
        /// Under GDB.
        gdb: bool,
        /// With a proxy, for any debugger: the port that it listens at, if it was named.
        proxy: Option<Option<u16>>,
        /// Where a core file is written if it fails.
        core: Option<PathBuf>,
        /// Whether its greenlets are listed if it fails.
        census: bool,
        /// Which timeline is made of its transfers.
        timeline: Wanted,
    },
    /// Boot an ELF file, as cargo's runner for the bare targets.
    RunElf {
        /// The file.
        elf: PathBuf,
        /// When it is ended.
        limit: Limit,
        /// Where a core file is written if it fails.
        core: Option<PathBuf>,
        /// Whether its greenlets are listed if it fails.
        census: bool,
    },
    /// Boot the server of `examples/unikernel`.
    Serve {
        /// On which machine.
        server: &'static Server,
        /// The port of this computer's loopback interface; one that is free if none is given.
        port: Option<u16>,
    },
    /// Run conformance scenarios.
    Conformance(Scenarios),
    /// Look for scenarios in which the kernel fails.
    Fuzz(fuzz::Request),
    /// Look for scenarios in which the kernel differs from the real package.
    Random(random::Request),
    /// Run random operations on one tree of greenlets, for a long time.
    Soak(soak::Request),
    /// Show what a switch costs.
    Speed {
        /// Keep the figures, for the suite to compare.
        bless: bool,
    },
    /// Show how many cycles the fast path takes on other processors, by models of them.
    Cycles {
        /// Keep the figures, for the suite to compare.
        bless: bool,
    },
    /// Show how large programs are.
    Sizes {
        /// Keep the figures, for the suite to compare.
        bless: bool,
    },
    /// Print the log on standard input with functions and lines of its addresses.
    Symbolize {
        /// The program.
        elf: PathBuf,
    },
    /// Show greenlets as threads to debuggers.
    DebugProxy {
        /// The program.
        elf: PathBuf,
        /// Where its gdbstub listens: `HOST:PORT`.
        target: String,
        /// Where debuggers connect, on this computer's loopback interface; a port that is free if none is given.
        port: Option<u16>,
    },
    /// Show how large stacks should be.
    Stacks(stacks::Request),
    /// Run the programs in C, by all compilers.
    CSuite,
    /// Run the guests on many more machines.
    Machines(machines::Request),
    /// Test whether the tests detect changes of the library.
    Mutants(mutants::Request),
    /// Attack every promise at full size.
    Reliability(reliability::Request),
    /// Install what is missing.
    Setup {
        /// Targets beside those that guests are built for.
        targets: Vec<String>,
    },
    /// Run a program of the project's by cargo: the arguments of `cargo run`, with those of the program.
    Program(Vec<OsString>),
    /// List the features of the library, for CI.
    Features,
    /// Show how to use the runner.
    Help,
}

/// Scenarios to run.
#[derive(Debug, PartialEq)]
pub struct Scenarios {
    /// Of what.
    pub subject: Subject,
    /// Where.
    pub place: Place,
    /// How what runs them is compiled.
    pub profile: Profile,
    /// The files that they are in.
    pub files: Vec<PathBuf>,
    /// The names of those that run; all run when this is empty.
    pub only: Vec<String>,
}

/// A command line that makes no sense. The runner does nothing and exits with status 2.
#[derive(Debug)]
pub struct Misuse(pub String);

impl fmt::Display for Misuse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Misuse {}

/// Reads the command line, without the program's own name.
///
/// # Errors
///
/// A [`Misuse`] that names what is known.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Request> {
    match read(words) {
        Ok(request) => Ok(request),
        Err(error) => Err(Misuse(format!("{error}\n\n`cargo run -- --help` shows how to use this")).into()),
    }
}

/// The programs that parse their own arguments: the verb, the folder of the package, and the example if it is one.
const PROGRAMS: [(&str, &str, &[&str]); 2] =
    [("bench-peers", "benches", &[]), ("fuzz-tasklets", "qemu-tests/conformance", &["--example", "fuzz_tasklets"])];

fn read(words: impl IntoIterator<Item = OsString>) -> Result<Request, lexopt::Error> {
    let words: Vec<_> = words.into_iter().collect();
    let program = words.first().and_then(|verb| PROGRAMS.iter().find(|(name, ..)| verb == name));
    if let Some((_, folder, example)) = program {
        let mut arguments = vec!["--manifest-path".into(), places::root().join(folder).join("Cargo.toml").into()];
        arguments.extend(example.iter().chain(&["--"]).map(OsString::from));
        arguments.extend(words.into_iter().skip(1));
        return Ok(Request::Program(arguments));
    }
    let mut words = Words::collect(Parser::from_args(words))?;
    if words.help {
        return Ok(Request::Help);
    }
    let mut first = String::new();
    if !words.values.is_empty() {
        first = words.values.remove(0).string()?;
    }
    let request = match first.as_str() {
        "run-elf" => {
            let elf = words.next("the ELF file to boot")?.into();
            let limit = words.limit.take().unwrap_or(USUAL_LIMIT);
            let (core, census) = words.core_or_census()?;
            Request::RunElf { elf, limit, core, census }
        }
        "serve" => Request::Serve { server: words.server()?, port: words.port.take() },
        "conformance" => Request::Conformance(words.scenarios(Subject::Greenlets)?),
        "conformance-tasklets" => Request::Conformance(words.scenarios(Subject::Tasklets)?),
        "fuzz-kernel" => words.fuzz()?,
        "conformance-random" => words.random()?,
        "soak" => words.soak()?,
        "speed" => Request::Speed { bless: std::mem::take(&mut words.bless) },
        "cycles" => Request::Cycles { bless: std::mem::take(&mut words.bless) },
        "sizes" => Request::Sizes { bless: std::mem::take(&mut words.bless) },
        "symbolize" => Request::Symbolize { elf: words.next("the ELF file that the log is of")?.into() },
        "debug-proxy" => {
            let elf = words.next("the ELF file that is debugged")?.into();
            let target = words.target.take().ok_or("missing: --target HOST:PORT, where its gdbstub listens")?;
            Request::DebugProxy { elf, target, port: words.port.take() }
        }
        "stacks" => words.stacks()?,
        "c-suite" => Request::CSuite,
        "machines" => {
            let names = words.rest()?.into_iter().map(ValueExt::string).collect::<Result<_, _>>()?;
            Request::Machines(machines::Request { names, json: words.json.take() })
        }
        "mutants-sample" => words.mutants()?,
        "reliability" => words.reliability()?,
        "setup" => {
            Request::Setup { targets: words.rest()?.into_iter().map(ValueExt::string).collect::<Result<_, _>>()? }
        }
        "features" => Request::Features,
        "help" => Request::Help,
        machine => words.run(machine)?,
    };
    words.nothing_left()?;
    Ok(request)
}

/// The words of a command line, sorted.
#[derive(Default)]
struct Words {
    values: Vec<OsString>,
    profile: Option<Profile>,
    limit: Option<Limit>,
    only: Vec<Place>,
    scenarios: Vec<String>,
    from: Option<u64>,
    replay: Option<PathBuf>,
    bless: bool,
    gdb: bool,
    proxy: bool,
    target: Option<String>,
    core: Option<PathBuf>,
    census: bool,
    elf: Option<PathBuf>,
    timeline: Wanted,
    seed: Option<u64>,
    shard: Option<Shard>,
    port: Option<u16>,
    under: Option<Tool>,
    quick: bool,
    json: Option<PathBuf>,
    help: bool,
}

impl Words {
    fn collect(mut parser: Parser) -> Result<Self, lexopt::Error> {
        let mut words = Self::default();
        while let Some(word) = parser.next()? {
            match word {
                Value(value) => words.values.push(value),
                Short('h') | Long("help") => words.help = true,
                Long("bless") => words.bless = true,
                Long("gdb") => words.gdb = true,
                Long("proxy") => words.proxy = true,
                Long("target") => words.target = Some(parser.value()?.string()?),
                Long("core") => words.core = Some(parser.value()?.into()),
                Long("census") => words.census = true,
                Long("elf") => words.elf = Some(parser.value()?.into()),
                Long("timeline") => words.timeline.terminal = true,
                Long("svg") => words.timeline.svg = Some(parser.value()?.into()),
                Long("report") => words.timeline.report = Some(parser.value()?.into()),
                Long("perfetto") => words.timeline.perfetto = Some(parser.value()?.into()),
                Long("quick") => words.quick = true,
                Long("timeout") => {
                    let seconds = parser.value()?.parse().ok().filter(|&seconds| seconds > 0);
                    let seconds = seconds.ok_or("--timeout needs a number of seconds above 0")?;
                    words.limit = Some(Limit::of_silence(Duration::from_secs(seconds)));
                }
                Long("only") => words.only.push(place(&parser.value()?.string()?)?),
                Long("scenario") => words.scenarios.push(parser.value()?.string()?),
                Long("from") => words.from = Some(parser.value()?.parse()?),
                Long("seed") => words.seed = Some(parser.value()?.parse()?),
                Long("shard") => words.shard = Some(parser.value()?.string()?.parse()?),
                Long("port") => {
                    let port = parser.value()?.parse().ok().filter(|&port| port > 0);
                    words.port = Some(port.ok_or("--port needs a number from 1 to 65535")?);
                }
                Long("under") => {
                    let name = parser.value()?.string()?;
                    let tool =
                        Tool::named(&name).ok_or_else(|| format!("`{name}` is no tool; known: valgrind, asan"))?;
                    words.under = Some(tool);
                }
                Long("replay") => words.replay = Some(parser.value()?.into()),
                Long("json") => words.json = Some(parser.value()?.into()),
                Long(name) => match Profile::named(name) {
                    Some(profile) if words.profile.is_none_or(|before| before == profile) => {
                        words.profile = Some(profile)
                    }
                    Some(_) => return Err("one profile at a time: --debug, --release or --small".into()),
                    None => return Err(word.unexpected()),
                },
                Short(_) => return Err(word.unexpected()),
            }
        }
        Ok(words)
    }

    fn run(&mut self, name: &str) -> Result<Request, lexopt::Error> {
        let machine = match name {
            "" => &MACHINES[0],
            name => machine::named(name).ok_or_else(|| {
                format!("no machine and no command is called `{name}`; machines: {}", machine::names())
            })?,
        };
        let guest = if self.values.is_empty() { USUAL_GUEST.to_owned() } else { self.values.remove(0).string()? };
        let profile = self.profile.take().unwrap_or(Profile::Release);
        let (limit, bless, gdb) = (self.limit.take(), std::mem::take(&mut self.bless), std::mem::take(&mut self.gdb));
        if bless && limit.is_some() {
            return Err("--bless holds the guest to the limit that its head says".into());
        }
        if gdb && limit.is_some() {
            return Err("--gdb waits as long as GDB does: leave out --timeout".into());
        }
        let proxy = std::mem::take(&mut self.proxy).then(|| self.port.take());
        if proxy.is_some()
            && (bless || gdb || limit.is_some() || self.core.is_some() || self.census || self.timeline.anything())
        {
            return Err("--proxy waits for a debugger, and goes with --port and a profile alone".into());
        }
        let (core, census) = self.core_or_census()?;
        let looks = core.is_some() || census;
        if looks && (bless || gdb) {
            return Err("--core and --census go with neither --gdb, which can look itself, nor --bless".into());
        }
        let timeline = std::mem::take(&mut self.timeline);
        if timeline.anything() && (bless || gdb) {
            return Err("a timeline is of a boot of its own: leave out --bless and --gdb".into());
        }
        if timeline.anything() && looks {
            return Err("a timeline is of a boot of its own: leave out --core and --census".into());
        }
        Ok(Request::Run { machine, guest, profile, limit, bless, gdb, proxy, core, census, timeline })
    }

    /// What is to be had of a boot that fails.
    fn core_or_census(&mut self) -> Result<(Option<PathBuf>, bool), lexopt::Error> {
        match (self.core.take(), std::mem::take(&mut self.census)) {
            (Some(_), true) => Err("--core or --census, one at a time: a core file has the greenlets, too".into()),
            asked => Ok(asked),
        }
    }

    fn server(&mut self) -> Result<&'static Server, lexopt::Error> {
        if self.values.is_empty() {
            return Ok(&SERVERS[0]);
        }
        let name = self.values.remove(0).string()?;
        serve::named(&name).ok_or_else(|| {
            let known = SERVERS.each_ref().map(|server| server.name).join(", ");
            format!("the server does not run on `{name}`; known: {known}").into()
        })
    }

    fn scenarios(&mut self, subject: Subject) -> Result<Scenarios, lexopt::Error> {
        let name = self.next("where to run: host, or a machine")?.string()?;
        let place = place(&name)?;
        let profile = self.profile_for(&[place], Profile::Debug)?;
        let files = self.rest()?.into_iter().map(PathBuf::from).collect();
        Ok(Scenarios { subject, place, profile, files, only: std::mem::take(&mut self.scenarios) })
    }

    fn fuzz(&mut self) -> Result<Request, lexopt::Error> {
        let places = self.places();
        let profile = self.profile_for(&places, Profile::Release)?;
        let what = match self.replay.take() {
            Some(file) => fuzz::What::Replay(file),
            None => fuzz::What::Random(self.stretch(100_000)?),
        };
        Ok(Request::Fuzz(fuzz::Request { what, places, profile }))
    }

    fn random(&mut self) -> Result<Request, lexopt::Error> {
        let places = self.places();
        let profile = self.profile_for(&places, Profile::Release)?;
        Ok(Request::Random(random::Request { stretch: self.stretch(1_000)?, places, profile }))
    }

    /// `[SEED] [COUNT] [--from INDEX]`, with as many as are `usual`.
    fn stretch(&mut self, usual: u64) -> Result<Stretch, lexopt::Error> {
        let stretch = Stretch {
            seed: self.number("SEED")?.unwrap_or(1),
            count: self.number("COUNT")?.unwrap_or(usual),
            first: self.from.take().unwrap_or(0),
        };
        match stretch.count {
            0 => Err("COUNT must be above 0: no scenario shows nothing".into()),
            _ if stretch.first.checked_add(stretch.count).is_none() => {
                Err("there are no more than 2^64 scenarios".into())
            }
            _ => Ok(stretch),
        }
    }

    /// The places that were named by `--only`, or the usual ones.
    fn places(&mut self) -> Vec<Place> {
        let named = std::mem::take(&mut self.only);
        if named.is_empty() { EVERYWHERE.to_vec() } else { named }
    }

    /// The profile that was named, which must be one for all of `places`.
    fn profile_for(&mut self, places: &[Place], usual: Profile) -> Result<Profile, lexopt::Error> {
        let profile = self.profile.take().unwrap_or(usual);
        if places.contains(&Place::Host) && profile == Profile::Small {
            return Err("the hosted program is built with --debug or --release".into());
        }
        Ok(profile)
    }

    /// The next value, if there is one: a number that the usage calls `name`.
    fn number(&mut self, name: &str) -> Result<Option<u64>, lexopt::Error> {
        if self.values.is_empty() {
            return Ok(None);
        }
        let value = self.values.remove(0).string()?;
        value.parse().map(Some).map_err(|_| format!("{name} is a number, and `{value}` is none").into())
    }

    /// The next value, which must be there.
    fn next(&mut self, what: &str) -> Result<OsString, lexopt::Error> {
        if self.values.is_empty() { Err(format!("missing: {what}").into()) } else { Ok(self.values.remove(0)) }
    }

    /// All values that are left.
    fn rest(&mut self) -> Result<Vec<OsString>, lexopt::Error> {
        Ok(std::mem::take(&mut self.values))
    }

    /// Refuses words that the request has not taken.
    fn nothing_left(self) -> Result<(), lexopt::Error> {
        if let Some(value) = self.values.into_iter().next() {
            return Err(Value(value).unexpected());
        }
        if self.profile.is_some() {
            return Err("a profile makes no sense here".into());
        }
        let options = [
            ("--timeout", self.limit.is_some()),
            ("--only", !self.only.is_empty()),
            ("--scenario", !self.scenarios.is_empty()),
            ("--from", self.from.is_some()),
            ("--replay", self.replay.is_some()),
            ("--bless", self.bless),
            ("--gdb", self.gdb),
            ("--proxy", self.proxy),
            ("--target", self.target.is_some()),
            ("--core", self.core.is_some()),
            ("--census", self.census),
            ("--elf", self.elf.is_some()),
            ("--timeline", self.timeline.terminal),
            ("--svg", self.timeline.svg.is_some()),
            ("--report", self.timeline.report.is_some()),
            ("--perfetto", self.timeline.perfetto.is_some()),
            ("--seed", self.seed.is_some()),
            ("--shard", self.shard.is_some()),
            ("--port", self.port.is_some()),
            ("--under", self.under.is_some()),
            ("--quick", self.quick),
            ("--json", self.json.is_some()),
        ];
        match options.iter().find(|(_, left)| *left) {
            Some((option, _)) => Err(format!("{option} makes no sense here").into()),
            None => Ok(()),
        }
    }
}

/// The place that the user calls `name`.
fn place(name: &str) -> Result<Place, lexopt::Error> {
    Place::named(name)
        .ok_or_else(|| format!("scenarios do not run on `{name}`; known: host, {}", machine::names()).into())
}
