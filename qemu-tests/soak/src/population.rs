//! The operations on greenlets that do not send anything: made, moved, held, requested from elsewhere.

use crate::body::live;
use crate::books::{Entry, Hand, fail};
use crate::ops::{any_greenlet, below, done, empty_pocket, is_above, let_go};
use crate::values::{Handle, One, Out};
use crate::world::{self, LOCAL, LOCALS_AT_MOST, PLACES, POCKETS, STACKS, name, place_of, with};
use greenlet::{ParentError, RunError, SpawnError, State};

/// A free place, from a random one on.
fn empty_place() -> Option<usize> {
    let first = below(PLACES - 1);
    (0..PLACES - 1).map(|step| (first + step) % (PLACES - 1) + 1).find(|&place| world::find(place).is_none())
}

pub(crate) fn spawn(me: &Handle) -> Out {
    make(me, true)
}

pub(crate) fn bare(me: &Handle) -> Out {
    make(me, false)
}

fn make(me: &Handle, with_body: bool) -> Out {
    let parent = any_greenlet();
    let Some(place) = empty_place() else { return full(me, &parent) };
    let builder = me.build(&STACKS).name(name(place)).parent(&parent);
    let made = if with_body { builder.spawn(live()).map_err(|refused| refused.reason) } else { builder.bare() };
    let greenlet = match made {
        Ok(greenlet) => greenlet,
        Err(reason) => {
            fail(format_args!("no greenlet at the empty place {place}: {reason}"));
            return done(0);
        }
    };
    let stack = greenlet.stack();
    let prepare = with(|world| {
        let entry = Entry {
            id: greenlet.id(),
            body: with_body,
            parent: Some(parent.place() as u8),
            last: Some(State::Unstarted),
            ..Entry::EMPTY
        };
        world.books.entries[place] = entry;
        world.books.story.made += 1;
        world.weak[place] = Some(greenlet.downgrade());
        world.remotes[place] = Some(greenlet.remote());
        world.books.prepare
    });
    stack.into_iter().for_each(prepare);
    match below(10) {
        0..=6 => {
            let before = with(|world| world.held[place].replace(greenlet));
            drop(before);
        }
        7..=8 => put_into_a_pocket(greenlet),
        _ => drop(greenlet),
    }
    done(place as u64)
}

/// Every place is taken, and so is every stack.
fn full(me: &Handle, parent: &Handle) -> Out {
    let (mut dead, mut leaked) = (0, 0);
    me.for_each(|greenlet| {
        dead += usize::from(greenlet.is_dead());
        leaked += usize::from(!greenlet.is_dead() && with(|world| world.books.is_leaked(place_of(greenlet))));
    });
    let found = me.build(&STACKS).parent(parent).bare().map(drop);
    let expected = Err(SpawnError::PoolEmpty { stacks: STACKS.count(), dead, leaked, abandoned: 0 });
    if found != expected {
        fail(format_args!("a full pool: expected {expected:?}, found {found:?}"));
    }
    with(|world| world.books.story.full += 1);
    // Room again: a soak that stays full makes no greenlet.
    for _ in 0..12 {
        drop(let_go(below(PLACES - 1) + 1));
        drop(empty_pocket());
    }
    done(dead as u64)
}

fn put_into_a_pocket(handle: Handle) {
    let pocket = below(POCKETS);
    let before = with(|world| world.pockets[pocket].replace(handle));
    drop(before);
}

pub(crate) fn set_run() -> Out {
    let greenlet = any_greenlet();
    let place = greenlet.place();
    let expected = match greenlet.state() {
        _ if greenlet.is_main() => Err(RunError::Main),
        State::Unstarted => Ok(()),
        _ => Err(RunError::Started),
    };
    let found = greenlet.set_run(live()).map_err(|refused| refused.reason);
    if found != expected {
        fail(format_args!("set_run of greenlet {place}: expected {expected:?}, found {found:?}"));
    }
    with(|world| world.books.entries[place].body |= found.is_ok());
    done(u64::from(found.is_ok()))
}

