//! A greenlet that has overflowed its stack does not switch away: the hook is called with it, and no greenlet of the
//! tree runs again.
#![cfg(not(any(miri, feature = "unchecked-switch")))]

use crate::common::{alone, in_child};
use greenlet::{
    Greenlet, GuardedStackPool, Me, Outcome, Overflow, Refusal, SharedStackPool, StackPool, Stacks, Tree, stack_pool,
};
use std::cell::{Cell, RefCell};
use std::hint::black_box;
use std::os::unix::process::ExitStatusExt;
use std::process::exit;
use std::sync::Mutex;

const SIZE: usize = 16 * 1024;
/// Bytes of the canary band.
const BAND: usize = 64;
/// The word of the band that a switch looks at besides the highest, which is the first.
const LOWER: usize = if cfg!(target_arch = "aarch64") { 2 } else { 8 };

/// What the hook ends the program with.
const HEARD: i32 = 71;

const SIGABRT: i32 = 6;

type This = Me<u32, &'static str>;

fn heard(overflow: &Overflow) -> ! {
    eprintln!("{overflow}");
    eprintln!("past {} foreign {}", overflow.past_limit(), overflow.is_foreign_stack());
    // SAFETY: this program is in a tree on one thread.
    let current = unsafe { greenlet::current_report() };
    eprintln!("current {}", current.map_or("none".to_owned(), |report| report.to_string()));
    exit(HEARD)
}

/// The greenlet with the highest stack of a pool, so that what lies below it are stacks; nothing else is overwritten.
fn highest(
    main: &Greenlet<u32, &'static str>,
    body: impl FnOnce(&This, u32) -> Outcome<u32, &'static str> + 'static,
) -> Greenlet<u32, &'static str> {
    static STACKS: StackPool<3, SIZE> = StackPool::new();
    let _below = [main.bare(&STACKS).unwrap(), main.bare(&STACKS).unwrap()].map(std::mem::ManuallyDrop::new);
    main.build(&STACKS).name("deep").spawn(body).unwrap()
}

/// Calls itself until the stack pointer is `past` bytes below the limit, then calls `then`.
#[inline(never)]
fn dig(me: &This, past: usize, then: &mut dyn FnMut()) {
    let frame = Cell::new([0_u8; 48]);
    black_box(&frame);
    let stack = me.stack().unwrap();
    if stack.sp + past < stack.limit {
        then()
    } else {
        dig(me, past, then)
    }
    black_box(&frame);
}

/// What the hook wrote in a process of its own, which it ended; `None` in that process, where `run` must not return.
fn overflows(test: &str, run: impl FnOnce(&Greenlet<u32, &'static str>)) -> Option<String> {
    static TREE: Tree<u32> = Tree::new().on_overflow(heard);
    let Some(output) = in_child(module_path!(), test) else {
        let _alone = alone();
        TREE.enter(|main| run(main)).unwrap();
        return None;
    };
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(HEARD), "{told}");
    assert!(told.contains("overflow: greenlet ") && told.contains(" \"deep\", 16384-byte stack 0x"), "{told}");
    assert!(told.contains("current greenlet ") && told.contains("foreign false"), "{told}");
    Some(told)
}

/// Writes a zero where a word of the band is: the first is next to the floor.
fn scratch(me: &This, word: usize) {
    let at = me.stack().unwrap().limit + BAND - 8 * word;
    // SAFETY: not safe: this is what an overflow does.
    unsafe { std::ptr::with_exposed_provenance_mut::<usize>(at).write_volatile(0) };
}

#[test]
fn a_switch_from_below_the_limit() {
    let told = overflows("a_switch_from_below_the_limit", |main| {
        let g = highest(main, |me, x| {
            dig(me, 100, &mut || {
                let _unreached = me.parent().switch(x);
            });
            Ok(x)
        });
        let _unreached = g.switch(1);
    });
    let Some(told) = told else { return };
    let past = told.split_once("\npast ").and_then(|(_, rest)| rest.split_once(' ')).unwrap().0;
    assert!((100..2000).contains(&past.parse::<usize>().unwrap()), "{told}");
    assert!(told.contains(&format!("{past} bytes past the limit; give its pool a larger SIZE")), "{told}");
}

