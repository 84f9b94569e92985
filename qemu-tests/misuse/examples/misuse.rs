//! Every case in one process, with `DONE passed/ran` as the last line, as from the guest: for features that
//! `cargo test` does not build with.

use std::process::ExitCode;

fn main() -> ExitCode {
    let (mut passed, mut ran) = (0, 0);
    for case in misuse::cases() {
        ran += 1;
        match case.run() {
            Ok(()) => passed += 1,
            Err(failure) => println!("FAIL {case}: {failure}"),
        }
    }
    println!("DONE {passed}/{ran}");
    if passed == ran && ran > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
