//! Measures greenlet beside other stackful coroutines: `cargo bench-peers`. See `README.md`.

mod cli;
mod entrants;
mod measure;
mod order;
mod peer;
mod peers;
mod report;
mod resident;
mod rows;
mod run;
mod slab;
mod stats;
mod work;
mod works;

use anyhow::Result;
use cli::Request;
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::parse().and_then(answer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn answer(request: Request) -> Result<()> {
    match request {
        Request::Bench(options) => run::bench(&options),
        Request::Measure { works, rounds } => measure::show(&works, rounds),
        Request::Help => {
            print!("{}", cli::USAGE);
            Ok(())
        }
    }
}
