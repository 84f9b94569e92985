//! The hook of an overflow: every operation inside of it, in a tree of its own, which ends nowhere.

use super::callbacks::OVERFLOW;
use super::operations::OPERATIONS;
use super::{PARTNER, PLAYED, prepare};
use crate::Failure;
use crate::single::Single;
use crate::values::v;
use crate::verdict::{self, same};
use crate::world::{OVERFLOWS, spawn};

type Tell = fn(&'static str, Option<Failure>);

/// The function that gets the result of each operation, and the one that ends the program.
static TOLD: Single<(Tell, fn() -> !)> = Single::empty();

/// Lets a greenlet leave whose canaries are overwritten. In the hook of the overflow every operation is done; `tell`
/// gets what was not as it must be, by the operation's name. Then `end` ends the program: nothing else can.
pub fn overflow(tell: Tell, end: fn() -> !) -> ! {
    TOLD.set((tell, end));
    let _unreached = OVERFLOWS.enter(|main| {
        prepare(main);
        let deep = spawn(main, |me, x| {
            let limit = me.stack().map_or(0, |stack| stack.limit);
            // SAFETY: not safe: this is what an overflow does, to the canaries of this greenlet's own stack.
            unsafe { core::ptr::with_exposed_provenance_mut::<[usize; 8]>(limit).write_volatile([0; 8]) };
            me.up(x)
        });
        let _unreached = deep.switch(v(1));
    });
    unreachable!("the greenlet has left its stack, and no hook was called")
}

/// What [`OVERFLOWS`] has for a hook.
pub(crate) fn hook(overflow: &greenlet::Overflow) -> ! {
    let Some((tell, end)) = TOLD.take() else { panic!("{overflow}, and the hook was called again") };
    for operation in OPERATIONS {
        PLAYED.set((&OVERFLOW, operation));
        same((operation.run)(), OVERFLOW.expects(operation));
        tell(operation.name, verdict::take());
    }
    drop(PARTNER.take());
    tell("drop_partner", verdict::take());
    end()
}
