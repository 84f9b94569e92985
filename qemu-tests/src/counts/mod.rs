//! The instructions that operations take: on bare metal counted by the guest `count`, hosted by valgrind.
//!
//! The operations are in the package `operations`. Each loop runs for some turns and for more turns. The module
//! `stretches` computes figures from both, which are [kept](crate::figures) beside that package: a [`table`] for each
//! target, with a column for each [`Subject`].

mod hosted;
mod stretches;
mod table;

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::boot::Boot;
use crate::compile::{self, Profile};
use crate::figures::{Figures, Form};
use crate::guests::USUAL_LIMIT;
use crate::machine::{self, Machine};
use crate::tools::Needs;
use crate::{places, transcript, verdict};

pub(crate) use self::table::read;
pub use self::table::table;

/// The guest that counts instructions.
pub const GUEST: &str = "count";

/// The guest that counts round trips of coroutines without stacks, for comparison with those of greenlets.
const STACKLESS: &str = "stackless";

/// How figures are kept.
pub static FORM: Form = Form { word: "count", unit: "instructions", command: "cargo xtask speed", room: 4 };

/// The operations as they are built for one kind of program.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// Its name, which is also part of the name of the file with its figures.
    pub name: &'static str,
    place: Place,
}

/// Where they run.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// The machine of this name, with a feature of the library or none.
    Bare(&'static str, Option<&'static str>),
    /// The machine of this name, which boots the guest of coroutines without stacks.
    Stackless(&'static str),
    /// A process, under valgrind, with features of the library.
    Hosted(&'static [&'static str]),
}

/// Each instruction set on bare metal and hosted x86-64, with the features that change a switch; and Embassy, which
/// firmware uses instead of coroutines with stacks.
pub static SUBJECTS: [Subject; 17] = [
    Subject { name: "aarch64", place: Place::Bare("aarch64", None) },
    Subject { name: "x86_64", place: Place::Bare("x86_64", None) },
    Subject { name: "hosted", place: Place::Hosted(&[]) },
    Subject { name: "aarch64-unchecked", place: Place::Bare("aarch64", Some("unchecked-switch")) },
    Subject { name: "x86_64-unchecked", place: Place::Bare("x86_64", Some("unchecked-switch")) },
    Subject { name: "hosted-unchecked", place: Place::Hosted(&["unchecked-switch"]) },
    Subject { name: "hosted-std", place: Place::Hosted(&["std", "alloc"]) },
    Subject { name: "aarch64-fp-control", place: Place::Bare("aarch64", Some("fp-control")) },
    Subject { name: "x86_64-fp-control", place: Place::Bare("x86_64", Some("fp-control")) },
    Subject { name: "aarch64-watchpoint", place: Place::Bare("aarch64", Some("watchpoint")) },
    Subject { name: "x86_64-watchpoint", place: Place::Bare("x86_64", Some("watchpoint")) },
    Subject { name: "riscv64", place: Place::Bare("riscv64", None) },
    Subject { name: "riscv32", place: Place::Bare("riscv32", None) },
    Subject { name: "thumbv7em", place: Place::Bare("thumbv7em", None) },
    Subject { name: "thumbv6m", place: Place::Bare("thumbv6m", None) },
    Subject { name: "stackless-aarch64", place: Place::Stackless("aarch64") },
    Subject { name: "stackless-x86_64", place: Place::Stackless("x86_64") },
];

