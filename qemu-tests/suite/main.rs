//! The suite: every guest on every machine, the stack that it takes, the instructions that operations take, also those
//! of the hub, sizes, the conformance scenarios, random ones, a soak, vectors, the linker fragment, processors,
//! targets, the runner itself, the table of promises, crash reports, what the documents say of all these, the layers of
//! the library, timelines, the server of `examples/unikernel`, the C interface, the least stack in many ways to build,
//! and the library's tests with its features, each a test with a name of its own.
//!
//! ```text
//! cargo test tour                  one guest; only what it needs is built
//! cargo test x86_64::release       one machine and profile
//! cargo test --test suite -- --list
//! cargo test --test suite -- tour --include-ignored
//! ```
//!
//! Without `--include-ignored` only the tests run that differ most from each other: all together take an hour of two
//! processors. `cargo xtask reliability` runs the tests that a promise needs.
//!
//! The list of tests is computed when the suite runs, from the files in `guests/src/bin` and `feature-guests/src/bin`;
//! hence `harness = false`.

mod browser;
mod builds;
mod c;
mod counted;
mod counts;
mod crash;
mod cycles;
mod debugger;
mod documents;
mod examples;
mod fakes;
mod features;
mod fuzz;
mod guests;
mod hub;
mod lanes;
mod layers;
mod least;
mod linking;
mod links;
mod misuse;
mod processors;
mod quoted;
mod reliability;
mod runner;
mod scenarios;
mod serve;
mod sizes;
mod soak;
mod stacks;
mod targets;
mod tasklets;
mod timeline;

use std::process::ExitCode;
use std::thread;

use libtest_mimic::{Arguments, Failed, Trial};
use qemu_tests::tools::{self, Needs};

/// A test, what it needs from this computer, and the guests that it boots.
struct Case {
    name: String,
    needs: Needs,
    guests: Vec<builds::Guest>,
    is_ignored: bool,
    test: Box<dyn FnOnce() -> Result<(), Failed> + Send>,
}

impl Case {
    fn new(name: String, needs: Needs, test: impl FnOnce() -> Result<(), Failed> + Send + 'static) -> Self {
        Self { name, needs, guests: Vec::new(), is_ignored: false, test: Box::new(test) }
    }

    /// The same case, which boots `guests`.
    fn with_guests(self, guests: Vec<builds::Guest>) -> Self {
        Self { guests, ..self }
    }

    /// The same case, which runs only with `--ignored` and `--include-ignored`.
    fn when_asked_for(self) -> Self {
        Self { is_ignored: true, ..self }
    }

    /// The same case, which runs only [on request](Self::when_asked_for) if it is not `usual`.
    fn usual_if(self, usual: bool) -> Self {
        if usual { self } else { self.when_asked_for() }
    }

    /// Whether the command line asks for this test, by the rules of libtest.
    fn is_selected(&self, arguments: &Arguments) -> bool {
        let fits = |filter: &String| if arguments.exact { self.name == *filter } else { self.name.contains(filter) };
        let is_asked_for = arguments.include_ignored || arguments.ignored == self.is_ignored;
        is_asked_for && arguments.filter.as_ref().is_none_or(fits) && !arguments.skip.iter().any(fits)
    }
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // One thread more than processors, because one often waits for a build.
    arguments.test_threads.get_or_insert(thread::available_parallelism().map_or(2, |count| count.get() + 1));
    let parts = [
        guests::cases(),
        stacks::cases(),
        counts::cases(),
        crash::cases(),
        cycles::cases(),
        debugger::cases(),
        timeline::cases(),
        sizes::cases(),
        counted::cases(),
        quoted::cases(),
        scenarios::cases(),
        tasklets::cases(),
        hub::cases(),
        fuzz::cases(),
        soak::cases(),
        lanes::cases(),
        misuse::cases(),
        linking::cases(),
        processors::cases(),
        targets::cases(),
        runner::cases(),
        reliability::cases(),
        documents::cases(),
        layers::cases(),
        examples::cases(),
        links::cases(),
        serve::cases(),
        least::cases(),
        c::cases(),
        features::cases(),
    ];
    let cases = spread(parts);
    if !arguments.list {
        // Checked once, before everything else, so that there is one command to run if something is missing.
        let selected = || cases.iter().filter(|case| case.is_selected(&arguments));
        let mut needs = Needs::default();
        selected().for_each(|case| needs.all_of(&case.needs));
        if let Err(error) = tools::ensure(&needs) {
            eprintln!("error: {error:#}");
            return ExitCode::FAILURE;
        }
        builds::want(selected().flat_map(|case| &case.guests));
    }
    let trial = |case: Case| Trial::test(case.name, case.test).with_ignored_flag(case.is_ignored);
    let trials = cases.into_iter().map(trial).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// All cases, with those of each part spread evenly over the run: some parts mostly wait for builds, others need a
/// processor for each case.
fn spread(parts: impl IntoIterator<Item = Vec<Case>>) -> Vec<Case> {
    let place = |index: usize, length: usize| (2 * index + 1) * 1_000_000 / length;
    let placed = |part: Vec<Case>| {
        let length = part.len();
        part.into_iter().enumerate().map(move |(index, case)| (place(index, length), case))
    };
    let mut cases: Vec<_> = parts.into_iter().flat_map(placed).collect();
    cases.sort_by_key(|&(place, _)| place);
    cases.into_iter().map(|(_, case)| case).collect()
}
