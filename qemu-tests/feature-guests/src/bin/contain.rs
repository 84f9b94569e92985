//@ profiles: debug release small
//@ stack: 16384
//@ timeout: 120
#![no_std]
#![no_main]
//! Greenlets panic and overflow their stacks, thousands in a row: each ends with what it said, and its stack serves the
//! next one.

use board::faults::{self, Access, Land};
use board::overrun::{dig, huge};
use board::{check, interrupts, println};
use core::cell::RefCell;
use core::fmt::{self, Write};
use core::hint::black_box;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use feature_guests::{anew, left};
use greenlet::{
    AbandonError, Event, GreenletLocal, GuardedStackPool, Overflow, Refused, SpawnError, StackPool, State, Thrown, Tree,
};
use heapless::String;
use spin::Mutex;

board::guest!(main);
feature_guests::one_core!();

/// What a greenlet ends with.
#[derive(Debug, PartialEq)]
enum Stop {
    /// It panicked, with these words in this line.
    Panicked(String<32>, u32),
    Overflowed,
}

type Main = greenlet::Main<u32, Stop>;
type Me = greenlet::Me<u32, Stop>;
type Greenlet = greenlet::Greenlet<u32, Stop>;
type Outcome = greenlet::Outcome<u32, Stop>;

/// How many panics, and how many overflows, in a row.
const ROUNDS: u32 = 10_000;
const SIZE: usize = 16384;

/// One stack, so that each greenlet is on that of the one before.
static GUARDED: GuardedStackPool<1, SIZE> = GuardedStackPool::new();
static OTHERS: StackPool<3, SIZE> = StackPool::new();
/// For what is refused, when the others are used up.
static SPARE: StackPool<1, SIZE> = StackPool::new();
static TREE: Tree<u32, Stop> = Tree::new().on_unraisable(unraisable);

static OVERFLOW: Mutex<Option<Overflow>> = Mutex::new(None);
/// How often the panic handler was called.
static PANICS: AtomicU32 = AtomicU32::new(0);
/// How many greenlets without a receiver were given up.
static UNRAISABLE: AtomicU32 = AtomicU32::new(0);

/// Cuts off what does not fit.
struct Cut<'a>(&'a mut String<32>);

impl Write for Cut<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|letter| self.0.push(letter).map_err(|_full| fmt::Error))
    }
}

/// The panic handler: what a firmware's does.
fn panicked(info: &PanicInfo<'_>) {
    PANICS.fetch_add(1, Relaxed);
    let mut said = String::new();
    let _is_whole = write!(Cut(&mut said), "{}", info.message());
    let line = info.location().map_or(0, |at| at.line());
    // SAFETY: this is the only core. What these greenlets share with others is sound when half changed.
    let Err(Refused { reason, .. }) = unsafe { TREE.abandon_current(Stop::Panicked(said, line)) };
    refused(reason)
}

fn stopped(access: &Access) -> Option<Land> {
    // SAFETY: this is the core of the tree.
    *OVERFLOW.lock() = Some(unsafe { Overflow::at(access.address, access.sp) }?);
    Some(land)
}

fn land() -> ! {
    let overflow = OVERFLOW.lock().take().expect("the handler has left it");
    // SAFETY: a guard page has stopped it; no function of it is written in C or assembly. It shares nothing with others
    // but handles. This stack is for nothing else.
    let Err(Refused { reason, .. }) = unsafe { TREE.abandon(&overflow, Stop::Overflowed) };
    refused(reason);
    panic!("not given up: {reason}")
}

/// Reclaims the stack of a greenlet of this guest.
fn reclaim(greenlet: &Greenlet) -> bool {
    // SAFETY: the greenlets of this guest link nothing in their frames and lend nothing from them, but for what ends
    // with the guest.
    unsafe { greenlet.reclaim() }.is_ok()
}

/// Not 0: the hook panics.
static HOOK_PANICS: AtomicU32 = AtomicU32::new(0);

fn unraisable(greenlet: &Greenlet, _: Thrown<u32, Stop>) {
    assert!(HOOK_PANICS.load(Relaxed) == 0, "in the hook");
    UNRAISABLE.fetch_add(1, Relaxed);
    check!(greenlet.is_dead() && reclaim(greenlet));
}

/// Whether what arrived is the error of a panic with these words.
fn says(arrived: &Outcome, words: &str) -> bool {
    matches!(arrived, Err(Thrown::Error(Stop::Panicked(said, line))) if said == words && *line > 0)
}