pub(crate) fn set_parent(me: &Handle) -> Out {
    let (child, parent) = (any_greenlet(), any_greenlet());
    let expected = if child.is_main() {
        Err(ParentError::Main)
    } else if is_above(&child, &parent) {
        Err(ParentError::Cycle)
    } else {
        Ok(())
    };
    let kills = me.kills_in_progress();
    with(|world| {
        world.books.moves += u32::from(kills > 0);
        if expected.is_ok() && kills == 0 {
            world.books.entries[child.place()].parent = Some(parent.place() as u8);
        } else if expected.is_ok() {
            // A kill in progress puts back the old one; or, if that would make a cycle now, leaves its victim where it
            // is.
            world.books.entries.iter_mut().for_each(|entry| entry.parent = None);
        }
    });
    let found = child.set_parent(&parent);
    if found != expected {
        fail(format_args!(
            "set_parent of greenlet {} to {}: expected {expected:?}, found {found:?}",
            child.place(),
            parent.place()
        ));
    }
    done(u64::from(found.is_ok()))
}

/// A further handle, of any greenlet.
pub(crate) fn pocket() -> Out {
    let greenlet = any_greenlet();
    let place = greenlet.place() as u64;
    // A clone, or the hand's own.
    let handle = if below(2) == 0 { greenlet.handle() } else { greenlet.into_handle() };
    put_into_a_pocket(handle);
    done(place)
}

/// Drops the handle that is held of a greenlet: of one that is leaked, it may be the first in a long time.
pub(crate) fn hold() -> Out {
    let greenlet = any_greenlet();
    let place = greenlet.place();
    let handle = greenlet.into_handle();
    let before = with(|world| world.held[place].replace(handle));
    drop(before);
    done(place as u64)
}

/// Makes a request as another core does, of the greenlet that has a place or had it last.
fn remote(ask: fn(&greenlet::RemoteGreenlet) -> bool) -> Option<(usize, bool)> {
    let place = below(PLACES);
    let remote = with(|world| world.remotes[place])?;
    let exists = world::find(place).is_some();
    let asked = ask(&remote);
    if asked != exists {
        fail(format_args!("greenlet {place} exists: {exists}, and can be asked: {asked}"));
    }
    Some((place, asked))
}

pub(crate) fn remote_kill() -> Out {
    done(remote(|remote| remote.kill().is_ok()).map_or(0, |(place, _)| place as u64))
}

pub(crate) fn remote_wake() -> Out {
    let Some((place, asked)) = remote(|remote| remote.wake().is_ok()) else { return done(0) };
    with(|world| world.books.entries[place].woken |= asked);
    done(place as u64)
}

/// The wake of a greenlet that has one: not always of the one that had it first, as stacks are used again.
pub(crate) fn woken(me: &Handle) -> Out {
    let mut wakes = 0;
    me.for_each(|greenlet| wakes += usize::from(with(|world| world.books.entries[place_of(greenlet)].woken)));
    let woken = me.woken().map(Hand::of);
    let found = woken.as_ref().map(Hand::place);
    if found.map_or(wakes != 0, |place| !with(|world| world.books.entries[place].woken)) {
        fail(format_args!("{wakes} have a wake, and {found:?} is woken"));
    }
    if let Some(place) = found {
        with(|world| world.books.entries[place].woken = false);
    }
    done(found.map_or(100, |place| place as u64))
}

pub(crate) fn attend(me: &Handle) -> Out {
    done(me.attend() as u64)
}

/// Gives a greenlet a context: a new one, that of another one, or none.
pub(crate) fn context() -> Out {
    let (greenlet, other) = (any_greenlet(), any_greenlet());
    match below(3) {
        0 => greenlet.set_context(world::context()),
        1 => greenlet.set_context(other.context::<One>()),
        _ => greenlet.set_context::<One>(None),
    }
    done(u64::from(greenlet.context::<One>().is_some()))
}

/// Looks at the local value of a greenlet, which has one from then on if there is room.
pub(crate) fn local() -> Out {
    let greenlet = any_greenlet();
    let place = greenlet.place();
    let had = with(|world| world.books.entries[place].local);
    let room = (crate::values::LOCALS.alive() as usize) < LOCALS_AT_MOST;
    let found = LOCAL.with(&greenlet, |_| ()).is_ok();
    if found != (had || room) {
        fail(format_args!(
            "a local value of greenlet {place}: it had one: {had}, there was room: {room}, found: {found}"
        ));
    }
    with(|world| world.books.entries[place].local |= found);
    done(u64::from(found))
}
