//@ not-a-test
#![no_std]
#![no_main]
//! One tree of 64 greenlets that do random things to each other, so many times as was handed in.

use board::println;
use soak::Order;

board::guest!(main);

fn main() {
    let Some(order) = Order::read(board::input()) else {
        // The runner makes the order.
        println!("FAIL input: expected `SEED COUNT`");
        return board::checks(0, 1);
    };
    println!("# seed {}", order.seed);
    board::on_panic(|| println!("FAIL operation {}", soak::so_far() + 1));
    let tally = order.run(|_| (), |done| println!("# {done}"));
    if let Some(failure) = &tally.failure {
        println!("FAIL seed {}, operation {}: {failure}", order.seed, tally.done + 1);
    }
    println!("# {}", tally.story);
    println!("digest {:016x}", tally.digest);
    board::checks(tally.done, order.count);
}
