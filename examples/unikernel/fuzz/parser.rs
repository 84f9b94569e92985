//! Requests that libFuzzer makes of those in `check.rs`, guided by the coverage of the parser.

#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use unikernel::http::*;

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

// From nothing it finds few fields, so now and then a request is put behind what there is.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, random: u32| {
    let request = check::seed(random as usize / 32);
    let begin = if random % 32 < 16 { size.min(1) } else { size };
    match data.get_mut(begin..begin + request.len()) {
        Some(place) if random % 16 == 0 && begin + request.len() <= max_size => {
            place.copy_from_slice(request);
            begin + request.len()
        }
        _ => fuzzer_mutate(data, size, max_size),
    }
});
