//! Which guest programs there are, and the directives in their heads.
//!
//! A guest is `X.rs` in `qemu-tests/guests/src/bin`, or in `qemu-tests/feature-guests/src/bin` if it needs features of
//! the library. `transcripts.txt` beside it has the expected transcripts; `cargo run -- aarch64 X --bless` writes that
//! of X. Lines that start with `//@` in the source are directives to the suite:
//!
//! ```text
//! //@ profiles: debug release small    built and booted in these; without it debug and release. Some machines boot fewer
//! //@ exit: fault                      how it must end: pass (without it), checks, panic, fault, timeout, reset
//! //@ timeout: 120                     seconds of its own time without output until it is ended; without it 60
//! //@ stack: 8192                      bytes that its greenlets may take of their stacks, in release; without it 2048
//! //@ icount                           boots with -icount shift=0: one instruction is one nanosecond
//! //@ cores: 4                         boots with so many cores; without it one
//! //@ debug-info                       built with variables and types in any profile; so is one that has a file X.gdb, or logs
//! //@ defmt                            logs with defmt: what it logs follows its transcript; named in `guests/build.rs`
//! //@ long                             takes a minute: without being asked for, it boots in release on one machine of each instruction set
//! //@ hits                             prints where it was interrupted: that is checked against its code
//! //@ not-a-test                       the suite runs it in a way of its own; it has no transcript
//! ```
//!
//! If a guest makes more attempts than it has checks, it may print their number in notes such as
//! `# attempts: 1000 spawns`. The [`tally`](crate::tally) of its trial adds them up.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use anyhow::{Context, Result, bail, ensure};

use crate::compile::Profile;
use crate::limit::Limit;
use crate::machine::Machine;
use crate::verdict::Ending;
use crate::{places, transcript};

/// The default limit of a guest: some hundred times the time that it needs.
pub const USUAL_LIMIT: Limit = Limit::of_silence(Duration::from_secs(60));

/// How much of its stack a greenlet may use by default: enough for a few calls and some formatting.
pub const USUAL_STACK: u64 = 2048;

/// How many cores a machine may have: the board has stacks for this number.
const MACHINE_CORES: RangeInclusive<u32> = 1..=4;

/// A guest program, as its source describes it.
#[derive(Debug)]
pub struct Guest {
    /// Its name: the file's, without `.rs`.
    pub name: String,
    /// The first line of its documentation.
    pub about: String,
    /// Its source. What belongs to it lies beside it.
    pub source: PathBuf,
    /// The file with its expected transcript among those of others.
    pub expected: PathBuf,
    /// The directives in its head.
    pub directives: Directives,
}

impl Guest {
    /// Whether it needs features of the library.
    #[must_use]
    pub fn takes_features(&self) -> bool {
        let [_, with_features] = places::guest_sources();
        self.source.starts_with(with_features)
    }

    /// Reads its expected transcript.
    ///
    /// # Errors
    ///
    /// The file, why it cannot be read, and the command that writes it.
    pub fn transcript(&self) -> Result<String, String> {
        let how = || format!("`cargo run -- aarch64 {} --bless` writes it", self.name);
        let text = self.transcripts().map_err(|error| format!("{error}; {}", how()))?;
        let mut kept = transcript::kept(&text);
        let own = kept.find_map(|(name, transcript)| (name == self.name).then(|| transcript.to_owned()));
        own.ok_or_else(|| format!("{} has no `{}`; {}", self.expected.display(), self.name, how()))
    }

    /// Keeps `transcript` as the one that is expected.
    ///
    /// # Errors
    ///
    /// The file, and why it cannot be read or written.
    pub fn keep(&self, transcript: &str) -> Result<(), String> {
        let text = transcript::with(&self.transcripts()?, &self.name, transcript);
        fs::write(&self.expected, text).map_err(|error| format!("{}: {error}", self.expected.display()))
    }

    fn transcripts(&self) -> Result<String, String> {
        fs::read_to_string(&self.expected).map_err(|error| format!("{}: {error}", self.expected.display()))
    }
}

