//! How deep code goes: by a trap after each instruction, and by what it writes over.

use std::arch::asm;
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

// What Linux and glibc have on x86-64.
const SIGTRAP: c_int = 5;
const SA_SIGINFO: c_int = 4;
const SA_ONSTACK: c_int = 0x0800_0000;
/// Of `ucontext_t`: `uc_mcontext.gregs[REG_RSP]` and `[REG_EFL]`.
const RSP_AT: usize = 40 + 15 * 8;
const FLAGS_AT: usize = 40 + 17 * 8;
/// In the flags: a trap after each instruction.
const STEP: u64 = 0x100;

#[repr(C)]
struct Action {
    handler: extern "C" fn(c_int, *const c_void, *mut u8),
    mask: [u64; 16],
    flags: c_int,
    restorer: *const c_void,
}

#[repr(C)]
struct SignalStack {
    sp: *mut u8,
    flags: c_int,
    size: usize,
}

unsafe extern "C" {
    fn sigaction(signal: c_int, action: *const Action, old: *mut Action) -> c_int;
    fn sigaltstack(stack: *const SignalStack, old: *mut SignalStack) -> c_int;
}

static LIMIT: AtomicUsize = AtomicUsize::new(0);
static LOWEST: AtomicUsize = AtomicUsize::new(0);
static DONE: AtomicBool = AtomicBool::new(false);

extern "C" fn stepped(_signal: c_int, _info: *const c_void, context: *mut u8) {
    // SAFETY: a field of what the system hands over.
    let sp = unsafe { context.wrapping_add(RSP_AT).cast::<usize>().read() };
    if (LIMIT.load(Relaxed)..LOWEST.load(Relaxed)).contains(&sp) {
        LOWEST.store(sp, Relaxed);
    }
    if DONE.load(Relaxed) {
        // SAFETY: the same: from here on there are no steps.
        unsafe { *context.wrapping_add(FLAGS_AT).cast::<u64>() &= !STEP };
    }
}

const PAINT: u8 = 0x9e;
/// Bytes below a stack in which the stack pointer of code that overruns it is noticed.
const BELOW: usize = 64 * 1024;

/// Memory of which every byte is painted.
pub(crate) fn painted(bytes: usize) -> &'static mut [MaybeUninit<u8>] {
    vec![MaybeUninit::new(PAINT); bytes].leak()
}

/// Ends the steps where a panic begins: its message would take minutes.
pub(crate) fn end_with_panics() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        DONE.store(true, Relaxed);
        print(info);
    }));
}

/// The lowest byte of `stack`, which is painted, that is used by what `run` runs there.
pub(crate) fn lowest(stack: Range<usize>, run: impl FnOnce()) -> usize {
    let own = vec![0_u8; 64 << 10].leak();
    let signals = SignalStack { sp: own.as_mut_ptr(), flags: 0, size: own.len() };
    let action = Action { handler: stepped, mask: [0; 16], flags: SA_SIGINFO | SA_ONSTACK, restorer: std::ptr::null() };
    // SAFETY: the memory is leaked and used for nothing else.
    assert_eq!(unsafe { sigaltstack(&signals, std::ptr::null_mut()) }, 0);
    // SAFETY: the handler changes nothing but atomics, and the flags that it was called by.
    assert_eq!(unsafe { sigaction(SIGTRAP, &action, std::ptr::null_mut()) }, 0);
    LIMIT.store(stack.start - BELOW, Relaxed);
    LOWEST.store(stack.end, Relaxed);
    DONE.store(false, Relaxed);
    // SAFETY: a flag, by way of the stack.
    unsafe { asm!("pushfq", "or qword ptr [rsp], 0x100", "popfq") };
    run();
    DONE.store(true, Relaxed);
    std::hint::black_box(());
    let memory = std::ptr::with_exposed_provenance_mut::<u8>(stack.start);
    // SAFETY: no code runs on this stack any more, and all of its memory was written when it was painted.
    let memory = unsafe { std::slice::from_raw_parts_mut(memory, stack.len()) };
    let written = stack.start + memory.iter().take_while(|&&byte| byte == PAINT).count();
    memory.fill(PAINT); // for the next one
    written.min(LOWEST.load(Relaxed))
}
