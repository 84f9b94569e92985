//@ stack: 32768
#![no_std]
#![no_main]
//! Values of 0 to 256 bytes, aligned to up to 256: nothing that is sent is lost, broken, or dropped twice.

use board::atomic::{AtomicU32, Ordering::Relaxed};
use board::{check, println};
use core::hint::black_box;
use core::mem::{align_of, size_of};
use counted::{Counted, Payload, alive};
use greenlet::{Greenlet, Main, Me, Outcome, Refusal, RunError, Sent, SpawnError, StackPool, Thrown, Tree};

#[path = "values/counted.rs"]
mod counted;

board::guest!(main);

/// As many as one case needs at a time. Large: unoptimised code copies a value many times on its way.
static STACKS: StackPool<6, 65536> = StackPool::new();
/// Soon exhausted.
static SINGLE: StackPool<1, 65536> = StackPool::new();

/// What an exit without a payload carries.
const EXIT: u8 = 200;

/// Makes a tree for each case, since trees are statics, and has it tried.
macro_rules! cases {
    ($($bytes:literal, $align:ident; $error_bytes:literal, $error_align:ident)*) => {$({
        type V = Counted<$bytes, $align>;
        type E = Counted<$error_bytes, $error_align>;
        static TREE: Tree<V, E> = Tree::with_exit(|| V::new(EXIT)).on_unraisable(unraisable);
        case(&TREE);
    })*};
}

macro_rules! alignments {
    ($($name:ident = $align:literal)*) => {$(
        #[repr(align($align))]
        struct $name;
    )*};
}

alignments! { A1 = 1 A8 = 8 A16 = 16 A128 = 128 A256 = 256 }

fn main() {
    println!("sent to the started, the unstarted, the dead and oneself; returned; as an exit; thrown; lost;");
    println!("captured by a body; dropped with its greenlet; left behind at the end of the tree; sent after it:");
    // In a register up to 8 bytes, in memory above, and one of alignment 0 to 256: values and errors of each kind,
    // beside each other. All sizes between are in the hosted tests `values`, which compile in a fraction of the time.
    cases! {
        0, A1; 256, A256
        0, A256; 1, A1
        1, A1; 9, A1
        7, A1; 8, A8
        8, A8; 255, A1
        9, A1; 128, A128
        16, A16; 0, A1
        255, A1; 7, A1
        256, A256; 16, A8
    }
}

fn case<V: Payload, E: Payload>(tree: &'static Tree<V, E>) {
    println!(
        "values of {:>3} bytes, aligned to {:>3}; errors of {:>3} bytes, aligned to {:>3}",
        size_of::<V>(),
        align_of::<V>(),
        size_of::<E>(),
        align_of::<E>()
    );
    let entered = tree.enter(|main| {
        switches(main);
        ends(main);
        exits(main);
        errors(main);
        losses(main);
        captures(main);
        references(main);
        leftovers(main)
    });
    match entered {
        Ok(handle) => after_the_end(&handle),
        Err(_) => check!(false, "the tree could not be entered"),
    }
    check!(alive() == Some(0), "{:?} values are left at the end of the case", alive());
}

/// Checks what came back, and that with it everything is gone.
#[track_caller]
#[inline(never)]
fn came<V: Payload, E: Payload>(outcome: Outcome<V, E>, expected: Outcome<V, E>) {
    let as_expected = outcome == expected;
    drop((outcome, expected));
    all_gone(as_expected);
}

/// Checks something, and that no value exists.
#[track_caller]
#[inline(never)]
fn all_gone(as_expected: bool) {
    check!(as_expected, "something else came back");
    check!(alive() == Some(0), "{:?} values are left", alive());
}

/// A child of main. One type of body for all that capture nothing: there are many cases to compile.
fn spawn<V, E>(main: &Main<V, E>, body: fn(&Me<V, E>, V) -> Outcome<V, E>) -> Greenlet<V, E> {
    main.spawn(&STACKS, body).expect("a stack is free")
}

/// A greenlet that sends back what it gets, and waits.
fn echo<V: Payload, E: Payload>(main: &Main<V, E>) -> Greenlet<V, E> {
    let echo = spawn(main, |me, mut value| {
        loop {
            value = me.up(value)?;
        }
    });
    came(echo.switch(V::new(1)), Ok(V::new(1)));
    echo
}

fn switches<V: Payload, E: Payload>(main: &Main<V, E>) {
    let echo = echo(main);
    for tag in 2..10 {
        came(echo.switch(V::new(tag)), Ok(V::new(tag)));
    }
    came(main.switch(V::new(10)), Ok(V::new(10)));
    let holder = spawn(main, |me, first| {
        let second = me.switch(V::new(12))?; // to itself
        let third = me.parent().switch(second)?;
        drop(first);
        Ok(third)
    });
    let second = holder.switch(V::new(11));
    check!(second == Ok(V::new(12)));
    drop(second);
    check!(alive() == Some(1), "the holder keeps one");
    came(holder.switch(V::new(13)), Ok(V::new(13)));
    came(holder.switch(V::new(14)), Ok(V::new(14))); // dead
}

