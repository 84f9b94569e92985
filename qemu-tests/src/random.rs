//! `cargo xtask conformance-random`: random scenarios, run by Python's greenlet package and by the kernel at each
//! place, until a log differs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fmt, io};

use anyhow::{Context, Result, bail};
use conformance::{Scenario, random};

use crate::boot::Input;
use crate::compile::Profile;
use crate::conformance::{self as ours, Bundle, Place, Subject};
use crate::fuzz::{self, Stretch};
use crate::logs::{Sinks, difference};
use crate::oracle::{Answer, Oracle};
use crate::shrink::{Small, shrink};
use crate::tally::Tally;
use crate::tools::{self, Needs};

/// How many scenarios go into one run.
const AT_ONCE: u64 = 500;

/// What is to be done.
#[derive(Debug, PartialEq)]
pub struct Request {
    /// Which scenarios.
    pub stretch: Stretch,
    /// Where.
    pub places: Vec<Place>,
    /// The profile of the program that runs them.
    pub profile: Profile,
}

/// The kernel at one place.
struct Kernel {
    place: Place,
    profile: Profile,
    program: PathBuf,
}

/// A scenario that the package ran.
struct Compared {
    /// Its number.
    index: u64,
    scenario: Scenario,
    /// The package's log.
    log: String,
}

/// A log that differs from the package's.
#[derive(Debug)]
struct Difference {
    expected: String,
    /// What the kernel logged; cut short if it did not end.
    found: String,
    /// What else was wrong with the run.
    failure: Option<String>,
}

/// Runs and compares the scenarios, and prints the progress.
///
/// # Errors
///
/// When a log differs, with the scenario made small; [`Missing`](tools::Missing), when the package is not here; and
/// when nothing could be run.
pub fn show(request: &Request) -> Result<()> {
    let oracle = Oracle::find()?;
    println!("{}", oracle.versions);
    let mut needs = Needs::default();
    request.places.iter().for_each(|place| place.needs(&mut needs));
    tools::ensure(&needs)?;
    let kernel = |&place: &Place| {
        Ok(Kernel {
            place,
            profile: request.profile,
            program: ours::build(Subject::Greenlets, place, request.profile)?,
        })
    };
    let kernels: Vec<_> = request.places.iter().map(kernel).collect::<Result<_>>()?;

    let (mut agreed, mut skipped) = (0, BTreeMap::<String, u64>::new());
    let Stretch { seed, mut first, count } = request.stretch;
    let end = first + count;
    while first < end {
        let next = end.min(first + AT_ONCE);
        let all: Vec<_> = (first..next).map(|index| random::scenario(seed, index)).collect();
        let mut compared = Vec::new();
        let answers = oracle.run(&all)?;
        for ((index, scenario), answer) in (first..).zip(all).zip(answers) {
            match answer {
                Answer::Log(log) => compared.push(Compared { index, scenario, log }),
                Answer::Skipped(reason) => *skipped.entry(reason).or_default() += 1,
            }
        }
        for kernel in &kernels {
            if let Some(found) = kernel.first_difference(&compared)? {
                bail!("{}", story(&oracle, kernel, Stretch { seed, first, count: found.index - first + 1 }, found)?);
            }
        }
        agreed += compared.len();
        first = next;
        eprintln!("{} of {count} compared", count - (end - first));
    }
    let places: Vec<_> = kernels.iter().map(|kernel| kernel.place.to_string()).collect();
    println!("{agreed} logs agree on {}", places.join(", "));
    let attempts = (agreed * places.len()) as u64;
    for (reason, count) in skipped {
        println!("{count} skipped, for the package has no answer: {reason} (see conformance/oracle.py)");
    }
    println!("{}", Tally { attempts, failures: 0 }.line("conformance-random"));
    Ok(())
}

