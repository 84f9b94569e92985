//! An audit that cannot fail would prove nothing: each kind of violation, in a census that was good before.

extern crate std;

use std::format;
use std::string::ToString as _;

use greenlet::{Stack, State};

use super::books::{Books, Life};
use super::census::{Census, Seen};
use super::judge::judge;
use super::violation::Violation;

/// How large the stacks are that are made up here.
const STACK: usize = 0x1000;
/// Where they begin.
const POOL: usize = 0x10_0000;

/// The stack of the greenlet of `slot`, with something on it.
fn stack(slot: u8) -> Stack {
    let limit = POOL + STACK * usize::from(slot);
    Stack { limit, base: limit + STACK, sp: limit + STACK / 2 }
}

/// A greenlet with so many references, one of them its slot's.
fn seen(slot: u8, state: State, parent: Option<u8>, references: u32) -> Seen {
    let stack = (slot != 0 && state != State::Dead).then(|| stack(slot));
    Seen { slot, id: 70 + u64::from(slot), state, parent, references, held: true, stack }
}

/// Main waits in a switch to 1, which runs; 2 is a child of 1 and has not started; 3 is dead, under 2.
fn good() -> (Census, Books) {
    let greenlets = [
        seen(0, State::Suspended, None, 3),  // the tree, its slot, its child
        seen(1, State::Running, Some(0), 3), // its slot, its child, main's op
        seen(2, State::Unstarted, Some(1), 2),
        seen(3, State::Dead, Some(2), 1),
    ];
    let census = Census {
        greenlets: greenlets.into_iter().collect(),
        existing: core::array::from_fn(|slot| slot < 4),
        me: 1,
        current: Some(1),
        here: stack(1).sp + 8,
        kills: 0,
        pool: POOL..POOL + STACK * 16,
        stacks: 3,
        bodies: 2,
        contexts: 1,
        owned_contexts: 1,
    };
    let mut books = Books::closed();
    for (slot, state) in [(1, State::Suspended), (2, State::Unstarted), (3, State::Suspended)] {
        books.has_body(slot);
        books.entries[usize::from(slot)].last = Life::Is(state);
    }
    books.entries[0].last = Life::Is(State::Running);
    books.pin(1);
    (census, books)
}

/// Judges the good census after `change`.
fn after(change: impl FnOnce(&mut Census, &mut Books)) -> Result<(), Violation> {
    let (mut census, mut books) = good();
    change(&mut census, &mut books);
    judge(&census, &mut books)
}

/// Checks that `change` is found, and what is said of it.
#[track_caller]
fn found(kind: &str, said: &str, change: impl FnOnce(&mut Census, &mut Books)) {
    let violation = after(change).expect_err("this is a violation");
    assert_eq!((violation.kind(), violation.to_string().as_str()), (kind, said));
}

#[test]
fn what_is_good_passes() {
    assert_eq!(after(|_, _| ()), Ok(()));
}

#[test]
fn exactly_one_runs_and_it_is_the_one_that_looks() {
    found("running", "greenlet 2: expected 1 to run and no other, found running", |census, _| {
        census.greenlets[2].state = State::Running;
    });
    found("running", "greenlet 1: expected 1 to run and no other, found suspended", |census, _| {
        census.greenlets[1].state = State::Suspended;
    });
    found("current", "the current greenlet: expected 1, found 0", |census, _| census.current = Some(0));
    found("current", "the current greenlet: expected 1, found none", |census, _| census.current = None);
}

#[test]
fn the_list_is_whole_and_in_order() {
    found("order", "greenlet 1: expected in the order of creation, found after 2", |census, _| {
        census.greenlets.swap(1, 2);
    });
    found("order", "greenlet 1: expected in the order of creation, found after 1", |census, _| {
        census.greenlets.remove(0);
    });
    found(
        "ring",
        "greenlet 3: expected to be freed, as its weak handle says, found among all greenlets",
        |census, _| census.existing[3] = false,
    );
    found("ring", "greenlet 3: expected among all greenlets, as its weak handle works, found missing", |census, _| {
        census.greenlets.truncate(3)
    });
}

#[test]
fn parents_end_in_main() {
    let cycle = "expected parents that end in main, found a cycle";
    found("parent", &format!("greenlet 1: {cycle}"), |census, _| census.greenlets[1].parent = Some(3));
    found("parent", &format!("greenlet 0: {cycle}"), |census, _| census.greenlets[0].parent = Some(0));
    found("parent", &format!("greenlet 3: {cycle}"), |census, _| census.greenlets[3].parent = None);
}

