//! Separates the logs of scenarios from the text around them, in a stream, and counts them.
//!
//! A log is the text from `scenario NAME` to `done`. All other output of a guest (its `DONE` line, notes, a panic in
//! the middle of a log) goes to another sink, so that the standard output of `cargo xtask conformance` has only logs.

use std::io;

/// The receivers of the two kinds of lines. A line includes its newline.
pub trait Sinks {
    /// Takes a line of a log.
    ///
    /// # Errors
    ///
    /// When it cannot be passed on; the run is ended then.
    fn log(&mut self, line: &[u8]) -> io::Result<()>;

    /// Takes a line that belongs to no log.
    ///
    /// # Errors
    ///
    /// When it cannot be passed on; the run is ended then.
    fn aside(&mut self, line: &[u8]) -> io::Result<()>;
}

/// Splits a stream of output into logs and the rest.
#[derive(Debug)]
pub struct Splitter<'a, S> {
    sinks: S,
    /// The names of the scenarios, in the order in which their logs must come.
    expected: &'a [String],
    /// How many logs have reached their `done`.
    finished: usize,
    /// Whether a log has begun and has not reached its `done`.
    open: bool,
    /// A line whose newline has not arrived yet.
    begun: Vec<u8>,
    /// The first thing that was wrong.
    problem: Option<String>,
}

impl<'a, S: Sinks> Splitter<'a, S> {
    /// Expects logs of the scenarios with the names `expected`, in this order.
    pub fn new(expected: &'a [String], sinks: S) -> Self {
        Self { sinks, expected, finished: 0, open: false, begun: Vec::new(), problem: None }
    }

    /// Takes the next piece of output, which may end anywhere in a line.
    ///
    /// # Errors
    ///
    /// Those of the sinks.
    pub fn take(&mut self, mut piece: &[u8]) -> io::Result<()> {
        while let Some(end) = piece.iter().position(|&byte| byte == b'\n') {
            let (line, rest) = piece.split_at(end + 1);
            self.begun.extend_from_slice(line);
            piece = rest;
            self.line()?;
        }
        self.begun.extend_from_slice(piece);
        Ok(())
    }

    /// Ends the stream, and gives the sinks back with what was wrong, if anything was.
    ///
    /// # Errors
    ///
    /// Those of the sinks.
    pub fn finish(mut self) -> io::Result<(S, Option<String>)> {
        if !self.begun.is_empty() {
            self.begun.push(b'\n');
            self.line()?;
        }
        if self.open {
            let name = self.current();
            self.complain(format!("the log of `{name}` is cut short"));
        }
        if self.finished != self.expected.len() {
            self.complain("not every scenario ran to its `done`".to_owned());
        }
        let count = format!("{} of {} scenarios ran to `done`", self.finished, self.expected.len());
        Ok((self.sinks, self.problem.map(|problem| format!("{problem}; {count}"))))
    }

    /// Decides about the line that has just been completed.
    fn line(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.begun);
        let text = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
        if let Some(name) = text.strip_prefix("scenario ") {
            if self.open {
                let cut = self.current();
                self.complain(format!("the log of `{cut}` has no `done` before the log of `{name}`"));
            }
            if self.current() != name {
                let due = self.current();
                self.complain(format!("a log of `{name}` where that of `{due}` is due"));
            }
            self.open = true;
            return self.sinks.log(&line);
        }
        if !self.open {
            return self.sinks.aside(&line);
        }
        if text == "done" {
            self.open = false;
            self.finished += 1;
            return self.sinks.log(&line);
        }
        // Log lines begin with the number of a greenlet, or with `* ` for the kernel's own.
        if text.starts_with(|first: char| first.is_ascii_digit()) || text.starts_with("* ") {
            return self.sinks.log(&line);
        }
        if !text.starts_with('#') {
            let name = self.current();
            self.complain(format!("`{text}` stands in the log of `{name}`"));
        }
        self.sinks.aside(&line)
    }

    /// The name of the scenario whose log is open, or due.
    fn current(&self) -> String {
        self.expected.get(self.finished).map_or("nothing", String::as_str).to_owned()
    }

    /// Keeps the first problem; what follows is most often its consequence.
    fn complain(&mut self, problem: String) {
        self.problem.get_or_insert(problem);
    }
}

