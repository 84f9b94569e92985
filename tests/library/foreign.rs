//! Trees that are entered in coroutines of another library.
// The coroutines are made here, for the one instruction set; Miri has no assembly.
#![cfg(all(target_arch = "x86_64", not(miri)))]

use crate::common::{Handle, STACKS, alone, in_child};
use greenlet::Tree;
use std::arch::naked_asm;
use std::cell::{Cell, RefCell};
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

static TREE: Tree<u32> = Tree::with_exit(|| crate::common::EXIT);

type Body = Box<dyn FnOnce(&Foreign)>;

/// A coroutine on a stack of its own: it runs when it is resumed, until it suspends itself or its body is over.
struct Foreign {
    /// Where the side that does not run stands.
    other: Cell<*mut u8>,
    body: Cell<Option<Body>>,
    is_over: Cell<bool>,
    _stack: Box<[u128]>,
}

impl Foreign {
    fn new(body: impl FnOnce(&Foreign) + 'static) -> Rc<Self> {
        const WORDS: usize = 256 * 1024 / 16;
        let mut stack = vec![0_u128; WORDS].into_boxed_slice();
        // As `hop` leaves a stack: six registers, rbx the coroutine, and where to continue; aligned for a call there.
        let top = stack.as_mut_ptr_range().end.cast::<usize>();
        let at = |words: usize| top.wrapping_sub(words);
        let new = Rc::new(Self {
            other: Cell::new(at(9).cast()),
            body: Cell::new(Some(Box::new(body))),
            is_over: Cell::new(false),
            _stack: stack,
        });
        // SAFETY: memory of the stack, which lives as long as the coroutine.
        unsafe { at(3).write(begin as *const () as usize) };
        // SAFETY: the same. The fifth word that is popped is rbx.
        unsafe { at(5).write(Rc::as_ptr(&new) as usize) };
        new
    }

    /// Goes to the other side: resumes the coroutine, or suspends it.
    fn hop(&self) {
        // SAFETY: the other side stands where it was left, by this function or by `new`.
        unsafe { hop(self.other.as_ptr(), self.other.get()) };
    }
}

/// Pushes what a function keeps, notes where that is, and continues at the other place.
#[unsafe(naked)]
unsafe extern "C" fn hop(from: *mut *mut u8, to: *mut u8) {
    naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "mov [rdi], rsp",
        "mov rsp, rsi",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
    )
}

/// Where a stack begins.
#[unsafe(naked)]
unsafe extern "C" fn begin() {
    naked_asm!("mov rdi, rbx", "call {run}", "ud2", run = sym run)
}

extern "C" fn run(this: &Foreign) {
    let body = this.body.take().unwrap();
    if catch_unwind(AssertUnwindSafe(|| body(this))).is_err() {
        eprintln!("still here");
    }
    this.is_over.set(true);
    this.hop();
}

/// Runs the test of that name in a process of its own, where the end of its tree must abort.
fn aborts(test: &str, crash: impl FnOnce()) {
    const SIGABRT: i32 = 6;
    let Some(output) = in_child(module_path!(), test) else { return crash() };
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.signal(), Some(SIGABRT), "{told}");
    assert!(told.contains("is over while another greenlet than main is current"), "{told}");
    assert!(!told.contains("still here"), "{told}");
}

#[test]
fn a_tree_in_a_coroutine_that_main_leaves_and_comes_back_to_is_like_any_other() {
    let _alone = alone();
    let handle = Rc::new(Cell::new(None));
    let kept = handle.clone();
    let foreign = Foreign::new(move |this| {
        let sum = TREE.enter(|main| {
            let g = main.spawn(&STACKS, crate::common::echo).unwrap();
            kept.set(Some(g.clone()));
            this.hop();
            g.switch(1).unwrap() + 1
        });
        assert_eq!(sum.unwrap(), 2);
    });
    foreign.hop();
    let g: Handle = handle.take().unwrap();
    assert_eq!(g.switch(7), Ok(7), "from another stack, as main");
    drop(g);
    foreign.hop();
    assert!(foreign.is_over.get());
}

/// Enters in a coroutine; a greenlet of the tree resumes that, and `ends` is the rest of main's closure.
fn resumed_by_a_greenlet(ends: fn()) {
    let handle = Rc::new(Cell::new(None::<Handle>));
    let own = Rc::new(RefCell::new(None::<Rc<Foreign>>));
    let (kept, resumed) = (handle.clone(), own.clone());
    let foreign = Foreign::new(move |this| {
        let entered = TREE.enter(|main| {
            let g = main.spawn(&STACKS, move |me, x| {
                let foreign = resumed.take().unwrap();
                foreign.hop();
                eprintln!("still here");
                me.up(x)
            });
            kept.set(g.ok());
            this.hop();
            ends();
        });
        entered.unwrap();
    });
    *own.borrow_mut() = Some(foreign.clone());
    foreign.hop();
    let g = handle.take().unwrap();
    println!("{:?}", g.switch(1));
}