/// Runs `body` in a child of main until it is given up, reclaims its stack, and says whether `expected` is what
/// arrived.
fn one(main: &Main, body: impl FnOnce(&Me, u32) -> Outcome + 'static, expected: impl FnOnce(&Outcome) -> bool) -> bool {
    let Ok(g) = main.spawn(&GUARDED, body) else { return false };
    let arrived = g.switch(1);
    let has_ended = expected(&arrived) && g.state() == State::Dead && GUARDED.free() == 0;
    let is_clean = reclaim(&g) && g.is_intact() && g.references() == 1;
    drop(g);
    has_ended && is_clean && GUARDED.free() == 1
}

fn main() {
    let guard = GUARDED.guards().next().expect("there is a stack");
    board::unmap(guard.clone());
    faults::on(stopped);
    board::before_panic(panicked);
    // As in most firmware: a fault comes with interrupts on, and they are on again where the core continues.
    interrupts::on(|| ());
    interrupts::enable();
    let entered = TREE.enter(|main| {
        let bystander = main.spawn(&OTHERS, |me: &Me, mut x| {
            loop {
                x = me.up(x + 1)?;
            }
        });
        let bystander = bystander.expect("a stack is free");
        in_a_row(main);
        twice_at_once(main);
        in_destructors(main);
        what_stays(main);
        without_a_receiver(main);
        check!(bystander.switch(1) == Ok(2) && main.kills_in_progress() == 0);
        drop(bystander);
        without_a_promise(main);
        check!(interrupts::are_enabled());
    });
    check!(entered.is_ok() && GUARDED.free() == 1);
    let again = TREE.enter(|main| main.spawn(&GUARDED, |_, x| Ok(x + 1)).map(|g| g.switch(1)).ok());
    check!(again.ok() == Some(Some(Ok(2))));
    next()
}

fn in_a_row(main: &Main) {
    let panics = |round: u32| {
        let mut expected = String::<32>::new();
        let _fits = write!(expected, "round {round}");
        one(main, move |_, x| panic!("round {}", x + round - 1), |arrived| says(arrived, &expected))
    };
    check!((0..ROUNDS).all(panics) && PANICS.load(Relaxed) == ROUNDS);
    println!("     panics | {ROUNDS} in a row");
    // The pages of a large frame are probed, but not on a Cortex-M: there its first access may be far below the guard.
    let step = if cfg!(target_arch = "arm") { 1 } else { 2 };
    let overflows = |round: u32| {
        let body =
            move |_: &Me, x: u32| Ok(if round.is_multiple_of(step) { dig(1_000_000 * x) } else { huge::<SIZE>(x) });
        one(main, body, |arrived| *arrived == Err(Thrown::Error(Stop::Overflowed)))
    };
    check!((0..ROUNDS).all(overflows));
    println!("  overflows | {ROUNDS} in a row");
    check!(one(
        main,
        |_, x| panic!("far more words than fit into such an error {x}"),
        |arrived| says(arrived, "far more words than fit into suc")
    ));
}

/// Panics when it is printed.
struct Unprintable;

impl fmt::Display for Unprintable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("the second")
    }
}

fn twice_at_once(main: &Main) {
    let before = PANICS.load(Relaxed);
    check!(one(main, |_, _| panic!("{Unprintable}"), |arrived| says(arrived, "the second")));
    check!(PANICS.load(Relaxed) == before + 2);
    let short_of_stack = |me: &Me, x| {
        let limit = me.stack().map_or(0, |stack| stack.limit);
        left::with(limit, 160, &mut || panic!("no room for this"));
        Ok(x)
    };
    check!(one(main, short_of_stack, |arrived| *arrived == Err(Thrown::Error(Stop::Overflowed))));
    println!("      twice | a panic in the panic handler, an overflow in it");
}

/// Panics when it is dropped.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("{}", self.0)
    }
}

fn in_destructors(main: &Main) {
    let at_its_end = |_: &Me, x| {
        let _bomb = Bomb("at its end");
        Ok(x)
    };
    check!(one(main, at_its_end, |arrived| says(arrived, "at its end")));
    let captured = Bomb("captured");
    let holds = move |_: &Me, x| {
        let _bomb = &captured;
        Ok(x)
    };
    check!(one(main, holds, |arrived| says(arrived, "captured")));
    println!("destructors | of a local, of what the body captured");
}

static LOCK: Mutex<u32> = Mutex::new(0);
static LOCAL: GreenletLocal<RefCell<u32>, 4> = GreenletLocal::new(|| RefCell::new(0));

