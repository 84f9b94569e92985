//! What must hold whenever an operation has come back: everything that exists is known, and everything that is known
//! exists.

use crate::books::{Entry, fail};
use crate::values::{BODIES, CONTEXTS, Handle, LOCALS, One, Out, VALUES};
use crate::world::{CONTEXTS_AT_MOST, PLACES, SIZE, STACKS, place_of, with};
use core::fmt;
use greenlet::{Context, State, Thrown};
use heapless::Vec;

/// What the kernel reports of the greenlet at one place.
#[derive(Clone, Copy)]
struct Seen {
    state: State,
    parent: Option<u8>,
    /// Without the one that the listing itself lends.
    references: u32,
}

/// One look at everything.
struct Census {
    seen: [Option<Seen>; PLACES],
    listed: usize,
    /// Which stacks of the pool are in use.
    taken: u64,
    /// How far behind a multiple of their size, counted from the pool's address, the limits of stacks are: all of them
    /// so far.
    shift: Option<usize>,
    contexts: Vec<Context<One>, CONTEXTS_AT_MOST>,
    kills: u32,
}

/// Looks, from the greenlet `me`, which has got `outcome`; notes the first thing that is wrong.
pub(crate) fn audit(me: &Handle, outcome: &Out) {
    let kills = me.kills_in_progress();
    let mut census = Census { seen: [None; PLACES], listed: 0, taken: 0, shift: None, contexts: Vec::new(), kills };
    let mut last = None;
    me.for_each(|greenlet| {
        if last.is_some_and(|id| id >= greenlet.id()) {
            fail(format_args!("the list of all greenlets is not in the order of creation"));
        }
        last = Some(greenlet.id());
        look(&mut census, greenlet, me);
    });
    if me.current().as_ref() != Some(me) {
        fail(format_args!("the running greenlet is not the current one"));
    }
    let entries = with(|world| world.books.entries);
    let judged = lives(&census, &entries)
        .and_then(|()| family(&census, &entries))
        .and_then(|()| references(&census, &entries))
        .and_then(|()| accounts(&census, &entries, outcome));
    if let Err(Wrong { what, place, found, expected }) = judged {
        fail(format_args!("greenlet {place}: {what}: found {found}, expected {expected}"));
    }
    with(|world| {
        let story = &mut world.books.story;
        story.most = story.most.max(census.listed - 1);
        story.kills = story.kills.max(census.kills);
        if census.kills == 0 {
            // No kill in progress: none that could put back a parent.
            world.books.moves = 0;
        }
        for (entry, seen) in world.books.entries.iter_mut().zip(&census.seen) {
            entry.last = seen.map(|seen| seen.state);
            match census.kills {
                0 => entry.parent = seen.and_then(|seen| seen.parent),
                1 => {}
                // Two of one greenlet may end in any order, and each puts back what it found.
                _ => entry.parent = None,
            }
        }
    });
}

/// Something that is wrong.
struct Wrong {
    what: &'static str,
    place: usize,
    found: u64,
    expected: u64,
}

type Verdict = Result<(), Wrong>;

fn must(place: usize, what: &'static str, found: impl Into<u64>, expected: impl Into<u64>) -> Verdict {
    let (found, expected) = (found.into(), expected.into());
    if found == expected { Ok(()) } else { Err(Wrong { what, place, found, expected }) }
}

/// Adds one greenlet to the census.
fn look(census: &mut Census, greenlet: &Handle, me: &Handle) {
    let place = place_of(greenlet);
    let wrong = |what: fmt::Arguments<'_>| fail(format_args!("greenlet {place}: {what}"));
    let known = with(|world| world.books.entries[place].id);
    if known != greenlet.id() || census.seen[place].is_some() {
        return wrong(format_args!("it has number {}, expected {known}", greenlet.id()));
    }
    if let Some(context) = greenlet.context::<One>()
        && !census.contexts.contains(&context)
        && census.contexts.push(context).is_err()
    {
        wrong(format_args!("there are more contexts than there is room for"));
    }
    let state = greenlet.state();
    if (state == State::Running) != (greenlet == me) {
        wrong(format_args!("it is {state}, and so is not the one that looks"));
    }
    match greenlet.stack() {
        None if place == 0 || state == State::Dead => {}
        None => wrong(format_args!("it has no stack")),
        Some(stack) => {
            // Counted from the highest: what else the pool consists of lies before them, or is smaller than a stack.
            let end = (&raw const STACKS).addr() + size_of_val(&STACKS);
            let offset = end.wrapping_sub(stack.base);
            let number = offset / SIZE;
            let is_of_pool = number < STACKS.count();
            let is_in_line = *census.shift.get_or_insert(offset % SIZE) == offset % SIZE;
            let is_whole = stack.size() == SIZE && (stack.limit..=stack.base).contains(&stack.sp);
            if !is_of_pool || !is_in_line || !is_whole {
                return wrong(format_args!("its stack is none of the pool: {stack}"));
            }
            if census.taken & 1 << number != 0 {
                wrong(format_args!("its stack is another one's, too: {stack}"));
            }
            census.taken |= 1 << number;
            let here = 0_u8;
            if greenlet == me && !(stack.limit..stack.base).contains(&(&raw const here).addr()) {
                wrong(format_args!("it runs elsewhere than on its stack: {stack}"));
            }
        }
    }
    census.listed += 1;
    census.seen[place] = Some(Seen {
        state,
        parent: greenlet.parent().map(|parent| place_of(&parent) as u8),
        references: greenlet.references().wrapping_sub(1),
    });
}

