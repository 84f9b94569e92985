//! Processors for which the build of the library must be refused, and similar ones for which it must not.

use libtest_mimic::Failed;
use qemu_tests::tools::Needs;
use qemu_tests::{environment, places};

use crate::{Case, builds};

/// Built with these flags, code keeps values in r16 to r31, which no clobber can name.
const WITH_APX: [&str; 4] = [
    "-C target-cpu=diamondrapids",
    "-C opt-level=1 -Ctarget-cpu=novalake",
    "-C target-feature=+apxf",
    "--codegen=target-feature=+avx,+egpr",
];

/// With these it does not.
const WITHOUT_APX: [&str; 3] =
    ["", "-C target-cpu=graniterapids", "-C target-cpu=diamondrapids -C target-feature=-apxf"];

pub(crate) fn cases() -> Vec<Case> {
    let case = |name: &str, test: fn() -> Result<(), Failed>| {
        let mut needs = Needs::default();
        needs.target(TARGET);
        Case::new(format!("processors::{name}"), needs, test)
    };
    vec![
        case("apx_is_refused", || WITH_APX.iter().try_for_each(|flags| refused(flags))),
        case("others_are_not", || WITHOUT_APX.iter().try_for_each(|flags| built(flags))),
    ]
}

/// A target without an operating system, so that it is never the host, which has to run build scripts.
const TARGET: &str = "x86_64-unknown-none";

fn refused(flags: &str) -> Result<(), Failed> {
    let (passed, told) = check(flags)?;
    let asked = ["greenlet cannot be built for processors with APX", "add -C target-feature=-apxf"];
    if passed || !asked.iter().all(|part| told.contains(part)) {
        return Err(format!("with `{flags}` it must be refused, with words that help:\n{told}").into());
    }
    Ok(())
}

fn built(flags: &str) -> Result<(), Failed> {
    match check(flags)? {
        (true, told) if !told.contains("could not find out") => Ok(()),
        (_, told) => Err(format!("with `{flags}` it must be built, and nothing be said of APX:\n{told}").into()),
    }
}

/// Whether the library is accepted with these flags, and what was said.
fn check(flags: &str) -> Result<(bool, String), Failed> {
    let mut cargo = environment::cargo();
    cargo.current_dir(places::root()).args(["check", "--package", "greenlet", "--target", TARGET]);
    // In a target directory of its own: with other flags cargo would rebuild what other tests have built.
    cargo.arg("--target-dir").arg(places::hosted()?.join("processors")).env("RUSTFLAGS", flags);
    let _turn = builds::turn("processors");
    let output = cargo.output()?;
    Ok((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
}
