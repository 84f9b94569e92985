//! How often something was attempted and how often it failed, as a line that the runner's commands print and
//! [`reliability`](crate::reliability) reads.

use std::fmt;
use std::ops::AddAssign;

/// The word with which the line begins; what was attempted follows.
const WORD: &str = "tally ";

/// Attempts, and how many of them failed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// The number of attempts. An attempt may be a check of a boot, a scenario or an operation.
    pub attempts: u64,
    /// How many of these failed.
    pub failures: u64,
}

impl Tally {
    /// The line about `what`.
    #[must_use]
    pub fn line(self, what: impl fmt::Display) -> String {
        let Self { attempts, failures } = self;
        format!("{WORD}{what}: {attempts} attempts, {failures} failures")
    }

    /// The sum of all such lines in an output; `None` if there is none. A line may follow other text, for example the
    /// name of a test.
    #[must_use]
    pub fn told(output: &str) -> Option<Self> {
        sum(output.lines().filter_map(|line| {
            let (_, rest) = line.split_once(WORD)?;
            let (_, counts) = rest.rsplit_once(": ")?;
            let (attempts, failures) = counts.split_once(" attempts, ")?;
            Some(Self { attempts: attempts.parse().ok()?, failures: failures.strip_suffix(" failures")?.parse().ok()? })
        }))
    }

    /// The sum of the results that test programs print at their end: `test result: ok. 5 passed; 0 failed; ...`. `None`
    /// if there is none.
    #[must_use]
    pub fn of_tests(output: &str) -> Option<Self> {
        sum(output.lines().filter_map(|line| {
            let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
            let (passed, rest) = counts.split_once(" passed; ")?;
            let (failed, _) = rest.split_once(" failed;")?;
            let (passed, failures): (u64, u64) = (passed.parse().ok()?, failed.parse().ok()?);
            Some(Self { attempts: passed + failures, failures })
        }))
    }

    /// The attempts in a guest's transcript, which the [block](crate::hits) of its interrupted instructions may follow;
    /// `passed` says whether its trial was passed.
    ///
    /// An attempt is an instruction before which an interrupt came; or else the guest prints their number in notes
    /// `# attempts: N WHAT`; or else an attempt is a check; or else it is the expected end of the guest.
    #[must_use]
    pub fn of_guest(transcript: &str, passed: bool) -> Self {
        let attempts =
            interrupted(transcript).or_else(|| noted(transcript)).or_else(|| checks(transcript)).unwrap_or(1);
        let failed = transcript.lines().filter(|line| line.starts_with("FAIL ")).count() as u64;
        Self { attempts, failures: if passed { 0 } else { failed.max(1) } }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.attempts += other.attempts;
        self.failures += other.failures;
    }
}

/// The sum, if there is anything.
fn sum(tallies: impl Iterator<Item = Tally>) -> Option<Tally> {
    tallies.reduce(|mut sum, tally| {
        sum += tally;
        sum
    })
}

/// Of `# all that ran: 9 of 9 by steps, 8 of 8 by the timer`: 17.
fn interrupted(transcript: &str) -> Option<u64> {
    let counts = transcript.lines().find_map(|line| line.strip_prefix("# all that ran: "))?;
    counts.split(", ").map(|way| way.split(' ').next()?.parse::<u64>().ok()).sum()
}

/// The sum of the notes `# attempts: N WHAT`.
fn noted(transcript: &str) -> Option<u64> {
    let notes = transcript.lines().filter_map(|line| line.strip_prefix("# attempts: "));
    notes.map(|note| note.split(' ').next()?.parse::<u64>().ok()).reduce(|sum, more| Some(sum? + more?))?
}

/// Of `DONE 3/4`: 4.
fn checks(transcript: &str) -> Option<u64> {
    let line = transcript.lines().find_map(|line| line.strip_prefix("DONE "))?;
    line.split_once('/')?.1.parse().ok().filter(|&checks| checks > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn tally(attempts: u64, failures: u64) -> Tally {
        Tally { attempts, failures }
    }

    #[test]
    fn a_line_reads_back_and_lines_add_up() {
        let lines = [tally(3, 1).line("soak host"), format!("test a ... {}", tally(1_000_000, 0).line("guest::a::b"))];
        assert_eq!(Tally::told(&lines.join("\n")), Some(tally(1_000_003, 1)));
        for nothing in ["", "DONE 3/3\n", "tally soak: many attempts, 0 failures\n", "tally soak: 3 attempts\n"] {
            assert_eq!(Tally::told(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn results_of_test_programs_add_up() {
        let output = "test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out\n\
            test a ... ok\ntest result: FAILED. 4 passed; 2 failed; 0 ignored\n";
        assert_eq!(Tally::of_tests(output), Some(tally(8, 2)));
        assert_eq!(Tally::of_tests("running 3 tests\n"), None);
    }

    #[test]
    fn a_guest_tells_by_its_hits_or_its_notes_or_its_checks() {
        let hits = "DONE 130/130\ninterrupted before each instruction:\n\
            # entry: 3 of 3 by steps, 3 of 3 by the timer\n# all that ran: 90 of 90 by steps, 80 of 80 by the timer\n";
        assert_eq!(Tally::of_guest(hits, true), tally(170, 0));
        let notes = "# attempts: 1000 spawns\n# attempts: 24 requests\nDONE 42/42\n";
        assert_eq!(Tally::of_guest(notes, true), tally(1024, 0));
        assert_eq!(Tally::of_guest("DONE 5/5\n", true), tally(5, 0));
        assert_eq!(Tally::of_guest("FAULT: at last\n", true), tally(1, 0));
    }

    #[test]
    fn what_failed_is_counted_and_is_at_least_one() {
        assert_eq!(Tally::of_guest("FAIL a\nFAIL b\nDONE 2/4\n", false), tally(4, 2));
        assert_eq!(Tally::of_guest("DONE 4/4\n", false), tally(4, 1));
        assert_eq!(Tally::of_guest("", false), tally(1, 1));
    }
}
