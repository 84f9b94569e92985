//! Random programs on the hub, and on a simulation of its rules that was written apart from it: lists, a queue and a clock,
//! without greenlets. Both have the same log: what each step of each task gives, when, and what can be seen of all objects
//! and stacks then.
//!
//! `SIMULATION_SEEDS=1..2000000` chooses the programs, one of each seed; a single number runs one and prints its log.
#![cfg(feature = "std")]

mod simulated;

use simulated::program::Program;
use simulated::{real, state};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

/// How the two differ, if they do; otherwise how many steps both took.
fn compare(program: &Program) -> Result<usize, String> {
    let real = caught("hub", || real::run(program))?;
    let simulated = caught("simulation", || state::run(program))?;
    let same = real.iter().zip(&simulated).take_while(|(real, simulated)| real == simulated).count();
    if same == real.len().max(simulated.len()) {
        return Ok(same);
    }
    Err(format!("step {same}\n  hub        {:?}\n  simulation {:?}", real.get(same), simulated.get(same)))
}

fn caught<R>(what: &str, run: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        format!("{what}: panic: {}", text.unwrap_or_default())
    })
}

/// Removes steps as long as the two still differ.
fn shrink(mut program: Program) -> (Program, String) {
    let mut difference = String::new();
    let mut number = 0;
    while let Some(less) = program.without(number) {
        match compare(&less) {
            Err(found) => (program, difference) = (less, found),
            Ok(_) => number += 1,
        }
    }
    (program, difference)
}

fn seeds() -> std::ops::RangeInclusive<u64> {
    let Ok(text) = std::env::var("SIMULATION_SEEDS") else {
        return 1..=if cfg!(debug_assertions) { 8_000 } else { 40_000 };
    };
    let number = |text: &str| text.parse().expect("SIMULATION_SEEDS is a seed, or two with .. between them");
    match text.split_once("..") {
        Some((first, last)) => number(first)..=number(last),
        None => number(&text)..=number(&text),
    }
}

#[test]
fn random_programs_do_what_a_plain_simulation_of_the_rules_does() {
    let seeds = seeds();
    let mut steps = 0;
    for seed in seeds.clone() {
        let program = Program::random(seed);
        if seeds.clone().count() == 1 {
            println!("{program:#?}");
            real::run(&program).iter().for_each(|entry| println!("{entry:?}"));
        }
        match compare(&program) {
            Ok(count) => steps += count,
            Err(difference) => {
                let hook = take_hook();
                set_hook(Box::new(|_| ())); // a program with fewer steps may panic as well
                let (least, now) = shrink(program);
                set_hook(hook);
                panic!(
                    "SIMULATION_SEEDS={seed}: {difference}\nWith fewer steps: {now}\n{:#?}\n{:?}",
                    least.scripts, least.interrupts
                );
            }
        }
    }
    println!("{steps} steps");
}
