//! What a switch costs: exact instructions on bare metal, and a ratio on the host.
//!
//! Under `-icount shift=0` the guest's clock counts instructions, so the guest `count` prints the
//! same numbers on every computer. On the host only a ratio within one process means anything.

use std::io::{self, Write};

use anyhow::{Context, Result, ensure};

use crate::boot::Boot;
use crate::compile::{self, Profile};
use crate::guests::USUAL_LIMIT;
use crate::machine::{self, Machine};
use crate::tools::{self, Needs};
use crate::{environment, places, verdict};

/// The guest that counts instructions.
pub const GUEST: &str = "count";

/// The machines that it is shown on: one for each instruction set.
const MACHINES: [&str; 2] = ["aarch64", "x86_64"];

/// Prints what a switch costs, on bare metal and hosted.
///
/// # Errors
///
/// When something does not build, or a boot or the hosted program fails.
pub fn show() -> Result<()> {
    let machines: Vec<_> = MACHINES.iter().filter_map(|name| machine::named(name)).collect();
    let mut needs = Needs::default();
    machines.iter().for_each(|machine| needs.machine(machine));
    tools::ensure(&needs)?;
    for machine in machines {
        count(machine)?;
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
fn count(machine: &'static Machine) -> Result<()> {
    let built = compile::guests(machine.target, Profile::Release)?;
    let elf = built.get(GUEST).with_context(|| format!("there is no guest `{GUEST}`"))?;
    println!("\n{machine}: instructions, counted by QEMU");
    let boot = Boot { machine, elf, input: None, log: None, counted: true, limit: USUAL_LIMIT };
    let ended = boot.run(|piece| io::stdout().write_all(piece))?;
    verdict::judge(machine, &ended)?;
    Ok(())
}
