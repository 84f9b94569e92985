//! Calls cargo: one call for all requested guests of one package, target and profile, and one for a hosted example.
//!
//! This is never called from a build script: the outer cargo would hold its lock and wait for a build that waits for
//! the lock. When the runner or the suite runs, the lock is free.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::census;
use crate::machine::Code;
use crate::{environment, guests, places};

/// How a guest is compiled: the profiles of the guests' workspace.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Profile {
    /// Not optimized, overflow checks on.
    Debug,
    /// Optimized for speed.
    Release,
    /// Optimized for size.
    Small,
    /// Optimized for size at any cost of speed: only programs whose sizes are measured.
    Least,
}

impl Profile {
    /// Every profile of guests.
    pub const ALL: [Self; 3] = [Self::Debug, Self::Release, Self::Small];

    /// The profile with this name, as users and the heads of guests write it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// The name that users and tests use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Release => "release",
            Self::Small => "small",
            Self::Least => "least",
        }
    }

    /// The name of the profile in cargo.
    pub(crate) fn of_cargo(self) -> &'static str {
        match self {
            Self::Debug => "dev",
            Self::Release => "release",
            Self::Small => "small",
            Self::Least => "least",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// ELF files, by the name of the guest.
pub type Built = BTreeMap<String, PathBuf>;

/// The guests whose instructions are counted, or the frames in their code: optimized as the default settings of cargo
/// do it. All others are built in two thirds of the time.
const MEASURED: [&str; 3] = ["count", "hub_costs", "zoo"];

/// An environment variable for the guests' build script: the machine for which guests are linked, if it is not one of
/// the usual machines of their target.
const LAYOUT: &str = "GREENLET_LAYOUT";

/// Builds the guest `name`, with its dependencies, and nothing else.
///
/// # Errors
///
/// If cargo cannot be started or fails, after it has printed the reason to standard error; and if there is no such
/// guest.
pub fn guest(code: Code, profile: Profile, name: &str) -> Result<PathBuf> {
    let mut built = guests(code, profile, &BTreeSet::from([name.to_owned()]))?;
    built.remove(name).with_context(|| format!("cargo built no guest `{name}`"))
}

/// Builds the guests with these `names`, with their dependencies, and nothing else.
///
/// # Errors
///
/// If cargo cannot be started or fails, after it has printed the reason to standard error.
pub fn guests(code: Code, profile: Profile, names: &BTreeSet<String>) -> Result<Built> {
    guests_as(code, profile, Variant::Usual, names)
}

/// [`guests()`], with a feature that the package `guests` forwards to the library.
///
/// # Errors
///
/// As [`guests()`].
pub fn guests_with(feature: &'static str, code: Code, profile: Profile, names: &BTreeSet<String>) -> Result<Built> {
    guests_as(code, profile, Variant::Feature(feature), names)
}

/// [`guest`], with the types of the library in any profile, by which greenlets are found in its memory.
///
/// # Errors
///
/// As [`guest`].
pub fn guest_with_types(code: Code, profile: Profile, name: &str) -> Result<PathBuf> {
    let mut built = guests_as(code, profile, Variant::Types, &BTreeSet::from([name.to_owned()]))?;
    built.remove(name).with_context(|| format!("cargo built no guest `{name}`"))
}

/// [`guest`], optimized across crates, like firmware that is built for speed: functions of other crates are inlined
/// into the guest.
///
/// # Errors
///
/// As [`guest`].
pub fn guest_as_one(code: Code, name: &str) -> Result<PathBuf> {
    let mut built = guests_as(code, Profile::Release, Variant::AsOne, &BTreeSet::from([name.to_owned()]))?;
    built.remove(name).with_context(|| format!("cargo built no guest `{name}`"))
}

/// [`guest_as_one`], at an `opt-level` for size, `s` or `z`.
///
/// # Errors
///
/// As [`guest`].
pub fn guest_as_one_for_size(code: Code, name: &str, level: &'static str) -> Result<PathBuf> {
    let mut built = guests_as(code, Profile::Release, Variant::ForSize(level), &BTreeSet::from([name.to_owned()]))?;
    built.remove(name).with_context(|| format!("cargo built no guest `{name}`"))
}

/// How guests are built.
#[derive(Clone, Copy)]
enum Variant {
    Usual,
    /// With this feature.
    Feature(&'static str),
    /// With link-time optimization.
    AsOne,
    /// With that, and this `opt-level`.
    ForSize(&'static str),
    /// With types, though its head does not ask for them.
    Types,
}

impl Variant {
    fn has_marks(self) -> bool {
        matches!(self, Self::Feature("high-water"))
    }

    fn has_types(self) -> bool {
        matches!(self, Self::Types) || census::is_wanted()
    }
}

fn guests_as(code: Code, profile: Profile, variant: Variant, names: &BTreeSet<String>) -> Result<Built> {
    // A target directory for each variant: in a common one, each build would replace the results of the others.
    let folder = places::built()?;
    let folder = code.layout.iter().chain(&code.feature).fold(folder, |folder, name| folder.join(name));
    let folder = match variant {
        // With types only the guest is built anew: what it takes is there for those that have them always.
        Variant::Usual | Variant::Types => folder,
        Variant::Feature(feature) => folder.join(feature),
        Variant::AsOne => folder.join("as-one"),
        Variant::ForSize(level) => folder.join("as-one").join(level),
    };
    let mut built = Built::new();
    for Call { package, own_feature, whole_debug_info, is_measured, names } in
        calls(names, &guests::with_whole_debug_info()?)
    {
        let mut cargo = environment::cargo();
        cargo.current_dir(places::guests()).args(["build", "--package", package, "--target", code.target]);
        cargo.args(["--profile", profile.of_cargo(), "--no-default-features"]);
        cargo.args(names.iter().flat_map(|name| ["--bin", name]));
        cargo.args(is_measured.then_some("--config=profile.release.lto=false"));
        // If the guest has marks, with the types of the library: the runner finds the names of greenlets through them.
        let has_types =
            |own: &&str| whole_debug_info || variant.has_types() || *own == "greenlet" && variant.has_marks();
        let debugged = [package, "board", "greenlet", "operations"].into_iter().filter(has_types);
        cargo.args(debugged.map(|own| format!("--config=profile.release.package.{own}.debug=true")));
        cargo.args(own_feature.iter().flat_map(|feature| ["--features", feature]));
        cargo.args(code.feature.iter().flat_map(|feature| ["--features", feature]));
        match code.layout {
            None => cargo.env_remove(LAYOUT),
            Some(layout) => cargo.env(LAYOUT, layout),
        };
        match variant {
            Variant::Usual | Variant::Types => &mut cargo,
            Variant::Feature(feature) => cargo.args(["--features", feature]),
            Variant::AsOne => cargo.args(["--config", "profile.release.lto = 'fat'"]),
            Variant::ForSize(level) => cargo
                .args(["--config", "profile.release.lto = 'fat'"])
                .arg(format!("--config=profile.release.opt-level={level:?}")),
        };
        let more = executables(cargo, "bin", &folder);
        built.extend(more.with_context(|| format!("the {package} do not build for {} ({profile})", code.target))?);
    }
    Ok(built)
}

/// Guests that one call of cargo builds.
#[derive(Debug, PartialEq)]
struct Call<'a> {
    package: &'static str,
    own_feature: Option<&'static str>,
    whole_debug_info: bool,
    is_measured: bool,
    names: Vec<&'a str>,
}

/// The calls that build the guests of these `names`: for each package one call, a further one for the guests with
/// [whole debug information](guests::Directives::whole_debug_info), one for those that are [measured](MEASURED), and
/// one for each guest that has a [feature of its own](places::GUEST_FEATURES).
///
/// These calls are separate because cargo recompiles a guest when features of its package or settings change, which
/// would happen with each other set of names. Only the project's own packages have debug information, so the calls
/// share the builds of all other packages.
fn calls<'a>(names: &'a BTreeSet<String>, with_whole_debug_info: &BTreeSet<String>) -> Vec<Call<'a>> {
    let mut calls = Vec::<Call<'_>>::new();
    for (package, sources) in places::GUEST_PACKAGES.into_iter().zip(places::guest_sources()) {
        for name in names.iter().filter(|name| sources.join(name).with_extension("rs").is_file()) {
            let own_feature = places::GUEST_FEATURES.into_iter().find(|feature| feature == name);
            let whole_debug_info = with_whole_debug_info.contains(name);
            let is_measured = MEASURED.contains(&name.as_str());
            let new = Call { package, own_feature, whole_debug_info, is_measured, names: Vec::new() };
            let at = calls.iter().position(|call| Call { names: Vec::new(), ..*call } == new);
            let at = at.unwrap_or_else(|| {
                calls.push(new);
                calls.len() - 1
            });
            calls[at].names.push(name);
        }
    }
    calls
}

