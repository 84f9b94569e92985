//! The cycles of the fast path on other processors, by the models of llvm-mca.
//!
//! llvm-mca gets the code of a loop (`code`) that does nothing but switch, from the programs whose instructions are
//! [counted](crate::counts), and schedules it for a processor that predicts each branch and finds each load in its
//! nearest cache. Its models have no store-to-load forwarding. So the figures compare two versions of the code on one
//! processor, and are no measurements. They depend on the version of LLVM, which is kept beside them.

mod code;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use self::code::Loops;
use crate::counts::{self, Subject};
use crate::environment;
use crate::figures::{Figures, Form};
use crate::tools::{self, Needs};

/// How figures are kept.
pub static FORM: Form = Form { word: "cycles", unit: "cycles of 100 turns", command: "cargo xtask cycles", room: 100 };

/// The program with the models.
pub(crate) const MCA: &str = "llvm-mca-19";

/// The disassembler, of the same package.
const OBJDUMP: &str = "llvm-objdump-19";

/// The package of Debian that has both.
pub(crate) const PACKAGE: &str = "llvm-19";

/// How many turns of a loop are simulated to warm up, and how many more are counted.
const TURNS: u64 = 100;

/// The message if the code of a group differs from the code of the kept figures.
pub const NOT_SIMULATED: &str = "== NOT SIMULATED: cycles of the fast path";

/// A program whose instructions are counted, and the processors that its loops are simulated for.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// The name of its [`Subject`].
    pub name: &'static str,
    triple: &'static str,
    /// LLVM's names of them.
    processors: &'static [&'static str],
}

/// Processors of boards, and one for hosted programs.
pub static GROUPS: [Group; 2] = [
    Group {
        name: "aarch64",
        triple: "aarch64-none-elf",
        processors: &["cortex-a53", "cortex-a55", "cortex-a72", "neoverse-n1", "neoverse-v1"],
    },
    Group { name: "hosted", triple: "x86_64-unknown-linux-gnu", processors: &["znver4"] },
];

impl Group {
    /// The program with the loops.
    ///
    /// # Errors
    ///
    /// When no subject of the counts has its name.
    pub fn subject(&self) -> Result<&'static Subject> {
        Subject::named(self.name).with_context(|| format!("no subject of the counts is called {}", self.name))
    }

    /// The figures of each processor, of the loops in `program`. Installs LLVM where it is missing.
    ///
    /// # Errors
    ///
    /// When LLVM is missing and cannot be installed, the program has no such loops, or llvm-mca fails.
    pub fn simulate(&self, program: &Path) -> Result<Vec<(&'static str, Figures)>> {
        let mut needs = Needs::default();
        needs.llvm();
        tools::ensure(&needs)?;
        let version = version()?;
        let loops = Loops::of(&disassembled(program)?).with_context(|| program.display().to_string())?;
        let simulate = |&processor: &&'static str| {
            let cycles = |(name, code): &(&str, String)| {
                let of = |turns| total(&self.mca(processor, code, turns)?);
                Ok(((*name).to_owned(), of(2 * TURNS)? - of(TURNS)?))
            };
            let figures = loops.rows().iter().map(cycles).collect::<Result<_>>()?;
            Ok((processor, Figures::of_now(&FORM, figures)?.made_with(&version)))
        };
        self.processors.iter().map(simulate).collect()
    }

    /// The output of llvm-mca for `turns` turns of `code`.
    fn mca(&self, processor: &str, code: &str, turns: u64) -> Result<String> {
        let mut mca = environment::clean(Command::new(MCA));
        mca.args([format!("-mtriple={}", self.triple), format!("-mcpu={processor}")]);
        mca.args([format!("-iterations={turns}"), "-all-views=false".to_owned(), "-summary-view".to_owned()]);
        let mut child = mca.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        // The pipe is closed at the end of the statement; otherwise the child would wait for more.
        child.stdin.take().context("no pipe to llvm-mca")?.write_all(code.as_bytes())?;
        let output = child.wait_with_output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{MCA} for {processor} failed ({}):\n{errors}\n{code}", output.status);
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The file that has its kept figures.
    ///
    /// # Errors
    ///
    /// As [`subject`](Self::subject).
    pub fn file(&self) -> Result<PathBuf> {
        Ok(self.subject()?.file().with_file_name(format!("{}.{}", FORM.word, self.name)))
    }

    /// Compares the kept figures with the present ones.
    ///
    /// # Errors
    ///
    /// A line for each figure that has changed; or that none are kept.
    pub fn compare(&self, now: &[(&'static str, Figures)]) -> Result<()> {
        let file = self.file()?;
        let remedy = || format!("cannot read {}; `{} --bless` makes it", file.display(), FORM.command);
        let kept = fs::read_to_string(&file).with_context(remedy)?;
        let problems = now.iter().map(|(processor, now)| {
            let kept = counts::read(&FORM, &kept, processor).with_context(|| file.display().to_string())?;
            Ok(kept.compare(now, processor).err())
        });
        let problems: Vec<_> = problems.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
        ensure!(problems.is_empty(), "{}", problems.join("\n"));
        Ok(())
    }
}

/// Prints the tables, or keeps them, for the suite to compare.
///
/// # Errors
///
/// When a tool is missing, a program does not build, or a program has no such loops.
pub fn show(bless: bool) -> Result<()> {
    for group in &GROUPS {
        let subject = group.subject()?;
        if let Some(why) = subject.obstacle() {
            eprintln!("{NOT_SIMULATED}, {}: {why}", group.name);
            continue;
        }
        let mut needs = Needs::default();
        subject.machine().iter().for_each(|(machine, _)| needs.target(machine.target));
        tools::ensure(&needs)?;
        let now = group.simulate(&subject.build()?)?;
        let columns: Vec<_> = now.iter().map(|(processor, figures)| (*processor, figures)).collect();
        let table = counts::table(&columns);
        println!("{}, {}\n\n{table}", group.name, FORM.unit);
        if bless {
            let (file, head) = (group.file()?, now.first().map(|(_, figures)| figures.head()).unwrap_or_default());
            fs::write(&file, head + &table).with_context(|| format!("cannot write {}", file.display()))?;
            println!("kept: {}\n", file.display());
        }
    }
    Ok(())
}

/// The version of LLVM, for the head of the figures.
fn version() -> Result<String> {
    let output = environment::clean(Command::new(MCA)).arg("--version").output();
    let output = output.with_context(|| format!("cannot start {MCA}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.lines().find_map(|line| line.split_once("LLVM version ")).map(|(_, version)| version.trim());
    Ok(format!("llvm-mca {}", version.with_context(|| format!("{MCA} printed no version: {text}"))?))
}

/// The code of `program`, as text.
fn disassembled(program: &Path) -> Result<String> {
    let mut objdump = environment::clean(Command::new(OBJDUMP));
    objdump.args(["--disassemble", "--no-show-raw-insn"]).arg(program);
    let output = objdump.output().with_context(|| format!("cannot start {OBJDUMP}"))?;
    if !output.status.success() {
        bail!("{OBJDUMP} failed ({}):\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The total in a summary of llvm-mca.
fn total(summary: &str) -> Result<u64> {
    let cycles = summary.lines().find_map(|line| line.strip_prefix("Total Cycles:"));
    cycles.and_then(|cycles| cycles.trim().parse().ok()).with_context(|| format!("no total cycles in:\n{summary}"))
}
