//! Figures that are kept in a file, one per line. The suite compares them with those of the present build.
//!
//! They are exact, but only for one compiler, whose name is in the file. With that compiler each figure must be the
//! kept one; if it is lower, the command that the file names keeps the lower one, so that it cannot grow back
//! unnoticed. With another compiler a figure may be somewhat higher; otherwise every new release of Rust would break
//! the tests, although nothing has changed in the project.
//!
//! ```text
//! # bytes, kept by `cargo xtask sizes --bless`
//! # by rustc 1.88.0
//! size two, opt-level s, .text 1024
//! ```

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::{environment, places};

/// How much higher a figure may be with another compiler: the kept one divided by this, or [`Form::room`].
const ROOM: u64 = 8;

/// What kind of figures a file holds.
#[derive(Debug, PartialEq)]
pub struct Form {
    /// The word with which its lines begin.
    pub word: &'static str,
    /// What is counted.
    pub unit: &'static str,
    /// The command that keeps figures.
    pub command: &'static str,
    /// By how many of the unit a figure may always be higher with another compiler.
    pub room: u64,
}

/// The figures of one file.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    form: &'static Form,
    /// The compiler, by its own version string.
    compiler: String,
    /// The names and figures, in the order in which they were taken.
    figures: Vec<(String, u64)>,
}

impl Figures {
    /// Figures of the present compiler.
    ///
    /// # Errors
    ///
    /// When rustc does not print its version, two figures have one name, or there are none.
    pub fn of_now(form: &'static Form, figures: Vec<(String, u64)>) -> Result<Self> {
        let mut compiler = environment::rustc();
        let output = compiler.current_dir(places::guests()).arg("--version").output().context("cannot start rustc")?;
        ensure!(output.status.success(), "rustc does not print its version ({})", output.status);
        Self::new(form, String::from_utf8_lossy(&output.stdout).trim().to_owned(), figures)
    }

    /// Adds `this` to the compiler's name: the figures depend on it in the same way.
    #[must_use]
    pub fn made_with(mut self, this: &str) -> Self {
        self.compiler = format!("{}, {this}", self.compiler);
        self
    }

    pub(crate) fn new(form: &'static Form, compiler: String, figures: Vec<(String, u64)>) -> Result<Self> {
        ensure!(!figures.is_empty(), "there is no line `{} NAME N`", form.word);
        for (at, (name, _)) in figures.iter().enumerate() {
            ensure!(figures[..at].iter().all(|(before, _)| before != name), "two figures are called {name}");
        }
        Ok(Self { form, compiler, figures })
    }

    /// Reads the figures that are kept in `file`.
    ///
    /// # Errors
    ///
    /// When there are none, or the file is not of the form that [`keep`](Self::keep) writes.
    pub fn kept(form: &'static Form, file: &Path) -> Result<Self> {
        let remedy = || format!("cannot read {}; `{} --bless` makes it", file.display(), form.command);
        let text = fs::read_to_string(file).with_context(remedy)?;
        Self::read(form, &text).with_context(|| file.display().to_string())
    }

    fn read(form: &'static Form, text: &str) -> Result<Self> {
        Self::new(form, compiler(text)?, lines(form.word, text)?)
    }

    /// Keeps these figures in `file`.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn keep(&self, file: &Path) -> Result<()> {
        fs::write(file, self.to_string()).with_context(|| format!("cannot write {}", file.display()))
    }

    /// The lines at the head of a file of kept figures: the command that keeps them, and the compiler.
    pub(crate) fn head(&self) -> String {
        let Form { unit, command, .. } = self.form;
        format!("# {unit}, kept by `{command} --bless`\n# by {}\n", self.compiler)
    }

    /// The figure with this name.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<u64> {
        self.figures.iter().find(|(found, _)| found == name).map(|&(_, figure)| figure)
    }

    /// All figures, by their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.figures.iter().map(|(name, figure)| (name.as_str(), *figure))
    }

    /// The figures whose names `other` has, too: for a [comparison](Self::compare) with a part of the kept ones.
    #[must_use]
    pub fn shared_with(mut self, other: &Self) -> Self {
        self.figures.retain(|(name, _)| other.of(name).is_some());
        self
    }

    /// Compares these figures, the kept ones, with the present ones. `subject` names what was measured.
    ///
    /// # Errors
    ///
    /// A line for each figure that has changed.
    pub fn compare(&self, now: &Self, subject: &str) -> Result<(), String> {
        let Form { unit, command, room, .. } = self.form;
        let bless = format!("; `{command} --bless` keeps what is now");
        let same_compiler = self.compiler == now.compiler;
        let mut problems = Vec::new();
        for (name, now) in now.iter() {
            match self.of(name) {
                None => problems.push(format!("{subject}: {name}: {now} {unit}, and none are kept{bless}")),
                Some(kept) if same_compiler && now < kept => {
                    let less = kept - now;
                    problems.push(format!("{subject}: {name}: {now} {unit}, {less} less than the {kept} kept{bless}"));
                }
                Some(kept) if now > kept + if same_compiler { 0 } else { (*room).max(kept / ROOM) } => {
                    let more = now - kept;
                    problems.push(format!(
                        "{subject}: {name}: {now} {unit}, {more} more than the {kept} kept; `{command}` shows all"
                    ));
                }
                Some(_) => {}
            }
        }
        let gone = self.iter().filter(|(name, _)| now.of(name).is_none());
        problems.extend(gone.map(|(name, kept)| {
            format!("{subject}: {name}: there is no such figure any more, and {kept} {unit} are kept{bless}")
        }));
        if problems.is_empty() {
            return Ok(());
        }
        if !same_compiler {
            problems.push(format!("the figures are kept from {}, and this is {}", self.compiler, now.compiler));
        }
        Err(problems.join("\n"))
    }
}

