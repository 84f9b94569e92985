//! Shrinks a scenario that shows a failure: removes slots, scripts and ops as long as it still shows it.
//!
//! Greedy, from large pieces to single ops, in rounds until a round removes nothing. From the result no piece can be
//! removed any more; most often it has two or three slots. It is not always the smallest one.

use anyhow::Result;
use conformance::Scenario;

/// After how many trials to stop. Most failures are at their smallest long before. Counted and not timed, so that the
/// result is the same on a busy computer.
const PATIENCE: usize = 5_000;

/// A scenario that was shrunk.
#[derive(Clone, Debug)]
pub struct Small {
    /// The scenario. It still shows the failure.
    pub scenario: Scenario,
    /// How many scenarios were tried.
    pub trials: usize,
    /// Whether nothing can be removed from it any more. If not, the trials were used up.
    pub smallest: bool,
}

/// Shrinks `scenario`. `shows` runs a candidate, and returns whether it shows the same failure.
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
    /// Removes slots, the last one first, because the others were created before it. Main, or the slot below it, may
    /// replace it.
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

    /// Removes two slots at once, so that the others keep their parity, by which the interpreter chooses between two
    /// ways to run `up`.
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

    /// Removes ops: whole scripts, then runs of half their length, a quarter, and so on down to single ones.
    fn ops(&mut self) -> Result<()> {
        for slot in 0..self.best.slots() {
            let mut length = self.best.script(slot).len();
            while length > 0 {
                // From the end, because later ops depend on earlier ones.
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
