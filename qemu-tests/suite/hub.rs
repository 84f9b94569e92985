//! Compares the costs of the hub's operations with the table of `docs/hub.md`.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use libtest_mimic::Failed;
use qemu_tests::boot::Boot;
use qemu_tests::compile::Profile;
use qemu_tests::limit::Limit;
use qemu_tests::machine;
use qemu_tests::places;
use qemu_tests::tools::Needs;

use crate::{Case, builds};

/// The guest that counts.
const GUEST: &str = "hub_costs";

/// The machines that count, in the order of the table's columns.
const MACHINES: [&str; 2] = ["aarch64", "x86_64"];

pub(crate) fn cases() -> Vec<Case> {
    let mut needs = Needs::default();
    let machines: Vec<_> = MACHINES.iter().filter_map(|name| machine::named(name)).collect();
    machines.iter().for_each(|machine| needs.machine(machine));
    let guests = machines.iter().map(|machine| builds::Guest::new(GUEST, machine.code(), Profile::Release)).collect();
    vec![Case::new("hub::costs".to_owned(), needs, costs).with_guests(guests)]
}

/// Every figure of the guest is in the table, and is the one that was counted.
fn costs() -> Result<(), Failed> {
    let [aarch64, x86_64] = MACHINES.map(counted);
    let (aarch64, x86_64) = (aarch64?, x86_64?);
    let table = fs::read_to_string(places::root().join("docs/hub.md"))?;
    let rows = aarch64.iter().map(|(what, count)| {
        let other = x86_64.get(what).map_or("?", String::as_str);
        format!("| {what} | {count} | {other} |")
    });
    let missing: Vec<_> = rows.filter(|row| !table.lines().any(|line| line == row)).collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("rows that docs/hub.md lacks:\n{}", missing.join("\n")).into())
    }
}

/// Boots the guest, and returns its figures.
fn counted(name: &str) -> Result<BTreeMap<String, String>, Failed> {
    let machine = machine::named(name).ok_or("the machine is gone")?;
    let elf = builds::Guest::new(GUEST, machine.code(), Profile::Release).file()?;
    let limit = Limit::of_silence(Duration::from_secs(60));
    let boot = Boot { machine, elf: &elf, input: None, log: None, counted: true, cores: 1, limit };
    let mut transcript = Vec::new();
    boot.run(|bytes| {
        transcript.extend_from_slice(bytes);
        Ok(())
    })?;
    let transcript = String::from_utf8_lossy(&transcript);
    let figures: BTreeMap<_, _> = transcript
        .lines()
        .filter_map(|line| line.trim().rsplit_once(": "))
        .map(|(what, count)| (what.to_owned(), count.to_owned()))
        .collect();
    if figures.len() < 20 || !transcript.lines().any(|line| line.starts_with("DONE ")) {
        return Err(format!("{name}:\n{transcript}").into());
    }
    Ok(figures)
}
