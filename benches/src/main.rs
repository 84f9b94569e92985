//! Measures greenlet beside other stackful coroutines: `cargo xtask bench-peers`. See `README.md`.

mod cli;
mod counts;
mod entrants;
#[cfg(target_arch = "x86_64")]
mod forwarding;
mod images;
mod measure;
mod order;
mod peer;
mod peers;
mod report;
mod resident;
mod rows;
mod run;
mod server;
mod slab;
mod stats;
mod work;
mod works;

use anyhow::Result;
use cli::Request;
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::parse().and_then(answer) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn answer(request: Request) -> Result<ExitCode> {
    match request {
        Request::Bench(options) => run::bench(&options)?,
        Request::Counts => counts::show()?,
        Request::Server => server::show()?,
        #[cfg(target_arch = "x86_64")]
        Request::Forwarding => forwarding::show(),
        Request::Count { operations, work, peer } => {
            if !counts::run(work, &peer, operations)? {
                return Ok(ExitCode::from(counts::CANNOT));
            }
        }
        Request::Measure { works, rounds } => measure::show(&works, rounds)?,
        Request::Help => print!("{}", cli::USAGE),
    }
    Ok(ExitCode::SUCCESS)
}
