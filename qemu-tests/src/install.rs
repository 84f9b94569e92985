//! Installs bare targets by rustup, and QEMU and other programs by apt; or prints the command for that in one line.

use std::io;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::places;
use crate::tools::on_path;

/// How to install what is missing.
pub(crate) struct Plan {
    steps: Vec<Step>,
}

/// One command.
struct Step {
    words: Vec<String>,
    /// The program that must exist; `words` may begin with `sudo`.
    program: &'static str,
    /// Whether it needs root.
    privileged: bool,
}

impl Plan {
    /// Installs `targets` of rustc and `packages` of Debian's.
    pub(crate) fn new<'a>(
        targets: impl Iterator<Item = &'a String>,
        packages: impl Iterator<Item = &'static str>,
    ) -> Self {
        let mut steps = Vec::new();
        let targets: Vec<_> = targets.map(String::as_str).collect();
        if !targets.is_empty() {
            steps.push(Step::new("rustup", &["target", "add"], &targets));
        }
        // Several programs may be in one package.
        let mut packages: Vec<_> = packages.collect();
        packages.sort_unstable();
        packages.dedup();
        if !packages.is_empty() {
            if !packages.iter().all(|package| is_listed(package)) {
                steps.push(Step::update());
            }
            steps.push(Step::apt_get(&["install", "-y", "--no-install-recommends"], &packages));
        }
        Self { steps }
    }

    /// Runs the commands, after printing each.
    ///
    /// # Errors
    ///
    /// When a command fails.
    pub(crate) fn run(&self) -> Result<()> {
        for step in &self.steps {
            let Err(error) = step.run() else { continue };
            if !step.privileged || self.steps.iter().any(|step| step.is_update()) {
                return Err(error);
            }
            // The lists may be so old that the files in them do not exist any more.
            eprintln!("{error:#}; once more with fresh lists");
            Step::update().run()?;
            step.run()?;
        }
        Ok(())
    }

    /// All commands as one line for a shell.
    pub(crate) fn line(&self) -> String {
        self.steps.iter().map(Step::line).collect::<Vec<_>>().join(" && ")
    }

    /// Why the plan cannot be run; `None` if it can.
    pub(crate) fn obstacle(&self) -> Option<String> {
        let absent = self.steps.iter().find(|step| on_path(step.program).is_none());
        if let Some(step) = absent {
            return Some(match step.program {
                "rustup" => {
                    "there is no rustup here; add the target by the means that this toolchain came by".to_owned()
                }
                program => format!("there is no {program} here; install what is missing by this system's own means"),
            });
        }
        let needs_root = self.steps.iter().any(|step| step.privileged);
        (needs_root && !is_root() && !has_sudo())
            .then(|| "it takes root, or a sudo that asks for no password".to_owned())
    }
}

impl Step {
    fn new(program: &'static str, verb: &[&str], names: &[&str]) -> Self {
        let words = [program].iter().chain(verb).chain(names).map(|&word| word.to_owned()).collect();
        Self { words, program, privileged: false }
    }

    /// A call of apt-get.
    fn apt_get(verb: &[&str], names: &[&str]) -> Self {
        let mut step = Self::new("apt-get", verb, names);
        step.privileged = true;
        if !is_root() {
            step.words.insert(0, "sudo".to_owned());
        }
        step
    }

    /// Fetches apt's lists of packages.
    fn update() -> Self {
        Self::apt_get(&["update"], &[])
    }

    fn is_update(&self) -> bool {
        self.words.last().is_some_and(|word| word == "update")
    }

    fn line(&self) -> String {
        self.words.join(" ")
    }

    /// Prints the command and runs it, with its output on our standard error.
    fn run(&self) -> Result<()> {
        eprintln!("$ {}", self.line());
        let mut words = self.words.iter().map(String::as_str);
        let mut command = Command::new(words.next().context("a command without words")?);
        if self.privileged && !is_root() {
            // Never ask for a password; and sudo passes no environment on by itself.
            command.args(["-n", "env", "DEBIAN_FRONTEND=noninteractive"]);
        }
        command.args(words).env("DEBIAN_FRONTEND", "noninteractive").current_dir(places::guests());
        let errors = io::stderr().as_fd().try_clone_to_owned()?;
        let status = command
            .stdin(Stdio::null())
            .stdout(errors)
            .status()
            .with_context(|| format!("cannot start {}", self.line()))?;
        if !status.success() {
            bail!("`{}` failed ({status})", self.line());
        }
        Ok(())
    }
}

/// Whether apt lists `package`; it lists none until its lists were fetched once.
fn is_listed(package: &str) -> bool {
    quiet("apt-cache", &["show", package])
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether sudo works without a password.
fn has_sudo() -> bool {
    quiet("sudo", &["-n", "true"])
}

/// Whether a command succeeds, without its output.
fn quiet(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
