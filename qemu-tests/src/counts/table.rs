//! Tables of figures, with a row for each operation and a column for each subject. They are printed and kept in this
//! form.
//!
//! ```text
//! # instructions, kept by `cargo xtask speed --bless`
//! # by rustc 1.95.0
//! operation  default  unchecked
//! switch          28         19
//! ```

use anyhow::{Context, Result};

use crate::figures::{Figures, Form, compiler};

/// The heading of the column with the names of operations.
const HEAD: &str = "operation";

/// The cell of an operation that is not counted.
const NONE: &str = "-";

/// A table with a row for each operation and a column for each of these.
#[must_use]
pub fn table(columns: &[(&str, &Figures)]) -> String {
    let mut names = Vec::<&str>::new();
    for (name, _) in columns.iter().flat_map(|(_, figures)| figures.iter()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let width = names.iter().map(|name| name.len()).max().unwrap_or(0).max(HEAD.len());
    let mut table = format!("{HEAD:<width$}");
    columns.iter().for_each(|(column, _)| table += &format!("  {column}"));
    for name in names {
        table += &format!("\n{name:<width$}");
        for (column, figures) in columns {
            let figure = figures.of(name).map_or_else(|| NONE.to_owned(), |figure| figure.to_string());
            table += &format!("  {figure:>width$}", width = column.len());
        }
    }
    table + "\n"
}

/// Reads a column of a table that is kept.
pub(crate) fn read(form: &'static Form, text: &str, column: &str) -> Result<Figures> {
    let mut rows = text.lines().filter(|line| !line.starts_with('#')).map(str::split_whitespace);
    let mut head = rows.next().into_iter().flatten();
    let at = head.position(|name| name == column).with_context(|| format!("no column `{column}`"))?;
    let mut figures = Vec::new();
    for row in rows {
        let words: Vec<_> = row.collect();
        let form = || format!("no figure in column `{column}`: `{}`", words.join(" "));
        let cell = *words.get(at).with_context(form)?;
        if cell != NONE {
            figures.push((words[0].to_owned(), cell.parse().ok().with_context(form)?));
        }
    }
    Figures::new(form, compiler(text)?, figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    static FORM: Form = Form { word: "count", unit: "instructions", command: "cargo xtask speed", room: 4 };

    fn figures(figures: &[(&str, u64)]) -> Figures {
        let figures = figures.iter().map(|&(name, figure)| (name.to_owned(), figure)).collect();
        Figures::new(&FORM, "rustc 1".to_owned(), figures).unwrap()
    }

    #[test]
    fn what_is_written_reads_back() {
        let (few, many) = (figures(&[("switch", 28)]), figures(&[("switch", 7), ("life_of_one", 12345)]));
        let text = few.head() + &table(&[("default", &few), ("std", &many)]);
        assert!(
            text.ends_with("operation    default  std\nswitch            28    7\nlife_of_one        -  12345\n"),
            "{text}"
        );
        assert_eq!((read(&FORM, &text, "default").unwrap(), read(&FORM, &text, "std").unwrap()), (few, many));
    }

    #[test]
    fn a_damaged_table_is_refused() {
        for (text, problem) in [
            ("# by rustc 1\noperation  std\nswitch  7\n", "no column `default`"),
            ("# by rustc 1\noperation  default\nswitch\n", "no figure in column `default`: `switch`"),
            ("# by rustc 1\noperation  default\nswitch  many\n", "no figure in column `default`: `switch many`"),
            ("operation  default\nswitch  7\n", "no line `# by COMPILER`"),
        ] {
            assert_eq!(read(&FORM, text, "default").unwrap_err().to_string(), problem);
        }
    }
}
