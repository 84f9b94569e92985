//! The soak, hosted: `SEED COUNT` on standard input, and `DONE n/n` as the last line, as from a guest.

mod watched;

use std::io::{self, Read as _};
use std::process::ExitCode;

use soak::Order;

fn main() -> ExitCode {
    let mut input = Vec::new();
    if let Err(error) = io::stdin().read_to_end(&mut input) {
        eprintln!("error: standard input: {error}");
        return ExitCode::from(2);
    }
    let Some(order) = Order::read(&input) else {
        eprintln!("error: standard input: expected `SEED COUNT`");
        return ExitCode::from(2);
    };
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        println!("FAIL seed {}, operation {}: {panic}", order.seed, soak::so_far() + 1);
        report(panic);
    }));
    let tally = order.run(watched::stack, |done| println!("# {done}"));
    if let Some(failure) = &tally.failure {
        println!("FAIL seed {}, operation {}: {failure}", order.seed, tally.done + 1);
    }
    println!("# {}", tally.story);
    println!("digest {:016x}", tally.digest);
    println!("DONE {}/{}", tally.done, order.count);
    if tally.failure.is_none() && tally.done == order.count { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
