//@ not-a-test
#![no_std]
#![no_main]
//! Random scenarios, or those that were handed in, and an audit of the kernel after every op.

use board::println;
use conformance::fuzz::Order;

board::guest!(main);

fn main() {
    match Order::read(board::input()) {
        Ok(order) => {
            let tally = order.run(|text| board::write(text.as_bytes()));
            board::checks(tally.clean, tally.ran);
        }
        // The runner makes the order.
        Err(bad) => {
            println!("FAIL input: {bad}");
            board::checks(0, 1);
        }
    }
}
