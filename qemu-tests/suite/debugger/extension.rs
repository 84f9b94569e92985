//! GDB with `gdb/greenlet.py`, which it finds in the program: the guest `zoo` over QEMU's gdbstub, with a transcript.

use libtest_mimic::Failed;
use qemu_tests::compile::Profile;
use qemu_tests::debugger::{self, Debugger};
use qemu_tests::machine::{self, Machine};
use qemu_tests::places;
use qemu_tests::tools::Needs;

use crate::{Case, builds};

const GUEST: &str = "zoo";

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for name in ["aarch64", "x86_64"] {
        let machine = machine::named(name).expect("a machine of the table");
        for profile in [Profile::Debug, Profile::Release] {
            let mut needs = Needs::default();
            needs.machine(machine);
            needs.gdb();
            let name = format!("debugger::greenlets_are_shown_as_their_transcript_has_it::{machine}::{profile}");
            let guest = builds::Guest::new(GUEST, machine.target, profile);
            let guests = vec![guest.clone()];
            let test = move || {
                let script = places::guests().join("src/bin").join(GUEST).with_extension("gdb");
                let shown = debugger::transcript(machine, &guest.file()?, &script).map_err(failed)?;
                debugger::compare(&shown, &script).map_err(failed)
            };
            cases.push(Case::new(name, needs.clone(), test).with_guests(guests.clone()));
            let name = format!("debugger::a_step_goes_from_a_dead_greenlet_to_its_parent::{machine}::{profile}");
            let guest = builds::Guest::new(GUEST, machine.target, profile);
            cases.push(Case::new(name, needs, move || steps_to_the_parent(machine, &guest)).with_guests(guests));
        }
    }
    cases
}

/// How many lines are left depends on the optimizer.
fn steps_to_the_parent(machine: &'static Machine, guest: &builds::Guest) -> Result<(), Failed> {
    let steps = ["hbreak step_from_here", "continue", "delete"].into_iter().chain([NEXT; 8]);
    let shown = debugger::at_a_guest(Debugger::Gdb, machine, &guest.file()?, steps).map_err(failed)?;
    let died = shown.split_once("[greenlet 12 \"stepper\" is dead; its parent goes on]");
    match died {
        Some((before, after)) if before.contains("zoo::stepper") && after.contains("zoo::main::{closure#0} (") => {
            Ok(())
        }
        _ => Err(format!("its end was not stepped over:\n{shown}").into()),
    }
}

const NEXT: &str = "greenlet next";

fn failed(error: anyhow::Error) -> Failed {
    format!("{error:#}").into()
}