#[test]
fn an_up_from_below_the_limit() {
    overflows("an_up_from_below_the_limit", |main| {
        let g = highest(main, |me, x| {
            dig(me, 100, &mut || {
                let _unreached = me.up(x);
            });
            Ok(x)
        });
        let _unreached = g.switch(1);
    });
}

#[test]
fn a_throw_from_below_the_limit() {
    overflows("a_throw_from_below_the_limit", |main| {
        let g = highest(main, |me, x| {
            dig(me, 100, &mut || {
                let _unreached = me.parent().throw("late");
            });
            Ok(x)
        });
        let _unreached = g.switch(1);
    });
}

#[test]
fn a_switch_after_having_been_below_the_limit() {
    let told = overflows("a_switch_after_having_been_below_the_limit", |main| {
        let g = highest(main, |me, x| {
            dig(me, 100, &mut || ());
            me.up(x)
        });
        let _unreached = g.switch(1);
    });
    assert!(told.is_none_or(|told| told.contains("canary overwritten") && told.contains("past 0 ")));
}

#[test]
fn an_end_after_having_been_below_the_limit() {
    overflows("an_end_after_having_been_below_the_limit", |main| {
        let g = highest(main, |me, x| {
            dig(me, 100, &mut || ());
            Ok(x)
        });
        let _unreached = g.switch(1);
    });
}

/// A test for each word: a program that has heard of one overflow is over.
macro_rules! words {
    ($($test:ident: $word:expr, $leave:expr;)*) => {$(
        #[test]
        fn $test() {
            overflows(stringify!($test), |main| {
                let g = highest(main, |me, x| {
                    scratch(me, $word);
                    let leave: fn(&This, u32) -> Outcome<u32, &'static str> = $leave;
                    leave(me, x)
                });
                let _unreached = g.switch(1);
                std::process::exit(1); // else the kill at the end of the tree would look at the whole band
            });
        }
    )*};
}

words! {
    word_1_stops_a_switch: 1, |me, x| me.parent().switch(x);
    the_lower_word_stops_a_switch: LOWER, |me, x| me.parent().switch(x);
    word_1_stops_an_up: 1, |me, x| me.up(x);
    the_lower_word_stops_an_up: LOWER, |me, x| me.up(x);
    word_1_stops_an_end: 1, |_, x| Ok(x);
    word_2_stops_an_end: 2, |_, x| Ok(x);
    word_3_stops_an_end: 3, |_, x| Ok(x);
    word_4_stops_an_end: 4, |_, x| Ok(x);
    word_5_stops_an_end: 5, |_, x| Ok(x);
    word_6_stops_an_end: 6, |_, x| Ok(x);
    word_7_stops_an_end: 7, |_, x| Ok(x);
    word_8_stops_an_end: 8, |_, x| Ok(x);
    word_7_stops_a_throw: 7, |me, _| me.parent().throw("late");
}

/// The lowest stack of `pool` is overflowed by more than one stack, and so that whatever lies below it is written to.
fn lowest(test: &str, pool: &'static impl Stacks) {
    let told = overflows(test, |main| {
        let g = main.build(pool).name("deep").spawn(|me, x| {
            dig(me, 3 * SIZE, &mut || {
                let _unreached = me.up(x);
            });
            Ok(x)
        });
        let _unreached = g.unwrap().switch(1);
    });
    assert!(told.is_none_or(|told| told.contains(" bytes past the limit; give its pool a larger SIZE")));
}

/// A test for each kind of pool of which the crate has the memory.
macro_rules! lowest_stacks {
    ($($test:ident: $pool:expr;)*) => {$(
        #[test]
        fn $test() {
            lowest(stringify!($test), $pool);
        }
    )*};
}

