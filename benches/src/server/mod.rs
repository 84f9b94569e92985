//! The server of `examples/unikernel` beside one with futures, `server`: instructions of a request, counted by QEMU.

mod guest;
mod load;
mod plot;

use crate::report::grid::markdown;
use anyhow::Result;
use guest::{Guest, PROGRAMS};
use load::{LOADS, metric};

/// How often each load is measured on each server, in turn.
const ROUNDS: usize = 9;

/// Instructions of a request: the median, the least and the most of all rounds.
#[derive(Clone, Copy, Debug)]
struct Figure {
    median: f64,
    range: (f64, f64),
}

/// Measures, prints tables, and draws the plot.
///
/// # Errors
///
/// When a tool is missing, a program does not build, or a server does not answer.
pub(crate) fn show() -> Result<()> {
    let elfs = PROGRAMS.iter().map(guest::Program::build).collect::<Result<Vec<_>>>()?;
    let guests = elfs.iter().map(|elf| Guest::boot(elf)).collect::<Result<Vec<_>>>()?;
    let mut samples = vec![[const { Vec::new() }; LOADS.len()]; PROGRAMS.len()];
    for _ in 0..ROUNDS {
        for (number, load) in LOADS.iter().enumerate() {
            for (guest, samples) in guests.iter().zip(&mut samples) {
                samples[number].push(load.measure(guest)?);
            }
        }
    }
    let figures: Vec<_> = samples.into_iter().map(|loads| loads.map(figure)).collect();
    let mut table = vec![vec!["instructions of a request".to_owned()]];
    table[0].extend(PROGRAMS.iter().map(|program| program.name.to_owned()));
    table[0].push("greenlets of embassy".to_owned());
    for (number, load) in LOADS.iter().enumerate() {
        let mut line = vec![load.name()];
        line.extend(figures.iter().map(|loads| loads[number].to_string()));
        line.push(format!("{:.2}", figures[0][number].median / figures[1][number].median));
        table.push(line);
    }
    println!("{}", markdown(&table));

    let names = ["stack_deepest_bytes", "future_bytes", "stack_deepest_bytes"];
    let mut table = vec![vec![String::new()], vec!["bytes of a connection".to_owned()]];
    table.extend([vec!["bytes of code".to_owned()], vec!["lines of code".to_owned()]]);
    for (((program, elf), guest), name) in PROGRAMS.iter().zip(&elfs).zip(&guests).zip(names) {
        table[0].push(program.name.to_owned());
        table[1].push(metric(guest, name)?.to_string());
        table[2].push(guest::code(elf)?.to_string());
        table[3].push(program.lines()?.to_string());
    }
    println!("{}", markdown(&table));

    let file = crate::images::package().join("../docs/unikernel.svg");
    plot::draw(&figures, &file)?;
    println!("written: docs/unikernel.svg");
    Ok(())
}

fn figure(mut samples: Vec<f64>) -> Figure {
    samples.sort_by(f64::total_cmp);
    Figure { median: samples[samples.len() / 2], range: (samples[0], samples[samples.len() - 1]) }
}

impl std::fmt::Display for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.0} ({:.0} to {:.0})", self.median, self.range.0, self.range.1)
    }
}