/// The directives in a guest's head.
#[derive(Debug, Eq, PartialEq)]
pub struct Directives {
    /// The profiles that it is tested in.
    pub profiles: BTreeSet<Profile>,
    /// How it must end.
    pub ending: Ending,
    /// Its limit.
    pub limit: Limit,
    /// Bytes that its greenlets may take of their stacks, built in release.
    pub stack: u64,
    /// Whether QEMU counts instructions.
    pub counted: bool,
    /// How many cores the machine has.
    pub cores: u32,
    /// Whether a debugger reads its variables, also if it is optimized.
    pub debugged: bool,
    /// Whether it logs with defmt.
    pub logs: bool,
    /// Whether it prints where it was [interrupted](crate::hits).
    pub hits: bool,
    /// Whether it takes so long that the suite makes only a few of its boots by default.
    pub long: bool,
    /// Whether the suite boots it and compares its transcript.
    pub tested: bool,
}

impl Directives {
    /// The profiles in which the suite boots it on `machine`.
    pub fn profiles_on(&self, machine: &Machine) -> impl Iterator<Item = Profile> {
        let is_named = self.names_profiles();
        self.profiles.iter().copied().filter(move |&profile| machine.covers(profile, is_named))
    }

    /// Whether the suite boots it in this profile on `machine` by default.
    #[must_use]
    pub fn is_usual(&self, machine: &Machine, profile: Profile) -> bool {
        machine.covers_by_default(profile, self.names_profiles(), self.long)
    }

    fn names_profiles(&self) -> bool {
        self.profiles != Self::default().profiles
    }

    /// Whether it is built with whole debug information in any profile: for a debugger, or for the places of its logs,
    /// which are those of statics. The profile `release` has only functions and lines, which are not enough for either.
    #[must_use]
    pub fn whole_debug_info(&self) -> bool {
        self.debugged || self.logs
    }
}

impl Default for Directives {
    fn default() -> Self {
        Self {
            profiles: BTreeSet::from([Profile::Debug, Profile::Release]),
            ending: Ending::Pass,
            limit: USUAL_LIMIT,
            stack: USUAL_STACK,
            counted: false,
            cores: 1,
            debugged: false,
            logs: false,
            hits: false,
            long: false,
            tested: true,
        }
    }
}

/// The result of a search for guests in folders.
#[derive(Debug, Default)]
pub struct Survey {
    /// The guests, by name.
    pub guests: Vec<Guest>,
    /// What is wrong with the set: each is a failure of the suite.
    pub problems: Vec<String>,
}

/// Lists the guests in `folders` and checks that sources and transcripts go together.
///
/// # Errors
///
/// When a folder or a file in it cannot be read.
pub fn survey(folders: &[impl AsRef<Path>]) -> Result<Survey> {
    let mut found = Survey::default();
    for folder in folders {
        add_folder(&mut found, folder.as_ref())?;
    }
    found.guests.sort_by(|one, other| one.name.cmp(&other.name));
    for pair in found.guests.windows(2).filter(|pair| pair[0].name == pair[1].name) {
        found.problems.push(format!("two guests are called `{}`: only one of them can be asked for", pair[0].name));
    }
    Ok(found)
}

/// The names of the guests that are built with [whole debug information](Directives::whole_debug_info).
///
/// # Errors
///
/// As [`survey`].
pub fn with_whole_debug_info() -> Result<BTreeSet<String>> {
    let all = survey(&places::guest_sources())?.guests;
    Ok(all.into_iter().filter(|guest| guest.directives.whole_debug_info()).map(|guest| guest.name).collect())
}