impl Kernel {
    /// The first scenario whose log is not the expected one.
    fn first_difference<'a>(&self, compared: &'a [Compared]) -> Result<Option<&'a Compared>> {
        if compared.is_empty() {
            return Ok(None);
        }
        let text: String = compared.iter().map(|compared| compared.scenario.to_string()).collect();
        let (logs, failure) = self.run(&text)?;
        let mut logs = logs.iter();
        match (compared.iter().find(|compared| logs.next() != Some(&compared.log)), failure) {
            (None, Some(failure)) => bail!("{}: every log agrees, and yet: {failure}", self.place),
            (found, _) => Ok(found),
        }
    }

    /// How the log of one scenario differs, if it does; `None` as well where the package has no log.
    fn difference(&self, oracle: &Oracle, scenario: &Scenario) -> Result<Option<Difference>> {
        let answers = oracle.run(std::slice::from_ref(scenario))?;
        let Some(Answer::Log(expected)) = answers.into_iter().next() else { return Ok(None) };
        let (logs, failure) = self.run(&scenario.to_string())?;
        let found = logs.into_iter().next().unwrap_or_default();
        Ok((found != expected).then_some(Difference { expected, found, failure }))
    }

    /// Runs scenarios; returns their logs, up to one that was cut short, and what was wrong with the run.
    fn run(&self, text: &str) -> Result<(Vec<String>, Option<String>)> {
        let file = Input::plain(text.as_bytes())?;
        let bundle = Bundle::read(Subject::Greenlets, &[file.path().to_owned()], &[])?;
        let ran = ours::run(self.place, Path::new(&self.program), &bundle, Kept::default())?;
        Ok((ran.sinks.0, ran.failure))
    }
}

/// Shrinks a scenario whose log differs, and prints all about it. It was the last one of the stretch `with_it`.
fn story(oracle: &Oracle, kernel: &Kernel, with_it: Stretch, found: &Compared) -> Result<String> {
    let &Kernel { place, profile, .. } = kernel;
    let Compared { index, scenario, .. } = found;
    let name = scenario.name();
    let again = |stretch: Stretch| stretch.again("conformance-random", place, profile);
    let Some(first) = kernel.difference(oracle, scenario)? else {
        return Ok(format!(
            "{place}: the log of {name} differs, but not when it runs alone\n\n{scenario}\nagain: {}",
            again(with_it)
        ));
    };
    let cut_short = first.is_cut_short();
    let small = shrink(scenario, |candidate| {
        let difference = kernel.difference(oracle, candidate)?;
        Ok(difference.is_some_and(|difference| difference.is_cut_short() == cut_short))
    })?;
    let Small { scenario: small, trials, .. } = small;
    let difference = kernel.difference(oracle, &small)?.context("the small scenario differed a moment ago")?;
    let (ops, all) = (small.ops(), scenario.ops());
    let file = fuzz::keep(&small)?;
    // In that command the default profile is the other one.
    let built = if profile == Profile::Debug { String::new() } else { format!(" --{profile}") };
    Ok(format!(
        "{place}: the log of {name} differs\n\nmade small, {ops} ops of {all}, in {trials} trials:\n\n{small}\n\
         {difference}\nagain: {}\nthe small one: cargo xtask conformance {place}{built} {file}",
        again(Stretch { first: *index, count: 1, ..with_it }),
    ))
}

impl Difference {
    /// Whether the kernel did not reach the end: a crash and a wrong line are different failures.
    fn is_cut_short(&self) -> bool {
        !self.found.ends_with("\ndone\n")
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", difference(&self.expected, &self.found))?;
        if let Some(failure) = &self.failure {
            writeln!(f, "{failure}")?;
        }
        write!(f, "\nthe package's log:\n\n{}", self.expected)
    }
}

/// Logs, one by one.
#[derive(Default)]
struct Kept(Vec<String>);

impl Sinks for Kept {
    fn log(&mut self, line: &[u8]) -> io::Result<()> {
        if line.starts_with(b"scenario ") {
            self.0.push(String::new());
        }
        // A log begins with that line, so there is one.
        self.0.iter_mut().next_back().into_iter().for_each(|log| *log += &String::from_utf8_lossy(line));
        Ok(())
    }

    fn aside(&mut self, _line: &[u8]) -> io::Result<()> {
        Ok(())
    }
}
