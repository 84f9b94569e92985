//! Random scenarios, run on the scheduler and by a plain simulation of the rules; their logs must agree.
//!
//! `cargo xtask fuzz-tasklets [SEED] [COUNT]`; if not said, 20,000 of seed 1. What differs is printed as a scenario
//! file, with the first line in which the two logs part. `--model FILE...` prints the logs that the simulation makes of
//! scenario files.

mod model;
mod random;

use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::{env, fs};

use conformance::tasklets::{self, Scenario, Scenarios};

/// Filled from inside tasklets; none switches while it writes.
static LOG: Mutex<String> = Mutex::new(String::new());

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "--model") {
        return print_model(&words[1..]);
    }
    let numbers: Option<Vec<u64>> = words.iter().map(|word| word.parse().ok()).collect();
    let (seed, count) = match numbers.as_deref() {
        Some([]) => (1, 20_000),
        Some([seed]) => (*seed, 20_000),
        Some([seed, count]) if *count > 0 => (*seed, *count),
        _ => {
            eprintln!("usage: fuzz_tasklets [SEED] [COUNT], numbers, COUNT above 0; or fuzz_tasklets --model FILE...");
            return ExitCode::from(2);
        }
    };
    let mut ops = 0;
    for index in 0..count {
        let text = random::scenario(seed, index);
        let scenario = match Scenarios::new(text.as_bytes()).next() {
            Some(Ok(scenario)) => scenario,
            other => panic!("the generator made a malformed scenario: {other:?}\n{text}"),
        };
        let (expected, got) = (model::log(&scenario), log(&scenario));
        if expected != got {
            let same = expected.lines().zip(got.lines()).take_while(|(one, other)| one == other).count();
            println!("{text}# log line {}: the rules say", same + 1);
            println!("#   {}", expected.lines().nth(same).unwrap_or("nothing"));
            println!("# and the scheduler did\n#   {}", got.lines().nth(same).unwrap_or("nothing"));
            return ExitCode::FAILURE;
        }
        ops += got.lines().count();
    }
    println!("{count} scenarios of seed {seed}, {ops} lines of their logs: all as the rules say");
    ExitCode::SUCCESS
}

/// What the scheduler makes of a scenario.
fn log(scenario: &Scenario) -> String {
    tasklets::interpret(scenario, |text| LOG.lock().unwrap_or_else(PoisonError::into_inner).push_str(text));
    std::mem::take(&mut *LOG.lock().unwrap_or_else(PoisonError::into_inner))
}

fn print_model(files: &[String]) -> ExitCode {
    for file in files {
        let text = match fs::read(file) {
            Ok(text) => text,
            Err(error) => {
                eprintln!("error: {file}: {error}");
                return ExitCode::from(2);
            }
        };
        for scenario in Scenarios::new(&text) {
            match scenario {
                Ok(scenario) => print!("{}", model::log(&scenario)),
                Err(malformed) => {
                    eprintln!("error: {file}:{}: {malformed}", malformed.line);
                    return ExitCode::from(2);
                }
            }
        }
    }
    ExitCode::SUCCESS
}