lowest_stacks! {
    the_lowest_stack_of_a_pool: { static POOL: StackPool<1, SIZE> = StackPool::new(); &POOL };
    the_lowest_stack_of_a_pool_of_several: { static POOL: StackPool<2, SIZE> = StackPool::new(); &POOL };
    the_lowest_stack_of_a_shared_pool: { static POOL: SharedStackPool<1, SIZE> = SharedStackPool::new(); &POOL };
    the_lowest_stack_above_a_guard_that_is_mapped: { static POOL: GuardedStackPool<1, SIZE> = GuardedStackPool::new(); &POOL };
    the_lowest_stack_of_a_pool_apart: { stack_pool! { static POOL: StackPool<1, SIZE>; } &POOL };
}

// Others take no more from the allocator than they must.
#[cfg(all(feature = "alloc", debug_assertions))]
lowest_stacks! {
    a_stack_on_the_heap: { static STACKS: greenlet::HeapStacks<SIZE> = greenlet::HeapStacks::new(); &STACKS };
}

#[test]
fn a_supervisor_sees_it_before_the_greenlet_leaves_again() {
    let told = overflows("a_supervisor_sees_it_before_the_greenlet_leaves_again", |main| {
        let g = highest(main, |me, x| {
            let seen = me.handle();
            me.up(x)?;
            scratch(me, 7); // a switch does not look at this one
            me.up(u32::from(seen.is_intact()))?;
            unreachable!("an exit is slow, and looks at the whole band before it leaves")
        });
        assert_eq!(g.switch(1), Ok(1));
        assert!(g.is_intact());
        assert_eq!((g.switch(2), g.is_intact()), (Ok(0), false));
        let _unreached = g.kill();
    });
    assert!(told.is_none_or(|told| told.contains("canary overwritten")));
}

#[test]
fn by_default_the_program_ends_with_the_message() {
    static TREE: Tree<u32> = Tree::new();
    let Some(output) = in_child(module_path!(), "by_default_the_program_ends_with_the_message") else {
        let _alone = alone();
        let run = |main: &greenlet::Main<u32, &'static str>| {
            let g = highest(main, |me, x| {
                scratch(me, 1);
                me.up(x)
            });
            let _unreached = g.switch(1);
        };
        TREE.enter(run).unwrap();
        return;
    };
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.signal(), Some(SIGABRT), "{told}");
    assert!(told.contains("stack overflow: greenlet ") && told.contains("canary overwritten"), "{told}");
}

type Handle = Greenlet<u32, &'static str>;

thread_local! {
    /// What the hook, or `exit`, drops: the last handle to a greenlet that waits.
    static KEPT: RefCell<Option<Handle>> = const { RefCell::new(None) };
}

/// In a process of its own, `hook` is called with an overflow while [`KEPT`] holds a handle. What it wrote, and that it
/// has ended the program with [`HEARD`]; `None` in that process.
fn heard_while_one_is_kept(test: &str, hook: fn(&Overflow) -> !) -> Option<String> {
    static HOOK: Mutex<Option<fn(&Overflow) -> !>> = Mutex::new(None);
    static TREE: Tree<u32> = Tree::new().on_overflow(|overflow| {
        let hook = *HOOK.lock().unwrap();
        hook.unwrap()(overflow)
    });
    let Some(output) = in_child(module_path!(), test) else {
        let _alone = alone();
        *HOOK.lock().unwrap() = Some(hook);
        let run = |main: &greenlet::Main<u32, &'static str>| {
            let waits = main.spawn(&crate::common::STACKS, |me, x| {
                let asked = me.up(x);
                eprintln!("it continued");
                asked
            });
            let waits = waits.unwrap();
            waits.switch(1).unwrap();
            KEPT.set(Some(waits));
            let g = highest(main, |me, x| {
                scratch(me, 1);
                me.up(x)
            });
            let _unreached = g.switch(1);
        };
        TREE.enter(run).unwrap();
        return None;
    };
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(HEARD), "{told}");
    assert!(!told.contains("it continued"), "{told}");
    Some(told)
}

#[test]
fn a_handle_that_exit_drops_is_leaked() {
    heard_while_one_is_kept("a_handle_that_exit_drops_is_leaked", |_| exit(HEARD));
}

