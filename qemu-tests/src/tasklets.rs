//! Runs Stackless' scenarios of tasklets and channels, in the manner of the [conformance scenarios](crate::conformance).

use std::path::PathBuf;

use anyhow::Result;
use tasklets::Scenarios;

use crate::compile::{self, Profile};
use crate::conformance::{Bundle, Place, checked};

/// What runs them: the package, its hosted example and the guest are called so.
pub const GUEST: &str = "tasklets";

/// Reads and checks `files`; keeps the scenarios in `only`, or all when that is empty.
///
/// # Errors
///
/// As [`Bundle::read`].
pub fn bundle(files: &[PathBuf], only: &[String]) -> Result<Bundle> {
    Bundle::collect(files, only, |file| {
        checked(file, |text, found| {
            let mut scenarios = Scenarios::new(text);
            while let Some(scenario) = scenarios.next() {
                let scenario = scenario.map_err(|malformed| (malformed.line, malformed.to_string()))?;
                found(scenario.name(), scenarios.lines_read());
            }
            Ok(scenarios.lines_read())
        })
    })
}

/// Builds what runs them at `place`, and says where it is.
///
/// # Errors
///
/// When it does not build.
pub fn build(place: Place, profile: Profile) -> Result<PathBuf> {
    match place {
        Place::Host => compile::example(GUEST, GUEST, profile),
        Place::Machine(machine) => compile::guest(machine.target, profile, GUEST),
    }
}
