//! The instructions that operations take, kept beside the guest that counts them: `count.aarch64` and `count.x86_64`.
//!
//! The figures are exact, but they are one compiler's, whose name stands in the file. Built by that one, each must be what it
//! was; a lower one is kept by `cargo speed --bless`, so that it cannot grow back unseen. Another compiler is given some room,
//! or every new release of Rust would break the tests of a project in which nothing changed.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::boot::Boot;
use crate::guests::USUAL_LIMIT;
use crate::machine::Machine;
use crate::{environment, places, transcript, verdict};

/// The guest that counts instructions.
pub const GUEST: &str = "count";

/// The machines that it counts on: one for each instruction set.
pub const MACHINES: [&str; 2] = ["aarch64", "x86_64"];

/// What a figure may be above the kept one if another compiler made it: one part in so many, or `ROOM_AT_LEAST`.
const ROOM: u64 = 8;
const ROOM_AT_LEAST: u64 = 4;

/// The figures of one machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Counts {
    /// The compiler, as it says itself.
    compiler: String,
    /// Instructions, by the name of the operation, in the order of the guest.
    figures: Vec<(String, u64)>,
}

impl Counts {
    /// Boots the guest, which is `elf`, on `machine` and reads what it counts. `seen` gets the transcript as it comes.
    ///
    /// # Errors
    ///
    /// When the guest does not pass, or counts nothing.
    pub fn measure(machine: &'static Machine, elf: &Path, seen: impl FnMut(&[u8]) -> io::Result<()>) -> Result<Self> {
        let boot = Boot { machine, elf, input: None, log: None, counted: true, cores: 1, limit: USUAL_LIMIT };
        let ended = boot.run(seen)?;
        verdict::judge(machine, &ended)?;
        let mut compiler = environment::rustc();
        let output = compiler.current_dir(places::guests()).arg("--version").output().context("cannot start rustc")?;
        ensure!(output.status.success(), "rustc does not tell its version ({})", output.status);
        let compiler = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(Self { compiler, figures: figures(&transcript::text(&ended.output))? })
    }

    /// Reads the kept figures of `machine`.
    ///
    /// # Errors
    ///
    /// When there are none, or the file is not of the form that [`keep`](Self::keep) writes.
    pub fn kept(machine: &Machine) -> Result<Self> {
        let file = places::counts(machine);
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        Self::read(&text).with_context(|| file.display().to_string())
    }

    fn read(text: &str) -> Result<Self> {
        let compiler = text.lines().find_map(|line| line.strip_prefix("# by "));
        Ok(Self { compiler: compiler.context("no line `# by COMPILER`")?.to_owned(), figures: figures(text)? })
    }

    /// Keeps these figures as those of `machine`.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn keep(&self, machine: &Machine) -> Result<()> {
        let file = places::counts(machine);
        fs::write(&file, self.to_string()).with_context(|| format!("cannot write {}", file.display()))
    }

    /// Compares these figures, the kept ones, with those of now.
    ///
    /// # Errors
    ///
    /// A line for each figure that is not as it was.
    pub fn compare(&self, now: &Self) -> Result<(), String> {
        let same_compiler = self.compiler == now.compiler;
        let mut problems = Vec::new();
        for (name, now) in &now.figures {
            match self.of(name) {
                None => problems.push(format!("{name}: {now} instructions, and none are kept{BLESS}")),
                Some(kept) if same_compiler && *now < kept => {
                    problems
                        .push(format!("{name}: {now} instructions, {} less than the {kept} kept{BLESS}", kept - now));
                }
                Some(kept) if *now > kept + if same_compiler { 0 } else { ROOM_AT_LEAST.max(kept / ROOM) } => {
                    problems.push(format!("{name}: {now} instructions, {} more than the {kept} kept", now - kept));
                }
                Some(_) => {}
            }
        }
        let gone = self.figures.iter().filter(|(name, _)| now.of(name).is_none());
        problems.extend(gone.map(|(name, kept)| format!("{name}: not counted any more, and {kept} are kept{BLESS}")));
        if problems.is_empty() {
            return Ok(());
        }
        if !same_compiler {
            problems.push(format!("the figures are kept from {}, and this is {}", self.compiler, now.compiler));
        }
        Err(problems.join("\n"))
    }

    fn of(&self, name: &str) -> Option<u64> {
        self.figures.iter().find(|(found, _)| found == name).map(|&(_, count)| count)
    }
}

