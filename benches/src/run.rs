//! The process that reports: builds, starts those that measure, and gathers what they say.

use crate::cli::Options;
use crate::images::{self, Checks, package};
use crate::report;
use crate::rows::{Measured, Row, Rows};
use crate::work::{LOOKUPS, SCALES, WORKS, Work};
use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Measures all, and reports.
///
/// # Errors
///
/// When something does not build, a process fails, or a file cannot be written.
pub(crate) fn bench(options: &Options) -> Result<()> {
    if cfg!(not(fcontext)) {
        eprintln!("boost-fcontext: skipped, there is no libboost_context.a; `apt-get install libboost-context-dev`");
    }
    let programs = [
        Program { images: images::build(Checks::On)?, about: "all peers", kept: "" },
        Program { images: images::build(Checks::Off)?, about: "greenlet without checks", kept: "-unchecked" },
    ];
    let mut rows = usual_works(&programs, options.quick)?;
    rows.extend(scales(&programs, options.quick)?);
    let mut rows = Rows(rows);
    if options.python {
        rows.0.extend(python()?);
    }
    print!("{}", report::table(&rows));
    if let Some(file) = &options.json {
        report::json(&rows, file)?;
    }
    if options.quick {
        eprintln!("docs/performance.md is left as it is: these were few rounds");
    } else {
        report::document(&rows, &root().join("docs"))?;
    }
    Ok(())
}

/// What measures.
struct Program {
    images: Vec<PathBuf>,
    about: &'static str,
    /// How the names of those end whose rows are kept: of the second program, which the first lacks.
    kept: &'static str,
}

impl Program {
    fn rows(&self, processes: Vec<Vec<Measured>>) -> impl Iterator<Item = Row> {
        Rows::of(processes).0.into_iter().filter(|row| row.peer.ends_with(self.kept))
    }
}

/// Measures all works but scale: each image of each program in a process of its own, one after the other.
fn usual_works(programs: &[Program], quick: bool) -> Result<Vec<Row>> {
    let (processes, rounds) = if quick { (5, 3) } else { (usize::MAX, 23) };
    let mut measured: Vec<_> = programs.iter().map(|program| (program, Vec::new())).collect();
    let works = [&WORKS[..], &LOOKUPS].concat();
    for number in 0..processes.min(programs[0].images.len()) {
        for (program, of_it) in &mut measured {
            eprintln!("measuring: {}, image {} of {}", program.about, number + 1, program.images.len());
            of_it.push(measure(&program.images[number], &works, rounds)?);
        }
    }
    Ok(measured.into_iter().flat_map(|(program, of_it)| program.rows(of_it)).collect())
}

/// Measures scale, in a process for each number, so that the memory it has is that of these partners.
fn scales(programs: &[Program], quick: bool) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for program in programs {
        for alive in SCALES.into_iter().filter(|&alive| !quick || alive <= 10_000) {
            eprintln!("measuring: {}, {alive} alive", program.about);
            // Many take long and vary little.
            let rounds = match alive {
                _ if quick => 2,
                ..=1000 => 51,
                _ => 7,
            };
            rows.extend(program.rows(vec![measure(&program.images[0], &[Work::Scale(alive)], rounds)?]));
        }
    }
    Ok(rows)
}

fn measure(program: &Path, works: &[Work], rounds: usize) -> Result<Vec<Measured>> {
    let mut command = Command::new(program);
    command.arg("measure").arg(rounds.to_string()).args(works.iter().map(Work::to_string));
    lines_of(&mut command)
}

fn python() -> Result<Vec<Row>> {
    lines_of(Command::new("python3").arg(package().join("python/peers.py")).arg("--json"))
        .context("the rows of Python need python3 with the package greenlet: `pip install greenlet`")
}

/// Runs a process that prints a `T` a line.
fn lines_of<T: DeserializeOwned>(command: &mut Command) -> Result<Vec<T>> {
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(output.status.success(), "{command:?} failed ({})", output.status);
    let text =
        String::from_utf8(output.stdout).with_context(|| format!("{command:?} printed something else than text"))?;
    let lines = text.lines().map(serde_json::from_str).collect::<Result<Vec<T>, _>>();
    let lines = lines.with_context(|| format!("{command:?} printed something else than measurements"))?;
    ensure!(!lines.is_empty(), "{command:?} measured nothing");
    Ok(lines)
}

fn root() -> PathBuf {
    package().join("..")
}
