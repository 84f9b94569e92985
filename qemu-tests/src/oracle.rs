//! The real package: Python's greenlet, run on scenarios by `conformance/oracle.py`.

use std::env;
use std::ffi::OsString;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use conformance::Scenario;

use crate::boot::Input;
use crate::limit::Limit;
use crate::process::{self, Status};
use crate::tools::Missing;
use crate::{places, tools};

/// The environment variable that names a Python with the package.
const VARIABLE: &str = "GREENLET_PYTHON";

/// The Python that is used if the variable is not set.
const USUAL: &str = "python3";

/// A Python that has the package.
#[derive(Debug)]
pub struct Oracle {
    python: OsString,
    /// The versions of Python and the package, by their own version strings.
    pub versions: String,
}

/// The answer of the package for a scenario.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Its log.
    Log(String),
    /// Nothing, for this reason: see `oracle.py`.
    Skipped(String),
}

impl Oracle {
    /// Searches for a Python with the package.
    ///
    /// # Errors
    ///
    /// [`Missing`], with what to do about it.
    pub fn find() -> Result<Self> {
        let named = env::var_os(VARIABLE).filter(|value| !value.is_empty());
        let python = named.clone().unwrap_or_else(|| USUAL.into());
        let name = python.to_string_lossy().into_owned();
        let missing = |what: String| Missing(format!("{what}{}", how_to_get_it()));
        if named.is_none() && tools::on_path(USUAL).is_none() {
            bail!(missing(format!("there is no {USUAL} here, and {VARIABLE} names no other")));
        }
        let ask = "import greenlet, platform; print('greenlet', greenlet.__version__, 'on', \
                   platform.python_implementation(), platform.python_version())";
        let answer = Command::new(&python).args(["-c", ask]).output();
        match answer {
            Ok(answer) if answer.status.success() => {
                Ok(Self { python, versions: String::from_utf8_lossy(&answer.stdout).trim().to_owned() })
            }
            Ok(answer) => {
                let said = String::from_utf8_lossy(&answer.stderr).trim().to_owned();
                bail!(missing(format!("{name} has no greenlet: {}", said.lines().next_back().unwrap_or_default())))
            }
            Err(error) => bail!(missing(format!("{name} cannot be started: {error}"))),
        }
    }

    /// Runs scenarios, and returns an answer for each.
    ///
    /// # Errors
    ///
    /// When it fails in a way that is no answer.
    pub fn run(&self, scenarios: &[Scenario]) -> Result<Vec<Answer>> {
        /// Seconds per scenario: more than the time-out of the script itself.
        const PER_SCENARIO: u64 = 6;
        let text: String = scenarios.iter().map(ToString::to_string).collect();
        let input = Input::plain(text.as_bytes())?;
        let mut command = Command::new(&self.python);
        command.arg(places::root().join("qemu-tests/conformance/oracle.py")).arg(input.path());
        let limit = Limit::of_all(Duration::from_secs(60 + PER_SCENARIO * scenarios.len() as u64));
        let ended = process::run(command, limit, |_| Ok(())).context("cannot run the package")?;
        let errors = String::from_utf8_lossy(&ended.errors);
        ensure!(ended.status == Status::Exited(0), "the package failed ({:?}):\n{}", ended.status, errors.trim());
        let output = String::from_utf8_lossy(&ended.output);
        let mut lines = output.split_inclusive('\n');
        scenarios.iter().map(|scenario| answer(scenario.name(), &mut lines)).collect()
    }
}

/// Reads the answer for the scenario of this name.
fn answer<'a>(name: &str, lines: &mut impl Iterator<Item = &'a str>) -> Result<Answer> {
    let first = lines.next().with_context(|| format!("the package says nothing about {name}"))?;
    let words: Vec<_> = first.split_whitespace().collect();
    match words[..] {
        ["skipped", of, reason] if of == name => Ok(Answer::Skipped(reason.to_owned())),
        ["scenario", of] if of == name => {
            let mut log = first.to_owned();
            while !log.ends_with("\ndone\n") {
                log += lines.next().with_context(|| format!("the package's log of {name} is cut short"))?;
            }
            Ok(Answer::Log(log))
        }
        _ => bail!("the package says {first:?} where the log of {name} is due"),
    }
}

fn how_to_get_it() -> String {
    format!(
        "\n\nThis compares the kernel with Python's greenlet package, and needs a Python that has it:\n\n  \
         python3 -m venv DIR && DIR/bin/pip install greenlet\n  \
         export {VARIABLE}=DIR/bin/python\n\nNothing was compared."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the answers about `a` and `b`.
    fn answers(output: &str) -> Result<[Answer; 2]> {
        let mut lines = output.split_inclusive('\n');
        Ok([answer("a", &mut lines)?, answer("b", &mut lines)?])
    }

    #[test]
    fn answers_come_in_order_and_whole() {
        let log = |name| Answer::Log(format!("scenario {name}\n0 0 ok\ndone\n"));
        let found = answers("scenario a\n0 0 ok\ndone\nskipped b cycle\n").unwrap();
        assert_eq!(found, [log("a"), Answer::Skipped("cycle".to_owned())]);
        for (output, problem) in [
            ("scenario a\n0 0 ok\ndone\n", "nothing about b"),
            ("scenario a\n0 0 ok\ndone\nscenario b\n", "cut short"),
            ("scenario b\n0 0 ok\ndone\n", "where the log of a is due"),
        ] {
            let message = answers(output).unwrap_err().to_string();
            assert!(message.contains(problem), "{output:?}: {message}");
        }
    }
}
