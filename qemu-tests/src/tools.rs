//! The tools that a boot needs and that may be missing: the bare targets of rustc, QEMU, valgrind, which counts
//! instructions of hosted programs, and LLVM, which has models of processors.
//!
//! Only the tools that a command needs are checked. Missing ones are installed by a command that is printed first. If
//! installing is switched off or not possible, only the command is printed, with the reason. All output of this module
//! and of `install` goes to standard error.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::{env, fmt, fs};

use anyhow::{Context, Result, bail};

use crate::install::Plan;
use crate::machine::{MACHINES, Machine};
use crate::{cycles, environment, places};

/// If this variable is set, and neither empty nor `0`, nothing is installed.
const NO_INSTALL: &str = "GREENLET_NO_INSTALL";

/// A tool that a request needs is missing, and is not installed automatically. The text says how to get it.
#[derive(Debug)]
pub struct Missing(pub String);

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Missing {}

/// What a request needs.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    targets: BTreeSet<String>,
    /// Programs with the packages that have them.
    programs: BTreeSet<(&'static str, &'static str)>,
    /// Files of [`data`](data_file) with the packages that have them.
    files: BTreeSet<(&'static str, &'static str)>,
}

impl Needs {
    /// Needs the target `target`.
    pub fn target(&mut self, target: &str) {
        self.targets.insert(target.to_owned());
    }

    /// Needs the QEMU of `machine`, and its firmware.
    pub fn qemu(&mut self, machine: &Machine) {
        self.programs.insert((machine.qemu, machine.package));
        self.files.extend(machine.firmware.map(|firmware| (firmware.file, firmware.package)));
    }

    /// Needs everything to build a guest for `machine` and to boot it there.
    pub fn machine(&mut self, machine: &Machine) {
        self.target(machine.target);
        self.qemu(machine);
    }

    /// Needs valgrind.
    pub fn valgrind(&mut self) {
        self.programs.insert(("valgrind", "valgrind"));
    }

    /// Needs the programs of LLVM that simulate [`cycles`].
    pub fn llvm(&mut self) {
        self.programs.insert((cycles::MCA, cycles::PACKAGE));
    }

    /// Needs GDB for every instruction set.
    pub fn gdb(&mut self) {
        self.programs.insert(("gdb-multiarch", "gdb-multiarch"));
    }

    /// Needs `program`, which the Debian package `package` has.
    pub fn program(&mut self, program: &'static str, package: &'static str) {
        self.programs.insert((program, package));
    }

    /// Needs all that `other` needs.
    pub fn all_of(&mut self, other: &Self) {
        self.targets.extend(other.targets.iter().cloned());
        self.programs.extend(&other.programs);
        self.files.extend(&other.files);
    }

    /// Everything that the whole suite needs.
    #[must_use]
    pub fn everything() -> Self {
        let mut needs = Self::default();
        MACHINES.iter().for_each(|machine| needs.machine(machine));
        needs.gdb();
        needs
    }

    /// The part of it that this computer does not have.
    fn missing(&self) -> Result<Self> {
        let mut missing = Self::default();
        for target in &self.targets {
            if !has_target(target)? {
                missing.targets.insert(target.clone());
            }
        }
        missing.programs = self.programs.iter().filter(|(program, _)| on_path(program).is_none()).copied().collect();
        missing.files = self.files.iter().filter(|(file, _)| data_file(file).is_none()).copied().collect();
        Ok(missing)
    }

    fn is_empty(&self) -> bool {
        self.targets.is_empty() && self.programs.is_empty() && self.files.is_empty()
    }

    /// The names of all needed tools, for a message.
    fn listed(&self) -> String {
        let targets = self.targets.iter().map(|target| format!("the target {target}"));
        let others = self.programs.iter().chain(&self.files).map(|(name, _)| (*name).to_owned());
        targets.chain(others).collect::<Vec<_>>().join(", ")
    }
}

/// Ensures that all of `needs` is installed.
///
/// # Errors
///
/// If something is missing and cannot, or may not, be installed. The message has the one command that installs it, and
/// why it was not run, or how it failed.
pub fn ensure(needs: &Needs) -> Result<()> {
    let missing = needs.missing()?;
    if missing.is_empty() {
        return Ok(());
    }
    let packages = missing.programs.iter().chain(&missing.files).map(|(_, package)| *package);
    let plan = Plan::new(missing.targets.iter(), packages);
    let refused = |why: &str| format!("missing: {}\ninstall with: {}\n{why}", missing.listed(), plan.line());
    if env::var_os(NO_INSTALL).is_some_and(|value| !value.is_empty() && value != "0") {
        bail!(refused(&format!("not done for you: {NO_INSTALL} is set")));
    }
    if let Some(why) = plan.obstacle() {
        bail!(refused(&format!("not done for you: {why}")));
    }
    eprintln!("missing: {}", missing.listed());
    plan.run().with_context(|| refused("tried, and it failed"))?;
    let still = needs.missing()?;
    if !still.is_empty() {
        bail!(refused(&format!("done, and yet still missing: {}", still.listed())));
    }
    Ok(())
}

/// Whether rustc has the standard library of `target`, or the part of it that exists.
///
/// This runs rustc and not rustup, because a toolchain need not come from rustup.
fn has_target(target: &str) -> Result<bool> {
    let mut rustc = environment::rustc();
    // In the guests' folder, where their cargo will run: a toolchain file and overrides apply.
    rustc.current_dir(places::guests()).args(["--print", "target-libdir", "--target", target]);
    let output = rustc.output().context("cannot start rustc")?;
    if !output.status.success() {
        bail!("rustc has no target {target}:\n{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let core = |name: OsString| name.to_string_lossy().starts_with("libcore-");
    Ok(fs::read_dir(folder).is_ok_and(|entries| entries.flatten().any(|entry| core(entry.file_name()))))
}

/// Where the file `name` is that a package has, by the folders in `XDG_DATA_DIRS` or else the usual ones.
#[must_use]
pub fn data_file(name: &str) -> Option<PathBuf> {
    let folders = env::var_os("XDG_DATA_DIRS").filter(|folders| !folders.is_empty());
    let folders = folders.unwrap_or_else(|| "/usr/local/share:/usr/share".into());
    env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Where `program` is found on `PATH`.
#[must_use]
pub fn on_path(program: &str) -> Option<PathBuf> {
    let executable = |path: &PathBuf| {
        fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(executable)
}
