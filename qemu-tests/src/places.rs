//! Where things are: the project's folders, and the folders that the runner writes to.

use std::path::{Path, PathBuf};
use std::{env, io};

use crate::machine::Machine;

/// The folder of the whole project, which holds the root `Cargo.toml`.
#[must_use]
pub fn root() -> &'static Path {
    // Cargo compiles this crate again when the project moves, so the path cannot go stale.
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// The workspace of the guest programs.
#[must_use]
pub fn guests() -> PathBuf {
    root().join("qemu-tests/guests")
}

/// The packages of that workspace that have guest programs, by name; their folders are called like them.
///
/// Each is built by a separate call of cargo: in one call they would share features of the library.
pub const GUEST_PACKAGES: [&str; 2] = ["guests", "feature-guests"];

/// The features of the first of these packages. Each has the name of the guest that needs it, and adds dependencies
/// that no other guest needs, or is for its machine alone.
pub const GUEST_FEATURES: [&str; 8] =
    ["conformance", "count", "fuzz", "misuse", "soak", "stack_limit", "stackless", "tasklets"];

/// The sources and the expected transcripts of the guest programs, a folder for each package.
#[must_use]
pub fn guest_sources() -> [PathBuf; 2] {
    GUEST_PACKAGES.map(|package| root().join("qemu-tests").join(package).join("src/bin"))
}

/// The programs whose sizes are measured.
#[must_use]
pub fn sizes() -> PathBuf {
    root().join("qemu-tests/sizes")
}

/// The kept sizes of programs for `machine`, beside these programs.
#[must_use]
pub fn sizes_of(machine: &Machine) -> PathBuf {
    sizes().join(format!("size.{machine}"))
}

/// The corpus of conformance scenarios: two files a family.
#[must_use]
pub fn corpus() -> PathBuf {
    root().join("qemu-tests/conformance/corpus")
}

/// The corpus of tasklets and channels: two files a family.
#[must_use]
pub fn tasklets_corpus() -> PathBuf {
    root().join("qemu-tests/conformance/corpus/tasklets")
}

/// The target directory of everything that the runner builds for itself: guests and hosted programs.
///
/// # Errors
///
/// When the operating system does not provide the path of this program.
pub fn built() -> io::Result<PathBuf> {
    in_target("guests")
}

/// Where cargo compiles what goes into these and other target directories of the runner.
///
/// # Errors
///
/// When the operating system does not provide the path of this program.
pub(crate) fn compiled() -> io::Result<PathBuf> {
    in_target("build")
}

/// The target directory of the [library's own tests](crate::hosted).
///
/// # Errors
///
/// When the operating system does not provide the path of this program.
pub fn hosted() -> io::Result<PathBuf> {
    in_target("hosted")
}

/// The target directory of the program that measures the [least stack](crate::least).
///
/// # Errors
///
/// When the operating system does not provide the path of this program.
pub fn least() -> io::Result<PathBuf> {
    in_target("least")
}

/// A target directory for an inner cargo.
///
/// It is inside the target directory of this program, wherever `CARGO_TARGET_DIR`, `--target-dir` or a config file put
/// that. If cargo were asked again, it would resolve a relative `CARGO_TARGET_DIR` against the wrong folder, because
/// tests run in the folder of their package. It is not the same directory, because the inner cargo runs with a cleaned
/// environment, and each of the two would rebuild what the other has built.
fn in_target(name: &str) -> io::Result<PathBuf> {
    let program = env::current_exe()?;
    // Cargo writes one of these into every target directory, and into that for compiling inside of it.
    let marked = |folder: &&Path| [".rustc_info.json", "CACHEDIR.TAG"].iter().any(|mark| folder.join(mark).is_file());
    let target = program.ancestors().skip(1).filter(marked).last();
    Ok(target.map_or_else(|| root().join("target"), Path::to_path_buf).join(name))
}
