//! A count of references that would wrap ends the program: it would free what is in use. Release builds only: it counts to
//! 2^32.
#![cfg(not(debug_assertions))]

mod common;

use common::{STACKS, in_child, tree};

#[test]
fn a_loop_that_forgets_clones_is_stopped_before_the_count_wraps() {
    let Some(output) = in_child("a_loop_that_forgets_clones_is_stopped_before_the_count_wraps") else {
        return tree(|main| {
            let g = main.bare(&STACKS).unwrap();
            loop {
                std::mem::forget(std::hint::black_box(g.clone()));
            }
        });
    };
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("2^32 - 1 references"), "{told}");
}
