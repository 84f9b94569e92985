//! What a kill does to parents for a while: the killer stands in, the old parent is put back, and there is no cycle.

use crate::common::{Alone, Handle, Me, Out, STACKS, alone, tree};
use greenlet::{Tree, WeakGreenlet};

/// How many steps lead from a greenlet up to main; stops at 10, which a test that uses this takes for a cycle.
fn steps_to_main(from: &Handle) -> usize {
    std::iter::successors(from.parent(), Handle::parent).take(10).count()
}

/// A child of `old` which, when it is asked to exit, makes itself a child of main and `old` a child of its own, and
/// does not exit.
fn usurper(main: &Handle, old: &Handle) -> Handle {
    let (to_main, to_old) = (main.current().unwrap(), old.clone());
    let usurper = old.spawn(&STACKS, move |me, _| {
        let _asked = to_main.switch(0);
        me.set_parent(&to_main).unwrap();
        to_old.set_parent(me).unwrap();
        drop(to_old);
        to_main.switch(0)
    });
    let usurper = usurper.unwrap();
    usurper.switch(0).unwrap();
    usurper
}

fn wait_twice(me: &Me, x: u32) -> Out {
    me.up(x)?;
    me.up(x)
}

#[test]
fn a_cancelled_greenlet_that_took_its_old_parent_for_a_child_leaves_no_cycle() {
    tree(|main| {
        let old = main.spawn(&STACKS, wait_twice).unwrap();
        old.switch(0).unwrap();
        let usurper = usurper(main, &old);
        usurper.cancel().unwrap();
        assert!(steps_to_main(&usurper) < 3, "{usurper:?} is above itself");
        assert!(steps_to_main(&old) < 3, "{old:?} is above itself");
        usurper.switch(0).unwrap(); // it ends
        assert!(usurper.is_dead());
    });
}

#[test]
fn a_lost_greenlet_that_took_its_old_parent_for_a_child_leaves_no_cycle() {
    tree(|main| {
        let old = main.spawn(&STACKS, wait_twice).unwrap();
        old.switch(0).unwrap();
        drop(usurper(main, &old));
        assert!(steps_to_main(&old) < 3, "{old:?} is above itself");
    });
}

#[test]
fn the_exit_hook_that_makes_a_lost_greenlet_the_parent_of_its_dropper_leaves_no_cycle() {
    static LOST: Alone<Option<WeakGreenlet<u32, &'static str>>> = Alone::new(None);
    static STEPS: Alone<usize> = Alone::new(0);
    static TREE: Tree<u32> = Tree::with_exit(|| {
        if let Some(lost) = LOST.take().and_then(|weak| weak.upgrade()) {
            let _may_be_refused = lost.current().unwrap().set_parent(&lost);
        }
        0
    });
    let _alone = alone();
    TREE.enter(|main| {
        let lost = main.spawn(&STACKS, |me, x| {
            let asked = me.up(x);
            STEPS.set(steps_to_main(me));
            asked
        });
        let lost = lost.unwrap();
        lost.switch(0).unwrap();
        LOST.set(Some(lost.downgrade()));
        let dropper = main.spawn(&STACKS, move |_me, x| {
            drop(lost);
            Ok(x)
        });
        assert_eq!(dropper.unwrap().switch(7), Ok(7));
        assert!(STEPS.get() < 3, "the lost greenlet was above itself while it ended");
    })
    .unwrap();
}
