//! Overflows in the middle of everything: with any number of bytes left on its stack a greenlet calls the kernel, and a
//! real page below stops it. Either it is given up, and the tree is whole; or that is refused, because the kernel was
//! at work.
//!
//! Each attempt is a process of its own, forked: a refusal leaves a tree that cannot continue.
#![cfg(all(
    feature = "abandon",
    target_arch = "x86_64",
    target_os = "linux",
    not(any(miri, feature = "unchecked-switch"))
))]

use crate::common::{Handle, Main, Me, alone};
use greenlet::{
    AbandonError, ContextPool, GreenletLocal, GuardedStackPool, Overflow, Refused, StackPool, State, Thrown, Tree,
};
use std::arch::asm;
use std::cell::UnsafeCell;
use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::Mutex;

static TREE: Tree<u32> = Tree::new().on_overflow(|_| exit(OVERFLOWED_LATE));
static GUARDED: GuardedStackPool<2, { 64 << 10 }> = GuardedStackPool::new();
static OTHERS: StackPool<6, { 64 << 10 }> = StackPool::new();

static VALUES: GreenletLocal<u64, 4> = GreenletLocal::new(|| std::hint::black_box([7u64; 64])[5]);
static CONTEXTS: ContextPool<u64, 4> = ContextPool::new();

/// The most bytes that are left when an operation begins: more than any takes.
const MOST: usize = 24 << 10;

/// How an attempt ended, from the status of its process.
const GIVEN_UP: c_int = 40;
const BUSY: c_int = 41;
const NOT_CURRENT: c_int = 42;
const WENT_WELL: c_int = 43;
const OVERFLOWED_LATE: c_int = 44;
const BROKEN: c_int = 50;

// What Linux and glibc have on x86-64.
const SIGSEGV: c_int = 11;
const SA_SIGINFO: c_int = 4;
const SA_ONSTACK: c_int = 0x0800_0000;
const SA_NODEFER: c_int = 0x4000_0000;
const PROT_NONE: c_int = 0;
/// Of `siginfo_t`: `si_addr`.
const ADDRESS_AT: usize = 16;
/// Of `ucontext_t`: `uc_mcontext.gregs[REG_RSP]` and `[REG_RIP]`.
const RSP_AT: usize = 40 + 15 * 8;
const RIP_AT: usize = 40 + 16 * 8;

#[repr(C)]
struct Action {
    handler: extern "C" fn(c_int, *const u8, *mut u8),
    mask: [u64; 16],
    flags: c_int,
    restorer: *const c_void,
}

#[repr(C)]
struct SignalStack {
    sp: *mut c_void,
    flags: c_int,
    size: usize,
}

