//! What is counted after each case: nothing lost, nothing left.

use crate::values::{alive, v};
use crate::verdict::{holds, same};
use crate::world::{
    CONTEXTS, COUNT, FIRST, FOR_EVER, Heard, LOCALS, OTHER, SECOND, SINGLE, SMALL, STACKS, TREE, heard,
};
use greenlet::{Greenlet, Tree};

/// What there is before a case.
pub(crate) struct Account {
    alive: u32,
    stacks: usize,
}

impl Account {
    pub(crate) fn open() -> Self {
        Self { alive: alive(), stacks: FOR_EVER.free() }
    }

    /// Checks that there is as much as before, less what the case says is gone for ever: stacks, and values on them.
    pub(crate) fn close(self, (stacks, values): (usize, u32)) {
        holds(FIRST.take().is_none() && SECOND.take().is_none(), "no handle is left in a static");
        same(heard(), Heard::default());
        same(alive(), self.alive + values);
        same(FOR_EVER.free() + stacks, self.stacks);
        same([STACKS.free(), SINGLE.free(), SMALL.free()], [COUNT, 1, 1]);
        empty(&TREE);
        empty(&OTHER);
        same(alive(), self.alive + values);
    }
}

/// Checks that a tree can be entered, that it has no greenlet but main, and that what greenlets can have is free.
fn empty(tree: &'static Tree<crate::values::Value, crate::values::Fault>) {
    let entered = tree.enter(|main| {
        let mut listed = 0;
        main.for_each(|_| listed += 1);
        same(listed, 1);
        same((main.references(), main.kills_in_progress(), main.attend()), (1, 0, 0));
        holds(main.woken().is_none() && main.trace().is_none(), "no wake is pending, and no tracer is set");
        let contexts = [CONTEXTS.create(v(1)), CONTEXTS.create(v(2))];
        holds(contexts.iter().all(Result::is_ok), "every context is free");
        let child = main.bare(&STACKS).expect("a stack is free");
        let local = |greenlet: &Greenlet<_, _>| LOCALS.with(greenlet, |value| value.number);
        same((local(main), local(&child)), (Ok(5), Ok(5)));
    });
    // `LOCALS` lends main's value only to the next account: main's slot is freed at the end of the tree.
    holds(entered.is_ok(), "the tree can be entered");
}
