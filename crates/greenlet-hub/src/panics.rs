//! Panics of tasks that end with the run: all of them end, and one panic propagates.

#[cfg(feature = "std")]
pub(crate) use caught::Panics;
#[cfg(not(feature = "std"))]
pub(crate) use fatal::Panics;

#[cfg(feature = "std")]
mod caught {
    use core::mem;
    use std::boxed::Box;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::thread;

    type Payload = Box<dyn core::any::Any + Send>;

    /// The last panic of several pieces of work, as in the kernel.
    pub(crate) struct Panics(Option<Payload>);

    impl Panics {
        pub(crate) fn new() -> Self {
            Self(None)
        }

        /// Calls `work`, in which tasks run. Returns `None` if it panics.
        pub(crate) fn catch<R>(&mut self, work: impl FnOnce() -> R) -> Option<R> {
            match catch_unwind(AssertUnwindSafe(work)) {
                Ok(result) => Some(result),
                Err(payload) => {
                    discard(self.0.replace(payload));
                    None
                }
            }
        }

        /// Resumes the panic, unless the caller is unwinding already.
        pub(crate) fn resume(self) {
            match self.0 {
                Some(payload) if !thread::panicking() => resume_unwind(payload),
                payload => discard(payload),
            }
        }
    }

    fn discard(payload: Option<Payload>) {
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            mem::forget(second);
        }
    }
}

#[cfg(not(feature = "std"))]
mod fatal {
    /// Without `std` a panic of a task ends the program.
    pub(crate) struct Panics;

    impl Panics {
        pub(crate) fn new() -> Self {
            Self
        }

        pub(crate) fn catch<R>(&mut self, work: impl FnOnce() -> R) -> Option<R> {
            Some(work())
        }

        pub(crate) fn resume(self) {}
    }
}
