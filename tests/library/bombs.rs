//! The destructor of whatever the kernel drops for the user may panic, with a payload whose destructor panics, and so
//! on for ever.
//!
//! Each test is a place in the kernel that drops, or calls, in the middle of an operation. With the feature `std` the
//! panic propagates to the caller of the operation; then all stacks are free, main has no reference left, and the tree
//! can be entered again. Without it the program ends, with a line that says why. Places where nothing is open are in
//! `passes`: there a panic is the caller's, with or without the feature.
#![cfg(not(all(miri, not(feature = "std"))))] // Miri cannot run itself as a child

use crate::common::{Alone, alone};
use greenlet::{AnyContext, ContextPool, Event, Greenlet, GreenletLocal, Outcome, StackPool, Thrown, Tree};
use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

const SIZE: usize = 128 * 1024;
const COUNT: usize = 4;

/// Panics when it is dropped, with its own kind: what drops that will have the same to do.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        boom()
    }
}

fn boom() -> ! {
    resume_unwind(Box::new(Bomb))
}

/// What is sent and what is thrown: nothing, or a bomb.
#[derive(Default)]
struct Load(Option<Bomb>);

fn bomb() -> Load {
    Load(Some(Bomb))
}

type Handle = Greenlet<Load, Load>;
type Main = greenlet::Main<Load, Load>;
type Me = greenlet::Me<Load, Load>;
type Out = Outcome<Load, Load>;
type Pool = &'static StackPool<COUNT, SIZE>;

static TREE: Tree<Load, Load> = Tree::with_exit(|| ON_EXIT.take().map_or(Load(None), |make| make()))
    .on_unraisable(|greenlet, thrown| {
        forget(thrown);
        if let Some(act) = ON_UNRAISABLE.take() {
            act(greenlet);
        }
    })
    .on_leak(|greenlet| ON_LEAK.take().map_or((), |act| act(greenlet)));
static POOL: StackPool<COUNT, SIZE> = StackPool::new();

/// What the exit function and the hooks do, once.
static ON_EXIT: Alone<Option<fn() -> Load>> = Alone::new(None);
static ON_UNRAISABLE: Alone<Option<fn(&Handle)>> = Alone::new(None);
static ON_LEAK: Alone<Option<fn(&Handle)>> = Alone::new(None);
/// A handle for one of these, or for a destructor.
static KEPT: Alone<Option<Handle>> = Alone::new(None);
static LOCALS: GreenletLocal<Bomb, 4> = GreenletLocal::new(|| Bomb);
static OTHERS: GreenletLocal<Bomb, 4> = GreenletLocal::new(|| Bomb);
static CONTEXTS: ContextPool<Load, 4> = ContextPool::new();

/// Runs `act`, which panics with a [`Bomb`].
#[track_caller]
fn booms<R>(act: impl FnOnce() -> R) {
    let Err(payload) = catch_unwind(AssertUnwindSafe(|| forget(act()))) else { panic!("this was to panic") };
    assert!(payload.is::<Bomb>());
    forget(payload);
}

/// Whether main panics when a place has come so far as the end of its tree.
static MAIN_PANICS: Alone<bool> = Alone::new(false);

/// Runs a place, inside of a tree: the panic comes out of `place`, or at the end of the tree. Afterwards everything is
/// there again.
fn whole(place: fn(&Main, Pool)) {
    let run = |main: &Main| {
        match catch_unwind(AssertUnwindSafe(|| place(main, &POOL))) {
            Err(payload) => {
                assert!(payload.is::<Bomb>());
                forget(payload);
                main.set_trace(None);
                assert_eq!((POOL.free(), main.references(), main.kills_in_progress()), (COUNT, 1, 0));
                boom()
            }
            Ok(()) if MAIN_PANICS.take() => boom(),
            Ok(()) => bomb(), // dropped by `enter`, when the end of the tree panics
        }
    };
    booms(|| TREE.enter(run).map_err(|refused| refused.reason).unwrap());
    KEPT.set(None);
    assert_eq!(POOL.free(), COUNT);
    let entered = TREE.enter(|main| {
        assert_eq!((main.references(), main.kills_in_progress()), (1, 0));
        main.for_each(|greenlet| assert!(greenlet.is_main()));
        let contexts: Vec<_> =
            (0..4).map(|_| CONTEXTS.create(Load(None)).unwrap_or_else(|_| panic!("a context is lost"))).collect();
        let children: Vec<_> = (0..4).map(|_| main.bare(&POOL).unwrap()).collect();
        if cfg!(feature = "std") {
            for child in &children {
                LOCALS.with(child, |_| ()).expect("a local value is lost");
                OTHERS.with(child, |_| ()).expect("a local value is lost");
            }
        }
        drop(contexts);
        children.into_iter().for_each(|child| {
            if cfg!(feature = "std") {
                booms(|| drop(child))
            }
        });
    });
    entered.map_err(|refused| refused.reason).unwrap();
}

