//! The process that reports: builds, starts those that measure, and gathers what they say.

use crate::cli::Options;
use crate::report;
use crate::rows::{Row, Rows};
use crate::work::{SCALES, WORKS, Work};
use anyhow::{Context, Result, ensure};
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Measures all, and reports.
///
/// # Errors
///
/// When something does not build, a process fails, or a file cannot be written.
pub(crate) fn bench(options: &Options) -> Result<()> {
    let checked = env::current_exe().context("where is this program?")?;
    let unchecked = build_unchecked()?;
    if cfg!(not(fcontext)) {
        eprintln!("boost-fcontext: skipped, there is no libboost_context.a; `apt-get install libboost-context-dev`");
    }
    let mut rows = Rows::default();
    for (program, about) in [(&checked, "all peers"), (&unchecked, "greenlet without checks")] {
        eprintln!("measuring: {about}");
        rows.0.extend(keep(&checked == program, measure(program, &WORKS, if options.quick { 5 } else { 201 })?));
        for alive in SCALES {
            if options.quick && alive > 10_000 {
                continue;
            }
            eprintln!("measuring: {about}, {alive} alive");
            // A process each, so that the memory it has is that of these partners. Many take long and vary little.
            let rounds = if options.quick {
                2
            } else if alive <= 1000 {
                51
            } else {
                7
            };
            rows.0.extend(keep(&checked == program, measure(program, &[Work::Scale(alive)], rounds)?));
        }
    }
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

/// Of the second program only what the first has not.
fn keep(all: bool, rows: Vec<Row>) -> impl Iterator<Item = Row> {
    rows.into_iter().filter(move |row| all || row.peer.ends_with("-unchecked"))
}

fn measure(program: &Path, works: &[Work], rounds: usize) -> Result<Vec<Row>> {
    let mut command = Command::new(program);
    command.arg("measure").arg(rounds.to_string()).args(works.iter().map(Work::to_string));
    rows_of(&mut command)
}

fn python() -> Result<Vec<Row>> {
    rows_of(Command::new("python3").arg(package().join("python/peers.py")).arg("--json"))
        .context("the rows of Python need python3 with the package greenlet: `pip install greenlet`")
}

/// Runs a process that prints a row a line.
fn rows_of(command: &mut Command) -> Result<Vec<Row>> {
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(output.status.success(), "{command:?} failed ({})", output.status);
    let text = String::from_utf8(output.stdout).context("rows are text")?;
    let rows = text.lines().map(serde_json::from_str).collect::<Result<Vec<Row>, _>>();
    let rows = rows.with_context(|| format!("{command:?} printed something else than rows"))?;
    ensure!(!rows.is_empty(), "{command:?} measured nothing");
    Ok(rows)
}

/// Builds this program again, with the crate's checks turned off; where it is then.
///
/// # Errors
///
/// When it does not build.
pub(crate) fn build_unchecked() -> Result<PathBuf> {
    let target = package().join("target/unchecked");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--release", "--features", "unchecked", "--manifest-path"]);
    cargo.arg(package().join("Cargo.toml")).arg("--target-dir").arg(&target);
    let status = cargo.status().context("cannot start cargo")?;
    ensure!(status.success(), "greenlet without checks did not build ({status})");
    Ok(target.join("release/bench-peers"))
}

/// The folder of this package.
pub(crate) fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn root() -> PathBuf {
    package().join("..")
}