/// Adds the guests in `folder`. At least one of them must be a test.
fn add_folder(found: &mut Survey, folder: &Path) -> Result<()> {
    let sources = stems(folder, "rs")?;
    let expected = folder.join(transcript::FILE);
    let text = if expected.exists() { fs::read_to_string(&expected)? } else { String::new() };
    let mut transcripts: BTreeSet<_> = transcript::kept(&text).map(|(name, _)| name).collect();
    // What GDB shows of a guest: see `debugger`.
    let scripts = stems(folder, "gdb")?;
    let is_read = |name: &String| name.strip_suffix(".gdb").is_some_and(|name| scripts.contains(name));
    for unread in stems(folder, "out")?.iter().filter(|name| !is_read(name)) {
        found.problems.push(format!("nothing reads {unread}.out: transcripts are in {}", transcript::FILE));
    }
    let mut any_tested = false;
    for name in sources {
        let path = folder.join(format!("{name}.rs"));
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut directives = match directives(&text) {
            Ok(directives) => directives,
            Err(problem) => {
                found.problems.push(format!("{name}.rs:{problem:#}"));
                Directives::default()
            }
        };
        directives.debugged |= scripts.contains(&name);
        match (directives.tested, transcripts.remove(name.as_str())) {
            (true, false) => found.problems.push(format!("{name}.rs has no transcript: what it prints is not checked")),
            (false, true) => found.problems.push(format!("{name}.rs is `not-a-test` and yet has a transcript")),
            _ => {}
        }
        any_tested |= directives.tested;
        let about = text.lines().find_map(|line| line.strip_prefix("//! ")).unwrap_or("").to_owned();
        found.guests.push(Guest { about, source: path, expected: expected.clone(), directives, name });
    }
    for orphan in transcripts {
        found.problems.push(format!("the transcript `{orphan}` has no {orphan}.rs: nothing prints it"));
    }
    if !any_tested {
        found.problems.push(format!("no guest to test in {}", folder.display()));
    }
    Ok(())
}

/// The names of the files in `folder` that end in `.extension`, without that.
fn stems(folder: &Path, extension: &str) -> Result<BTreeSet<String>> {
    let names = || -> io::Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|found| found == extension) {
                names.extend(path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
            }
        }
        Ok(names)
    };
    names().with_context(|| format!("cannot list the guests in {}", folder.display()))
}

/// Reads the directives of a guest's source.
fn directives(source: &str) -> Result<Directives> {
    let mut read = Directives::default();
    let mut seen = BTreeSet::new();
    for (index, line) in source.lines().enumerate() {
        let Some(directive) = line.trim().strip_prefix("//@") else { continue };
        let (key, value) = match directive.split_once(':') {
            Some((key, value)) => (key.trim(), value.trim()),
            None => (directive.trim(), ""),
        };
        apply(&mut read, key, value).with_context(|| (index + 1).to_string())?;
        ensure!(seen.insert(key.to_owned()), "{}: `{key}` stands twice", index + 1);
    }
    Ok(read)
}

/// Applies one directive to `read`.
fn apply(read: &mut Directives, key: &str, value: &str) -> Result<()> {
    match (key, value) {
        ("profiles", names) => {
            read.profiles =
                names.split_whitespace().map(|name| known(name, Profile::ALL, Profile::name)).collect::<Result<_>>()?;
            ensure!(!read.profiles.is_empty(), "`profiles` names none");
        }
        ("exit", name) => read.ending = known(name, Ending::ALL, Ending::name)?,
        ("timeout", seconds) => {
            let seconds = seconds.parse().ok().filter(|&seconds| seconds > 0);
            let seconds = seconds.context("`timeout` needs a number of seconds above 0")?;
            read.limit = Limit::of_silence(Duration::from_secs(seconds));
        }
        ("stack", bytes) => {
            let bytes = bytes.parse().ok().filter(|&bytes| bytes > 0);
            read.stack = bytes.context("`stack` needs a number of bytes above 0")?;
        }
        ("cores", count) => {
            let count = count.parse().ok().filter(|count| MACHINE_CORES.contains(count));
            let (least, most) = (MACHINE_CORES.start(), MACHINE_CORES.end());
            read.cores = count.with_context(|| format!("`cores` needs a number from {least} to {most}"))?;
        }
        ("icount", "") => read.counted = true,
        ("debug-info", "") => read.debugged = true,
        ("defmt", "") => read.logs = true,
        ("hits", "") => read.hits = true,
        ("long", "") => read.long = true,
        ("not-a-test", "") => read.tested = false,
        ("icount" | "debug-info" | "defmt" | "hits" | "long" | "not-a-test", _) => bail!("`{key}` takes no value"),
        _ => {
            const KNOWN: &str =
                "profiles, exit, timeout, stack, cores, icount, debug-info, defmt, hits, long, not-a-test";
            bail!("no directive `{key}`; known: {KNOWN}")
        }
    }
    Ok(())
}

