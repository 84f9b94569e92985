//! Which boards and processors a QEMU supports. Each program is run once to list them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::machine::Machine;

/// The lists so far, by program and option.
#[derive(Default)]
pub(super) struct Known(BTreeMap<(&'static str, &'static str), BTreeSet<String>>);

impl Known {
    /// What this QEMU lacks for `machine`, as text; `None` if it lacks nothing.
    pub(super) fn lacks(&mut self, machine: &Machine) -> Result<Option<String>> {
        for (option, what, name) in [("-M", "board", machine.board()), ("-cpu", "processor", machine.processor())] {
            if let Some(name) = name
                && !self.of(machine.qemu, option)?.contains(name)
            {
                return Ok(Some(format!("{} does not support the {what} {name}", machine.qemu)));
            }
        }
        Ok(None)
    }

    /// The names that `program` accepts as values of `option`.
    fn of(&mut self, program: &'static str, option: &'static str) -> Result<&BTreeSet<String>> {
        Ok(match self.0.entry((program, option)) {
            Entry::Occupied(asked) => asked.into_mut(),
            Entry::Vacant(place) => {
                let output = Command::new(program).args([option, "help"]).output();
                let output = output.with_context(|| format!("cannot start {program}"))?;
                ensure!(output.status.success(), "`{program} {option} help` failed ({})", output.status);
                place.insert(names(&String::from_utf8_lossy(&output.stdout)))
            }
        })
    }
}

/// The names in a list of QEMU's: the first word of a line. x86 processors have the word `x86` before.
fn names(help: &str) -> BTreeSet<String> {
    let name = |line: &str| {
        let mut words = line.split_whitespace();
        match words.next()? {
            "x86" => words.next(),
            name => Some(name),
        }
        .map(str::to_owned)
    };
    help.lines().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn names_are_found_in_what_qemu_prints() {
        let boards =
            names("Supported machines are:\nvirt      QEMU 7.2 (alias of virt-7.2)\nraspi3b   Raspberry Pi 3B\n");
        assert!(boards.contains("virt") && boards.contains("raspi3b") && !boards.contains("QEMU"));
        let processors =
            names("Available CPUs:\n  a64fx\nx86 EPYC-Milan            (alias configured by machine type)\n");
        assert!(processors.contains("a64fx") && processors.contains("EPYC-Milan") && !processors.contains("x86"));
    }
}