/// No greenlet goes back in its life cycle, and none lives without a body. Each that exists is listed.
fn lives(census: &Census, entries: &[Entry; PLACES]) -> Verdict {
    use State::{Dead, Running, Suspended, Unstarted};
    for (place, (seen, entry)) in census.seen.iter().zip(entries).enumerate() {
        let exists = crate::world::find(place).is_some();
        must(place, "it is listed, its weak handle works", seen.is_some(), exists)?;
        let legal = match (entry.last, seen.map(|seen| seen.state)) {
            (_, Some(Unstarted | Dead) | None) if place == 0 => false,
            (_, Some(Running | Suspended | Dead)) if !entry.body => false,
            (None, now) => now.is_none(),
            (Some(Running | Suspended), Some(Unstarted)) => false,
            (Some(Dead), Some(now)) => now == Dead,
            _ => true,
        };
        must(place, "its state can follow the last one", legal, true)?;
    }
    Ok(())
}

/// Every chain of parents ends in main; and each greenlet has the parent that was given to it last, if no kill is in
/// progress.
fn family(census: &Census, entries: &[Entry; PLACES]) -> Verdict {
    for (place, (seen, entry)) in census.seen.iter().zip(entries).enumerate() {
        if let (Some(seen), Some(parent), 0) = (seen, entry.parent, census.kills) {
            must(place, "its parent", seen.parent.unwrap_or(0), parent)?;
        }
    }
    // Bit by bit, the greenlets found to be below main.
    let mut below = 1_u128;
    for place in 0..PLACES {
        let mut way = 0_u128;
        let mut at = place;
        while let Some(seen) = census.seen[at]
            && below & 1 << at == 0
        {
            must(place, "a greenlet above it stands above itself", way & 1 << at != 0, false)?;
            way |= 1 << at;
            let Some(parent) = seen.parent else { return must(at, "it has a parent", false, true) };
            at = parent.into();
        }
        must(place, "its parents exist", way == 0 || census.seen[at].is_some(), true)?;
        below |= way;
    }
    match census.seen[0] {
        Some(main) => must(0, "main has a parent", main.parent.is_some(), false),
        None => must(0, "main is listed", false, true),
    }
}

/// Every reference is accounted for.
///
/// Some cannot be named from here, only counted: a kill in progress refers to its victim and to the victim's old
/// parent; a greenlet that waits in `up` to its parent, if it left by the slow path; a kill that puts back a parent
/// over another one to its victim, while the release of that other one kills again; the walk through all greenlets that
/// settles remote kills to the next one, while it lets go of the last. So with kills in progress there is some play,
/// and without any none.
fn references(census: &Census, entries: &[Entry; PLACES]) -> Verdict {
    let mut known = [0_u32; PLACES];
    let mut perhaps = 0;
    known[0] = 1; // the tree's
    for (place, (seen, entry)) in census.seen.iter().zip(entries).enumerate() {
        let Some(seen) = seen else { continue };
        if let Some(parent) = seen.parent {
            known[usize::from(parent)] += 1;
        }
        known[place] += entry.hands + u32::from(entry.leaked && seen.state != State::Dead);
        match entry.up {
            Some(target) if census.kills == 0 && seen.parent != Some(target) => known[usize::from(target)] += 1,
            Some(_) => perhaps += 1,
            None => {}
        }
    }
    let moves = with(|world| {
        for handle in world.held.iter().chain(&world.pockets).flatten() {
            known[place_of(handle)] += 1;
        }
        world.books.moves
    });
    let mut unexplained = 0;
    for (place, seen) in census.seen.iter().enumerate() {
        let found = seen.map_or(0, |seen| seen.references);
        let Some(more) = found.checked_sub(known[place]) else {
            return must(place, "references", found, known[place]);
        };
        unexplained += more;
    }
    let least = census.kills * 2;
    let most = least + perhaps + if census.kills > 0 { moves + census.kills } else { 0 };
    must(0, "references that only kills explain", unexplained, unexplained.clamp(least, most))
}

/// Nothing is lost.
fn accounts(census: &Census, entries: &[Entry; PLACES], outcome: &Out) -> Verdict {
    must(0, "stacks that are taken", (STACKS.count() - STACKS.free()) as u64, census.listed as u64 - 1)?;
    let (mut bodies, mut locals) = (0_u32, 0_u32);
    for (place, (seen, entry)) in census.seen.iter().zip(entries).enumerate() {
        let Some(seen) = seen else { continue };
        bodies += u32::from(place != 0 && entry.body && seen.state != State::Dead);
        locals += u32::from(entry.local);
    }
    must(0, "bodies", BODIES.alive(), bodies)?;
    must(0, "local values", LOCALS.alive(), locals)?;
    must(0, "contexts", CONTEXTS.alive(), census.contexts.len() as u32)?;
    if census.kills > 0 {
        return Ok(()); // values wait in the frames of kills
    }
    let came = !matches!(outcome, Err(Thrown::NoRun | Thrown::Refused(_, None)));
    must(0, "values", VALUES.alive(), u32::from(came))
}