/// The first line in which two logs differ.
#[must_use]
pub fn difference(expected: &str, got: &str) -> String {
    let (mut expected, mut got) = (expected.lines(), got.lines());
    let mut number = 0;
    loop {
        number += 1;
        match (expected.next(), got.next()) {
            (None, None) => return "only line ends differ".to_owned(),
            (wanted, printed) if wanted != printed => {
                let shown = |line: Option<&str>| line.map_or_else(|| "the end".to_owned(), |line| format!("`{line}`"));
                return format!("line {number} is {}, not {}", shown(printed), shown(wanted));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Kept {
        logs: String,
        aside: String,
    }

    impl Sinks for Kept {
        fn log(&mut self, line: &[u8]) -> io::Result<()> {
            self.logs += std::str::from_utf8(line).unwrap();
            Ok(())
        }

        fn aside(&mut self, line: &[u8]) -> io::Result<()> {
            self.aside += std::str::from_utf8(line).unwrap();
            Ok(())
        }
    }

    /// Splits `text`, handed over in pieces of `size`, where logs of `names` are expected.
    fn split(names: &[&str], text: &str, size: usize) -> (Kept, Option<String>) {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut splitter = Splitter::new(&names, Kept::default());
        for piece in text.as_bytes().chunks(size) {
            splitter.take(piece).unwrap();
        }
        splitter.finish().unwrap()
    }

    #[test]
    fn logs_and_the_rest_go_apart_however_they_are_cut() {
        let text = "booted\nscenario a\n0 0 ok\n* final 0 cur -\ndone\n# note\nscenario b\ndone\nDONE 2/2\n";
        for size in 1..text.len() {
            let (kept, problem) = split(&["a", "b"], text, size);
            assert_eq!(kept.logs, "scenario a\n0 0 ok\n* final 0 cur -\ndone\nscenario b\ndone\n");
            assert_eq!(kept.aside, "booted\n# note\nDONE 2/2\n");
            assert_eq!(problem, None);
        }
    }

    #[test]
    fn a_panic_in_a_log_goes_aside_and_is_a_problem() {
        let (kept, problem) = split(&["a"], "scenario a\n0 0 ok\nPANIC outside any greenlet: x\n# at y\n", 7);
        assert_eq!(kept.logs, "scenario a\n0 0 ok\n");
        assert_eq!(kept.aside, "PANIC outside any greenlet: x\n# at y\n");
        assert!(problem.unwrap().contains("PANIC outside"));
    }

    #[test]
    fn what_is_missing_surplus_or_out_of_order_is_a_problem() {
        for (names, text, part) in [
            (&["a", "b"][..], "scenario a\ndone\n", "1 of 2 scenarios"),
            (&["a"], "", "0 of 1 scenarios"),
            (&["a"], "scenario a\n0 0 ok\n", "of `a` is cut short"),
            (&["a"], "scenario a\n0 0 o", "of `a` is cut short"),
            (&["a", "b"], "scenario b\ndone\nscenario a\ndone\n", "`b` where that of `a` is due"),
            (&["a"], "scenario a\ndone\nscenario a\ndone\n", "`a` where that of `nothing` is due"),
            (&["a", "b"], "scenario a\nscenario b\ndone\n", "no `done` before the log of `b`"),
        ] {
            let (_, problem) = split(names, text, 64);
            let problem = problem.unwrap_or_else(|| panic!("{text:?} is no problem"));
            assert!(problem.contains(part), "{text:?}: {problem}");
        }
    }
}
