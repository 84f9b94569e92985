//! Without the feature `std`, a panic that leaves a body ends the program, with a message that names the greenlet.
// Not under Miri, which cannot run itself as a child.
#![cfg(not(any(miri, feature = "std")))]

use crate::common::{STACKS, in_child, tree};
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};

const SIGABRT: i32 = 6;

/// Runs the test of that name in a process of its own, where `crash` must abort. What it wrote to stderr; `None` there.
fn aborts(test: &str, crash: impl FnOnce()) -> Option<String> {
    let Some(output) = in_child(module_path!(), test) else {
        crash();
        return None;
    };
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.signal(), Some(SIGABRT), "{told}");
    Some(told)
}

#[test]
fn a_panic_that_leaves_a_body_aborts_and_names_the_greenlet() {
    let told = aborts("a_panic_that_leaves_a_body_aborts_and_names_the_greenlet", || {
        tree(|main| {
            let g = main.build(&STACKS).name("crasher").spawn(|_me, _| panic!("on purpose")).unwrap();
            let _stopped = catch_unwind(AssertUnwindSafe(|| g.switch(0)));
        });
    });
    if let Some(told) = told {
        let (first, second) = (told.find("on purpose"), told.find("a panic left the body of greenlet "));
        assert!(first.is_some() && first < second, "{told}");
        assert!(told.contains("\"crasher\"") && told.contains("feature `std`"), "{told}");
    }
}

#[test]
fn a_panic_while_a_lost_greenlet_ends_aborts_too() {
    let told = aborts("a_panic_while_a_lost_greenlet_ends_aborts_too", || {
        tree(|main| {
            let g = main.build(&STACKS).name("lost").spawn(|me, x| {
                let _asked = me.up(x);
                panic!("on purpose")
            });
            g.as_ref().unwrap().switch(0).unwrap();
            let _stopped = catch_unwind(AssertUnwindSafe(|| drop(g)));
        });
    });
    assert!(told.is_none_or(|told| told.contains("left the body of greenlet") && told.contains("\"lost\"")));
}

#[test]
fn a_panic_that_is_caught_inside_a_body_is_the_bodys_own_affair() {
    tree(|main| {
        let g = main.spawn(&STACKS, |me, x| {
            let caught = catch_unwind(AssertUnwindSafe(|| {
                let _answer = me.up(x); // suspended inside of the `catch_unwind`
                std::panic::resume_unwind(Box::new(5_u32))
            }));
            me.up(caught.unwrap_err().downcast_ref().copied().unwrap_or(0))
        });
        let g = g.unwrap();
        assert_eq!((g.switch(1), g.switch(2), g.switch(3)), (Ok(1), Ok(5), Ok(3)));
    });
}