impl Subject {
    /// The subject with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        SUBJECTS.iter().find(|subject| subject.name == name)
    }

    /// Whether the suite counts it by default: a build of its own for each other feature takes longer than the count.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        let is_usual = |feature: &&str| *feature == "unchecked-switch";
        match &self.place {
            // Where the suite boots a core set of guests, this is not one of them.
            Place::Bare(name, feature) => {
                feature.iter().all(is_usual) && machine::named(name).is_some_and(|it| it.boots_by_default(GUEST))
            }
            Place::Hosted(features) => features.iter().all(is_usual),
            // Most of what it counts is Embassy's, and takes longer to compile than all that is ours.
            Place::Stackless(_) => false,
        }
    }

    /// Whether it is a process on the host.
    #[must_use]
    pub fn is_hosted(&self) -> bool {
        matches!(self.place, Place::Hosted(_))
    }

    /// The machine that counts, and the feature of the library that its guest has.
    #[must_use]
    pub fn machine(&self) -> Option<(&'static Machine, Option<&'static str>)> {
        let (name, feature) = match self.place {
            Place::Bare(name, feature) => (name, feature),
            Place::Stackless(name) => (name, None),
            Place::Hosted(_) => return None,
        };
        machine::named(name).map(|machine| (machine, feature))
    }

    /// The machine that counts, if it boots the guest [`GUEST`] without a feature.
    #[must_use]
    pub fn usual_machine(&self) -> Option<&'static Machine> {
        let Place::Bare(name, None) = self.place else { return None };
        machine::named(name)
    }

    /// The tools that are needed to build and count it.
    #[must_use]
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        match self.machine() {
            Some((machine, _)) => needs.machine(machine),
            None => needs.valgrind(),
        }
        needs
    }

    /// Why it cannot be counted on this computer, whatever is installed.
    #[must_use]
    pub fn obstacle(&self) -> Option<&'static str> {
        (self.is_hosted() && !hosted::IS_SUPPORTED).then_some("its kept figures are those of x86_64 Linux")
    }

    /// The target whose table has its kept figures, and its column there.
    fn column(&self) -> (&'static str, &'static str) {
        self.name.split_once('-').unwrap_or((self.name, "default"))
    }

    /// The file that has its kept figures.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        places::root().join("qemu-tests/operations").join(format!("{GUEST}.{}", self.column().0))
    }

    /// Its kept figures.
    ///
    /// # Errors
    ///
    /// When there are none, or the file is damaged.
    pub fn kept(&self) -> Result<Figures> {
        let file = self.file();
        let remedy = || format!("cannot read {}; `{} --bless` makes it", file.display(), FORM.command);
        let text = fs::read_to_string(&file).with_context(remedy)?;
        read(&FORM, &text, self.column().1).with_context(|| file.display().to_string())
    }

    /// Builds the program that counts, separately from other builds.
    ///
    /// # Errors
    ///
    /// When it does not build.
    pub fn build(&self) -> Result<PathBuf> {
        if let Place::Hosted(features) = self.place {
            return hosted::build(self.name, features);
        }
        let (machine, feature) = self.machine().with_context(|| format!("there is no machine for {self}"))?;
        if let Place::Stackless(_) = self.place {
            return compile::guest_as_one(machine.code(), STACKLESS);
        }
        let Some(feature) = feature else { return compile::guest(machine.code(), Profile::Release, GUEST) };
        let names = BTreeSet::from([GUEST.to_owned()]);
        let mut built = compile::guests_with(feature, machine.code(), Profile::Release, &names)?;
        built.remove(GUEST).with_context(|| format!("there is no guest `{GUEST}`"))
    }

    /// Runs the program that was [built](Self::build), and reads its counts. `seen` gets the output of a guest as it
    /// arrives.
    ///
    /// # Errors
    ///
    /// When it does not pass, counts nothing, or the turns of an operation do not all take the same.
    pub fn count(&self, program: &Path, seen: impl FnMut(&[u8]) -> io::Result<()>) -> Result<Figures> {
        let Some((machine, _)) = self.machine() else {
            let (told, libc) = hosted::run(program)?;
            return Ok(Figures::of_now(&FORM, stretches::figures(&told)?)?.made_with(&libc));
        };
        let boot = Boot { machine, elf: program, input: None, log: None, counted: true, cores: 1, limit: USUAL_LIMIT };
        let ended = boot.run(seen)?;
        verdict::judge(machine, &ended)?;
        Figures::of_now(&FORM, stretches::figures(&transcript::text(&ended.output))?)
    }
}

/// Keeps figures, those of all subjects of a target in one table; returns the files.
///
/// # Errors
///
/// When a file cannot be written.
pub fn keep(counted: &[(&Subject, Figures)]) -> Result<BTreeSet<PathBuf>> {
    let files: BTreeSet<_> = counted.iter().map(|(subject, _)| subject.file()).collect();
    for file in &files {
        let own = counted.iter().filter(|(subject, _)| subject.file() == *file);
        let columns: Vec<_> = own.map(|(subject, figures)| (subject.column().1, figures)).collect();
        let head = columns.first().map(|(_, figures)| figures.head()).unwrap_or_default();
        fs::write(file, head + &table(&columns)).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(files)
}

/// The operations that take another number of instructions with ten thousand other greenlets in the tree than with ten;
/// each with both numbers.
///
/// # Errors
///
/// When the program does not build, does not pass, or the turns of an operation do not all take the same.
pub fn grown() -> Result<Vec<(String, [u64; 2])>> {
    let program = hosted::build("hosted-crowd", &["crowd", "alloc"])?;
    let [few, many] = [10, 10_000].map(|crowd| stretches::figures(&hosted::run_among(&program, crowd)?));
    let pairs = few?.into_iter().zip(many?);
    Ok(pairs.filter(|((_, few), (_, many))| few != many).map(|((name, few), (_, many))| (name, [few, many])).collect())
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}