#[test]
fn a_handle_that_the_hook_drops_is_leaked() {
    let told = heard_while_one_is_kept("a_handle_that_the_hook_drops_is_leaked", |overflow| {
        let last = KEPT.take().unwrap();
        let weak = last.downgrade();
        drop(last);
        let leaked = weak.upgrade().unwrap();
        eprintln!("{} {} {}", overflow.greenlet, leaked.state(), leaked.references());
        exit(HEARD)
    });
    assert!(told.is_none_or(|told| told.contains("\"deep\" suspended 2")), "with the reference that a leak keeps");
}

#[test]
fn every_transfer_is_refused_while_the_hook_runs() {
    let told = heard_while_one_is_kept("every_transfer_is_refused_while_the_hook_runs", |_| {
        let g = KEPT.take().unwrap();
        let current = g.current().unwrap();
        for target in [&g, &current, &current.parent().unwrap()] {
            eprintln!("{:?} {:?}", target.switch(1), target.throw("late"));
            eprintln!("{:?} {:?}", target.kill(), target.kill_with(2));
            eprintln!("{:?}", target.cancel());
        }
        g.remote().kill().unwrap();
        eprintln!("{}", g.attend());
        exit(HEARD)
    });
    let Some(told) = told else { return };
    let refused = |sent| format!("Err(Refused({:?}, {sent}))", Refusal::Overflow);
    let back = |sent| refused(format!("Some({sent})"));
    let of_each = [
        format!("{} {}", back("Value(1)"), back("Error(\"late\")")),
        format!("{} {}", back("Exit(0)"), back("Exit(2)")),
        refused("None".to_owned()),
    ];
    let lines: Vec<_> = of_each.iter().cycle().take(9).map(String::as_str).chain(["0"]).collect();
    assert_eq!(told.lines().skip_while(|line| !line.starts_with("Err")).collect::<Vec<_>>(), lines);
}

#[test]
fn the_stack_of_the_current_greenlet_is_as_it_was_left() {
    let told = heard_while_one_is_kept("the_stack_of_the_current_greenlet_is_as_it_was_left", |overflow| {
        let current = KEPT.with_borrow(|kept| kept.as_ref().and_then(|kept| kept.current()));
        assert_eq!(current.and_then(|current| current.stack()), Some(overflow.stack));
        eprintln!("the same");
        exit(HEARD)
    });
    assert!(told.is_none_or(|told| told.contains("the same")));
}

/// The hook runs on another stack, and what the greenlet has used is below its limit.
#[test]
#[cfg(all(feature = "std", feature = "high-water"))]
fn the_mark_of_a_stack_that_was_left_is_below_its_limit() {
    static TREE: Tree<u32> = Tree::new().on_overflow(|overflow| {
        let mark = TREE.current().and_then(|current| current.high_water_mark());
        assert_eq!(mark, Some(overflow.stack.in_use()));
        exit(HEARD)
    });
    let Some(output) = in_child(module_path!(), "the_mark_of_a_stack_that_was_left_is_below_its_limit") else {
        let run = |main: &greenlet::Main<u32, &'static str>| {
            let to_main = main.handle();
            let g = highest(main, move |me, x| {
                dig(me, 256, &mut || _ = to_main.switch(x));
                Ok(x)
            });
            let _unreached = g.switch(1);
        };
        return TREE.enter(run).unwrap();
    };
    assert_eq!(output.status.code(), Some(HEARD), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_panic_of_the_hook_ends_the_program() {
    static TREE: Tree<u32> = Tree::new().on_overflow(|_| panic!("{:?}", KEPT.take().map(|last| last.switch(1))));
    let Some(output) = in_child(module_path!(), "a_panic_of_the_hook_ends_the_program") else {
        let _alone = alone();
        let run = |main: &greenlet::Main<u32, &'static str>| {
            KEPT.set(Some(main.bare(&crate::common::STACKS).unwrap()));
            let g = highest(main, |me, x| {
                scratch(me, 1);
                me.up(x)
            });
            let _unreached = g.switch(1);
        };
        TREE.enter(run).unwrap();
        return;
    };
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.signal(), Some(SIGABRT), "{told}");
    assert_eq!(told.matches("Some(Err(Refused(Overflow: ").count(), 1, "the hook ran once: {told}");
}
