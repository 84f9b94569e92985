//! What happens to a panic in a body, and to a panic in user code that the kernel calls.
//!
//! **In a body.** A panic must not unwind past the base of a greenlet's stack. With the feature `std` it is caught
//! there, its payload is sent to the parent like a value, and the parent resumes the panic on its own stack. Without
//! `std` a panic cannot be caught: where panics unwind, the program ends at the base of the stack with a message that
//! names the greenlet; on bare metal a panic aborts at once.
//!
//! **In user code that the kernel calls**, such as a destructor or a hook. With `std` the kernel first finishes its own
//! work, so that references, stacks and parents stay accounted for, and then resumes the panic in the code that called
//! the kernel. If there are several panics, the last one is resumed; the earlier ones are [discarded](discard), and so
//! is a value that a panic prevents from being returned. Without `std` the program ends, as above.
//!
//! So while the kernel is at work, it drops what belongs to the user in one of these ways: [`catch`], to keep the panic
//! of the destructor; [`discard`], if another panic is pending already; [`Held`], for a frame that a panic may unwind.
//! Where no work of the kernel is in progress, a plain drop is enough, and its panic unwinds to the caller.

use core::mem::{ManuallyDrop, MaybeUninit};
use core::ops::Deref;

/// Drops a value of the user's. If its destructor panics, the payload is dropped in the same way.
#[cold]
#[inline(never)]
pub(crate) fn discard<T>(what: T) {
    if let Err(payload) = catch(|| drop(what)) {
        bury(payload);
    }
}

/// Drops a value of the user's in place, as [`discard`] does.
///
/// # Safety
///
/// There is a `T` in `place`, which is not used afterwards.
#[cold]
#[inline(never)]
pub(crate) unsafe fn discard_in<T>(place: &mut MaybeUninit<T>) {
    // SAFETY: by the contract.
    if let Err(payload) = catch(|| unsafe { place.assume_init_drop() }) {
        bury(payload);
    }
}

/// The panic to resume, of an earlier and a later one: the later one, if there is one. The earlier one is discarded
/// then.
#[inline]
pub(crate) fn last(earlier: Option<Payload>, later: Option<Payload>) -> Option<Payload> {
    if later.is_none() {
        return earlier;
    }
    discard(earlier);
    later
}

/// A value of the user's in a frame that a panic may unwind. A second panic, of the value's destructor, would abort the
/// program; so if the value is not taken out by [`into_inner`](Self::into_inner), it is [discarded](discard).
pub(crate) struct Held<T>(Option<T>);

impl<T> Held<T> {
    pub(crate) fn new(what: T) -> Self {
        Self(Some(what))
    }

    pub(crate) fn into_inner(self) -> T {
        match ManuallyDrop::new(self).0.take() {
            Some(what) => what,
            None => unreachable!("the value is taken out only when this is consumed"),
        }
    }
}

impl<T> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.0 {
            Some(what) => what,
            None => unreachable!("the value is taken out only when this is consumed"),
        }
    }
}

impl<T> Drop for Held<T> {
    fn drop(&mut self) {
        if let Some(what) = self.0.take() {
            discard(what);
        }
    }
}

#[cfg(feature = "std")]
mod imp {
    use crate::records::block::BlockPtr;
    use core::mem::forget;
    use std::boxed::Box;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    /// Whether panics are caught.
    pub(crate) const CAUGHT: bool = true;

    /// The payload of a panic.
    pub(crate) type Payload = Box<dyn core::any::Any + Send>;

    /// Calls `body` at the base of the stack of `me`; returns its panic as `Err`.
    pub(crate) fn guard<R>(_me: BlockPtr, body: impl FnOnce() -> R) -> Result<R, Payload> {
        // What the body shares with other code may be half changed after a panic, as after a panic of a `std::thread`:
        // that is left to `V`, `E` and what bodies capture.
        catch_unwind(AssertUnwindSafe(body))
    }

    /// Calls user code in the middle of work that must be finished; returns its panic as `Err`.
    pub(crate) fn catch<R>(code: impl FnOnce() -> R) -> Result<R, Payload> {
        catch_unwind(AssertUnwindSafe(code))
    }

    /// Resumes a panic, on the caller's stack.
    pub(crate) fn resume(payload: Payload) -> ! {
        resume_unwind(payload)
    }

    /// Drops the payload of a panic; returns the panic of its destructor.
    pub(crate) fn drop_payload(payload: Payload) -> Result<(), Payload> {
        catch(|| drop(payload))
    }

    /// How many payloads in a row are dropped. The next one is forgotten, because a destructor that panics with a
    /// payload of its own type would never end.
    const IN_A_ROW: usize = 16;

    /// Drops the payload of a panic; if that panics, the payload of this second panic, and so on.
    pub(crate) fn bury(mut payload: Payload) {
        for _ in 0..IN_A_ROW {
            match catch(|| drop(payload)) {
                Ok(()) => return,
                Err(next) => payload = next,
            }
        }
        forget(payload);
    }
}

#[cfg(not(feature = "std"))]
mod imp {
    use crate::records::block::BlockPtr;

    /// Whether panics are caught.
    pub(crate) const CAUGHT: bool = false;

    /// The payload of a panic. Has no value: no panic is caught.
    pub(crate) enum Payload {}

    /// Calls `body` at the base of the stack of `me`; a panic that unwinds ends the program.
    pub(crate) fn guard<R>(me: BlockPtr, body: impl FnOnce() -> R) -> Result<R, Payload> {
        let last_words = LastWords(Some(me));
        let result = body();
        core::mem::forget(last_words);
        Ok(result)
    }

    /// Calls user code in the middle of work that must be finished. It cannot be finished after a panic, so a panic
    /// ends the program.
    #[inline(always)]
    pub(crate) fn catch<R>(code: impl FnOnce() -> R) -> Result<R, Payload> {
        let last_words = LastWords(None);
        let result = code();
        core::mem::forget(last_words);
        Ok(result)
    }

    /// Resumes a panic, which does not exist.
    pub(crate) fn resume(payload: Payload) -> ! {
        match payload {}
    }

    /// Drops the payload of a panic, which does not exist.
    pub(crate) fn drop_payload(payload: Payload) -> Result<(), Payload> {
        match payload {}
    }

    /// As [`drop_payload`].
    pub(crate) fn bury(payload: Payload) {
        match payload {}
    }

    /// Dropped only while a panic unwinds. Its destructor panics too, which ends the program with this message.
    struct LastWords(Option<BlockPtr>);

    impl Drop for LastWords {
        fn drop(&mut self) {
            const ENDS: &str = "without the feature `std` of the crate `greenlet` that ends the program";
            match self.0 {
                Some(greenlet) => panic!("a panic left the body of {}; {ENDS}", greenlet.identity()),
                None => panic!("a panic left a destructor, a hook or a tracer that the crate had called; {ENDS}"),
            }
        }
    }
}

use imp::bury;
pub(crate) use imp::{CAUGHT, Payload, catch, drop_payload, guard, resume};
