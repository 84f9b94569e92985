//! What holds for the core identities that take masked interrupts for a handler.

use board::{check, interrupts, println};
use greenlet::{EnterError, StackPool, Tree};

static STACKS: StackPool<1, 16384> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

fn handle() {
    println!("handler: there is nothing to enter, and nobody current");
    check!(TREE.current().is_none());
    check!(enters_nothing());
}

/// Shows all of it; the guest has declared one of these identities, and interrupts are masked.
///
/// # Panics
///
/// When it is called twice at a time, for want of a second stack.
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
            println!("masked, in a greenlet: nobody is current; who holds a handle can switch all the same");
            check!(TREE.current().is_none());
            check!(me.up(x + 1) == Ok(5));
            check!(TREE.current().as_ref() == Some(&**me));
            Ok(6)
        });
        let greenlet = greenlet.expect("a stack is free");
        check!(greenlet.switch(1) == Ok(2));
        check!(TREE.current().is_none() && greenlet.current().as_ref() == Some(&**main));
        interrupts::enable();
        check!(greenlet.switch(5) == Ok(6));
    });
    check!(entered.is_ok());
    interrupts::disable();
}

/// Whether the tree refuses to be entered because this may be a handler.
fn enters_nothing() -> bool {
    TREE.enter(|_| ()).is_err_and(|refused| refused.reason == EnterError::NoCore)
}
