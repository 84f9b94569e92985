//! Makes a scenario small that shows something: takes out slots, scripts and ops for as long as it
//! still shows it.
//!
//! Greedy, from large pieces to single ops, round after round until a round takes out nothing. What
//! is left is a scenario of which nothing can be taken out any more, most often of two or three
//! slots; not always the smallest there is.

use anyhow::Result;
use conformance::Scenario;

/// When it is small enough: most failures are at their smallest long before. Counted and not timed, so that the same
/// comes out on a busy computer.
const PATIENCE: usize = 5_000;

/// A scenario that was made small.
#[derive(Clone, Debug)]
pub struct Small {
    /// The scenario. It shows what it is about, too.
    pub scenario: Scenario,
    /// How many scenarios were tried.
    pub trials: usize,
    /// Whether nothing can be taken out of it any more; otherwise enough was tried.
    pub smallest: bool,
}

/// Makes `scenario` small. `shows` runs one and says whether it shows what `scenario` shows.
///
/// # Errors
///
/// Those of `shows`.
pub fn shrink(scenario: &Scenario, shows: impl FnMut(&Scenario) -> Result<bool>) -> Result<Small> {
    let mut search = Search { best: scenario.clone(), shows, trials: 0 };
    loop {
        let before = (search.best.slots(), search.best.ops());
        search.slots()?;
        search.ops()?;
        search.pairs_of_slots()?;
        let smallest = before == (search.best.slots(), search.best.ops());
        if smallest || search.is_enough() {
            return Ok(Small { scenario: search.best, trials: search.trials, smallest });
        }
    }
}

struct Search<F> {
    best: Scenario,
    shows: F,
    trials: usize,
}

impl<F: FnMut(&Scenario) -> Result<bool>> Search<F> {
    /// Takes out slots, the last one first: the others were there before it. Main, or the one below, may take its
    /// place.
    fn slots(&mut self) -> Result<()> {
        for slot in (1..self.best.slots()).rev() {
            for instead in [None, Some(0), Some(slot - 1)] {
                if self.try_this(self.best.without_slot(slot, instead))? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Takes out two slots at once, for those that stay keep their parity then: the interpreter runs `up` in one way or
    /// the other by that.
    fn pairs_of_slots(&mut self) -> Result<()> {
        let mut slot = self.best.slots() - 1;
        while slot > 1 {
            for other in (1..slot).rev() {
                if self.try_this(self.best.without_slot(slot, Some(0)).without_slot(other, Some(0)))? {
                    slot -= 1;
                    break;
                }
            }
            slot -= 1;
        }
        Ok(())
    }

    /// Takes out ops: whole scripts, and runs of half their length, a quarter, and so on to single ones.
    fn ops(&mut self) -> Result<()> {
        for slot in 0..self.best.slots() {
            let mut length = self.best.script(slot).len();
            while length > 0 {
                // From the end: what comes later hangs on what came before.
                let mut end = self.best.script(slot).len();
                while end > 0 {
                    let first = end.saturating_sub(length);
                    self.try_this(self.best.with_ops(|script, at| script != slot || !(first..end).contains(&at)))?;
                    end = first;
                }
                length /= 2;
            }
        }
        Ok(())
    }

    /// Continues with `candidate` if it still shows it; returns whether it does.
    fn try_this(&mut self, candidate: Scenario) -> Result<bool> {
        if self.is_enough() {
            return Ok(false);
        }
        self.trials += 1;
        let shown = (self.shows)(&candidate)?;
        if shown {
            self.best = candidate;
        }
        Ok(shown)
    }

    fn is_enough(&self) -> bool {
        self.trials >= PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_it_is_left_and_nothing_else() {
        // Shown by a `drop` anywhere after a `sw`.
        let shows = |scenario: &Scenario| {
            let text = scenario.to_string();
            Ok(text.find("\nsw ").is_some_and(|at| text[at..].contains("\ndrop ")))
        };
        for index in 0..200 {
            let scenario = conformance::random::scenario(1, index);
            if shows(&scenario).unwrap() {
                let small = shrink(&scenario, shows).unwrap();
                assert_eq!(small.scenario.ops(), 2, "{}", small.scenario);
                assert!(small.scenario.slots() <= 3, "{}", small.scenario);
                assert!(small.smallest && small.trials > 2);
            }
        }
    }
}