/// With `std`, as above; without, in a process of its own, which ends with a line.
fn ends(test: &str, place: fn(&Main, Pool)) {
    if let Some(told) = aborts(test, place) {
        assert!(told.contains("a panic left ") && told.contains("; without the feature `std` of the crate"), "{told}");
    }
}

/// With `std`, as above.
#[cfg(feature = "std")]
fn aborts(_test: &str, place: fn(&Main, Pool)) -> Option<String> {
    let _alone = alone();
    whole(place);
    None
}

/// Without, what the process of its own wrote before it ended. Where two destructors panic at a time, or one does where
/// the stack of a greenlet ends, that is what the panic itself says, and the language.
#[cfg(not(feature = "std"))]
fn aborts(test: &str, place: fn(&Main, Pool)) -> Option<String> {
    use std::os::unix::process::ExitStatusExt;
    const SIGABRT: i32 = 6;
    let Some(output) = crate::common::in_child(module_path!(), test) else {
        whole(place);
        return None;
    };
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.signal(), Some(SIGABRT), "{told}");
    Some(told)
}

/// The same with `std` and without: the panic propagates to the caller.
fn passes(_test: &str, place: fn(&Main, Pool)) {
    let _alone = alone();
    whole(place);
}

macro_rules! places {
    ($($(#[$doc:meta])* $name:ident, $how:ident: $place:expr;)*) => {$(
        $(#[$doc])*
        #[test]
        fn $name() {
            let _told = $how(stringify!($name), $place);
        }
    )*};
}

/// A body that captures a bomb and is not to run.
fn armed() -> impl FnOnce(&Me, Load) -> Out {
    let bomb = Bomb;
    move |_, x| {
        let _bomb = &bomb;
        unreachable!("an armed body runs with {:?}", x.0.is_some())
    }
}

/// A greenlet that waits in `up`, and then does as `left` says.
fn waits(main: &Handle, pool: Pool, left: fn(Out) -> Out) -> Handle {
    let g = spawn(main, pool, move |me, x| left(me.up(x)));
    assert!(g.switch(Load(None)).is_ok());
    g
}

fn spawn(parent: &Handle, pool: Pool, body: impl FnOnce(&Me, Load) -> Out + 'static) -> Handle {
    parent.spawn(pool, body).map_err(|refused| refused.reason).unwrap()
}

/// A greenlet that waits; when it is killed it makes an armed one its parent, which has no other reference, and sends a
/// bomb.
fn goes_elsewhere(main: &Handle, pool: Pool) -> Handle {
    let g = spawn(main, pool, |me, x| {
        forget(me.up(x));
        let main = me.parent();
        me.set_parent(&spawn(&main, &POOL, armed())).unwrap(); // released when the old one is put back
        main.switch(bomb()).map_err(|asked| {
            forget(asked);
            Thrown::Exit(Load(None))
        })
    });
    assert!(g.switch(Load(None)).is_ok());
    g
}

fn context() -> Option<greenlet::Context<Load>> {
    CONTEXTS.create(bomb()).ok()
}

/// Two local values and a context, all of which panic when the greenlet is freed.
fn load(greenlet: &Handle) {
    LOCALS.with(greenlet, |_| ()).unwrap();
    OTHERS.with(greenlet, |_| ()).unwrap();
    greenlet.set_context(context());
}

places! {
    what_an_unstarted_greenlet_has, ends: |main, pool| {
        let g = spawn(main, pool, armed());
        load(&g);
        drop(g);
    };
    several_that_are_freed_by_one_drop, ends: |main, pool| {
        let parent = spawn(main, pool, armed());
        let child = spawn(&parent, pool, armed());
        load(&parent);
        drop(parent);
        drop(child);
    };
    what_a_lost_greenlet_leaves, ends: |main, pool| {
        let g = waits(main, pool, |asked| { forget(asked); Ok(bomb()) });
        load(&g);
        drop(g);
    };
    the_panic_of_a_lost_greenlet_and_what_it_has, ends: |main, pool| {
        let g = waits(main, pool, |asked| { forget(asked); boom() });
        load(&g);
        drop(g);
    };
    what_a_lost_greenlet_sends_and_its_new_parent, ends: |main, pool| {
        let g = goes_elsewhere(main, pool);
        let weak = g.downgrade();
        booms(|| drop(g));
        weak.upgrade().unwrap().cancel().map_err(drop).unwrap();
        boom()
    };
    what_a_cancelled_greenlet_sends_and_its_new_parent, ends: |main, pool| {
        let g = goes_elsewhere(main, pool);
        booms(|| g.cancel());
        g.cancel().map_err(drop).unwrap();
        drop(g);
        boom()
    };
    an_error_that_nobody_hears_of, ends: |main, pool| {
        ON_UNRAISABLE.set(Some(|_| boom()));
        let g = waits(main, pool, |asked| { forget(asked); Err(Thrown::Error(bomb())) });
        load(&g);
        drop(g);
    };
    the_exit_function_while_a_greenlet_is_lost, ends: |main, pool| {
        let g = waits(main, pool, |asked| asked);
        ON_EXIT.set(Some(|| boom()));
        ON_LEAK.set(Some(|leaked| {
            leaked.cancel().map_err(drop).unwrap();
            load(leaked);
            boom()
        }));
        drop(g);
    };
    the_exit_value_of_a_greenlet_that_is_found_again, ends: |main, pool| {
        static LOST: Alone<Option<greenlet::WeakGreenlet<Load, Load>>> = Alone::new(None);
        let g = waits(main, pool, |asked| asked);
        LOST.set(Some(g.downgrade()));
        ON_EXIT.set(Some(|| {
            KEPT.set(LOST.take().and_then(|lost| lost.upgrade()));
            bomb()
        }));
        booms(|| drop(g));
        KEPT.set(None); // now it is lost
        boom()
    };
    the_leak_hook, ends: |main, pool| {
        let g = spawn(main, pool, |me, x| {
            forget(me.up(x));
            me.up(Load(None)).map_err(|asked| { forget(asked); Thrown::NoRun })
        });
        g.switch(Load(None)).map_err(drop).unwrap();
        let weak = g.downgrade();
        ON_LEAK.set(Some(|_| boom()));
        booms(|| drop(g));
        forget(weak.upgrade().unwrap().cancel());
        boom()
    };
    a_value_for_nobody, passes: |main, pool| {
        let bare = main.bare(pool).unwrap();
        forget(bare.switch(bomb()));
    };
    an_error_for_nobody, passes: |main, pool| {
        let bare = main.bare(pool).unwrap();
        forget(bare.throw(bomb()));
    };
    what_goes_up_to_nobody, ends: |main, pool| {
        let parent = main.bare(pool).unwrap();
        let g = spawn(&parent, pool, |me, _| me.up(bomb()));
        forget(g.switch(Load(None)));
    };
    what_comes_back_to_an_up_and_the_parent_that_it_had, ends: |main, pool| {
        let parent = spawn(main, pool, |_, x| Ok(x));
        parent.switch(Load(None)).map_err(drop).unwrap();
        load(&parent);
        main.set_trace(Some(&|_: Event, _: &Handle, _: &Handle| Ok(()))); // so that `up` counts its target
        let g = spawn(&parent, pool, |me, x| me.up(x));
        g.switch(Load(None)).map_err(drop).unwrap(); // to main, since the parent is dead
        main.set_trace(None);
        g.set_parent(main).unwrap();
        drop(parent);
        forget(g.switch(bomb()));
    };
    what_a_body_leaves_to_nobody, aborts: |main, pool| {
        let parent = main.bare(pool).unwrap();
        let g = spawn(&parent, pool, |_, _| Ok(bomb()));
        drop(parent);
        forget(g.switch(Load(None)));
    };
    the_panic_that_a_body_leaves_to_nobody, ends: |main, pool| {
        let parent = main.bare(pool).unwrap();
        let g = spawn(&parent, pool, |_, _| boom());
        forget(g.switch(Load(None)));
    };
    a_body_that_an_error_meets, aborts: |main, pool| {
        let g = spawn(main, pool, armed());
        forget(g.throw(bomb()));
    };
    what_the_error_of_a_tracer_replaces, ends: |main, pool| {
        let g = waits(main, pool, |asked| asked);
        main.set_trace(Some(&|_: Event, _: &Handle, target: &Handle| if target.is_main() { Ok(()) } else { Err(bomb()) }));
        forget(g.switch(bomb()));
    };
    what_the_panic_of_a_tracer_replaces, ends: |main, pool| {
        let g = waits(main, pool, |asked| asked);
        main.set_trace(Some(&|_: Event, _: &Handle, target: &Handle| if target.is_main() { Ok(()) } else { boom() }));
        forget(g.switch(bomb()));
    };
    what_arrives_with_the_end_of_its_origin, ends: |main, pool| {
        let g = spawn(main, pool, |me, _| {
            let own = KEPT.take().unwrap();
            load(me);
            drop(own);
            Ok(bomb())
        });
        KEPT.set(Some(g.clone()));
        let g = Box::new(g);
        let weak = g.downgrade();
        drop(g);
        forget(weak.upgrade().unwrap().switch(Load(None)));
    };
    the_parent_that_an_up_had_pinned, ends: |main, pool| {
        let parent = spawn(main, pool, armed());
        let g = spawn(main, pool, |me, x| me.up(x));
        g.switch(Load(None)).map_err(drop).unwrap(); // it waits for main
        g.set_parent(&parent).unwrap();
        load(&parent);
        g.set_parent(main).unwrap();
        drop(parent);
        forget(g.switch(bomb()));
    };
    a_kill_that_was_asked_for_from_elsewhere, ends: |main, pool| {
        let (first, second) = (waits(main, pool, |asked| { forget(asked); Err(Thrown::Error(bomb())) }), waits(main, pool, |x| x));
        ON_UNRAISABLE.set(Some(|_| boom()));
        first.remote().kill().unwrap();
        forget(second.kill_with(bomb())); // slow: settles
    };
    a_kill_from_elsewhere_of_one_that_its_hook_drops, ends: |main, pool| {
        let first = waits(main, pool, |asked| { forget(asked); Err(Thrown::Error(bomb())) });
        load(&first);
        first.remote().kill().unwrap();
        KEPT.set(Some(first));
        ON_UNRAISABLE.set(Some(|_| { drop(KEPT.take()); boom() }));
        main.attend();
    };
    a_value_and_the_last_handle_to_a_dead_one, aborts: |main, pool| {
        let dead = spawn(main, pool, |_, x| Ok(x));
        load(&dead);
        dead.switch(Load(None)).map_err(drop).unwrap();
        forget(dead.switch_away(bomb()));
    };
    a_value_and_the_last_handle_to_one_without_a_body, aborts: |main, pool| {
        let bare = main.bare(pool).unwrap();
        load(&bare);
        forget(bare.switch_away(bomb()));
    };
    the_old_body_and_the_new_one, ends: |main, pool| {
        let g = spawn(main, pool, armed());
        forget(g.set_run(armed()));
    };
    the_visitor_and_who_is_visited, ends: |main, pool| {
        let visited = main.bare(pool).unwrap();
        load(&visited);
        KEPT.set(Some(visited));
        main.for_each(|g| if !g.is_main() { drop(KEPT.take()); boom() });
    };
    the_context_that_another_replaces, ends: |main, _pool| {
        main.set_context(context());
        main.set_context::<Load>(None);
    };
    the_contexts_below_one, ends: |_main, _pool| {
        let over = |below: AnyContext| CONTEXTS.create_over(Some(&below), bomb()).ok().map(AnyContext::from).unwrap();
        drop(over(over(over(context().unwrap().into()))));
    };
    the_contexts_below_that_of_a_greenlet, ends: |main, pool| {
        let g = spawn(main, pool, armed());
        g.set_context(CONTEXTS.create_over(context().map(AnyContext::from).as_ref(), bomb()).ok());
        drop(g);
    };
    the_last_handle_to_a_context, ends: |_main, _pool| drop(context());
    the_exit_value_of_a_refused_cancel, passes: |main, _pool| {
        ON_EXIT.set(Some(bomb));
        forget(main.cancel());
    };
    the_value_that_came_second, passes: |main, _pool| {
        static MAKING: Alone<Option<Handle>> = Alone::new(None);
        static TWICE: GreenletLocal<Load, 2> = GreenletLocal::new(|| match MAKING.take() {
            Some(main) => { TWICE.with(&main, |_| ()).unwrap(); bomb() }
            None => Load(None),
        });
        MAKING.set(Some(main.handle()));
        TWICE.with(main, |_| ()).unwrap();
    };
    the_end_of_a_tree, ends: |main, pool| {
        load(main);
        let parent = spawn(main, pool, armed());
        load(&parent);
        left_over(main, pool, |asked| { forget(asked); Ok(bomb()) });
        left_over(main, pool, |asked| { forget(asked); Err(Thrown::Error(bomb())) }).set_parent(&parent).unwrap();
        ON_EXIT.set(Some(|| boom()));
        ON_UNRAISABLE.set(Some(|_| boom()));
    };
    a_panic_of_main_and_the_end_of_its_tree, ends: |main, pool| {
        load(main);
        left_over(main, pool, |asked| { forget(asked); boom() });
        MAIN_PANICS.set(true);
    };
}

/// A greenlet that is left to the end of the tree: its own body keeps the last handle to it.
fn left_over(main: &Handle, pool: Pool, left: fn(Out) -> Out) -> Handle {
    let g = spawn(main, pool, move |me, x| {
        let _own = KEPT.take();
        left(me.up(x))
    });
    KEPT.set(Some(g.clone()));
    assert!(g.switch(Load(None)).is_ok());
    g
}
