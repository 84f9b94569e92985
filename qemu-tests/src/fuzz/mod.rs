//! `cargo xtask fuzz-kernel`: random scenarios, with an audit of the kernel after every op.
//!
//! The scenarios are generated where they run, by the generator of the package `conformance`; so a guest needs only two
//! numbers. The audit is there, too, in `interpret/audit`. This module starts the program, checks its output, and
//! shrinks a scenario that fails.

mod hunt;
mod program;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use conformance::Scenario;

pub use self::hunt::{Caught, Hunt, Stretch};
pub use self::program::{Failure, NAME, Order, Program};
use crate::cli::Misuse;
use crate::compile::Profile;
use crate::conformance::{self as ours, Place};
use crate::places;
use crate::tally::Tally;
use crate::tools::{self, Needs};

/// What is to be done.
#[derive(Debug, PartialEq)]
pub struct Request {
    /// Which scenarios.
    pub what: What,
    /// Where.
    pub places: Vec<Place>,
    /// The profile of the program that runs them.
    pub profile: Profile,
}

/// Which scenarios.
#[derive(Debug, PartialEq)]
pub enum What {
    /// Random ones.
    Random(Stretch),
    /// Those of a file.
    Replay(PathBuf),
}

/// Runs the scenarios at each place, and prints the progress.
///
/// # Errors
///
/// If a scenario fails, after all places have run; and if nothing could be run.
pub fn show(request: &Request) -> Result<()> {
    let written = match &request.what {
        What::Replay(file) => {
            let mut scenarios = Vec::new();
            ours::read(file, |scenario| scenarios.push(scenario)).map_err(Misuse)?;
            scenarios
        }
        What::Random(_) => Vec::new(),
    };
    let mut needs = Needs::default();
    request.places.iter().for_each(|place| place.needs(&mut needs));
    tools::ensure(&needs)?;
    let mut failed = Vec::new();
    for &place in &request.places {
        let program = Program::build(place, request.profile)?;
        let clean = match request.what {
            What::Replay(_) => replay(&program, &written)?,
            What::Random(stretch) => hunt(&program, stretch)?,
        };
        if !clean {
            failed.push(place.to_string());
        }
    }
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
}

/// Runs random scenarios at one place.
fn hunt(program: &Program, stretch: Stretch) -> Result<bool> {
    let mut progress = Progress::new(program.place, stretch);
    let caught = Hunt { stretch, forgetful: false }.run(program, |index| progress.seen(index))?;
    let Some(caught) = caught else {
        progress.clean();
        return Ok(true);
    };
    println!("{caught}");
    // The one that began last failed.
    progress.tally(progress.ran + 1, 1);
    if let Some(small) = caught.small() {
        let file = keep(small)?;
        println!("the small one: cargo xtask fuzz-kernel --replay {file} --only {}", program.place);
    }
    println!();
    Ok(false)
}

/// Runs scenarios of a file at one place.
fn replay(program: &Program, scenarios: &[Scenario]) -> Result<bool> {
    let mut clean = true;
    for scenario in scenarios {
        let failure = program.run(Order::Written(scenario), false, |_| ())?;
        match &failure {
            None => println!("{}: {} is clean", program.place, scenario.name()),
            Some(failure) => println!("{}: {} failed\n{}", program.place, scenario.name(), failure.story),
        }
        clean &= failure.is_none();
    }
    Ok(clean)
}

/// Writes a shrunk scenario to a file of its own; returns the path, quoted for a shell.
pub(crate) fn keep(scenario: &Scenario) -> Result<String> {
    let folder = places::built()?.join("fuzz");
    let file = folder.join(scenario.name()).with_extension("scn");
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&file, scenario.to_string()))
        .with_context(|| format!("cannot write the scenario to {}", file.display()))?;
    let file = file.display().to_string();
    Ok(shlex::try_quote(&file).map_or_else(|_| file.clone(), String::from))
}

/// Prints the progress at intervals.
struct Progress {
    place: Place,
    stretch: Stretch,
    began: Instant,
    told: Instant,
    ran: u64,
}

impl Progress {
    fn new(place: Place, stretch: Stretch) -> Self {
        let now = Instant::now();
        Self { place, stretch, began: now, told: now, ran: 0 }
    }

    fn seen(&mut self, index: u64) {
        self.ran = index - self.stretch.first;
        if self.told.elapsed() >= Duration::from_secs(5) {
            self.told = Instant::now();
            eprintln!("{}: {} of {}, {:.0} a second", self.place, self.ran, self.stretch.count, self.speed());
        }
    }

    fn clean(mut self) {
        self.ran = self.stretch.count;
        let took = self.began.elapsed();
        println!("{}: {} scenarios clean in {took:.1?}, {:.0} a second", self.place, self.ran, self.speed());
        self.tally(self.ran, 0);
    }

    fn tally(&self, attempts: u64, failures: u64) {
        println!("{}", Tally { attempts, failures }.line(format_args!("fuzz-kernel {}", self.place)));
    }

    fn speed(&self) -> f64 {
        self.ran as f64 / self.began.elapsed().as_secs_f64()
    }
}