fn ends<V: Payload, E: Payload>(main: &Main<V, E>) {
    let brief = spawn(main, |_, value| Ok(value));
    came(brief.switch(V::new(20)), Ok(V::new(20)));
    let waits = || spawn(main, Me::up);
    let late = waits();
    came(late.switch(V::new(21)), Ok(V::new(21)));
    came(late.switch(V::new(22)), Ok(V::new(22)));

    // Past a dead parent, into one that starts with it.
    let (dead, grandparent) = (late, waits());
    check!(dead.set_parent(&grandparent).is_ok());
    let child = dead.spawn(&STACKS, |_, value| Ok(value)).expect("a stack is free");
    came(child.switch(V::new(23)), Ok(V::new(23)));
    came(dead.switch(V::new(24)), Ok(V::new(24)));
    check!(grandparent.is_dead());
}

fn exits<V: Payload, E: Payload>(main: &Main<V, E>) {
    let victim = echo(main);
    came(victim.kill_with(V::new(30)), Ok(V::new(30)));
    came(victim.kill_with(V::new(31)), Ok(V::new(31))); // dead
    let unstarted = spawn(main, |_, value| Ok(value));
    came(unstarted.kill_with(V::new(32)), Ok(V::new(32)));
    check!(unstarted.is_dead());
    came(echo(main).kill(), Ok(V::new(EXIT)));
    came(echo(main).cancel(), Ok(V::new(EXIT)));

    let stubborn = spawn(main, |me, value| match me.up(value) {
        Err(Thrown::Exit(value)) => me.up(value),
        other => other,
    });
    came(stubborn.switch(V::new(33)), Ok(V::new(33)));
    came(stubborn.kill_with(V::new(34)), Ok(V::new(34)));
    check!(!stubborn.is_dead());
    came(stubborn.kill_with(V::new(35)), Ok(V::new(35)));
    check!(stubborn.is_dead());
}

fn errors<V: Payload, E: Payload>(main: &Main<V, E>) {
    let victim = echo(main);
    came(victim.throw(E::new(40)), Err(Thrown::Error(E::new(40))));
    came(victim.throw(E::new(41)), Err(Thrown::Error(E::new(41)))); // dead
    let unstarted = spawn(main, |_, value| Ok(value));
    came(unstarted.throw(E::new(42)), Err(Thrown::Error(E::new(42))));
    came(main.throw(E::new(43)), Err(Thrown::Error(E::new(43))));

    let handles = spawn(main, |me, value| match me.up(value) {
        Err(Thrown::Error(error)) => Err(me.parent().throw(error).map(|_| E::new(45)).unwrap_or(E::new(46)))?,
        other => other,
    });
    came(handles.switch(V::new(44)), Ok(V::new(44)));
    came(handles.throw(E::new(47)), Err(Thrown::Error(E::new(47)))); // thrown back
    came(handles.switch(V::new(48)), Err(Thrown::Error(E::new(45)))); // its body's own

    // It climbs: an unstarted parent dies of it, a suspended one passes it on.
    let top = echo(main);
    let middle = top.spawn(&STACKS, |_, value| Ok(value)).expect("a stack is free");
    let bottom = middle.spawn(&STACKS, |_, value| Ok(value)).expect("a stack is free");
    came(bottom.throw(E::new(49)), Err(Thrown::Error(E::new(49))));
    check!(top.is_dead() && middle.is_dead() && bottom.is_dead());
}

/// What ends at a greenlet without a body is lost, and dropped once.
fn losses<V: Payload, E: Payload>(main: &Main<V, E>) {
    let bare = main.bare(&STACKS).expect("a stack is free");
    came(bare.switch(V::new(50)), Err(Thrown::NoRun));
    came(bare.throw(E::new(51)), Err(Thrown::NoRun));
    came(bare.kill_with(V::new(52)), Err(Thrown::NoRun));
    let child = bare.spawn(&STACKS, |_, value| Ok(value)).expect("a stack is free");
    came(child.switch(V::new(53)), Err(Thrown::NoRun)); // it ends in `bare`; main gets the error that this cannot run
    let child = bare.spawn(&STACKS, |_, value| Ok(value)).expect("a stack is free");
    came(child.throw(E::new(54)), Err(Thrown::NoRun));
}