#[test]
fn an_end_in_a_coroutine_that_a_greenlet_resumes_aborts() {
    aborts("an_end_in_a_coroutine_that_a_greenlet_resumes_aborts", || resumed_by_a_greenlet(|| ()));
}

#[test]
fn a_panic_of_main_in_a_coroutine_that_a_greenlet_resumes_aborts() {
    let test = "a_panic_of_main_in_a_coroutine_that_a_greenlet_resumes_aborts";
    aborts(test, || resumed_by_a_greenlet(|| panic!("on purpose")));
}

#[test]
fn an_end_after_a_greenlet_left_for_main_by_a_coroutine_aborts() {
    aborts("an_end_after_a_greenlet_left_for_main_by_a_coroutine_aborts", || {
        let entered = TREE.enter(|main| {
            let inner = Rc::new(RefCell::new(None::<Rc<Foreign>>));
            let suspended = inner.clone();
            let g = main.spawn(&STACKS, move |me, x| {
                let foreign = suspended.take().unwrap();
                foreign.hop(); // out of the coroutine in which main waits
                eprintln!("still here");
                me.up(x)
            });
            let g = g.unwrap();
            let foreign = Foreign::new(move |_| assert_eq!(g.switch(1), Ok(1)));
            *inner.borrow_mut() = Some(foreign.clone());
            foreign.hop();
            std::mem::forget(foreign);
        });
        entered.unwrap();
    });
}

/// A thread ends in the middle of a tree, and its record with it. A request that wrote there would crash: memory this
/// large is unmapped at once.
#[test]
#[cfg(feature = "std")]
fn a_thread_that_ends_in_a_coroutine_that_is_forgotten_is_not_asked() {
    static ENTERED: Tree<u32> = Tree::new();
    let (send, receive) = std::sync::mpsc::channel();
    let thread = std::thread::Builder::new().stack_size(1 << 28).spawn(move || {
        let foreign = Foreign::new(move |this| {
            let _unreached = ENTERED.enter(|main| {
                let g = main.spawn(crate::common::stacks!(1), crate::common::echo).unwrap();
                g.switch(1).unwrap();
                send.send(g.remote()).unwrap();
                this.hop();
            });
        });
        foreign.hop();
        std::mem::forget(foreign);
    });
    thread.unwrap().join().unwrap();
    assert_eq!(receive.recv().unwrap().kill(), Ok(()), "nobody can settle it");
}

/// A greenlet calls a function that runs a closure on a stack of its own, as `grow` of the crate `stacker` does, and
/// the closure makes a transfer. That stack must be above the greenlet's, where musl's allocator does not put it.
#[cfg(not(any(feature = "unchecked-switch", target_env = "musl")))]
fn is_named(test: &str, departs: fn(Handle, Handle)) {
    const HEARD: i32 = 71;
    static TREE: Tree<u32> = Tree::new().on_overflow(|overflow| {
        eprintln!("{overflow}");
        std::process::exit(if overflow.is_foreign_stack() { HEARD } else { 1 })
    });
    let Some(output) = in_child(module_path!(), test) else {
        let entered = TREE.enter(|main| {
            let waits = main.spawn(&STACKS, |me, x| me.up(x)).unwrap();
            waits.switch(1).unwrap();
            let g = main.build(&STACKS).name("grows").spawn(move |me, x| {
                let main = me.parent();
                let foreign = Foreign::new(move |_| departs(main, waits));
                foreign.hop();
                me.up(x)
            });
            let _unreached = g.unwrap().switch(1);
        });
        return entered.unwrap();
    };
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(HEARD), "{told}");
    assert!(told.contains("switch from a foreign stack: greenlet ") && told.contains(" \"grows\", "), "{told}");
}

#[test]
#[cfg(not(any(feature = "unchecked-switch", target_env = "musl")))]
fn a_switch_in_a_closure_that_runs_on_another_stack_is_named() {
    is_named("a_switch_in_a_closure_that_runs_on_another_stack_is_named", |main, _waits| {
        let _unreached = main.switch(1);
    });
}

#[test]
#[cfg(not(any(feature = "unchecked-switch", target_env = "musl")))]
fn a_throw_in_a_closure_that_runs_on_another_stack_is_named() {
    is_named("a_throw_in_a_closure_that_runs_on_another_stack_is_named", |main, _waits| {
        let _unreached = main.throw("late");
    });
}

#[test]
#[cfg(not(any(feature = "unchecked-switch", target_env = "musl")))]
fn a_last_handle_that_is_dropped_on_another_stack_is_named() {
    is_named("a_last_handle_that_is_dropped_on_another_stack_is_named", |_main, waits| drop(waits));
}
