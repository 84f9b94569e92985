//! The number of the interface, the sizes of its structs, and a sentence for each kind of result.

use crate::body::Options;
use crate::outcome::*;
use crate::query::Extent;
use crate::remote::{Remote, Weak};
use crate::tree::{Hooks, Report};
use core::ffi::{CStr, c_char};
use greenlet::RawStacks;

/// The least `SIZE` of `GREENLET_POOL`, in bytes. More than the kernel asks for in an optimized build, because the
/// functions of this crate have frames too.
pub(crate) const LEAST_STACK: usize = 2048;

/// The least `SIZE` of a pool for tasks of the hub, in bytes.
#[cfg(target_has_atomic = "ptr")]
pub(crate) const LEAST_TASK_STACK: usize = 4096;

/// The sizes of all structs of the header.
pub(crate) const LAYOUT: u64 = layout([
    size_of::<RawStacks>(),
    size_of::<Out>(),
    size_of::<Hooks>(),
    size_of::<Report>(),
    size_of::<Options>(),
    size_of::<Extent>(),
    size_of::<Remote>(),
    size_of::<Weak>(),
]);

/// Sizes in words, 8 bits for each.
pub(crate) const fn layout<const STRUCTS: usize>(bytes: [usize; STRUCTS]) -> u64 {
    let (mut layout, mut at) = (0, 0);
    while at < bytes.len() {
        let words = bytes[at] / size_of::<usize>();
        assert!(bytes[at].is_multiple_of(size_of::<usize>()) && words < 256);
        layout |= (words as u64) << (8 * at);
        at += 1;
    }
    layout
}

/// `greenlet_abi`: changes when a struct of the header changes, or the meaning of a function.
#[unsafe(no_mangle)]
pub extern "C" fn greenlet_abi() -> u32 {
    1
}

/// `greenlet_layout`: the sizes of the structs of this archive.
#[unsafe(no_mangle)]
pub extern "C" fn greenlet_layout() -> u64 {
    LAYOUT
}

/// `greenlet_strerror`: a sentence for a kind, with the remedy. It lives for ever.
#[unsafe(no_mangle)]
pub extern "C" fn greenlet_strerror(kind: u32) -> *const c_char {
    let text: &CStr = match kind {
        VALUE => c"a value",
        EXIT => c"the greenlet was asked to exit; release what it holds and return this result",
        ERROR => c"an error was thrown; handle it, or return this result",
        NO_RUN => c"the transfer ended at a greenlet without a body; give it one with greenlet_set_body",
        NULL => c"a pointer is null that must not be; pass a greenlet, a pool, a function",
        ENDED => c"the greenlet's tree has ended, or none is entered; greenlets live inside greenlet_enter",
        NOT_CURRENT => c"greenlet_up was called for a greenlet that does not run; pass the body's own `me`",
        MAIN => c"this cannot be done with the main greenlet, which has no parent and ends when its function returns",
        CYCLE => c"that would make a greenlet its own ancestor; choose another parent, or use greenlet_kill",
        MASKED => c"interrupts are masked that were not at greenlet_enter; leave the critical section before a switch",
        OVERFLOW => c"a stack overflow is being reported, no greenlet runs again; reset or end the program",
        EXITING => c"the process exits, no greenlet runs again; return from greenlet_enter before exit",
        GONE => c"the greenlet was freed, or its tree has ended; drop this token",
        STARTED => c"the greenlet has started, its body cannot be changed; spawn another one",
        BUSY => c"the body of the greenlet is being replaced; set it when that has returned",
        POOL_EMPTY => c"all stacks of the pool are in use; unref greenlets that are over, or give it a larger COUNT",
        BAD_POOL => c"the pool's stacks are too small or not aligned; declare it with GREENLET_POOL",
        OTHER_CORE => c"greenlets of another core have stacks of this pool; give each core a pool",
        BAD_NAME => c"the name is not UTF-8; use ASCII",
        CORE_BUSY => c"a tree is entered already; return from that greenlet_enter first, or spawn in it",
        STILL_REFERRED => c"references to the main greenlet of the last greenlet_enter exist; unref them first",
        IN_HANDLER => c"greenlet_enter was called in an interrupt handler; call it from the main function",
        BAD_ABI => c"greenlet.h and the archive are of different versions; take both from the same build",
        CLOSED => c"the channel is closed; stop using it",
        DEADLOCK => c"no task can ever run again; kill one, or raise a signal",
        SECOND_WAITER => c"another task waits for this signal, and one at a time can; use one signal per task",
        NO_SLOT => {
            c"the hub has as many tasks as it can; give GREENLET_TASKS a larger COUNT, or join tasks that are over"
        }
        TIMEOUT => c"the time is over; try again, or return this result where it is that of an enclosing function",
        WOULD_WAIT => c"no task waits at the other end of the channel; let others run, or use the function that waits",
        TOO_DEEP => c"more than 16 limits of time in one another; leave some of them first",
        _ => c"no kind of this library",
    };
    text.as_ptr()
}
