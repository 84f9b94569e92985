//! What holds for the core identities that take masked interrupts for a handler.

use board::{check, interrupts, println};
use greenlet::{EnterError, Refusal, Sent, StackPool, Thrown, Tree};

static STACKS: StackPool<1, 16384> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

fn handle() {
    println!("handler: no tree can be entered, and no greenlet is current");
    check!(TREE.current().is_none());
    check!(enters_nothing());
}

/// Shows all of it; the guest has declared one of these identities, and interrupts are masked.
///
/// # Panics
///
/// When it is called twice at a time, for lack of a second stack.
pub fn show() {
    interrupts::on(handle);
    println!("masked: there is nothing to enter");
    check!(enters_nothing());
    interrupts::enable();

    let entered = TREE.enter(|main| {
        println!("unmasked: entered");
        let greenlet = main.spawn(&STACKS, |me, x| {
            check!(TREE.current().as_ref() == Some(&**me));
            interrupts::raise();
            check!(TREE.current().as_ref() == Some(&**me));

            interrupts::disable();
            println!("masked, in a greenlet: none is current, and a switch is refused");
            check!(TREE.current().is_none());
            check!(me.current().as_ref() == Some(&**me), "a handle is enough to query it");
            check!(me.up(x) == Err(Thrown::Refused(Refusal::Masked, Some(Sent::Value(x)))));
            interrupts::enable();
            check!(TREE.current().as_ref() == Some(&**me));
            me.up(x + 1)
        });
        let greenlet = greenlet.expect("a stack is free");
        check!(greenlet.switch(1) == Ok(2));
        check!(TREE.current().as_ref() == Some(&**main));
        check!(greenlet.switch(6) == Ok(6));
    });
    check!(entered.is_ok());
    interrupts::disable();
}

/// Whether the tree refuses to be entered because this may be a handler.
fn enters_nothing() -> bool {
    TREE.enter(|_| ()).is_err_and(|refused| refused.reason == EnterError::NoCore)
}
