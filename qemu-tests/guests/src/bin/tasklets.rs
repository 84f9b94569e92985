//@ not-a-test
#![no_std]
#![no_main]
//! Scenarios of tasklets and channels that were handed in, and the logs that this machine makes of them.

use board::println;

board::guest!(main);

fn main() {
    match conformance::tasklets::run(board::input(), |text| board::write(text.as_bytes())) {
        Ok(ran) => board::checks(ran as u64, ran as u64),
        // The runner parses what it hands in, with the same parser, before it boots anything.
        Err(malformed) => {
            println!("FAIL input:{}: {malformed}", malformed.line);
            board::checks(0, 1);
        }
    }
}