unsafe extern "C" {
    fn fork() -> c_int;
    fn waitpid(process: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn _exit(status: c_int) -> !;
    fn mprotect(address: *mut c_void, length: usize, protection: c_int) -> c_int;
    fn sigaction(signal: c_int, action: *const Action, old: *mut Action) -> c_int;
    fn sigaltstack(stack: *const SignalStack, old: *mut SignalStack) -> c_int;
}

/// Ends this process.
fn exit(status: c_int) -> ! {
    // SAFETY: without what `exit` runs, and which belongs to the process that forked.
    unsafe { _exit(status) }
}

fn must(holds: bool, what: &str) {
    if !holds {
        eprintln!("broken: {what}");
        exit(BROKEN);
    }
}

/// A stack for this and nothing else.
#[repr(align(16))]
struct Own(UnsafeCell<[u8; 256 << 10]>);

// SAFETY: one test of this program, in one thread, uses it.
unsafe impl Sync for Own {}

static SIGNALS: Own = Own(UnsafeCell::new([0; 256 << 10]));
static LANDING: Own = Own(UnsafeCell::new([0; 256 << 10]));

static STOPPED: Mutex<Option<Overflow>> = Mutex::new(None);

/// The handler of SIGSEGV: makes the thread continue in `land`.
extern "C" fn stopped(_signal: c_int, info: *const u8, context: *mut u8) {
    // SAFETY: a field of what the system hands over.
    let address = unsafe { info.wrapping_add(ADDRESS_AT).cast::<usize>().read() };
    // SAFETY: the same.
    let sp = unsafe { context.wrapping_add(RSP_AT).cast::<usize>().read() };
    // SAFETY: the thread of the tree.
    let Some(overflow) = (unsafe { Overflow::at(address, sp) }) else {
        // SAFETY: the same.
        let whose = unsafe { greenlet::stack_of(address) };
        // Right before the switch the origin is not current any more, but the stack is still the origin's.
        exit(if whose.is_some_and(|(greenlet, _)| greenlet.name == Some("deep")) { NOT_CURRENT } else { BROKEN });
    };
    *STOPPED.lock().unwrap() = Some(overflow);
    let base = LANDING.0.get().addr() + size_of::<Own>() - 8;
    // SAFETY: as above; this is where the thread continues, as if the function had been called.
    unsafe { context.wrapping_add(RSP_AT).cast::<usize>().write(base) };
    // SAFETY: the same.
    unsafe { context.wrapping_add(RIP_AT).cast::<usize>().write(land as *const () as usize) };
}

extern "C" fn land() -> ! {
    let overflow = STOPPED.lock().unwrap().take().unwrap();
    // SAFETY: a guard has stopped it; nothing of what it does is shared but handles. This stack is for nothing else.
    let Err(Refused { reason, .. }) = unsafe { TREE.abandon(&overflow, "out of stack") };
    match reason {
        AbandonError::Busy => exit(BUSY),
        other => {
            eprintln!("refused: {other}");
            exit(BROKEN)
        }
    }
}

/// What an operation works with.
struct Set {
    main: Handle,
    waiting: Handle,
    child: Handle,
}

type Operation = fn(&Me, &Set);

const OPERATIONS: [(&str, Operation); 13] = [
    ("switch", |_, set| _ = set.waiting.switch(1)),
    ("up", |me, _| _ = me.up(1)),
    ("throw", |_, set| _ = set.main.throw("thrown")),
    ("kill", |_, set| _ = set.child.kill()),
    ("cancel", |_, set| _ = set.child.cancel()),
    ("spawn", |me, _| drop(me.spawn(&OTHERS, |_, x| Ok(x)))),
    ("life", |me, _| _ = me.spawn(&OTHERS, |_, x| Ok(x)).unwrap().switch(1)),
    ("loss", |me, _| _ = me.spawn(&OTHERS, |me, x| me.up(x)).unwrap().switch(1)),
    ("set_parent", |_, set| _ = set.child.set_parent(&set.waiting)),
    ("set_run", |me, set| {
        _ = me.spawn(&OTHERS, |_, x| Ok(x)).map(|g| (g.set_run(|_, x| Ok(x)).is_ok(), set.main.id()))
    }),
    ("visitor", |me, _| me.for_each(|_| _ = std::hint::black_box([0u64; 64]))),
    ("value", |me, _| _ = VALUES.with(me, |_| ())),
    ("context", |me, _| me.set_context(CONTEXTS.create(7).ok())),
];

/// Calls `run` with so many bytes of the stack of `me` left, as if its frames took the others.
fn with_left(me: &Me, left: usize, run: &mut dyn FnMut()) {
    extern "C" fn call(run: *mut &mut dyn FnMut()) {
        // SAFETY: the caller's.
        unsafe { (*run)() }
    }
    let sp = (me.stack().unwrap().limit + left) & !15;
    let mut run = run;
    // SAFETY: a call with the stack pointer further down the same stack, and back.
    unsafe {
        asm!(
            "mov r12, rsp",
            "mov rsp, {sp}",
            "call {call}",
            "mov rsp, r12",
            sp = in(reg) sp,
            call = in(reg) call as *const () as usize,
            in("rdi") &raw mut run,
            out("r12") _, // which the call preserves
            clobber_abi("sysv64"),
        );
    }
}

/// One attempt: never returns.
fn attempt(test: impl FnOnce(&Main) -> c_int) -> ! {
    for guard in GUARDED.guards() {
        // SAFETY: nothing uses this page, and a handler is set for accesses to it.
        let done = unsafe { mprotect(ptr::with_exposed_provenance_mut(guard.start), guard.len(), PROT_NONE) };
        must(done == 0, "a guard is protected");
    }
    let stack = SignalStack { sp: SIGNALS.0.get().cast(), flags: 0, size: size_of::<Own>() };
    // SAFETY: the memory is for this.
    must(unsafe { sigaltstack(&stack, ptr::null_mut()) } == 0, "signals have a stack");
    let flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    let action = Action { handler: stopped, mask: [0; 16], flags, restorer: ptr::null() };
    // SAFETY: a handler as the flags say.
    must(unsafe { sigaction(SIGSEGV, &action, ptr::null_mut()) } == 0, "the signal has a handler");
    let ended = TREE.enter(|main| test(main));
    exit(ended.unwrap_or(BROKEN))
}

fn attempted(main: &Main, operation: Operation, left: usize) -> c_int {
    let echo = |me: &Me, mut x| {
        loop {
            x = me.up(x)?;
        }
    };
    let bystander = main.spawn(&OTHERS, echo).unwrap();
    let waiting = main.spawn(&OTHERS, |me: &Me, x| me.up(x)).unwrap();
    must(bystander.switch(1) == Ok(1) && waiting.switch(1) == Ok(1), "the others begin");
    let set = Set { main: main.handle(), waiting, child: main.spawn(&OTHERS, echo).unwrap() };
    must(set.child.switch(1) == Ok(1), "the child begins");
    let set: &'static Set = Box::leak(Box::new(set));
    let deep = main.build(&GUARDED).name("deep").spawn(move |me, x| {
        with_left(me, left, &mut || operation(me, set));
        Ok(x + 1)
    });
    let deep = deep.unwrap();
    let mut arrived = deep.switch(1);
    if !deep.is_dead() {
        // It waits in the operation; something that it sent has arrived.
        arrived = deep.switch(1);
    }
    let given_up = arrived == Err(Thrown::Error("out of stack"));
    must(deep.is_dead() || matches!(arrived, Ok(1)), "it is over");
    whole(main, &bystander, &deep);
    drop(deep);
    must(GUARDED.free() == if given_up { 1 } else { 2 }, "its stack is given back unless it is given up");
    whole(main, &bystander, main);
    if given_up { GIVEN_UP } else { WENT_WELL }
}

/// The tree is consistent: each greenlet in it is on a stack, and can still be switched to.
fn whole(main: &Main, bystander: &Handle, known: &Handle) {
    must(main.current().as_ref() == Some(main) && main.kills_in_progress() == 0, "main runs, and no kill");
    let (mut seen, mut last, mut has_known) = (0, None, false);
    main.for_each(|greenlet| {
        must(last.is_none_or(|last| last < greenlet.id()), "in the order of creation");
        last = Some(greenlet.id());
        must(greenlet.is_main() == (greenlet.state() == State::Running), "one runs");
        must(greenlet.references() >= 1, "a listed greenlet has a reference");
        let (mut at, mut steps) = (greenlet.clone(), 0);
        while let Some(parent) = at.parent() {
            steps += 1;
            must(steps < 20, "parents end at main");
            at = parent;
        }
        must(at == **main, "at main");
        has_known |= greenlet == known;
        seen += 1;
    });
    must(has_known && (3..20).contains(&seen), "all are listed");
    must(bystander.switch(7) == Ok(7), "others continue");
    let free = OTHERS.free();
    let more: Vec<_> = std::iter::from_fn(|| main.spawn(&OTHERS, |me, x| me.up(x)).ok()).collect();
    must(more.len() == free, "as many as are free");
    more.iter().for_each(|g| must(g.switch(3) == Ok(3), "a new one runs"));
    drop(more);
    must(OTHERS.free() == free, "and goes");
}

/// A body whose own frame does not fit is stopped before it has done anything, and has started.
fn too_large(main: &Main) -> c_int {
    struct Captured;
    impl Drop for Captured {
        fn drop(&mut self) {
            must(false, "what lies on a stack that is given up is dropped");
        }
    }
    let captured = Captured;
    let deep = main.build(&GUARDED).name("deep").spawn(move |_, x| {
        let _captured = captured;
        Ok(std::hint::black_box([x as u8; 80 << 10])[7].into())
    });
    let deep = deep.unwrap();
    let parent = main.build(&OTHERS).spawn(|_, x| Ok(x)).unwrap();
    deep.set_parent(&parent).unwrap();
    must(
        deep.switch(1) == Err(Thrown::Error("out of stack")),
        "the error goes up, through a greenlet that never started",
    );
    must(deep.is_dead() && parent.is_dead() && deep.references() == 1, "both are over");
    must(deep.set_run(|_, x| Ok(x)).is_err(), "it has started");
    GIVEN_UP
}

/// How a process ended that ran `attempt`.
fn forked(test: impl FnOnce(&Main) -> c_int) -> c_int {
    // SAFETY: the new process uses nothing but this program's own statics, memory and standard error, and ends by
    // `_exit`.
    let process = unsafe { fork() };
    if process == 0 {
        attempt(test);
    }
    let mut status = 0;
    // SAFETY: waits for it.
    assert_eq!(unsafe { waitpid(process, &mut status, 0) }, process);
    if status & 0x7f == 0 { status >> 8 & 0xff } else { -(status & 0x7f) }
}

#[test]
fn in_the_frame_of_the_body_itself() {
    let _alone = alone();
    assert_eq!(forked(too_large), GIVEN_UP);
}

#[test]
fn with_any_number_of_bytes_left() {
    let _alone = alone();
    let mut all = BTreeMap::new();
    for (name, operation) in OPERATIONS {
        let mut ends = BTreeMap::new();
        // In steps of the stack's alignment, to where it has gone well for long enough.
        let mut well = 0;
        for left in (64..MOST).step_by(16) {
            let end = forked(|main| attempted(main, operation, left));
            *ends.entry(end).or_insert(0) += 1;
            *all.entry(end).or_insert(0) += 1;
            well = if end == WENT_WELL { well + 1 } else { 0 };
            if well == 20 {
                break;
            }
            let expected = [GIVEN_UP, BUSY, NOT_CURRENT, WENT_WELL, OVERFLOWED_LATE];
            assert!(expected.contains(&end), "{name} with {left} bytes left ended with {end}");
        }
        println!("{name:10} {ends:?}");
        assert_eq!(well, 20, "{name} goes well if there is enough");
    }
    println!("{all:?}");
    assert!(all[&GIVEN_UP] > 20 && all[&BUSY] > 20, "{all:?}");
}
