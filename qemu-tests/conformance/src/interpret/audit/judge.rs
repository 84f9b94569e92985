//! Is a census as it must be, by the books? No kernel here, only arithmetic.

use greenlet::State;

use super::books::{Books, Life};
use super::census::{Census, Seen};
use super::violation::Violation;
use crate::scenario::MAX_SLOTS;

type Verdict = Result<(), Violation>;

/// Checks everything, and enters in the books how it stands.
pub(super) fn judge(census: &Census, books: &mut Books) -> Verdict {
    running(census)?;
    ring(census)?;
    family(census)?;
    lives(census, books)?;
    references(census, books)?;
    stacks(census, books)?;
    accounts(census, books)?;
    if census.kills == 0 {
        // No kill in progress: none that could put back a parent.
        books.moves = 0;
    }
    Ok(())
}

/// Exactly one greenlet runs: the one that looks.
fn running(census: &Census) -> Verdict {
    let expected = census.me;
    for seen in &census.greenlets {
        if (seen.state == State::Running) != (seen.slot == expected) {
            return Err(Violation::Running { expected, slot: seen.slot, state: seen.state });
        }
    }
    if census.current != Some(expected) {
        return Err(Violation::Current { expected, found: census.current });
    }
    Ok(())
}

/// All that exist are listed, once, main first, then in the order of creation.
fn ring(census: &Census) -> Verdict {
    let mut listed = [false; MAX_SLOTS];
    let mut last = None;
    for seen in &census.greenlets {
        // Greenlets are numbered as they are created. Slots are not: compare numbers.
        if last.is_some_and(|(id, _)| id >= seen.id) || (last.is_none() && seen.slot != 0) {
            return Err(Violation::Order { slot: seen.slot, after: last.map_or(seen.slot, |(_, slot)| slot) });
        }
        last = Some((seen.id, seen.slot));
        listed[usize::from(seen.slot)] = true;
    }
    for (slot, (&listed, &exists)) in (0..).zip(listed.iter().zip(&census.existing)) {
        if listed != exists {
            return Err(Violation::Listed { slot, listed });
        }
    }
    Ok(())
}

/// Every chain of parents ends in main; main has none.
fn family(census: &Census) -> Verdict {
    let parent_of = |slot: u8| census.find(slot).and_then(|seen| seen.parent);
    for seen in &census.greenlets {
        let mut at = seen.slot;
        for _ in 0..MAX_SLOTS {
            at = parent_of(at).unwrap_or(0);
        }
        if at != 0 || (seen.parent.is_none() != (seen.slot == 0)) {
            return Err(Violation::Parent { slot: seen.slot });
        }
    }
    Ok(())
}

/// No greenlet goes back in its life cycle, and none lives without a body.
fn lives(census: &Census, books: &mut Books) -> Verdict {
    for (slot, entry) in (0..).zip(&mut books.entries) {
        let before = entry.last;
        let now = match census.find(slot) {
            Some(seen) => Life::Is(seen.state),
            None if before == Life::NotYet => Life::NotYet,
            None => Life::Freed,
        };
        use State::{Dead, Running, Suspended, Unstarted};
        let legal = match (before, now) {
            (_, Life::Is(Unstarted | Dead) | Life::Freed) if slot == 0 => false,
            (_, Life::Is(Running | Suspended | Dead)) if slot != 0 && !entry.has_body => false,
            (Life::NotYet, Life::Is(state)) => state == if slot == 0 { Running } else { Unstarted },
            (Life::Is(Running | Suspended), Life::Is(Unstarted)) => false,
            (Life::Is(Dead), Life::Is(state)) => state == Dead,
            (Life::Freed, Life::Is(_)) => false,
            _ => true,
        };
        if !legal {
            return Err(Violation::State { slot, before, now });
        }
        entry.last = now;
    }
    Ok(())
}

