//! A panic that leaves a body.
//!
//! It must not look for a handler on a stack that is not its own. With the feature `std` it is caught at the base of the
//! greenlet's stack, its payload is sent to the parent like a value, and the parent goes on panicking on its own stack. Without
//! it, nothing can be caught: where panics unwind the program ends there, and says which greenlet it was; on bare metal panics
//! abort at once.
//!
//! Code of the user's that the kernel calls in the middle of its work, such as a destructor or a hook, may panic as well. Then
//! the work is finished, and the panic goes on in who asked for it: references, stacks and parents stay accounted for. If there is
//! another one by then, the last goes on, and the earlier ones are [discarded](discard), as is what they have cut short. Without
//! the feature `std` the program ends there, as above.
//!
//! So whatever of the user's the kernel drops while it is at work, it drops by one of these: [`catch`], where the panic of its destructor is news;
//! [`discard`], where there is one to go on with; [`Held`], where one may pass by. Elsewhere nothing is open, and it is the
//! caller's.

use core::mem::ManuallyDrop;
use core::ops::Deref;

/// Drops what is the user's, whatever that does: its panic is lost, and what it panicked with is dropped in the same way.
#[cold]
#[inline(never)]
pub(crate) fn discard<T>(what: T) {
    if let Err(payload) = catch(|| drop(what)) {
        bury(payload);
    }
}

/// The panic that goes on, of an earlier one and one that came meanwhile: the last.
#[inline]
pub(crate) fn last(earlier: Option<Payload>, later: Option<Payload>) -> Option<Payload> {
    if later.is_none() {
        return earlier;
    }
    discard(earlier);
    later
}

/// Something of the user's in a frame that a panic may pass by, where its own destructor must not be a second one. Let go of by
/// [`into_inner`](Self::into_inner); else it is discarded.
pub(crate) struct Held<T>(Option<T>);

impl<T> Held<T> {
    pub(crate) fn new(what: T) -> Self {
        Self(Some(what))
    }

    pub(crate) fn into_inner(self) -> T {
        match ManuallyDrop::new(self).0.take() {
            Some(what) => what,
            None => unreachable!("taken out when it is used up"),
        }
    }
}

impl<T> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.0 {
            Some(what) => what,
            None => unreachable!("taken out when it is used up"),
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

    /// Whether a panic can be caught.
    pub(crate) const CAUGHT: bool = true;

    /// What a panic carries.
    pub(crate) type Payload = Box<dyn core::any::Any + Send>;

    /// Runs what is to run at the base of the stack of `me`; a panic ends here.
    pub(crate) fn guard<R>(_me: BlockPtr, body: impl FnOnce() -> R) -> Result<R, Payload> {
        // What the body shared with others may be half-changed, as it may be when a thread panics: `V`, `E` and whatever bodies
        // capture are on their own there, as with `std::thread`.
        catch_unwind(AssertUnwindSafe(body))
    }

    /// Runs code of the user's in the middle of something that must be finished, whatever that code does.
    pub(crate) fn catch<R>(run: impl FnOnce() -> R) -> Result<R, Payload> {
        catch_unwind(AssertUnwindSafe(run))
    }

    /// Goes on panicking, on the stack of the caller.
    pub(crate) fn resume(payload: Payload) -> ! {
        resume_unwind(payload)
    }

    /// How many payloads in a row are dropped. The next one is forgotten: a destructor that panics with its own kind would never
    /// come to an end.
    const IN_A_ROW: usize = 16;

    /// Drops what a panic carries, and what the panic of its destructor carries, and so on.
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

    /// Whether a panic can be caught.
    pub(crate) const CAUGHT: bool = false;

    /// What a panic carries: there is none.
    pub(crate) enum Payload {}

    /// Runs what is to run at the base of the stack of `me`.
    pub(crate) fn guard<R>(me: BlockPtr, body: impl FnOnce() -> R) -> Result<R, Payload> {
        let last_words = LastWords(Some(me));
        let result = body();
        core::mem::forget(last_words);
        Ok(result)
    }

    /// Runs code of the user's in the middle of something that must be finished: if it panics, it cannot be, and the program ends.
    #[inline(always)]
    pub(crate) fn catch<R>(run: impl FnOnce() -> R) -> Result<R, Payload> {
        let last_words = LastWords(None);
        let result = run();
        core::mem::forget(last_words);
        Ok(result)
    }

    /// Goes on panicking, on the stack of the caller.
    pub(crate) fn resume(payload: Payload) -> ! {
        match payload {}
    }

    /// Drops what a panic carries.
    pub(crate) fn bury(payload: Payload) {
        match payload {}
    }

    /// Dropped only by a panic that unwinds: panics once more, which ends the program after the message.
    struct LastWords(Option<BlockPtr>);

    impl Drop for LastWords {
        fn drop(&mut self) {
            const ENDS: &str = "without the feature `std` of the crate `greenlet` that ends the program";
            match self.0 {
                Some(greenlet) => panic!("a panic left the body of {}; {ENDS}", greenlet.identity()),
                None => panic!("a panic left a destructor, a hook or a tracer that the kernel had called; {ENDS}"),
            }
        }
    }
}

use imp::bury;
pub(crate) use imp::{CAUGHT, Payload, catch, guard, resume};
