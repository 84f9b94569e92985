//! The guest `lanes`, on processors that have the vectors for which it is a test. The processors of the other guests'
//! machines need not have them.

use libtest_mimic::Failed;
use qemu_tests::boot::Boot;
use qemu_tests::compile::Profile;
use qemu_tests::guests::USUAL_LIMIT;
use qemu_tests::machine::{MORE, Machine};
use qemu_tests::tally::Tally;
use qemu_tests::tools::Needs;
use qemu_tests::{transcript, verdict};

use crate::{Case, builds};

const GUEST: &str = "lanes";

/// The machines: QEMU's `max` has all that QEMU emulates.
const MACHINES: [&str; 2] = ["virt max", "q35 max"];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for name in MACHINES {
        let machine = MORE.iter().find(|machine| machine.name == name).expect("one of `cargo xtask machines`");
        for profile in Profile::ALL {
            let mut needs = Needs::default();
            needs.machine(machine);
            let name = format!("{GUEST}::{}::{profile}", name.replace(' ', "_"));
            let guest = builds::Guest::new(GUEST, machine.code(), profile);
            let wanted = vec![guest.clone()];
            cases.push(Case::new(name.clone(), needs, move || boot(&name, machine, &guest)).with_guests(wanted));
        }
    }
    cases
}

fn boot(name: &str, machine: &'static Machine, guest: &builds::Guest) -> Result<(), Failed> {
    let elf = guest.file()?;
    let boot = Boot { machine, elf: &elf, input: None, log: None, counted: false, cores: 1, limit: USUAL_LIMIT };
    let ended = boot.run(|_| Ok(())).map_err(|problem| format!("{problem:#}"))?;
    let judged = verdict::judge(machine, &ended);
    println!("{}", Tally::of_guest(&transcript::text(&ended.output), judged.is_ok()).line(name));
    judged.map_err(|failure| format!("{failure}\n\n{}", boot.command_line()))?;
    Ok(())
}
