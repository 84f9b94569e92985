//! The tree, which C programs do not see: entered by a call, with hooks.

use crate::handle::{Greenlet, Handle, borrow, raw};
use crate::outcome::{BAD_ABI, CORE_BUSY, Fault, IN_HANDLER, NULL, OTHER_CORE, Out, STILL_REFERRED, Word, thrown_to_c};
use crate::version::LAYOUT;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};
use greenlet::{EnterError, Overflow, Thrown, Tree};

type MainBody = unsafe extern "C" fn(main: *mut Handle, argument: Word) -> Out;

/// What C calls `greenlet_hooks`.
#[repr(C)]
pub struct Hooks {
    overflow: Option<unsafe extern "C" fn(*const Report, Word)>,
    unraisable: Option<unsafe extern "C" fn(*mut Handle, Out, Word)>,
    leak: Option<unsafe extern "C" fn(*mut Handle, Word)>,
    context: Word,
}

/// What C calls `greenlet_overflow`.
#[repr(C)]
pub struct Report {
    id: u64,
    name: *const u8,
    base: usize,
    limit: usize,
    sp: usize,
}

/// The hooks of the tree that is entered, or was last; null for none.
static HOOKS: AtomicPtr<Hooks> = AtomicPtr::new(ptr::null_mut());
/// The main greenlet of the tree that is entered, or was last. It is not reset at the end: another thread may have
/// entered the tree by then.
static MAIN_GREENLET: AtomicPtr<Handle> = AtomicPtr::new(ptr::null_mut());

pub(crate) static TREE: Tree<Word, Fault> =
    Tree::with_exit(Word::default).on_overflow(overflow).on_leak(leak).on_unraisable(unraisable);

fn hooks() -> Option<&'static Hooks> {
    // SAFETY: by the contract of `greenlet_enter`, hooks exist until that returns. The tree calls none afterwards.
    unsafe { HOOKS.load(Relaxed).as_ref() }
}

fn overflow(at: &Overflow) -> ! {
    if let Some(hooks) = hooks()
        && let Some(hook) = hooks.overflow
    {
        let name = at.greenlet.name.map_or(ptr::null(), str::as_ptr);
        let report = Report { id: at.greenlet.id, name, base: at.stack.base, limit: at.stack.limit, sp: at.stack.sp };
        // SAFETY: the program's own function.
        unsafe { hook(&report, hooks.context) }
    }
    if at.is_foreign_stack() {
        panic!(
            "a transfer on a stack that is not the current greenlet's: after a longjmp out of its body, on another \
             thread, or in a handler; return from the body, and leave a request by greenlet_remote_wake"
        )
    }
    panic!("a greenlet has overflowed its stack; give its GREENLET_POOL a larger SIZE")
}

fn leak(greenlet: &Greenlet) {
    if let Some(hooks) = hooks()
        && let Some(hook) = hooks.leak
    {
        // SAFETY: the program's own function.
        unsafe { hook(raw(greenlet), hooks.context) }
    }
}

fn unraisable(greenlet: &Greenlet, thrown: Thrown<Word, Fault>) {
    if let Some(hooks) = hooks()
        && let Some(hook) = hooks.unraisable
    {
        // SAFETY: the program's own function.
        unsafe { hook(raw(greenlet), thrown_to_c(thrown), hooks.context) }
    }
}

/// `greenlet_enter`. The number in the name is that of the interface: a program that was compiled with the header of
/// another one does not link. `layout` is what that header takes the sizes of its structs to be.
///
/// # Panics
///
/// If the function has returned while another greenlet runs.
///
/// # Safety
///
/// `hooks` is null or exists until this returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_enter_abi_1(
    body: Option<MainBody>,
    argument: Word,
    hooks: *const Hooks,
    layout: u64,
) -> Out {
    if layout != LAYOUT {
        return Out::refused(BAD_ABI);
    }
    let Some(body) = body else { return Out::refused(NULL) };
    let entered = TREE.enter(|main| {
        begin(main, hooks);
        // SAFETY: the program's own function.
        let result = unsafe { body(raw(main), argument) };
        if !main.is_current() {
            panic!("greenlet_enter ends while another greenlet runs: a longjmp has left its body; return from it")
        }
        result
    });
    match entered {
        Ok(result) => result,
        Err(refused) => Out::refused(why_not(refused.reason)),
    }
}

/// What holds as long as the tree is entered.
pub(crate) fn begin(main: &Greenlet, hooks: *const Hooks) {
    HOOKS.store(hooks.cast_mut(), Relaxed);
    MAIN_GREENLET.store(raw(main), Relaxed);
}

/// Whether that is the main greenlet, which is in the static of the tree.
pub(crate) fn is_main(handle: *const Handle) -> bool {
    ptr::eq(handle, MAIN_GREENLET.load(Relaxed))
}

/// Why the tree could not be entered.
pub(crate) fn why_not(reason: EnterError) -> u32 {
    match reason {
        EnterError::NoCore => IN_HANDLER,
        EnterError::StillReferred => STILL_REFERRED,
        EnterError::OtherCore => OTHER_CORE,
        _ => CORE_BUSY,
    }
}

/// The greenlet that runs, with a reference; `None` outside of the tree.
pub(crate) fn current() -> Option<Greenlet> {
    with_main(Greenlet::current).flatten()
}

/// Calls `with` with the main greenlet of the tree that is entered, if one is.
pub(crate) fn with_main<R>(with: impl FnOnce(&Greenlet) -> R) -> Option<R> {
    let main = MAIN_GREENLET.load(Relaxed);
    // SAFETY: the block of main is a static, in which the end of the tree can be read.
    unsafe { borrow(&main) }.filter(|main| !main.is_ended()).map(with)
}

/// `greenlet_current`: borrowed, since a greenlet that runs exists.
///
/// # Safety
///
/// Called on the core that entered the tree, and not in a handler.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_current() -> *mut Handle {
    current().map_or(ptr::null_mut(), |current| raw(&current))
}