/// What to do where a change is no loss.
const BLESS: &str = "; `cargo speed --bless` keeps what is now";

/// As it is kept.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# instructions, kept by `cargo speed --bless`\n# by {}", self.compiler)?;
        self.figures.iter().try_for_each(|(name, count)| writeln!(f, "count {name} {count}"))
    }
}

/// The figures in a text: its lines `count NAME N`.
fn figures(text: &str) -> Result<Vec<(String, u64)>> {
    let mut figures = Vec::<(String, u64)>::new();
    for rest in text.lines().filter_map(|line| line.strip_prefix("count ")) {
        let (name, count) = rest.split_once(' ').with_context(|| format!("`count {rest}` is not `count NAME N`"))?;
        let count = count.parse().with_context(|| format!("`count {rest}` is not `count NAME N`"))?;
        ensure!(figures.iter().all(|(before, _)| before != name), "two figures are called {name}");
        figures.push((name.to_owned(), count));
    }
    ensure!(!figures.is_empty(), "there is no line `count NAME N`");
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: &str = "# by rustc 1\ncount switch 22\ncount throw 160\n";

    fn compare(now: &str) -> Result<(), String> {
        Counts::read(KEPT).unwrap().compare(&Counts::read(now).unwrap())
    }

    #[test]
    fn what_is_written_reads_back() {
        let counts = Counts::read(KEPT).unwrap();
        assert_eq!(Counts::read(&counts.to_string()).unwrap(), counts);
        assert_eq!(compare(KEPT), Ok(()));
    }

    #[test]
    fn growth_is_named_with_both_figures() {
        let grown = compare("# by rustc 1\ncount switch 23\ncount throw 160\n").unwrap_err();
        assert_eq!(grown, "switch: 23 instructions, 1 more than the 22 kept");
    }

    #[test]
    fn what_is_less_new_or_gone_asks_to_be_kept() {
        for (now, problem) in [
            ("count switch 21\ncount throw 160\n", "switch: 21 instructions, 1 less than the 22 kept; "),
            ("count switch 22\ncount throw 160\ncount up 9\n", "up: 9 instructions, and none are kept; "),
            ("count throw 160\n", "switch: not counted any more, and 22 are kept; "),
        ] {
            let said = compare(&format!("# by rustc 1\n{now}")).unwrap_err();
            assert!(said.starts_with(problem) && said.ends_with("`cargo speed --bless` keeps what is now"), "{said}");
        }
    }

    #[test]
    fn another_compiler_has_some_room_above() {
        assert_eq!(compare("# by rustc 2\ncount switch 26\ncount throw 180\n"), Ok(()));
        assert_eq!(compare("# by rustc 2\ncount switch 10\ncount throw 10\n"), Ok(()));
        let said = compare("# by rustc 2\ncount switch 27\ncount throw 181\n").unwrap_err();
        for part in ["switch: 27 ", "throw: 181 ", "kept from rustc 1, and this is rustc 2"] {
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn what_counts_nothing_is_refused() {
        for (text, problem) in [
            ("# by rustc 1\n", "no line `count NAME N`"),
            ("count switch 22\n", "no line `# by COMPILER`"),
            ("# by rustc 1\ncount switch\n", "is not `count NAME N`"),
            ("# by rustc 1\ncount switch many\n", "is not `count NAME N`"),
            ("# by rustc 1\ncount switch 1\ncount switch 1\n", "two figures are called switch"),
        ] {
            let said = Counts::read(text).unwrap_err().to_string();
            assert!(said.contains(problem), "{text:?}: {said}");
        }
    }
}