/// The element of `all` with this name.
fn known<T: Copy, const N: usize>(name: &str, all: [T; N], name_of: impl Fn(T) -> &'static str) -> Result<T> {
    let found = all.into_iter().find(|&candidate| name_of(candidate) == name);
    found.with_context(|| format!("`{name}` is not known here: {}", all.map(name_of).join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine;

    #[test]
    fn a_head_without_directives_has_the_defaults() {
        assert_eq!(directives("#![no_std]\n//! About.\n// @ no directive\n").unwrap(), Directives::default());
    }

    #[test]
    fn every_directive_is_read() {
        let head = "//@ profiles: small release\n//@ exit: fault\n//@ timeout: 7\n//@ stack: 4096\n//@ cores: 3\n//@ icount\n//@ debug-info\n//@ defmt\n//@ hits\n//@ long\n//@ not-a-test\n";
        let expected = Directives {
            profiles: BTreeSet::from([Profile::Release, Profile::Small]),
            ending: Ending::Fault,
            limit: Limit::of_silence(Duration::from_secs(7)),
            stack: 4096,
            counted: true,
            cores: 3,
            debugged: true,
            logs: true,
            hits: true,
            long: true,
            tested: false,
        };
        assert_eq!(directives(head).unwrap(), expected);
    }

    #[test]
    fn each_profile_is_booted_on_each_instruction_set_and_not_on_each_machine() {
        let asked = |machine: &str, head: &str| {
            let names = directives(head).unwrap();
            names.profiles_on(machine::named(machine).unwrap()).map(Profile::name).collect::<Vec<_>>().join(" ")
        };
        let named = "//@ profiles: small debug release";
        for (machine, usual, all) in [
            ("aarch64", "debug release", "debug release small"),
            ("x86_64", "debug release", "debug release small"),
            ("aarch64-softfloat", "release", "debug release small"),
            ("microvm", "release", "release"),
            ("riscv64", "release", "debug release small"),
            ("thumbv7em", "release", "debug release small"),
        ] {
            assert_eq!((asked(machine, ""), asked(machine, named)), (usual.to_owned(), all.to_owned()), "{machine}");
        }
    }

    #[test]
    fn fewer_boots_are_usual_than_can_be_asked_for() {
        let usual = |machine: &str, head: &str| {
            let (guest, machine) = (directives(head).unwrap(), machine::named(machine).unwrap());
            let profiles = guest.profiles_on(machine).filter(|&profile| guest.is_usual(machine, profile));
            profiles.map(Profile::name).collect::<Vec<_>>().join(" ")
        };
        let named = "//@ profiles: small debug release";
        let long = "//@ profiles: small debug release\n//@ long";
        for (machine, usual_of_most, of_named, of_long) in [
            ("aarch64", "debug release", "debug release small", "release"),
            ("x86_64", "release", "debug release", "release"),
            ("aarch64-softfloat", "", "release", ""),
            ("microvm", "", "release", ""),
            ("thumbv7em", "release", "release", ""),
        ] {
            let found = [usual(machine, ""), usual(machine, named), usual(machine, long)];
            assert_eq!(found, [usual_of_most, of_named, of_long], "{machine}");
        }
    }

    #[test]
    fn what_is_not_a_directive_is_refused_with_its_line() {
        for (head, problem) in [
            ("//@ profile: debug", "no directive `profile`"),
            ("//@ profiles: fast", "`fast` is not known here: debug, release, small"),
            ("//@ profiles:", "names none"),
            ("//@ exit: well", "`well` is not known here: pass, checks"),
            ("//@ timeout: 0", "seconds above 0"),
            ("//@ stack: 0", "bytes above 0"),
            ("//@ cores: 0", "a number from 1 to 4"),
            ("//@ cores: many", "a number from 1 to 4"),
            ("//@ icount: yes", "takes no value"),
            ("//@ hits: 4K", "takes no value"),
            ("//@ icount\n//@ icount", "stands twice"),
        ] {
            let message = format!("{:#}", directives(head).unwrap_err());
            assert!(message.contains(problem), "{head}: {message}");
            assert!(message.starts_with(if head.contains('\n') { "2: " } else { "1: " }), "{head}: {message}");
        }
    }
}