/// Locks stay locked, borrows stay borrowed, handles stay counted.
fn what_stays(main: &Main) {
    let locks = |_: &Me, x| {
        let mut locked = LOCK.lock();
        *locked += x;
        panic!("with a lock")
    };
    check!(one(main, locks, |arrived| says(arrived, "with a lock")));
    check!(LOCK.try_lock().is_none());
    // SAFETY: what held it is dead and runs no more.
    unsafe { LOCK.force_unlock() };
    check!(*LOCK.lock() == 1);

    let borrows = |me: &Me, _| {
        let _never = LOCAL.with(me, |value| {
            let _borrowed = value.borrow_mut();
            panic!("with a borrow")
        });
        unreachable!()
    };
    let g = main.spawn(&GUARDED, borrows).expect("a stack is free");
    check!(says(&g.switch(1), "with a borrow"));
    check!(LOCAL.with(&g, |value| value.try_borrow().is_err()) == Ok(true));
    check!(reclaim(&g));
    drop(g);

    let kept = main.spawn(&OTHERS, |me: &Me, x| me.up(x)).expect("a stack is free");
    let holds = {
        let kept = kept.clone();
        move |_: &Me, _| {
            let _held = &kept;
            panic!("with a handle")
        }
    };
    check!(one(main, holds, |arrived| says(arrived, "with a handle")));
    check!(kept.references() == 2);
    check!(kept.switch(5) == Ok(5) && kept.switch(6) == Ok(6) && kept.is_dead());
    println!("      stays | a lock, a borrow, a handle");
}

/// The last handle is dropped, or the tree ends: the hook gets a handle.
fn without_a_receiver(main: &Main) {
    let g = main.spawn(&GUARDED, |me: &Me, x| {
        let _exit = me.up(x);
        panic!("in its exit")
    });
    let g = g.expect("a stack is free");
    check!(g.switch(1) == Ok(1));
    drop(g);
    check!(UNRAISABLE.load(Relaxed) == 1 && GUARDED.free() == 1);
    println!("   receiver | none: the hook reclaims the stack");
}

/// Stacks that are not reclaimed are counted.
fn without_a_promise(main: &Main) {
    let left = OTHERS.free();
    for _ in 0..left {
        let g = main.spawn(&OTHERS, |_, _| panic!("for good")).expect("a stack is free");
        check!(says(&g.switch(1), "for good"));
    }
    // One is that of the greenlet whose handle lies in frames that were given up.
    check!(left == 2);
    check!(main.bare(&OTHERS) == Err(SpawnError::PoolEmpty { stacks: 3, dead: 1, leaked: 0, abandoned: 2 }));
    println!("    counted | {left} abandoned");
}

/// A place where a panic or an overflow is refused: nothing of the tree can continue.
struct Place {
    name: &'static str,
    run: fn(&Main),
    expected: AbandonError,
}

const fn place(name: &'static str, run: fn(&Main), expected: AbandonError) -> Place {
    Place { name, run, expected }
}

const REFUSED: [Place; 10] = [
    place("in main", |_| panic!("in main"), AbandonError::Main),
    place("in a critical section", masked, AbandonError::Masked),
    place("in the destructor of a body that the kernel drops", bomb_in_kernel, AbandonError::Busy),
    place("an overflow there", overflow_in_destructor, AbandonError::Busy),
    place("an overflow in the kernel's own code", overflow_in_kernel, AbandonError::Busy),
    place("in a tracer", in_a_tracer, AbandonError::Busy),
    place("in a visitor", in_a_visitor, AbandonError::Busy),
    place("in the hook of errors without a receiver", in_a_hook, AbandonError::Busy),
    place("in the panic handler, for a second time", in_the_handler, AbandonError::Busy),
    place("in an interrupt handler", in_an_interrupt, IN_HANDLER),
];

/// With a core identity no tree is entered there; a Cortex-M has none, and its handlers run on the main stack.
const IN_HANDLER: AbandonError =
    if cfg!(target_arch = "arm") { AbandonError::NotOnStack } else { AbandonError::NotEntered };

/// Which of the words that are not put back is what: how many of these have begun, and why the last one was refused.
const BEGUN: usize = 0;
const REASON: usize = 1;
/// How many bytes were left of the stack at the last attempt to overflow it in the kernel, and whether another one
/// follows.
const LEFT: usize = 2;
const AGAIN: usize = 3;
const REASONS: [AbandonError; 5] =
    [AbandonError::Main, AbandonError::Masked, AbandonError::Busy, AbandonError::NotEntered, AbandonError::NotOnStack];

/// Notes why a panic or an overflow was refused, and begins with the next one. Returns if that was not expected.
fn refused(reason: AbandonError) {
    let known = REASONS.iter().position(|known| *known == reason);
    if let (1.., Some(known)) = (anew::words()[BEGUN].load(Relaxed), known) {
        anew::words()[REASON].store(known, Relaxed);
        // SAFETY: one core. What the interrupt controller has pending or active, nothing waits for.
        unsafe { anew::begin(next) }
    }
}