/// A body is a value, too: so is what it captures.
fn captures<V: Payload, E: Payload>(main: &Main<V, E>) {
    let holds = |tag| {
        let captured = (V::new(tag), E::new(tag), V::new(tag + 1));
        move |_: &Me<V, E>, value: V| {
            let (first, error, second) = captured;
            drop((value, second));
            if first == V::new(60) { Ok(first) } else { Err(error)? }
        }
    };
    let spawn = |tag| main.spawn(&STACKS, holds(tag)).expect("a stack is free");
    came(spawn(60).switch(V::new(1)), Ok(V::new(60)));
    drop(spawn(62)); // unstarted
    all_gone(true);
    came(spawn(64).kill_with(V::new(1)), Ok(V::new(1)));
    came(spawn(66).throw(E::new(2)), Err(Thrown::Error(E::new(2))));

    let bare = main.bare(&SINGLE).expect("a stack is free");
    check!(bare.set_run(holds(68)).is_ok());
    check!(alive() == Some(3));
    check!(bare.set_run(holds(60)).is_ok());
    check!(alive() == Some(3), "a body that is replaced is dropped");
    came(bare.switch(V::new(1)), Ok(V::new(60)));
    let refused = bare.set_run(holds(60)).expect_err("dead");
    check!(refused.reason == RunError::Started);
    let refused = main.spawn(&SINGLE, refused.returned).expect_err("its stack is taken");
    check!(refused.reason == SpawnError::PoolEmpty { stacks: 1, dead: 1, leaked: 0, abandoned: 0 });
    drop(bare);
    let runs = main.spawn(&SINGLE, refused.returned).expect("its stack is free");
    came(runs.switch(V::new(1)), Ok(V::new(60)));
}

/// How often an error had nowhere to go.
static UNRAISABLE: AtomicU32 = AtomicU32::new(0);

fn unraisable<V: Payload, E: Payload>(_greenlet: &Greenlet<V, E>, thrown: Thrown<V, E>) {
    check!(thrown == Thrown::Error(E::new(72)));
    UNRAISABLE.fetch_add(1, Relaxed);
}

/// Greenlets that are killed because no handle refers to them.
fn references<V: Payload, E: Payload>(main: &Main<V, E>) {
    drop(echo(main));
    all_gone(true);
    let protests = spawn(main, |me, value| me.up(value).or_else(|_exit| Err(E::new(72))?));
    came(protests.switch(V::new(71)), Ok(V::new(71)));
    drop(protests);
    all_gone(UNRAISABLE.swap(0, Relaxed) == 1);

    // It loses its last reference while it runs, and is killed when main has taken over: the value is on its way then.
    let opener = spawn(main, |me, value| {
        let opener = (*me).clone();
        let forgotten = me.parent().spawn(&STACKS, move |me, value| {
            let _local = V::new(73);
            opener.set_parent(me).expect("no cycle");
            check!(opener.kill() == Ok(V::new(EXIT)));
            opener.set_parent(&me.parent()).expect("no cycle");
            let exit = me.up(value);
            overwrite_free_stack();
            exit
        });
        forgotten.expect("a stack is free").switch(value)
    });
    came(opener.switch(V::new(74)), Ok(V::new(74)));
}

/// Leaves nothing of what calls that have returned had on this stack.
#[inline(never)]
fn overwrite_free_stack() {
    black_box([0xa5_u8; 16384]);
}

/// Leaves values behind, for the end of the tree to drop: on a stack, in a body, in a handler.
fn leftovers<V: Payload, E: Payload>(main: &Main<V, E>) -> Greenlet<V, E> {
    let kept = spawn(main, |me, value| {
        let _local = (V::new(80), E::new(81));
        let exit = me.up(value);
        check!(exit == Err(Thrown::Exit(V::new(EXIT))));
        exit
    });
    came_and_left(kept.switch(V::new(82)), 2);
    let captured = V::new(83);
    let unstarted = main.spawn(&STACKS, move |_, _| Ok(captured)).expect("a stack is free");
    // They refer to each other: the end of the tree has to find them.
    check!(kept.set_parent(&unstarted).is_ok());
    let refers = unstarted.clone();
    let last = main.spawn(&STACKS, move |_, _| {
        drop(unstarted);
        Ok(V::new(84))
    });
    let last = last.expect("a stack is free");
    check!(refers.set_parent(&last).is_ok());
    drop((refers, last));
    check!(alive() == Some(3));
    kept
}

#[track_caller]
#[inline(never)]
fn came_and_left<V: Payload, E: Payload>(outcome: Outcome<V, E>, left: i32) {
    check!(outcome.is_ok(), "nothing came");
    drop(outcome);
    check!(alive() == Some(left), "{:?} values are left", alive());
}

/// A handle that was kept longer than its tree gives back what is sent.
fn after_the_end<V: Payload, E: Payload>(handle: &Greenlet<V, E>) {
    let refused = |sent| Err(Thrown::Refused(Refusal::Ended, Some(sent)));
    came(handle.switch(V::new(90)), refused(Sent::Value(V::new(90))));
    came(handle.throw(E::new(91)), refused(Sent::Error(E::new(91))));
    came(handle.kill_with(V::new(92)), refused(Sent::Exit(V::new(92))));
    came(handle.kill(), Err(Thrown::Refused(Refusal::Ended, None)));
    came(handle.cancel(), Err(Thrown::Refused(Refusal::Ended, None)));
}
