//! What a switch costs: exact instructions on bare metal, and a ratio on the host.
//!
//! Under `-icount shift=0` the guest's clock counts instructions, so the guest `count` prints the
//! same numbers on every computer. On the host only a ratio within one process means anything.

use std::io::{self, Write};

use anyhow::{Context, Result, ensure};

use crate::compile::{self, Profile};
use crate::counts::{self, Counts};
use crate::machine::{self, Machine};
use crate::tools::{self, Needs};
use crate::{environment, places};

/// Prints what a switch costs, on bare metal and hosted. To `bless` is to keep the figures of bare metal, and to leave the
/// host alone: what is kept is what the suite compares.
///
/// # Errors
///
/// When something does not build, or a boot or the hosted program fails.
pub fn show(bless: bool) -> Result<()> {
    let machines: Vec<_> = counts::MACHINES.iter().filter_map(|name| machine::named(name)).collect();
    let mut needs = Needs::default();
    machines.iter().for_each(|machine| needs.machine(machine));
    tools::ensure(&needs)?;
    for machine in machines {
        let counts = count(machine)?;
        if bless {
            counts.keep(machine)?;
            println!("kept: {}", places::counts(machine).display());
        }
    }
    if bless {
        return Ok(());
    }
    println!("\nhosted: a round trip against a raw switch in the same process");
    let mut cargo = environment::cargo();
    cargo.current_dir(places::root()).args(["run", "--release", "--package", "greenlet", "--example", "round_trip"]);
    cargo.arg("--target-dir").arg(places::built()?);
    let status = cargo.status().context("cannot start cargo")?;
    ensure!(status.success(), "the example round_trip failed ({status})");
    Ok(())
}

/// Boots the guest that counts.
fn count(machine: &'static Machine) -> Result<Counts> {
    let built = compile::guests(machine.target, Profile::Release)?;
    let elf = built.get(counts::GUEST).with_context(|| format!("there is no guest `{}`", counts::GUEST))?;
    println!("\n{machine}: instructions, counted by QEMU");
    Counts::measure(machine, elf, |piece| io::stdout().write_all(piece))
}
