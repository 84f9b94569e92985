//! The operations, hosted, to be run by `valgrind --tool=callgrind`, which counts: a dump for each loop, called as
//! in a line of the guest `count`. With the feature `crowd`, the argument is how many greenlets stand by.

use operations::{Meter, TURNS, all};
use std::cell::RefCell;
use std::ffi::CString;
use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(feature = "crowd")]
    if let Some(size) = std::env::args().nth(1).and_then(|size| size.parse().ok()) {
        operations::CROWD_SIZE.store(size, std::sync::atomic::Ordering::Relaxed);
    }
    let meter = Callgrind::default();
    for operation in all() {
        for turns in TURNS {
            meter.call(&format!("ran {} {} {turns}", operation.name, operation.part));
            if let Err(error) = operation.run(turns, &meter) {
                eprintln!("error: {}, {turns} turns: {error}", operation.name);
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// Marks the two moments for callgrind.
#[derive(Default)]
struct Callgrind {
    name: RefCell<CString>,
}

impl Callgrind {
    /// What is counted next is called `name`.
    fn call(&self, name: &str) {
        *self.name.borrow_mut() = CString::new(name).unwrap_or_default();
    }
}

impl Meter for Callgrind {
    fn begin(&self) {
        request::zero();
    }

    fn end(&self) {
        request::dump(&self.name.borrow());
    }
}

/// A request to valgrind is instructions that do nothing elsewhere.
#[cfg(target_arch = "x86_64")]
mod request {
    use core::arch::asm;
    use std::ffi::CStr;

    /// `VG_USERREQ__ZERO_STATS` and `VG_USERREQ__DUMP_STATS_AT` of callgrind, whose requests begin with the letters C
    /// and T.
    const ZERO: usize = 0x4354_0001;
    const DUMP_AT: usize = 0x4354_0003;

    /// Counts from zero on.
    pub(super) fn zero() {
        request_of_valgrind(ZERO, 0);
    }

    /// Writes down what was counted, by a name.
    pub(super) fn dump(name: &CStr) {
        request_of_valgrind(DUMP_AT, name.as_ptr().expose_provenance());
    }

    fn request_of_valgrind(request: usize, argument: usize) {
        let words = [request, argument, 0, 0, 0, 0];
        let mut _answer = 0_usize;
        // SAFETY: this is the form of a request to valgrind: instructions that change nothing, rotations by 128 in all
        // and an exchange of a register with itself. It reads the six words that rax points to, and leaves its answer
        // in rdx.
        unsafe {
            asm!(
                "rol rdi, 3",
                "rol rdi, 13",
                "rol rdi, 61",
                "rol rdi, 51",
                "xchg rbx, rbx",
                in("rax") words.as_ptr(),
                inout("rdx") _answer,
            );
        }
    }
}

/// Nothing is counted here.
#[cfg(not(target_arch = "x86_64"))]
mod request {
    use std::ffi::CStr;

    pub(super) fn zero() {}

    pub(super) fn dump(_name: &CStr) {}
}
