//@ timeout: 120
#![no_std]
#![no_main]
//! Everything that the kernel must refuse or survive, case after case, and an account after each; at the end an
//! overflow, and what can be done while it is reported.

use board::{check, println};

board::guest!(main);

fn main() {
    let mut group = "";
    let (mut passed, mut ran) = (0, 0);
    for case in misuse::cases() {
        if case.group() != group {
            tell(group, passed, ran);
            (group, passed, ran) = (case.group(), 0, 0);
        }
        let result = case.run();
        ran += 1;
        passed += u32::from(result.is_ok());
        match result {
            Ok(()) => check!(true),
            Err(failure) => check!(false, "{case}: {failure}"),
        }
    }
    tell(group, passed, ran);
    misuse::reentry::overflow(in_hook, || board::finish()) // last: nothing runs after it
}

/// The result of an operation in the hook of an overflow.
fn in_hook(operation: &'static str, failure: Option<misuse::Failure>) {
    check!(failure.is_none(), "in_overflow::{operation}: {failure:?}");
}

/// A line for a group that is over.
fn tell(group: &str, passed: u32, ran: u32) {
    if ran > 0 {
        println!("{group}: {passed} of {ran}");
    }
}
