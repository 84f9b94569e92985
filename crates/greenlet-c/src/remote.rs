//! Tokens: what refers to a greenlet without being counted. Weak ones for its own core, remote ones for interrupt
//! handlers and other cores.

use crate::handle::{Handle, borrow, give};
use crate::outcome::{Fault, GONE, NULL, VALUE, Word};
use crate::tree;
use core::mem::MaybeUninit;
use core::ptr;
use greenlet::{Greenlet, RemoteGreenlet, WeakGreenlet};

/// What C calls `greenlet_remote_token`: `made` is 0 as long as it is none.
#[repr(C)]
pub struct Remote {
    made: u64,
    token: MaybeUninit<RemoteGreenlet>,
    /// The header has the same room for it on every target.
    _room: [MaybeUninit<u64>; ROOM],
}
const ROOM: usize = 3 - size_of::<RemoteGreenlet>() / size_of::<u64>();

/// What C calls `greenlet_weak_token`: the same.
#[repr(C)]
pub struct Weak {
    made: u64,
    token: MaybeUninit<WeakGreenlet<Word, Fault>>,
}

const _: () = assert!(size_of::<Remote>() == 32 && size_of::<Weak>() == 24, "the header has these sizes");

/// What `made` is in a token that was made. A struct of zeros is refused, and most garbage.
const MADE: u64 = 0x6772_6565_6e6c_6574;

/// `greenlet_remote`: a token for handlers and other cores.
///
/// # Safety
///
/// The handle is one or null; `made` is null or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_remote(greenlet: *mut Handle, made: *mut Remote) -> u32 {
    // SAFETY: the caller's contract.
    let Some(greenlet) = (unsafe { borrow(&greenlet) }).filter(|_| !made.is_null()) else { return NULL };
    // SAFETY: not null, and valid by the contract.
    unsafe {
        made.write(Remote {
            made: MADE,
            token: MaybeUninit::new(greenlet.remote()),
            _room: [MaybeUninit::uninit(); ROOM],
        })
    };
    VALUE
}

/// The token, if it is one.
///
/// # Safety
///
/// `token` is null, or was zeroed or made by `greenlet_remote`.
unsafe fn remote<'a>(token: *const Remote) -> Option<&'a RemoteGreenlet> {
    // SAFETY: the caller's contract.
    let token = unsafe { token.as_ref() }.filter(|token| token.made == MADE)?;
    // SAFETY: `greenlet_remote` has written both.
    Some(unsafe { token.token.assume_init_ref() })
}

/// `greenlet_remote_kill`: asks for a kill. For any core and any interrupt handler.
///
/// # Safety
///
/// The token is null, or was zeroed or made by `greenlet_remote`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_remote_kill(token: *const Remote) -> u32 {
    // SAFETY: the caller's contract.
    unsafe { remote(token) }.map_or(NULL, |token| token.kill().map_or(GONE, |()| VALUE))
}

/// `greenlet_remote_wake`: asks for a wake. For any core and any interrupt handler.
///
/// # Safety
///
/// The token is null, or was zeroed or made by `greenlet_remote`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_remote_wake(token: *const Remote) -> u32 {
    // SAFETY: the caller's contract.
    unsafe { remote(token) }.map_or(NULL, |token| token.wake().map_or(GONE, |()| VALUE))
}

/// `greenlet_attend`: settles the kills that were asked for; returns how many.
///
/// # Safety
///
/// Called on the core that entered the tree, and not in a handler.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_attend() -> usize {
    tree::with_main(Greenlet::attend).unwrap_or(0)
}

/// `greenlet_woken`: a greenlet for which a wake was asked, with a reference; null if there is none.
///
/// # Safety
///
/// Called on the core that entered the tree, and not in a handler.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_woken() -> *mut Handle {
    tree::with_main(Greenlet::woken).flatten().map_or(ptr::null_mut(), give)
}

/// `greenlet_downgrade`: a token that does not keep the greenlet.
///
/// # Safety
///
/// The handle is one or null; `made` is null or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_downgrade(greenlet: *mut Handle, made: *mut Weak) -> u32 {
    // SAFETY: the caller's contract.
    let Some(greenlet) = (unsafe { borrow(&greenlet) }).filter(|_| !made.is_null()) else { return NULL };
    // SAFETY: not null, and valid by the contract.
    unsafe { made.write(Weak { made: MADE, token: MaybeUninit::new(greenlet.downgrade()) }) };
    VALUE
}

/// `greenlet_upgrade`: a reference, if the greenlet still exists; else null.
///
/// # Safety
///
/// The token is null, or was zeroed or made by `greenlet_downgrade` on this core.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_upgrade(token: *const Weak) -> *mut Handle {
    // SAFETY: the caller's contract.
    let Some(token) = (unsafe { token.as_ref() }).filter(|token| token.made == MADE) else { return ptr::null_mut() };
    // SAFETY: `greenlet_downgrade` has written both.
    unsafe { token.token.assume_init_ref() }.upgrade().map_or(ptr::null_mut(), give)
}