extern "C" fn next() -> ! {
    interrupts::disable();
    let begun = anew::words()[BEGUN].load(Relaxed);
    let last = if anew::words()[AGAIN].swap(0, Relaxed) == 0 { begun.checked_sub(1) } else { None };
    if let Some(Place { name, expected, .. }) = last.and_then(|last| REFUSED.get(last)) {
        let reason = REASONS[anew::words()[REASON].load(Relaxed)];
        check!(reason == *expected, "{name}: {reason}");
        println!("    refused | {name}");
    }
    let Some(Place { name, run, .. }) = REFUSED.get(begun) else { board::finish() };
    anew::words()[BEGUN].store(begun + 1, Relaxed);
    anew::remember(GUARDED.guards().next().expect("there is a stack"));
    interrupts::enable();
    let _ended = TREE.enter(run);
    check!(false, "{name}: not refused");
    board::finish()
}

/// Runs `body` in a child of main.
fn in_child(main: &Main, body: impl FnOnce(&Me, u32) -> Outcome + 'static) {
    let g = main.spawn(&GUARDED, body).expect("a stack is free");
    check!(g.switch(1) == Ok(1));
}

fn masked(main: &Main) {
    in_child(main, |_, _| {
        interrupts::disable();
        panic!("masked")
    });
}

fn bomb_in_kernel(main: &Main) {
    let unstarted = main.spawn(&SPARE, holding(Bomb("dropped by the kernel"))).expect("a stack is free");
    in_child(main, move |_, x| {
        drop(unstarted);
        Ok(x)
    });
}

/// A body that only holds something.
fn holding<T: 'static>(held: T) -> impl FnOnce(&Me, u32) -> Outcome {
    move |_, x| {
        let _held = held;
        Ok(x)
    }
}

fn overflow_in_destructor(main: &Main) {
    struct Digs;
    impl Drop for Digs {
        fn drop(&mut self) {
            black_box(dig(1_000_000));
        }
    }
    let unstarted = main.spawn(&SPARE, holding(Digs)).expect("a stack is free");
    in_child(main, move |_, x| {
        drop(unstarted);
        Ok(x)
    });
}

/// The kill of a greenlet whose last handle is dropped, with 16 bytes more left each time. With the fewest, the
/// greenlet is stopped before the kernel has begun, and is given up.
fn overflow_in_kernel(main: &Main) {
    let bytes = anew::words()[LEFT].fetch_add(16, Relaxed) + 80;
    let doomed = main.spawn(&SPARE, |me: &Me, x| me.up(x)).expect("a stack is free");
    check!(doomed.switch(1) == Ok(1));
    let mut doomed = Some(doomed);
    let g = main.spawn(&GUARDED, move |me: &Me, x| {
        let limit = me.stack().map_or(0, |stack| stack.limit);
        left::with(limit, bytes, &mut || drop(doomed.take()));
        Ok(x)
    });
    if g.expect("a stack is free").switch(1) == Err(Thrown::Error(Stop::Overflowed)) {
        anew::words()[AGAIN].store(1, Relaxed);
        anew::words()[BEGUN].fetch_sub(1, Relaxed);
        // SAFETY: one core; nothing that ran is needed.
        unsafe { anew::begin(next) }
    }
}

fn in_a_tracer(main: &Main) {
    in_child(main, |me, x| {
        me.set_trace(Some(&|_: Event, _: &Greenlet, target: &Greenlet| {
            if target.is_main() { Ok(()) } else { panic!("in a tracer") }
        }));
        me.up(x)?;
        me.up(x)
    });
    // The trace of this transfer is called in the child.
    main.for_each(|greenlet| _ = greenlet.switch(1));
}

fn in_a_visitor(main: &Main) {
    in_child(main, |me, x| {
        me.for_each(|_| panic!("in a visitor"));
        Ok(x)
    });
}

/// The hook is called in the greenlet that drops the last handle.
fn in_a_hook(main: &Main) {
    let doomed = main.spawn(&SPARE, |me: &Me, x| {
        let _exit = me.up(x);
        panic!("in its exit")
    });
    let doomed = doomed.expect("a stack is free");
    check!(doomed.switch(1) == Ok(1));
    HOOK_PANICS.store(1, Relaxed);
    in_child(main, move |_, x| {
        drop(doomed);
        Ok(x)
    });
}

/// The first panic is in a callback of the kernel, and its words panic in turn.
fn in_the_handler(main: &Main) {
    struct Twice;
    impl Drop for Twice {
        fn drop(&mut self) {
            panic!("{Unprintable}")
        }
    }
    let unstarted = main.spawn(&SPARE, holding(Twice)).expect("a stack is free");
    in_child(main, move |_, x| {
        drop(unstarted);
        Ok(x)
    });
}

fn in_an_interrupt(main: &Main) {
    in_child(main, |_, x| {
        interrupts::on(|| panic!("in an interrupt handler"));
        interrupts::raise();
        (0..1_000_000).for_each(|_| core::hint::spin_loop());
        Ok(x)
    });
}
