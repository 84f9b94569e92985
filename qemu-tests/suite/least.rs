//! The least stack in many ways to build: each test builds and runs a program, which steps through millions of
//! instructions and takes up to a minute. All but one run when asked for, with `--include-ignored`.

use libtest_mimic::Failed;
use qemu_tests::least::{FEATURES, WAYS, Way};
use qemu_tests::tally::Tally;
use qemu_tests::tools::Needs;

use crate::{Case, builds};

pub(crate) fn cases() -> Vec<Case> {
    WAYS.iter().flat_map(|way| FEATURES.map(|(features, end)| case(way, features, end))).collect()
}

fn case(way: &'static Way, features: &'static str, end: &str) -> Case {
    let name = format!("least::{}{end}", way.name);
    let line = name.clone();
    let test = move || {
        if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
            println!("not measured: the program steps through itself as x86_64 Linux does");
            return Ok(());
        }
        let _turn = builds::turn("least");
        let attempts = way.measure(features).map_err(|error| Failed::from(format!("{error:#}")))?;
        println!("{}", Tally { attempts, failures: 0 }.line(line));
        Ok(())
    };
    Case::new(name, Needs::default(), test).usual_if(way.is_usual && end.is_empty())
}