/// Every reference is accounted for.
///
/// Some cannot be named from here, only counted. A kill in progress refers to its victim and to the victim's old
/// parent. A greenlet that waits in `Me::up` refers to its parent by a reference of its own only if it must: when it
/// left by the slow path, or when its parent was changed since; where that is not recorded, one or none is right. And a
/// kill that is over, and puts back a parent over one that was set meanwhile, holds its victim while the release of
/// that one kills again.
fn references(census: &Census, books: &Books) -> Verdict {
    let (pinned, perhaps) = ups(census, books);
    let mut unexplained = 0;
    for (slot, &pinned) in (0..).zip(&pinned) {
        let (expected, found) = match census.find(slot) {
            Some(seen) => (pinned + explained(seen, census, books), seen.references),
            None => (pinned, 0),
        };
        let Some(more) = found.checked_sub(expected) else {
            return Err(Violation::References { slot, expected, found });
        };
        unexplained += more;
    }
    // Without a kill in progress there is none that could put back a parent.
    let moves = if census.kills > 0 { books.moves } else { 0 };
    let least = census.kills * 2;
    let most = least + perhaps + moves;
    if !(least..=most).contains(&unexplained) {
        return Err(Violation::Kills { kills: census.kills, most, found: unexplained });
    }
    match books.wrongly_leaked {
        Some((slot, found)) => Err(Violation::Leaked { slot, found }),
        None => Ok(()),
    }
}

/// The references of those that wait in `Me::up`: for each slot those that must be, and how many there may be besides.
fn ups(census: &Census, books: &Books) -> ([u32; MAX_SLOTS], u32) {
    let (mut pinned, mut perhaps) = ([0; MAX_SLOTS], 0);
    for (slot, entry) in (0..).zip(&books.entries) {
        let Some(target) = entry.up else { continue };
        let parent = census.find(slot).and_then(|seen| seen.parent);
        // Kills come in the middle of an arrival, where a reference may be gone and the op not be over.
        if census.kills == 0 && parent != Some(target) {
            pinned[usize::from(target)] += 1;
        } else {
            perhaps += 1;
        }
    }
    (pinned, perhaps)
}

/// The references to a greenlet that can be named.
fn explained(seen: &Seen, census: &Census, books: &Books) -> u32 {
    let entry = &books.entries[usize::from(seen.slot)];
    let children = census.greenlets.iter().filter(|other| other.parent == Some(seen.slot)).count() as u32;
    // A leaked greenlet that dies after all gives back what the kill kept.
    let leaked = entry.leaked && seen.state != State::Dead;
    let tree = seen.slot == 0;
    children + u32::from(entry.pins) + [seen.held, leaked, tree].map(u32::from).iter().sum::<u32>()
}

/// Each greenlet has a stack of the pool to itself.
fn stacks(census: &Census, books: &Books) -> Verdict {
    for (at, seen) in census.greenlets.iter().enumerate() {
        let slot = seen.slot;
        let has_one = slot != 0 && seen.state != State::Dead;
        let Some(stack) = seen.stack else {
            if has_one {
                return Err(Violation::Stack { slot, stack: None });
            }
            continue;
        };
        let whole = stack.limit < stack.base && census.pool.start <= stack.limit && stack.base <= census.pool.end;
        // Without a body it has no place yet where it would begin.
        let stands = books.entries[usize::from(slot)].has_body;
        if !has_one || !whole || (stands && !(stack.limit..=stack.base).contains(&stack.sp)) {
            return Err(Violation::Stack { slot, stack: Some(stack) });
        }
        if slot == census.me && !(stack.sp..stack.base).contains(&census.here) {
            return Err(Violation::StackPointer { slot, stack, found: census.here });
        }
        for other in &census.greenlets[..at] {
            if other.stack.is_some_and(|other| other.limit < stack.base && stack.limit < other.base) {
                return Err(Violation::Overlap { slot, other: other.slot });
            }
        }
    }
    Ok(())
}

/// As many stacks, bodies and contexts as there must be.
fn accounts(census: &Census, books: &Books) -> Verdict {
    // All but main, whose stack is not of the pool.
    let expected = census.greenlets.len().saturating_sub(1);
    if census.stacks != expected {
        return Err(Violation::Stacks { expected, found: census.stacks });
    }
    let has_body = |seen: &&Seen| match seen.state {
        State::Dead => false,
        _ => books.entries[usize::from(seen.slot)].has_body,
    };
    let expected = census.greenlets.iter().filter(has_body).count() as u32;
    if census.bodies != expected {
        return Err(Violation::Bodies { expected, found: census.bodies });
    }
    if census.contexts != census.owned_contexts {
        return Err(Violation::Contexts { expected: census.owned_contexts, found: census.contexts });
    }
    Ok(())
}
