//! The instructions that operations take: on bare metal as the guest `count` counts them, hosted as valgrind does.
//!
//! What is done stands in the package `operations`. Its loops are run for some turns and for more; the module `stretches` makes
//! figures of what they took, which are [kept](crate::figures) beside that package, a file for each [`Subject`].

mod hosted;
mod stretches;

use std::collections::BTreeSet;
use std::fmt;
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

/// The guest that counts instructions.
pub const GUEST: &str = "count";

/// How figures are kept.
pub static FORM: Form = Form { word: "count", unit: "instructions", command: "cargo speed", room: 4 };

/// The operations as they are built for one kind of program.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// What it is called, also in the name of the file that has its figures.
    pub name: &'static str,
    place: Place,
    /// Features of the library.
    features: &'static [&'static str],
}

/// What executes them.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// The machine of this name.
    Bare(&'static str),
    /// A process, under valgrind.
    Hosted,
}

/// Each instruction set on bare metal and hosted x86-64, with the features that change what a switch takes.
pub static SUBJECTS: [Subject; 7] = [
    Subject { name: "aarch64", place: Place::Bare("aarch64"), features: &[] },
    Subject { name: "x86_64", place: Place::Bare("x86_64"), features: &[] },
    Subject { name: "hosted", place: Place::Hosted, features: &[] },
    Subject { name: "aarch64-unchecked", place: Place::Bare("aarch64"), features: &[compile::UNCHECKED] },
    Subject { name: "x86_64-unchecked", place: Place::Bare("x86_64"), features: &[compile::UNCHECKED] },
    Subject { name: "hosted-unchecked", place: Place::Hosted, features: &[compile::UNCHECKED] },
    Subject { name: "hosted-std", place: Place::Hosted, features: &["std", "alloc"] },
];

impl Subject {
    /// The subject called so.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        SUBJECTS.iter().find(|subject| subject.name == name)
    }

    /// Whether it is a process on the host.
    #[must_use]
    pub fn is_hosted(&self) -> bool {
        matches!(self.place, Place::Hosted)
    }

    /// The machine that counts, and whether its guest is built as the others are.
    #[must_use]
    pub fn machine(&self) -> Option<(&'static Machine, bool)> {
        let Place::Bare(name) = self.place else { return None };
        machine::named(name).map(|machine| (machine, self.features.is_empty()))
    }

    /// What it takes to build and count it.
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

    /// The file that has its kept figures.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        places::root().join("qemu-tests/operations").join(format!("{GUEST}.{self}"))
    }

    /// Its kept figures.
    ///
    /// # Errors
    ///
    /// When there are none, or the file is damaged.
    pub fn kept(&self) -> Result<Figures> {
        Figures::kept(&FORM, &self.file())
    }

    /// Builds the program that counts, apart from what else is built.
    ///
    /// # Errors
    ///
    /// When it does not build.
    pub fn build(&self) -> Result<PathBuf> {
        let Some((machine, is_usual)) = self.machine() else { return hosted::build(self.name, self.features) };
        let names = BTreeSet::from([GUEST.to_owned()]);
        let build = if is_usual { compile::guests_named } else { compile::guests_unchecked };
        let mut built = build(machine.target, Profile::Release, &names)?;
        built.remove(GUEST).with_context(|| format!("there is no guest `{GUEST}`"))
    }

    /// Runs the program that was [built](Self::build), and reads what it counts. `seen` gets what a guest prints as it comes.
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

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}