/// As they are kept.
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.head())?;
        self.iter().try_for_each(|(name, figure)| writeln!(f, "{} {name} {figure}", self.form.word))
    }
}

/// The compiler that a text names in its head.
pub(crate) fn compiler(text: &str) -> Result<String> {
    let line = text.lines().find_map(|line| line.strip_prefix("# by "));
    line.map(str::to_owned).context("no line `# by COMPILER`")
}

/// The figures in a text: its lines `WORD NAME N`. A name may have spaces.
///
/// # Errors
///
/// When a line that begins with the word is not of that form.
pub fn lines(word: &str, text: &str) -> Result<Vec<(String, u64)>> {
    let mut figures = Vec::new();
    for line in text.lines() {
        let Some(rest) = line.strip_prefix(word).and_then(|rest| rest.strip_prefix(' ')) else { continue };
        let parsed = rest.rsplit_once(' ').and_then(|(name, figure)| Some((name.to_owned(), figure.parse().ok()?)));
        figures.push(parsed.with_context(|| format!("`{line}` is not `{word} NAME N`"))?);
    }
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    static FORM: Form = Form { word: "size", unit: "bytes", command: "cargo xtask sizes", room: 4 };

    const KEPT: &str = "# by rustc 1\nsize two, .text 22\nsize throw 160\n";

    fn compare(now: &str) -> Result<(), String> {
        Figures::read(&FORM, KEPT).unwrap().compare(&Figures::read(&FORM, now).unwrap(), "aarch64")
    }

    #[test]
    fn what_is_written_reads_back() {
        let figures = Figures::read(&FORM, KEPT).unwrap();
        assert_eq!(Figures::read(&FORM, &figures.to_string()).unwrap(), figures);
        assert_eq!(compare(KEPT), Ok(()));
    }

    #[test]
    fn growth_is_named_with_both_figures_and_the_command() {
        let grown = compare("# by rustc 1\nsize two, .text 23\nsize throw 160\n").unwrap_err();
        assert_eq!(grown, "aarch64: two, .text: 23 bytes, 1 more than the 22 kept; `cargo xtask sizes` shows all");
    }

    #[test]
    fn what_is_less_new_or_gone_needs_a_new_baseline() {
        for (now, problem) in [
            ("size two, .text 21\nsize throw 160\n", "aarch64: two, .text: 21 bytes, 1 less than the 22 kept; "),
            ("size two, .text 22\nsize throw 160\nsize up 9\n", "aarch64: up: 9 bytes, and none are kept; "),
            ("size throw 160\n", "aarch64: two, .text: there is no such figure any more, and 22 bytes are kept; "),
        ] {
            let said = compare(&format!("# by rustc 1\n{now}")).unwrap_err();
            assert!(
                said.starts_with(problem) && said.ends_with("`cargo xtask sizes --bless` keeps what is now"),
                "{said}"
            );
        }
    }

    #[test]
    fn another_compiler_has_some_room_above() {
        assert_eq!(compare("# by rustc 2\nsize two, .text 26\nsize throw 180\n"), Ok(()));
        assert_eq!(compare("# by rustc 2\nsize two, .text 10\nsize throw 10\n"), Ok(()));
        let said = compare("# by rustc 2\nsize two, .text 27\nsize throw 181\n").unwrap_err();
        for part in ["two, .text: 27 ", "throw: 181 ", "kept from rustc 1, and this is rustc 2"] {
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn what_has_no_figures_is_refused() {
        for (text, problem) in [
            ("# by rustc 1\n", "no line `size NAME N`"),
            ("size two 22\n", "no line `# by COMPILER`"),
            ("# by rustc 1\nsize two\n", "is not `size NAME N`"),
            ("# by rustc 1\nsize two many\n", "is not `size NAME N`"),
            ("# by rustc 1\nsize two 1\nsize two 1\n", "two figures are called two"),
        ] {
            let said = Figures::read(&FORM, text).unwrap_err().to_string();
            assert!(said.contains(problem), "{text:?}: {said}");
        }
    }
}
