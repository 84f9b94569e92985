//! What is missing is installed by the command that is printed, or that command is all there is.

use std::env;
use std::ffi::OsString;
use std::process::Command;

use libtest_mimic::Failed;

use super::{AARCH64, case, expect, runner, runner_with_fake, scratch};
use crate::{Case, fakes};

/// What installs the QEMU that the tests here lack, without `sudo`, which only some need.
const APT: &str = "apt-get install -y --no-install-recommends qemu-system-arm";

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("install::not_wanted", || {
            let mut command = runner_with_fake("install-not-wanted", AARCH64, "", &[])?;
            command.env("PATH", fakes::installers()?).env("GREENLET_NO_INSTALL", "1").env("FAKE_APT", "well");
            expect(command, 1, &["missing: qemu-system-aarch64\n", APT, "GREENLET_NO_INSTALL is set"]).map(drop)
        }),
        case("install::no_apt", || {
            let mut command = runner_with_fake("install-no-apt", AARCH64, "", &[])?;
            command.env("PATH", fakes::none()?).env_remove("GREENLET_NO_INSTALL");
            expect(command, 1, &["missing: qemu-system-aarch64\n", APT, "there is no apt-get here"]).map(drop)
        }),
        case("install::works", || boots_after("well", &[&format!("{APT}\n"), "fake apt-get install"], &["update"])),
        case("install::lists_never_fetched", || {
            boots_after("unlisted", &["apt-get update\n", &format!("{APT}\n")], &["once more"])
        }),
        case("install::lists_stale", || {
            boots_after("stale", &["failed (exit status: 100); once more", "apt-get update\n"], &[])
        }),
        case("install::fails", || {
            let command = installing("install-broken", "broken")?;
            expect(command, 1, &["install with: ", APT, "tried, and it failed: `"]).map(drop)
        }),
        case("install::does_nothing", || {
            let command = installing("install-idle", "idle")?;
            expect(command, 1, &["install with: ", APT, "done, and yet still missing: qemu-system-aarch64"]).map(drop)
        }),
        case("install::setup_takes_all", || {
            let mut command = runner(&["setup", "riscv64-extra"])?;
            pretend(&mut command, "install-setup", "well")?;
            let says = [
                "$ rustup target add aarch64-unknown-none aarch64-unknown-none-softfloat aarch64-unknown-uefi \
                 armv7a-none-eabi riscv32imac-unknown-none-elf riscv32imc-unknown-none-elf riscv64-extra riscv64gc-unknown-none-elf \
                 riscv64imac-unknown-none-elf thumbv6m-none-eabi thumbv7em-none-eabi thumbv7em-none-eabihf \
                 thumbv7m-none-eabi thumbv8m.main-none-eabihf x86_64-unknown-none x86_64-unknown-uefi\n",
                "fake rustup target add",
                "apt-get install -y --no-install-recommends gdb-multiarch llvm-19 ovmf qemu-efi-aarch64 qemu-system-arm \
                 qemu-system-misc qemu-system-x86 valgrind\n",
            ];
            let output = expect(command, 0, &says)?;
            if output.stdout.is_empty() { Ok(()) } else { Err("it printed something on standard output".into()) }
        }),
    ]
}

/// The runner boots after an installation about which it says all of `says` and none of `omits`.
fn boots_after(apt: &str, says: &[&str], omits: &[&str]) -> Result<(), Failed> {
    let output = expect(installing(&format!("install-{apt}"), apt)?, 0, says)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    match omits.iter().find(|part| errors.contains(**part)) {
        Some(part) => Err(format!("it said `{part}`:\n{errors}").into()),
        None => Ok(()),
    }
}

/// The runner, about to boot on a QEMU that is missing, with fake tools that install one.
fn installing(test: &str, apt: &str) -> Result<Command, Failed> {
    let mut command = runner_with_fake(test, AARCH64, "echo DONE 1/1; exit 16", &[])?;
    pretend(&mut command, test, apt)?;
    Ok(command)
}

/// Gives `command` a `PATH` with fake tools and a folder into which they install.
fn pretend(command: &mut Command, test: &str, apt: &str) -> Result<(), Failed> {
    let bin = scratch(&format!("{test}-bin"))?;
    let path: OsString = env::join_paths([fakes::installers()?, bin.clone()])?;
    command
        .env("PATH", path)
        .env("XDG_DATA_DIRS", &bin)
        .env("FAKE_BIN", bin)
        .env("FAKE_QEMUS", fakes::qemus()?)
        .env("FAKE_APT", apt);
    command.env_remove("GREENLET_NO_INSTALL").env_remove("RUSTC");
    Ok(())
}
