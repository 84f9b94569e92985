//! The figures that are kept.
//!
//! They are exact, but one compiler's, whose name stands in the file. Another one is given some room, or every release of Rust
//! would break what nobody has changed.

use anyhow::{Context, Result, ensure};
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What a figure may be above the kept one if another compiler made it: one part in so many, or `ROOM_AT_LEAST`.
const ROOM: u64 = 8;
const ROOM_AT_LEAST: u64 = 8;

/// What to do where a change is no loss.
const BLESS: &str = "; `cargo bench-peers --counts --bless` keeps what is now";

/// Instructions by the name of what took them, and the compiler.
#[derive(Debug, PartialEq)]
pub(super) struct Counts {
    compiler: String,
    figures: Vec<(String, u64)>,
}

impl Counts {
    /// None yet.
    pub(super) fn by_this_compiler() -> Result<Self> {
        let output = Command::new("rustc").arg("--version").output().context("cannot start rustc")?;
        ensure!(output.status.success(), "rustc does not tell its version ({})", output.status);
        Ok(Self { compiler: String::from_utf8_lossy(&output.stdout).trim().to_owned(), figures: Vec::new() })
    }

    pub(super) fn add(&mut self, name: String, count: u64) {
        self.figures.push((name, count));
    }

    /// Reads what is kept.
    pub(super) fn kept(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}{BLESS}", file.display()))?;
        Self::read(&text).with_context(|| file.display().to_string())
    }

    fn read(text: &str) -> Result<Self> {
        let compiler = text.lines().find_map(|line| line.strip_prefix("# by ")).context("no line `# by COMPILER`")?;
        let mut counts = Self { compiler: compiler.to_owned(), figures: Vec::new() };
        for line in text.lines().filter_map(|line| line.strip_prefix("count ")) {
            let (name, count) = line.split_once(' ').with_context(|| format!("`{line}` is not `NAME N`"))?;
            counts.add(name.to_owned(), count.parse().with_context(|| format!("`{line}` is not `NAME N`"))?);
        }
        Ok(counts)
    }

    /// Keeps these.
    pub(super) fn keep(&self, file: &Path) -> Result<()> {
        fs::write(file, self.to_string()).with_context(|| format!("cannot write {}", file.display()))
    }

    /// Compares these, the kept ones, with those of now.
    ///
    /// # Errors
    ///
    /// A line for each that is not as it was.
    pub(super) fn compare(&self, now: &Self) -> Result<(), String> {
        let same = self.compiler == now.compiler;
        let mut problems = Vec::new();
        for (name, count) in &now.figures {
            match self.of(name) {
                None => problems.push(format!("{name}: {count} instructions, and none are kept{BLESS}")),
                Some(kept) if *count > kept + if same { 0 } else { ROOM_AT_LEAST.max(kept / ROOM) } => {
                    problems.push(format!("{name}: {count} instructions, {} more than the {kept} kept", count - kept));
                }
                Some(kept) if same && *count < kept => {
                    problems.push(format!("{name}: {count} instructions, and {kept} are kept{BLESS}"));
                }
                Some(_) => {}
            }
        }
        let gone = self.figures.iter().filter(|(name, _)| now.of(name).is_none());
        problems.extend(gone.map(|(name, _)| format!("{name}: kept, and not counted any more{BLESS}")));
        if !problems.is_empty() && !same {
            problems.push(format!("the figures are kept from {}, and this is {}", self.compiler, now.compiler));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
    }

    fn of(&self, name: &str) -> Option<u64> {
        self.figures.iter().find(|(found, _)| found == name).map(|&(_, count)| count)
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# instructions of an operation with the loop around it, hosted")?;
        writeln!(f, "# kept by `cargo bench-peers --counts --bless`\n# by {}", self.compiler)?;
        self.figures.iter().try_for_each(|(name, count)| writeln!(f, "count {name} {count}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    fn counts(compiler: &str, figures: &[(&str, u64)]) -> Counts {
        let figures = figures.iter().map(|&(name, count)| (name.into(), count)).collect();
        Counts { compiler: compiler.into(), figures }
    }

    #[test]
    fn what_is_kept_is_what_is_read() {
        let kept = counts("rustc 1", &[("round-trip/greenlet", 70), ("throw-1/greenlet", 200)]);
        assert_eq!(Counts::read(&kept.to_string()).unwrap(), kept);
    }

    #[test]
    fn one_instruction_more_is_named() {
        let kept = counts("rustc 1", &[("a", 70), ("b", 9)]);
        assert_eq!(kept.compare(&counts("rustc 1", &[("a", 70), ("b", 9)])), Ok(()));
        let problem = kept.compare(&counts("rustc 1", &[("a", 71), ("b", 9)])).unwrap_err();
        assert_eq!(problem, "a: 71 instructions, 1 more than the 70 kept");
    }

    #[test]
    fn what_is_less_or_gone_or_new_is_to_be_kept() {
        let kept = counts("rustc 1", &[("a", 70)]);
        for now in [[("a", 69)].as_slice(), &[], &[("a", 70), ("b", 1)]] {
            assert!(kept.compare(&counts("rustc 1", now)).unwrap_err().contains("--bless"));
        }
    }

    #[test]
    fn another_compiler_has_some_room() {
        let kept = counts("rustc 1", &[("a", 80)]);
        assert_eq!(kept.compare(&counts("rustc 2", &[("a", 90)])), Ok(()));
        assert!(kept.compare(&counts("rustc 2", &[("a", 91)])).unwrap_err().contains("rustc 1"));
    }
}
