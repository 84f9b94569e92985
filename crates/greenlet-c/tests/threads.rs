//! Refusals that need threads: the archive is for one core, so no program in C gets them. This one declares the
//! functions as the header does, and links the crate with `std`.

use greenlet_c as _;
use std::cell::Cell;
use std::env;
use std::ffi::c_void;
use std::process::{self, Command};
use std::ptr;
use std::sync::Mutex;
use std::thread;

type Word = *mut c_void;

#[repr(C)]
struct Out {
    value: Word,
    kind: u32,
}

/// `greenlet_pool`.
#[repr(C)]
struct Pool {
    private: [Word; 4],
    private32: [u32; 6],
    stacks: *mut u8,
    count: usize,
    size: usize,
}

type Main = unsafe extern "C" fn(main: Word, argument: Word) -> Out;
type Body = unsafe extern "C" fn(me: Word, argument: Word, value: Word) -> Out;

unsafe extern "C" {
    fn greenlet_layout() -> u64;
    fn greenlet_enter_abi_1(body: Option<Main>, argument: Word, hooks: *const c_void, layout: u64) -> Out;
    fn greenlet_spawn(
        made: *mut Word,
        parent: Word,
        pool: *mut Pool,
        body: Option<Body>,
        argument: Word,
        options: *const c_void,
    ) -> u32;
    // The functions behind `greenlet_switch` and `greenlet_up`, which are inline in the header.
    fn greenlet_switch_abi_1(value: Word, to: Word) -> Out;
    fn greenlet_up_abi_1(value: Word, me: Word) -> Out;
}

const VALUE: u32 = 0;
const EXITING: u32 = 11;
const OTHER_CORE: u32 = 17;

/// There is one tree, so one test at a time enters it.
static TURN: Mutex<()> = Mutex::new(());

fn enter(body: Main) -> Out {
    // SAFETY: as the header has it.
    let layout = unsafe { greenlet_layout() };
    // SAFETY: the same.
    unsafe { greenlet_enter_abi_1(Some(body), ptr::null_mut(), ptr::null(), layout) }
}

unsafe extern "C" fn nothing(_main: Word, _argument: Word) -> Out {
    Out { value: ptr::null_mut(), kind: VALUE }
}

#[test]
fn a_tree_that_another_thread_has_entered_is_refused() {
    unsafe extern "C" fn body(_main: Word, _argument: Word) -> Out {
        let other = thread::spawn(|| enter(nothing).kind).join();
        assert_eq!(other.ok(), Some(OTHER_CORE));
        Out { value: ptr::null_mut(), kind: VALUE }
    }
    let _turn = TURN.lock().unwrap();
    assert_eq!(enter(body).kind, VALUE);
    assert_eq!(thread::spawn(|| enter(nothing).kind).join().ok(), Some(VALUE));
}

/// `exit` of the process drops the values of thread-locals, whose destructors may switch.
#[test]
fn while_the_process_exits_a_switch_is_refused() {
    const IN_CHILD: &str = "GREENLET_C_EXITS";

    struct Switches(Cell<Word>);
    impl Drop for Switches {
        fn drop(&mut self) {
            if !self.0.get().is_null() {
                // SAFETY: a greenlet of the tree that this thread is in.
                eprintln!("kind {}", unsafe { greenlet_switch_abi_1(ptr::null_mut(), self.0.get()) }.kind);
            }
        }
    }
    thread_local! { static SWITCHES: Switches = const { Switches(Cell::new(ptr::null_mut())) } }

    unsafe extern "C" fn waits(me: Word, _argument: Word, value: Word) -> Out {
        // SAFETY: the body's own `me`.
        unsafe { greenlet_up_abi_1(value, me) }
    }
    unsafe extern "C" fn body(main: Word, _argument: Word) -> Out {
        #[repr(align(64))]
        #[expect(dead_code, reason = "the library writes to it")]
        struct Stack([u8; 1 << 16]);
        // They live for ever, as statics of C do.
        let stacks = ptr::from_mut(Box::leak(Box::new(Stack([0; 1 << 16])))).cast();
        let (private, private32) = ([ptr::null_mut(); 4], [0; 6]);
        let pool = Box::leak(Box::new(Pool { private, private32, stacks, count: 1, size: 1 << 16 }));
        let mut made = ptr::null_mut();
        // SAFETY: as the header has it.
        let spawned = unsafe { greenlet_spawn(&mut made, main, pool, Some(waits), ptr::null_mut(), ptr::null()) };
        assert_eq!(spawned, VALUE);
        // SAFETY: just made.
        assert_eq!(unsafe { greenlet_switch_abi_1(ptr::null_mut(), made) }.kind, VALUE);
        SWITCHES.with(|switches| switches.0.set(made));
        process::exit(7)
    }

    if env::var_os(IN_CHILD).is_some() {
        SWITCHES.with(|_| ()); // before the tree is entered: what is first used inside is dropped earlier
        enter(body);
        unreachable!("it exits");
    }
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "while_the_process_exits_a_switch_is_refused", "--nocapture"]).env(IN_CHILD, "1");
    let output = child.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{told}");
    assert!(told.contains(&format!("kind {EXITING}\n")), "{told}");
}
