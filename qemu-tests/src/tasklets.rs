//! Runs Stackless' scenarios of tasklets and channels, in the manner of the [conformance scenarios](crate::conformance).

use std::path::PathBuf;

use anyhow::Result;
use tasklets::Scenarios;

use crate::compile::{self, Profile};
use crate::conformance::{Bundle, Place, checked};

/// What runs them: the package, its hosted example and the guest are called so.
pub const GUEST: &str = "tasklets";

/// Reads and checks `files`.
///
/// # Errors
///
/// As [`Bundle::read`].
pub fn bundle(files: &[PathBuf]) -> Result<Bundle> {
    Bundle::collect(files, |bundle, file| {
        let mut names = Vec::new();
        let text = checked(file, |text| {
            let mut scenarios = Scenarios::new(text);
            for scenario in &mut scenarios {
                let scenario = scenario.map_err(|malformed| (malformed.line, malformed.to_string()))?;
                names.push(scenario.name().to_owned());
            }
            Ok((!names.is_empty(), scenarios.lines_read()))
        })?;
        bundle.extend(&text, names);
        Ok(())
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
