//@ exit: timeout
//@ timeout: 3
//@ profiles: release
//@ long
#![no_std]
#![no_main]
//! A guest that never ends: the runner ends it, says so, and shows how far it came.

use board::{check, println};

board::guest!(main);

fn main() {
    println!("waiting for what never comes");
    check!(true);
    loop {
        core::hint::spin_loop();
    }
}
