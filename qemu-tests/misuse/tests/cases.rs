//! Every case of misuse, each a test: `cargo test misuse::cancel`.
//!
//! One after the other, whatever `--test-threads` says: there is one core in the world.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    let trials = misuse::cases()
        .map(|case| {
            Trial::test(format!("misuse::{case}"), move || case.run().map_err(|failure| failure.to_string().into()))
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
