//! Random scenarios: the number `index` of a seed is the same on every machine.
//!
//! ```
//! let scenario = conformance::random::scenario(1, 0);
//! assert_eq!(scenario, conformance::random::scenario(1, 0));
//! assert_ne!(scenario, conformance::random::scenario(1, 1));
//! ```

mod forsaken;
mod numbers;
mod ops;
mod temper;
#[cfg(test)]
mod tests;

use core::fmt::Write as _;

use heapless::{String, Vec};

use self::forsaken::Forsaken;
use self::numbers::Numbers;
use self::ops::Draw;
use self::temper::Temper;
use crate::op::Op;
use crate::scenario::{MAX_NAME, MAX_OPS, MAX_SLOTS, Scenario};

/// Makes a scenario. It is well formed, and it ends, as every scenario does; what happens in it is
/// up to chance.
///
/// Its name has the two numbers in it: `s1_20` is the one with `index` 20 of the seed 1.
#[must_use]
pub fn scenario(seed: u64, index: u64) -> Scenario {
    let mut numbers = Numbers::new(seed, index);
    let temper = Temper::draw(&mut numbers);
    let mut name = String::<MAX_NAME>::new();
    // The seed in hexadecimal, because two decimal numbers of 64 bits would not fit.
    let written = write!(name, "s{seed:x}_{index}");
    debug_assert!(written.is_ok(), "a name has room for two numbers");
    let mut scenario = Scenario::new(name, temper.slots);
    let forsaken = Forsaken::draw(&mut numbers, &temper);
    let creations = creations(&mut numbers, &temper, forsaken);
    let mut sent = numbers.below(100);
    for (me, creations) in (0..temper.slots).zip(&creations) {
        let mut draw = Draw { numbers: &mut numbers, temper: &temper, me, sent: &mut sent };
        for op in script(&mut draw, creations, forsaken) {
            let pushed = scenario.push(me, op);
            debug_assert!(pushed.is_ok(), "a script of a scenario is as long as one that is drawn");
        }
    }
    scenario
}

type Script = Vec<Op, MAX_OPS, u8>;

/// Decides which greenlet creates that of each slot, and under which parent: those that a script
/// creates, in their order.
fn creations(numbers: &mut Numbers, temper: &Temper, forsaken: Option<Forsaken>) -> [Script; MAX_SLOTS] {
    let mut all = [const { Script::new() }; MAX_SLOTS];
    // The slot that each one's script filled last; before that, its own.
    let mut last: [u8; MAX_SLOTS] = core::array::from_fn(|slot| slot as u8);
    for slot in 1..temper.slots {
        if let Some(op) = forsaken.and_then(|forsaken| forsaken.creation(slot)) {
            let _ = all[0].push(op);
            last[0] = slot;
            continue;
        }
        let earlier = |numbers: &mut Numbers| numbers.below(u16::from(slot)) as u8;
        let creator = if numbers.percent(temper.delegates) { earlier(numbers) } else { 0 };
        let last = &mut last[usize::from(creator)];
        let parent = match numbers.below(100) {
            chance if chance < temper.chains => Some(*last),
            // It may not be there yet, or no more.
            chance if chance < temper.chains + 8 => Some(earlier(numbers)),
            _ => None,
        };
        *last = slot;
        let op = if numbers.percent(temper.bare) { Op::Bare { slot, parent } } else { Op::New { slot, parent } };
        // There is room: a script has more ops than a scenario has slots.
        let _ = all[usize::from(creator)].push(op);
    }
    all
}

/// Draws the script of one slot, around its creations.
fn script(draw: &mut Draw<'_>, creations: &Script, forsaken: Option<Forsaken>) -> Script {
    let mut script = Script::new();
    if let Some(forsaken) = forsaken {
        forsaken.begin(draw, creations, &mut script);
        if script.last().is_some_and(is_last) {
            return script;
        }
    }
    let mut creations = creations.iter().copied().peekable();
    let (fewest, most) = draw.temper.ops;
    let mut length = draw.numbers.between(fewest, most);
    if draw.me == 0 {
        // Main is where everything comes back to, and when it ends all is over.
        length += most + 2;
    } else if script.is_empty() && draw.numbers.percent(draw.temper.waits) && draw.temper.may_up(draw.me) {
        let _ = script.push(Op::Up { value: draw.value(), catch: draw.catch() });
    }
    let length = (script.len() + creations.len() + usize::from(length)).min(MAX_OPS);
    while script.len() < length {
        let left = length - script.len();
        // Creations come first as a rule, and before it is too late.
        if creations.peek().is_some() && (draw.numbers.percent(80) || left <= creations.len()) {
            let creation = creations.next();
            script.extend(creation);
            if let (Some(forsaken), Some(Op::New { slot, .. })) = (forsaken, creation) {
                forsaken.after_creation(draw, slot, &mut script);
            }
            continue;
        }
        if draw.numbers.percent(draw.temper.lets_go) && left >= creations.len() + 2 {
            // The usual way to a kill: the greenlet starts, waits, and loses its last reference.
            let target = draw.child();
            let _ = script.push(Op::Switch { target, value: draw.value(), catch: draw.catch() });
            let _ = script.push(Op::Drop { slot: target });
            continue;
        }
        let op = draw.op();
        let _ = script.push(op);
        if is_last(&op) {
            break;
        }
    }
    script
}

/// Whether what follows an op in its script is never run.
fn is_last(op: &Op) -> bool {
    matches!(op, Op::Return { .. } | Op::Raise { .. } | Op::Exit { .. })
}
