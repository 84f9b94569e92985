//! The last words of a guest that panicked or faulted.
//!
//! ```text
//! PANIC in greenlet 1 "crasher": the message
//! # at src/bin/guest.rs:12
//! ```
//!
//! The first line is the same on every machine. Below the report of a panic comes what the guest has to
//! [add](on_panic).
//!
//! A report may itself go wrong: a `Display` panics, the kernel's records are overwritten. Then what went wrong is said
//! in a line that needs nothing but the serial port, and when that goes wrong, nothing is said. So a report ends in any
//! case.
//!
//! A guest that survives panics [looks at them](before_panic) before anything is reported.
//!
//! Of several cores, the first to report has the console for good: what happens on others meanwhile is not told.

use core::fmt::{self, Display, Formatter, Write};
use core::mem;
use core::panic::PanicInfo;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU8, Ordering::Relaxed};

use greenlet::Overflow;

use crate::console::{self, Console};
use crate::fault::Fault;
use crate::hook::Hook;
use crate::{exit, machine};

/// Reports that were begun. None is ever finished and followed by another, so those before the last are interrupted.
static BEGUN: AtomicU8 = AtomicU8::new(0);

/// What the guest adds to the report of a panic.
static ON_PANIC: Hook = Hook::new();

/// Has `add` called after the report of a panic, to print what the guest has recorded: the transfers in a recorder.
///
/// It runs where the panic was, on what is left of that stack. If it panics or faults itself, that is reported in a
/// line, and it is not called again.
pub fn on_panic(add: fn()) {
    ON_PANIC.set(add);
}

/// What looks at a panic before it is reported: null, or a `fn(&PanicInfo<'_>)`.
static BEFORE_PANIC: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// Sets what looks at each panic, where it happens, before it is reported. The panic is reported if `look` returns.
pub fn before_panic(look: fn(&PanicInfo<'_>)) {
    BEFORE_PANIC.store(look as *mut (), Relaxed);
}

/// Reports an exception, with the machine's registers as notes, and ends the machine. `sp` is the stack pointer of the
/// code that was interrupted.
pub(crate) fn fault(fault: Fault, sp: usize, registers: &dyn Display) -> ! {
    begin(exit::FAULTED, format_args!("FAULT: {fault} while a report was printed"), &"");
    let notes = Notes { overflow: overflow(fault, sp), registers };
    finish(exit::FAULTED, format_args!("FAULT: {fault} {Place}"), &notes)
}

/// The overflow of the current greenlet's stack that `fault` is, if it is one.
fn overflow(fault: Fault, sp: usize) -> Option<Overflow> {
    // SAFETY: as in `Place`.
    unsafe { Overflow::at(fault.address()?, sp) }
}

/// What is below the line of a fault.
struct Notes<'a> {
    overflow: Option<Overflow>,
    registers: &'a dyn Display,
}

impl Display for Notes<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(overflow) = self.overflow {
            writeln!(f, "# {overflow}")?;
        }
        self.registers.fmt(f)
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    // SAFETY: a pointer there is null, or was such a function in `before_panic`, which is the only one that puts any
    // there; and an optional function that is absent is null.
    let look = unsafe { mem::transmute::<*mut (), Option<fn(&PanicInfo<'_>)>>(BEFORE_PANIC.load(Relaxed)) };
    if let Some(look) = look {
        look(info);
    }
    let at = At(info);
    begin(exit::PANICKED, format_args!("PANIC while a report was printed"), &at);
    print(format_args!("PANIC {Place}: {}", info.message()), &at);
    // Taken, so that a panic in it does not come here with it.
    if let Some(add) = ON_PANIC.take() {
        add();
        console::end_line();
    }
    exit::exit(exit::PANICKED)
}

/// Returns when nothing was reported yet. Otherwise what happens now interrupts a report, and the machine ends here.
fn begin(code: u8, in_short: fmt::Arguments<'_>, notes: &dyn Display) {
    // Never given back. From here on there is one core that reports, and what interrupts it is on that core.
    mem::forget(console::hold());
    let begun = BEGUN.load(Relaxed);
    BEGUN.store(begun.saturating_add(1), Relaxed);
    match begun {
        0 => console::end_line(),
        1 => {
            console::end_line();
            finish(code, in_short, notes);
        }
        // Not even the console works.
        2 => exit::at_once(code),
        // Nor the way out. The host has a time limit.
        _ => machine::halt(),
    }
}

/// Prints a line and the notes below it, and ends the machine.
fn finish(code: u8, line: fmt::Arguments<'_>, notes: &dyn Display) -> ! {
    print(line, notes);
    exit::exit(code)
}

/// Prints a line and the notes below it, each a line of its own.
fn print(line: fmt::Arguments<'_>, notes: &dyn Display) {
    if Console.write_fmt(line).is_err() {
        // A `Display` inside a panic message said so; the console does not.
        console::write(b" (the rest could not be formatted)");
    }
    // The notes are our own: they format without errors.
    let _ = write!(Console, "\n{notes}");
}

/// Which greenlet it happened in.
struct Place;

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // SAFETY: this core entered the tree, if one is entered: a guest that starts others declares how they are kept
        // apart. The interrupted code is not resumed.
        match unsafe { greenlet::current_report() } {
            Some(greenlet) => write!(f, "in {greenlet}"),
            None => f.write_str("outside any greenlet"),
        }
    }
}

/// The line on where in the source a panic was.
struct At<'a>(&'a PanicInfo<'a>);

impl Display for At<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.location() {
            Some(at) => writeln!(f, "# at {}:{}", at.file(), at.line()),
            None => Ok(()),
        }
    }
}
