//! An interrupt that did not come is noticed: a guest that was interrupted everywhere passes, and one instruction less
//! fails.

use libtest_mimic::Failed;
use qemu_tests::boot::Boot;
use qemu_tests::compile::Profile;
use qemu_tests::guests::USUAL_LIMIT;
use qemu_tests::machine::{self, Machine};
use qemu_tests::tools::Needs;
use qemu_tests::{hits, transcript};

use crate::{Case, builds};

/// What is wrong with a transcript: its name, in which set, what makes it wrong of the bits in a line, and what is said
/// about it.
type Bad = (&'static str, &'static str, fn(u64) -> u64, &'static str);

const BAD: &[Bad] = &[
    ("steps_missed", "steps", |bits| bits & (bits - 1), "not interrupted by steps:"),
    ("timer_missed", "timer", |bits| bits & (bits - 1), "not interrupted by the timer:"),
    ("no_instruction", "steps", |bits| bits | bits << 1, "where no instruction begins"),
];

pub(super) fn cases() -> Vec<Case> {
    let mut needs = Needs::default();
    machine::named("x86_64").into_iter().for_each(|machine| needs.machine(machine));
    let guests = machine::named("x86_64").map(guest).into_iter().collect();
    vec![Case::new("runner::hits".to_owned(), needs, noticed).with_guests(guests)]
}

fn guest(machine: &'static Machine) -> builds::Guest {
    builds::Guest::new("every_instruction", machine.code(), Profile::Release)
}

fn noticed() -> Result<(), Failed> {
    let machine = machine::named("x86_64").ok_or("no machine is called x86_64")?;
    let elf = guest(machine).file()?;
    let boot = Boot { machine, elf: &elf, input: None, log: None, counted: true, cores: 1, limit: USUAL_LIMIT };
    let good = transcript::text(&boot.run(|_| Ok(()))?.output);
    hits::block(&elf, &good).map_err(|problem| format!("{problem:#}"))?;
    for (name, set, change, says) in BAD {
        let bad = changed(&good, set, *change)?;
        let Err(problem) = hits::block(&elf, &bad) else { return Err(format!("{name} was not noticed").into()) };
        let problem = format!("{problem:#}");
        if !problem.contains(says) {
            return Err(format!("{name}: `{says}` is not said: {problem}").into());
        }
    }
    Ok(())
}

/// A transcript in which the last line of a set has other bits.
fn changed(transcript: &str, set: &str, change: fn(u64) -> u64) -> Result<String, Failed> {
    let prefix = format!("# hit {set} ");
    let last = transcript.lines().rfind(|line| line.starts_with(&prefix)).ok_or("there is no such set")?;
    let (start, bits) = last.rsplit_once(' ').ok_or("a line of a set has several words")?;
    Ok(transcript.replace(last, &format!("{start} {:x}", change(u64::from_str_radix(bits, 16)?))))
}
