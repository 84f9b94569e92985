//! The tables of sizes in the documents, made from the kept figures.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::figures::Figures;
use crate::machine::{Machine, ONE_OF_EACH, OTHERS};
use crate::places;

/// A table in a document.
#[derive(Debug)]
pub struct Table {
    file: &'static str,
    /// Its first cell, by which it is found.
    corner: &'static str,
    machines: &'static [&'static Machine],
    /// The opt-levels of its columns, for each machine.
    levels: &'static [&'static str],
    rows: &'static [Row],
}

/// A row: its heading, and the name of its figure, in which `LEVEL` stands for the opt-level.
#[derive(Debug)]
struct Row {
    title: &'static str,
    figure: &'static str,
}

const fn row(title: &'static str, figure: &'static str) -> Row {
    Row { title, figure }
}

/// All of them.
pub static TABLES: [Table; 3] = [
    Table {
        file: "docs/size.md",
        corner: "bytes",
        machines: &ONE_OF_EACH,
        levels: &["s", "z", "3"],
        rows: &[
            row("`.text` of a program that does nothing", "empty, opt-level LEVEL, .text"),
            row("main, and a greenlet that answers: *two*", "two, opt-level LEVEL, .text"),
            row("*two*, and an error thrown and caught: *throw*", "throw, opt-level LEVEL, .text"),
            row("*throw*, and two greenlets killed, by a call and by a drop", "kill, opt-level LEVEL, .text"),
            row("*throw* with values of 64 bytes", "values, opt-level LEVEL, .text"),
            row("*two* with four bodies, and eight places that switch", "many, opt-level LEVEL, .text"),
            row("*two* with `unchecked-switch`", "two with unchecked-switch, opt-level LEVEL, .text"),
            row("*two* with `cores`", "two with cores, opt-level LEVEL, .text"),
            row("*two* with `fp-control`", "two with fp-control, opt-level LEVEL, .text"),
            row("*two* with `watchpoint`", "two with watchpoint, opt-level LEVEL, .text"),
            row("*two* with `high-water`", "two with high-water, opt-level LEVEL, .text"),
            row("*two* with `abandon`", "two with abandon, opt-level LEVEL, .text"),
            row("*two* with `alloc`, its stack from there", "heap, opt-level LEVEL, .text"),
            row("*two* with `recorder`, which remembers 8 events", "recorded, opt-level LEVEL, .text"),
            row("a hub with two tasks, a timer and a signal", "hub, opt-level LEVEL, .text"),
            row("`.rodata` of *two*", "two, opt-level LEVEL, .rodata"),
            row("`.data` of *two*: its `Tree`", "two, opt-level LEVEL, .data"),
            row("`.bss` of *two*, 2,048 of it the stack", "two, opt-level LEVEL, .bss"),
            row("RAM: a control block", "control block, opt-level LEVEL"),
            row("control block and frames of a greenlet that waits in `up`", "waiting in up, opt-level LEVEL"),
            row("what 64 stacks of a `StackPool` take besides", "StackPool of 64, opt-level LEVEL"),
            row("of a `SharedStackPool`", "SharedStackPool of 64, opt-level LEVEL"),
        ],
    },
    Table {
        file: "docs/size.md",
        corner: "bytes, without features",
        machines: &OTHERS,
        levels: &["s", "3"],
        rows: &[
            row("`.text` of *two*", "two, opt-level LEVEL, .text"),
            row("*throw*", "throw, opt-level LEVEL, .text"),
            row("*throw*, and two greenlets killed", "kill, opt-level LEVEL, .text"),
            row("*throw* with values of 64 bytes", "values, opt-level LEVEL, .text"),
            row("*two* with four bodies", "many, opt-level LEVEL, .text"),
            row("`.rodata` of *two*", "two, opt-level LEVEL, .rodata"),
            row("its `Tree`", "Tree<u64>, opt-level LEVEL"),
            row("RAM: a control block", "control block, opt-level LEVEL"),
            row("control block and frames of a greenlet that waits in `up`", "waiting in up, opt-level LEVEL"),
            row("what 64 stacks of a `StackPool` take besides", "StackPool of 64, opt-level LEVEL"),
            row("of a `SharedStackPool`", "SharedStackPool of 64, opt-level LEVEL"),
        ],
    },
    Table {
        file: "docs/stack-sizing.md",
        corner: "least stack",
        machines: &ONE_OF_EACH,
        levels: &["s", "3", "0"],
        rows: &[
            row("only `up`: takes", "up, opt-level LEVEL"),
            row("least `SIZE`", "up, least SIZE, opt-level LEVEL"),
            row("a throw, caught: takes", "a throw, caught, opt-level LEVEL"),
            row("least `SIZE`", "a throw, caught, least SIZE, opt-level LEVEL"),
            row("its end by a kill: takes", "its end by a kill, opt-level LEVEL"),
            row("least `SIZE`", "its end by a kill, least SIZE, opt-level LEVEL"),
            row("spawns another, switches to it: takes", "spawn and a switch, opt-level LEVEL"),
            row("least `SIZE`", "spawn and a switch, least SIZE, opt-level LEVEL"),
        ],
    },
];

