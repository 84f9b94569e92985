//! What a guest logs is all there and whole, or its boot has failed, however well it ended otherwise.

use libtest_mimic::Failed;
use qemu_tests::compile::Profile;
use qemu_tests::machine::{self, Machine};
use qemu_tests::tools::Needs;

use super::{expect, runner};
use crate::{Case, builds, fakes};

/// A bad log: its name, what QEMU writes into it as `printf` takes it, if anything, and what the runner has to say.
type Bad = (&'static str, Option<&'static str>, &'static str);

const BAD: &[Bad] = &[
    ("never_written", None, "QEMU has not written the guest's defmt frames"),
    ("nothing_in_it", Some(""), "not a frame has come"),
    ("cut_short", Some(r"\001\002\003"), "end in the middle of one, 3 bytes into it"),
    ("no_such_format", Some(r"\377\377\376\000"), "defmt frame 1 is malformed"),
];

pub(super) fn cases() -> Vec<Case> {
    let case = |&(name, bytes, says): &Bad| {
        let mut needs = Needs::default();
        needs.target(machine().target);
        Case::new(format!("runner::frames::{name}"), needs, move || refused(bytes, says)).with_guests(vec![guest()])
    };
    BAD.iter().map(case).collect()
}

fn machine() -> &'static Machine {
    machine::named("x86_64").expect("it is one of the machines")
}

fn guest() -> builds::Guest {
    builds::Guest::new("defmt", machine().code(), Profile::Release)
}

/// The runner refuses a log of `bytes`, of a guest that passed.
fn refused(bytes: Option<&str>, says: &str) -> Result<(), Failed> {
    let elf = guest().file()?;
    let write = bytes.map_or_else(String::new, |bytes| {
        format!("for word; do case $word in file,id=log,path=*) printf '{bytes}' > \"${{word#*path=}}\";; esac; done; ")
    });
    let mut command = runner(&["run-elf"])?;
    command.arg(elf).env("PATH", fakes::qemus()?).env("FAKE_QEMU", format!("{write}echo DONE 1/1; exit 33"));
    expect(command, 1, &[says]).map(drop)
}
