//! Requests that libFuzzer makes, guided by the coverage of the parser.

#![no_main]

use libfuzzer_sys::fuzz_target;
use unikernel::http::{PATH, Parser, Refusal, Request};

#[path = "../src/http/check.rs"]
mod check;

// The first byte decides how the others are split.
fuzz_target!(|bytes: &[u8]| {
    let Some((seed, request)) = bytes.split_first() else { return };
    let mut size = usize::from(*seed);
    check::check(request, || {
        size = size * 31 % 97;
        1 + size % 20
    })
    .for_each(drop);
});