/// Builds the programs of these `names` whose [sizes](crate::sizes) are measured, for `target`, with one feature of the
/// library or none.
///
/// # Errors
///
/// As [`guests()`].
pub fn sizes(target: &str, profile: Profile, feature: Option<&str>, names: &BTreeSet<&str>) -> Result<Built> {
    let mut cargo = environment::cargo();
    let profile_of_sizes = match profile {
        Profile::Debug => "dev",
        Profile::Release => "sized",
        Profile::Small => "sized-small",
        Profile::Least => "sized-least",
    };
    cargo.current_dir(places::sizes()).args(["build", "--target", target, "--profile", profile_of_sizes]);
    cargo.args(feature.iter().flat_map(|feature| ["--features", feature]));
    cargo.args(names.iter().flat_map(|name| ["--bin", name]));
    executables(cargo, "bin", &places::built()?.with_file_name("sizes"))
        .with_context(|| format!("the programs of sizes do not build for {target} ({profile}, features: {feature:?})"))
}

/// Builds the hosted example `name` of the package `package` in the root workspace.
///
/// # Errors
///
/// As [`guests()`], and when the package has no such example.
pub fn example(package: &str, name: &str, profile: Profile) -> Result<PathBuf> {
    example_in(&places::built()?, package, name, profile, &[])
}

