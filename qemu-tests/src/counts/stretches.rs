//! Computes the cost of an operation from the costs of loops.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

/// The operation that does nothing: the loop by itself.
const EMPTY: &str = "empty";

/// One operation, run for some turns and for more.
struct Loops<'a> {
    name: &'a str,
    /// Which part of a turn is the operation: `whole`, `half`, or `less:OTHER`.
    part: &'a str,
    /// Numbers of turns, each with the instructions of all of them.
    took: Vec<(u64, u64)>,
}

/// The figures in a text: of its lines `ran NAME PART TURNS INSTRUCTIONS`, in the order of the operations.
///
/// # Errors
///
/// If there are none, a line is not of that form, the turns of an operation do not all take the same, or the operation
/// that is to be subtracted does not come before it.
pub(super) fn figures(text: &str) -> Result<Vec<(String, u64)>> {
    let mut operations = Vec::<Loops<'_>>::new();
    for rest in text.lines().filter_map(|line| line.strip_prefix("ran ")) {
        let form = || format!("`ran {rest}` is not `ran NAME PART TURNS INSTRUCTIONS`");
        let [name, part, turns, took] = rest.split(' ').collect::<Vec<_>>()[..] else { bail!(form()) };
        let took = (turns.parse().ok().with_context(form)?, took.parse().ok().with_context(form)?);
        match operations.iter_mut().find(|loops| loops.name == name) {
            Some(loops) if loops.part == part => loops.took.push(took),
            Some(_) => bail!("two operations are called {name}"),
            None => operations.push(Loops { name, part, took: vec![took] }),
        }
    }
    let (first, others) = operations.split_first().context("there is no line `ran NAME PART TURNS INSTRUCTIONS`")?;
    ensure!(first.name == EMPTY, "the first operation is {}, and not {EMPTY}", first.name);
    let empty = first.turn()?;
    let mut figures = BTreeMap::new();
    for loops in others {
        let turn = loops.turn()?;
        let below = || format!("{}: a turn took {turn} instructions, fewer than what is not counted of it", loops.name);
        let turn = turn.checked_sub(empty).with_context(below)?;
        let figure = match (loops.part, loops.part.strip_prefix("less:")) {
            ("whole", _) => turn,
            ("half", _) => turn.div_ceil(2),
            (_, Some(other)) => {
                let other = figures.get(other).with_context(|| format!("{}: {other} comes later", loops.name))?;
                turn.checked_sub(*other).with_context(below)?
            }
            (part, None) => bail!("{}: no such part: {part}", loops.name),
        };
        figures.insert(loops.name, figure);
    }
    Ok(others.iter().map(|loops| (loops.name.to_owned(), figures[loops.name])).collect())
}

impl Loops<'_> {
    /// Instructions of one turn, the loop included. A figure is exact only if each turn takes the same.
    fn turn(&self) -> Result<u64> {
        let turn = |pair: &[(u64, u64)]| {
            let turns = pair[1].0.checked_sub(pair[0].0).filter(|&turns| turns > 0)?;
            let more = pair[1].1.checked_sub(pair[0].1)?;
            more.is_multiple_of(turns).then(|| more / turns)
        };
        let each: Vec<_> = self.took.windows(2).map(turn).collect();
        match each[..] {
            [Some(turn), Some(again), ..] if turn == again && each.iter().all(|&other| other == Some(turn)) => Ok(turn),
            _ => bail!(
                "{}: its turns do not all take the same; turns and instructions: {:?}; is this QEMU with -icount shift=0, or \
                 valgrind's callgrind?",
                self.name,
                self.took
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::figures;

    /// Lines of an operation whose turns take `turn` each, and 100 besides.
    fn ran(name: &str, part: &str, turn: u64) -> String {
        [16, 32, 48].map(|turns| format!("ran {name} {part} {turns} {}\n", 100 + turn * turns)).concat()
    }

    fn fails(text: &str, problem: &str) {
        let said = format!("{:#}", figures(text).unwrap_err());
        assert!(said.contains(problem), "{text}\n{said}");
    }

    #[test]
    fn the_loop_is_no_part_of_a_figure() {
        let text = ran("empty", "whole", 2) + "# a note\n" + &ran("is_dead", "whole", 14);
        assert_eq!(figures(&text).unwrap(), [("is_dead".to_owned(), 12)]);
    }

    #[test]
    fn a_way_is_the_larger_half_and_the_other_way_what_remains() {
        let text = ran("empty", "whole", 2)
            + &ran("switch", "half", 67)
            + &ran("up", "less:switch", 70)
            + &ran("throw", "less:up", 200);
        let expected = [("switch", 33), ("up", 35), ("throw", 163)].map(|(name, figure)| (name.to_owned(), figure));
        assert_eq!(figures(&text).unwrap(), expected);
    }

    #[test]
    fn turns_that_differ_are_no_figure() {
        let empty = ran("empty", "whole", 2);
        fails(
            &format!("{empty}ran up whole 16 160\nran up whole 32 320\nran up whole 48 481\n"),
            "up: its turns do not",
        );
        fails(
            &format!("{empty}ran up whole 16 160\nran up whole 32 320\nran up whole 48 496\n"),
            "up: its turns do not",
        );
        fails(&format!("{empty}ran up whole 16 160\nran up whole 32 320\n"), "up: its turns do not");
        fails(&format!("{empty}{}ran up whole 64 100\n", ran("up", "whole", 5)), "up: its turns do not");
    }

    #[test]
    fn what_is_damaged_is_refused() {
        let empty = ran("empty", "whole", 2);
        fails("DONE 1/1\n", "there is no line");
        fails(&ran("up", "whole", 9), "the first operation is up");
        fails("ran up whole 16\n", "is not `ran NAME");
        fails("ran up whole 16 many\n", "is not `ran NAME");
        fails(&format!("{empty}{}ran up half 64 1\n", ran("up", "whole", 9)), "two operations are called up");
        fails(&format!("{empty}{}", ran("up", "third", 9)), "no such part: third");
        fails(&format!("{empty}{}", ran("up", "less:switch", 9)), "switch comes later");
        fails(&format!("{empty}{}", ran("up", "whole", 1)), "up: a turn took 1 instructions, fewer");
    }
}