/// The features that cost nothing if they are enabled and not used, as `docs/size.md` says.
static FREE: [&str; 4] = ["alloc", "defmt", "embedded-io", "recorder"];

/// The contradictions to the claim that these features are free: a line for each.
pub fn not_free(figures: &Figures) -> Vec<String> {
    let mut problems = Vec::new();
    for feature in FREE {
        let with = format!("two with {feature}, ");
        for (name, bytes) in figures.iter().filter(|(name, _)| name.starts_with(&with)) {
            let plain = figures.of(&name.replace(&with, "two, "));
            if plain != Some(bytes) {
                problems.push(format!(
                    "{name}: {bytes} bytes, {plain:?} without, and docs/size.md says that it costs nothing"
                ));
            }
        }
    }
    problems
}

impl Table {
    /// The document that contains it.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        places::root().join(self.file)
    }

    /// The table, of the figures of all machines.
    ///
    /// # Errors
    ///
    /// When a figure is missing.
    pub fn of(&self, all: &[(&Machine, Figures)]) -> Result<String> {
        let all: Vec<_> = all.iter().filter(|(machine, _)| self.machines.contains(machine)).collect();
        let mut table = format!("| {} |", self.corner);
        for (machine, _) in &all {
            self.levels.iter().for_each(|level| table += &format!(" {machine}, `{level}` |"));
        }
        table += "\n|---|";
        table += &"---|".repeat(all.len() * self.levels.len());
        for Row { title, figure } in self.rows {
            table += &format!("\n| {title} |");
            for (_, figures) in &all {
                for level in self.levels {
                    let name = figure.replace("LEVEL", level);
                    let figure = figures.of(&name).with_context(|| format!("there is no figure `{name}`"))?;
                    table += &format!(" {} |", grouped(figure));
                }
            }
        }
        table.push('\n');
        Ok(table)
    }

    /// The table as it stands in the text of its document.
    ///
    /// # Errors
    ///
    /// When it is not there, or there twice.
    pub fn found<'a>(&self, text: &'a str) -> Result<&'a str> {
        let head = format!("\n| {} |", self.corner);
        ensure!(text.matches(&head).count() == 1, "{}: not one table begins with `{}`", self.file, head.trim());
        let start = text.find(&head).map_or(0, |at| at + 1);
        let lines = text[start..].split_inclusive('\n').take_while(|line| line.starts_with('|'));
        let length: usize = lines.map(str::len).sum();
        Ok(&text[start..start + length])
    }

    /// Writes the table into its document.
    ///
    /// # Errors
    ///
    /// When a figure is missing, or the document has no place for it or cannot be written.
    pub fn write(&self, all: &[(&Machine, Figures)]) -> Result<()> {
        let file = self.file();
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let text = text.replace(self.found(&text)?, &self.of(all)?);
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
    }
}

/// With a comma before each three digits, as the documents have numbers.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three_digits() {
        assert_eq!([0, 12, 999, 1000, 12345, 1_234_567].map(grouped).join(" "), "0 12 999 1,000 12,345 1,234,567");
    }

    #[test]
    fn a_table_is_found_by_its_corner_and_only_once() {
        let table = &TABLES[0];
        assert_eq!(
            table.found("a\n\n| bytes | b |\n|---|---|\n| 1 | 2 |\n\nz\n").unwrap(),
            "| bytes | b |\n|---|---|\n| 1 | 2 |\n"
        );
        assert!(table.found("no table\n").is_err());
        assert!(table.found("\n| bytes | b |\n\n| bytes | c |\n").is_err());
    }
}