/// [`example`] with features of its package, in a target directory of its own: otherwise builds with other features
/// would replace the same file.
///
/// # Errors
///
/// As [`example`].
pub fn example_in(folder: &Path, package: &str, name: &str, profile: Profile, features: &[&str]) -> Result<PathBuf> {
    let mut cargo = environment::cargo();
    cargo.current_dir(places::root()).args(["build", "--package", package, "--example", name]);
    cargo.args(["--profile", profile.of_cargo(), "--features", &features.join(",")]);
    let mut built = executables(cargo, "example", folder)
        .with_context(|| format!("the example {name} of {package} does not build ({profile})"))?;
    built.remove(name).with_context(|| format!("cargo built no example {name} of {package}"))
}

/// Runs a `cargo build`, and collects the executables of one `kind` that it built or found up to date.
pub(crate) fn executables(mut cargo: Command, kind: &str, folder: &Path) -> Result<Built> {
    cargo.arg("--target-dir").arg(folder).arg("--message-format=json-render-diagnostics");
    // Diagnostics and progress go to standard error as they come; only the JSON is collected.
    let output = cargo.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("cargo failed ({}); what it printed stands above", output.status);
    }
    let mut built = Built::new();
    for line in output.stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let message: Value = serde_json::from_slice(line).context("cargo printed a line that is not JSON")?;
        let target = &message["target"];
        if message["reason"] == "compiler-artifact"
            && target["kind"][0] == kind
            && let (Some(name), Some(path)) = (target["name"].as_str(), message["executable"].as_str())
        {
            built.insert(name.to_owned(), path.into());
        }
    }
    Ok(built)
}

/// The features of the package `greenlet`, without `default`, for CI to build each alone.
///
/// # Errors
///
/// When `cargo metadata` fails.
pub fn features() -> Result<Vec<String>> {
    let mut cargo = environment::cargo();
    cargo.current_dir(places::root()).args(["metadata", "--no-deps", "--format-version=1"]);
    let output = cargo.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("cargo metadata failed ({})", output.status);
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata printed no JSON")?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let library = packages.iter().find(|package| package["name"] == "greenlet").context("no package `greenlet`")?;
    let features = library["features"].as_object().context("the package has no table of features")?;
    Ok(features.keys().filter(|name| *name != "default").cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_built_without_what_others_take() {
        let names = ["tour", "cores", "soak", "hello", "count", "hub_costs", "backtrace", "defmt"].map(str::to_owned);
        let call = |package, own_feature, names| Call {
            package,
            own_feature,
            whole_debug_info: false,
            is_measured: false,
            names,
        };
        let measured = |call| Call { is_measured: true, ..call };
        let whole = |call| Call { whole_debug_info: true, ..call };
        assert_eq!(
            calls(&BTreeSet::from(names), &guests::with_whole_debug_info().unwrap()),
            [
                whole(call("guests", None, vec!["backtrace"])),
                measured(whole(call("guests", Some("count"), vec!["count"]))),
                call("guests", None, vec!["hello", "tour"]),
                measured(call("guests", None, vec!["hub_costs"])),
                call("guests", Some("soak"), vec!["soak"]),
                call("feature-guests", None, vec!["cores"]),
                whole(call("feature-guests", None, vec!["defmt"])),
            ]
        );
    }
}
