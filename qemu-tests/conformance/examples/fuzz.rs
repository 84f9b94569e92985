//! The fuzz program, hosted: an order on standard input, what it finds on standard output, and
//! `DONE clean/ran` as the last line, as from a guest.

use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;

use conformance::fuzz::Order;

fn main() -> ExitCode {
    let mut input = Vec::new();
    if let Err(error) = io::stdin().read_to_end(&mut input) {
        eprintln!("error: standard input: {error}");
        return ExitCode::from(2);
    }
    let order = match Order::read(&input) {
        Ok(order) => order,
        Err(bad) => {
            eprintln!("error: standard input: {bad}");
            return ExitCode::from(2);
        }
    };
    let tally = order.run(say);
    say(&format!("DONE {}/{}\n", tally.clean, tally.ran));
    // Nothing to run is not a success, as for a guest.
    if tally.clean == tally.ran && tally.ran > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Writes at once: the next thing that happens may be the last.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    // Without a reader there is nothing to report to.
    if out.write_all(text.as_bytes()).and_then(|()| if text.ends_with('\n') { out.flush() } else { Ok(()) }).is_err() {
        std::process::exit(1);
    }
}