#[test]
fn no_greenlet_goes_back_in_life() {
    let slot_3 = |last| move |_: &mut Census, books: &mut Books| books.entries[3].last = last;
    found("state", "greenlet 3: expected what can follow freed, found dead", slot_3(Life::Freed));
    found("state", "greenlet 3: expected what can follow not created, found dead", slot_3(Life::NotYet));
    found("state", "greenlet 2: expected what can follow suspended, found unstarted", |_, books| {
        books.entries[2].last = Life::Is(State::Suspended);
    });
    found("state", "greenlet 1: expected what can follow dead, found running", |_, books| {
        books.entries[1].last = Life::Is(State::Dead);
    });
    found("state", "greenlet 1: expected what can follow unstarted, found running", |_, books| {
        books.entries[1].last = Life::Is(State::Unstarted);
        books.entries[1].has_body = false;
    });
    found("state", "greenlet 0: expected what can follow running, found dead", |census, _| {
        census.greenlets[0].state = State::Dead;
    });
}

#[test]
fn every_reference_is_accounted_for() {
    found("references", "greenlet 1: expected 3 references or more, found 2", |census, _| {
        census.greenlets[1].references = 2;
    });
    let kills = "references of kills, of which";
    found(
        "kills",
        &format!("{kills} 0 are in progress: expected 0, found 1 that nothing else explains"),
        |_, books| {
            books.unpin(1);
        },
    );
    let explained = |census: &mut Census| {
        census.kills = 1;
        census.greenlets[0].references += 1;
        census.greenlets[2].references += 1;
    };
    assert_eq!(after(|census, _| explained(census)), Ok(()));
    found(
        "kills",
        &format!("{kills} 1 are in progress: expected 2, found 3 that nothing else explains"),
        |census, _| {
            explained(census);
            census.greenlets[2].references += 1;
        },
    );
}

#[test]
fn an_up_is_good_for_one_reference_or_none_until_its_parent_changes() {
    for more in [0, 1] {
        assert_eq!(
            after(|census, books| {
                books.up(3, Some(2));
                census.greenlets[2].references += more;
            }),
            Ok(())
        );
    }
    found("references", "greenlet 2: expected 3 references or more, found 2", |_, books| {
        books.up(1, Some(2));
    });
    found("references", "greenlet 9: expected 1 references or more, found 0", |_, books| {
        books.up(1, Some(9));
    });
}

#[test]
fn a_leaked_greenlet_has_the_reference_of_its_kill_and_no_other() {
    assert_eq!(
        after(|census, books| {
            books.leaked(2, 1);
            census.greenlets[2].references += 1;
        }),
        Ok(())
    );
    found("leaked", "greenlet 2: expected one reference when it is reported leaked, found 2", |census, books| {
        books.leaked(2, 2);
        census.greenlets[2].references += 1;
    });
    // The dead keep nothing.
    assert_eq!(after(|_, books| books.leaked(3, 1)), Ok(()));
}

#[test]
fn everyone_has_a_stack_of_its_own() {
    found("stack", "greenlet 2: expected a stack of its own, found that of greenlet 1", |census, _| {
        census.greenlets[2].stack = Some(stack(1));
    });
    let elsewhere = Stack { limit: 0x40, base: 0x80, sp: 0x60 };
    found("stack", &format!("greenlet 2: expected one stack of the pool, found {elsewhere}"), |census, _| {
        census.greenlets[2].stack = Some(elsewhere);
    });
    let overrun = Stack { sp: stack(2).limit - 8, ..stack(2) };
    found("stack", &format!("greenlet 2: expected one stack of the pool, found {overrun}"), |census, _| {
        census.greenlets[2].stack = Some(overrun);
    });
    found(
        "stack",
        "greenlet 2: expected a stack while it is not dead, and for main none, found otherwise",
        |census, _| census.greenlets[2].stack = None,
    );
    found(
        "stack",
        &format!("greenlet 1: expected to stand on its stack ({}), found {:#x}", stack(1), stack(2).sp),
        |census, _| census.here = stack(2).sp,
    );
}

#[test]
fn nothing_is_lost() {
    found("pool", "stacks that are taken: expected 3, found 4", |census, _| census.stacks = 4);
    found("bodies", "bodies: expected 2, found 1", |census, _| census.bodies = 1);
    found("contexts", "contexts: expected 1, found 2", |census, _| census.contexts = 2);
}
