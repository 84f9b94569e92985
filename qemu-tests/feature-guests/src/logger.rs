//! The logger of defmt: frames to the board's channel for them.
//!
//! A frame is complete before anything else happens: interrupts are masked from its first byte to its last, and nothing
//! in between switches.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering::SeqCst};

use board::interrupts;
use defmt::Encoder;

#[defmt::global_logger]
struct Logger;

/// Makes frames of what is logged: each ends with a zero byte, and has no other.
struct Shared(UnsafeCell<Encoder>);

// SAFETY: the machine has one core; the encoder is used between `acquire` and `release` only, where no handler comes in
// between, and the second to acquire it panics.
unsafe impl Sync for Shared {}

static ENCODER: Shared = Shared(UnsafeCell::new(Encoder::new()));
/// A frame is begun, and not complete.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Interrupts are unmasked when it is.
static UNMASK: AtomicBool = AtomicBool::new(false);

// SAFETY: from `acquire` to `release` nothing else logs: interrupts are masked, and there is one core.
unsafe impl defmt::Logger for Logger {
    fn acquire() {
        let unmask = interrupts::are_enabled();
        interrupts::disable();
        assert!(
            !TAKEN.swap(true, SeqCst),
            "something is logged while a frame is made: by a `Format` that logs, or panics"
        );
        UNMASK.store(unmask, SeqCst);
        // SAFETY: `TAKEN` was not set, so the encoder is not in use.
        let encoder = unsafe { &mut *ENCODER.0.get() };
        encoder.start_frame(board::write_frames);
    }

    unsafe fn flush() {
        // What is written has left already.
    }

    unsafe fn release() {
        // SAFETY: defmt calls this after `acquire`, so that the encoder is ours.
        let encoder = unsafe { &mut *ENCODER.0.get() };
        encoder.end_frame(board::write_frames);
        TAKEN.store(false, SeqCst);
        if UNMASK.load(SeqCst) {
            interrupts::enable();
        }
    }

    unsafe fn write(bytes: &[u8]) {
        // SAFETY: defmt calls this between `acquire` and `release`, so that the encoder is ours.
        let encoder = unsafe { &mut *ENCODER.0.get() };
        encoder.write(bytes, board::write_frames);
    }
}
