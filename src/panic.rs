//! A panic that leaves a body.
//!
//! It must not look for a handler on a stack that is not its own. With the feature `std` it is caught at the base of the
//! greenlet's stack, its payload is sent to the parent like a value, and the parent goes on panicking on its own stack. Without
//! it, nothing can be caught: where panics unwind the program ends there, and says which greenlet it was; on bare metal panics
//! abort at once.
//!
//! Code of the user's that the kernel calls in the middle of its work, such as a destructor or a hook, may panic as well. Then
//! the work is finished, and the panic goes on in who asked for it: references, stacks and parents stay accounted for.

#[cfg(feature = "std")]
mod imp {
    use crate::block::BlockPtr;
    use std::boxed::Box;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

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
}

#[cfg(not(feature = "std"))]
mod imp {
    use crate::block::BlockPtr;

    /// What a panic carries: there is none.
    pub(crate) enum Payload {}

    /// Runs what is to run at the base of the stack of `me`.
    pub(crate) fn guard<R>(me: BlockPtr, body: impl FnOnce() -> R) -> Result<R, Payload> {
        let last_words = LastWords(me);
        let result = body();
        core::mem::forget(last_words);
        Ok(result)
    }

    /// Runs code of the user's.
    pub(crate) fn catch<R>(run: impl FnOnce() -> R) -> Result<R, Payload> {
        Ok(run())
    }

    /// Goes on panicking, on the stack of the caller.
    pub(crate) fn resume(payload: Payload) -> ! {
        match payload {}
    }

    /// Dropped only by a panic that unwinds: panics once more, which ends the program after the message.
    struct LastWords(BlockPtr);

    impl Drop for LastWords {
        fn drop(&mut self) {
            panic!(
                "a panic left the body of {}; without the feature `std` of the crate `greenlet` that ends the program",
                self.0.identity()
            )
        }
    }
}

pub(crate) use imp::{Payload, catch, guard, resume};
