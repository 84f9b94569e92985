//! The cases of misuse with the feature `std`, in which panics are caught. Without it, they are tests of the package
//! `misuse`.

use std::process::Command;
use std::time::Duration;

use libtest_mimic::Failed;
use qemu_tests::compile::Profile;
use qemu_tests::hosted;
use qemu_tests::limit::Limit;
use qemu_tests::process::{self, Status};
use qemu_tests::tally::Tally;
use qemu_tests::tools::Needs;
use qemu_tests::verdict::{self, Done};

use crate::{Case, builds};

/// The least number of cases; 43 of them panic.
const CASES: u64 = 800;

pub(crate) fn cases() -> Vec<Case> {
    let case = |profile| Case::new(format!("misuse::std::{profile}"), Needs::default(), move || run(profile));
    [Profile::Debug, Profile::Release].map(case).into()
}

fn run(profile: Profile) -> Result<(), Failed> {
    let program = {
        let _turn = builds::turn("debug");
        hosted::misuse(profile)?
    };
    let limit = Limit::of_silence(Duration::from_secs(120));
    let ended = process::run(Command::new(program), limit, |_| Ok(()))?;
    let output = String::from_utf8_lossy(&ended.output);
    match verdict::done(&output) {
        Ok(Done(attempts)) if ended.status == Status::Exited(0) && attempts >= CASES => {
            println!("{}", Tally { attempts, failures: 0 }.line(format_args!("misuse::std::{profile}")));
            Ok(())
        }
        _ => Err(format!("{:?}\n{output}\n{}", ended.status, String::from_utf8_lossy(&ended.errors)).into()),
    }
}
