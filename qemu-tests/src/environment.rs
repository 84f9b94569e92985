//! Which variables an inner cargo gets from the environment that an outer cargo has set.
//!
//! The runner is started by cargo and starts cargo. Variables about the packages, flags and targets of the outer cargo
//! must not reach the inner one, which builds for another machine. Variables about paths and the network must.

use std::env;
use std::ffi::OsStr;
use std::process::Command;

use crate::places;

/// Variables that the inner cargo gets although a rule of [`DROPPED`] matches. `*` ends a prefix.
const KEPT: &[(&str, &str)] = &[
    ("CARGO_HOME", "where the registry, the config file and the credentials are"),
    ("CARGO_HTTP_*", "proxies and certificates of this network"),
    ("CARGO_NET_*", "offline, retries, git by command line"),
    ("CARGO_REGISTRY_*", "which registry, and how to log in"),
    ("CARGO_REGISTRIES_*", "the same, by name"),
    ("CARGO_SOURCE_*", "mirrors and vendored sources"),
    ("CARGO_TERM_*", "colour and progress as the user has set them"),
    ("CARGO_BUILD_JOBS", "how much of this computer a build may take"),
];

/// Whether crates are built incrementally. `0` only saves disk space. With `1`, release builds have other codegen
/// units, inline other functions, and fail the comparisons of sizes and instructions.
const INCREMENTAL: &str = "CARGO_INCREMENTAL";

/// Variables that the inner cargo does not get. `*` ends a prefix.
const DROPPED: &[(&str, &str)] = &[
    (
        "CARGO_*",
        "describes the outer package (MANIFEST_DIR, PKG_NAME, BIN_EXE), or configures the outer build \
         (TARGET_DIR, BUILD_TARGET, PROFILE_RELEASE_LTO, TARGET_X_RUNNER): all wrong for a guest, which has \
         its own manifest, target and profiles",
    ),
    ("RUSTFLAGS", "flags for the host, such as a linker, sanitizer or coverage, that no bare target has"),
    ("RUSTDOCFLAGS", "the same for rustdoc"),
    ("RUSTC_WORKSPACE_WRAPPER", "clippy-driver and the like, set by the outer subcommand"),
    ("CLIPPY_ARGS", "goes with it"),
    ("MAKEFLAGS", "names file descriptors of the outer jobserver, which are not open here"),
    ("MFLAGS", "the same"),
    ("OUT_DIR", "belongs to the outer package's build script"),
];

/// Whether an inner cargo gets the variable `name`, which has this value.
///
/// It gets everything that no rule drops: `PATH`, `HOME`, proxies, `RUSTUP_HOME`, `RUSTUP_TOOLCHAIN` (so that both
/// cargos are of one toolchain), `RUSTC_WRAPPER` (a cache).
fn seen_by_inner_cargo(name: &str, value: &OsStr) -> bool {
    if name == INCREMENTAL {
        return value == "0";
    }
    let fits = |rules: &[(&str, &str)]| {
        rules.iter().any(|(rule, _why)| match rule.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => name == *rule,
        })
    };
    fits(KEPT) || !fits(DROPPED)
}

/// The folder where cargo compiles, if it is not the target directory. Cargo since 1.91 has it; an older one compiles
/// in the target directory.
const BUILD_DIR: &str = "CARGO_BUILD_BUILD_DIR";

/// A command for the cargo that started this process, or for the one on `PATH`, with a clean environment.
///
/// The target directories that builds with other features or profiles need have one folder to compile in, so that
/// each package is compiled once for all that take it alike.
///
/// This is no setting of `.cargo/config.toml`: with a table `build` both there and in that of an example in this
/// repository, cargo 1.95 joins their runners in some runs, and boots nothing.
#[must_use]
pub fn cargo() -> Command {
    let mut cargo = clean(Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into())));
    if let Ok(folder) = places::compiled() {
        cargo.env(BUILD_DIR, folder);
    }
    cargo
}

/// A call of the `rustc` that cargo would use, with the same environment.
#[must_use]
pub fn rustc() -> Command {
    clean(Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())))
}

/// Removes the variables from `command` that an inner cargo must not get.
pub(crate) fn clean(mut command: Command) -> Command {
    for (name, value) in env::vars_os() {
        if !name.to_str().is_none_or(|name| seen_by_inner_cargo(name, &value)) {
            command.env_remove(name);
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(name: &str) -> bool {
        seen_by_inner_cargo(name, OsStr::new("1"))
    }

    #[test]
    fn what_configures_the_outer_build_stays_outside() {
        for name in [
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_MANIFEST_DIR",
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_TARGET",
            "CARGO_PROFILE_RELEASE_DEBUG",
            "CARGO_TARGET_X86_64_UNKNOWN_NONE_RUSTFLAGS",
            "RUSTFLAGS",
            "RUSTC_WORKSPACE_WRAPPER",
            "CARGO_INCREMENTAL",
        ] {
            assert!(!seen(name), "{name}");
        }
    }

    #[test]
    fn no_incremental_build_can_be_asked_for() {
        assert!(seen_by_inner_cargo(INCREMENTAL, OsStr::new("0")));
    }

    #[test]
    fn what_says_where_things_are_goes_through() {
        for name in ["PATH", "HOME", "CARGO_HOME", "CARGO_HTTP_PROXY", "RUSTUP_TOOLCHAIN", "RUSTUP_HOME", "https_proxy"]
        {
            assert!(seen(name), "{name}");
        }
    }
}
