//! The interpreter as a hosted program: scenarios on standard input, their logs on standard
//! output, and `DONE ran/ran` as the last line, as from a guest.

use std::cell::RefCell;
use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;

/// How much of the log is collected before it is written.
const BUFFER: usize = 64 * 1024;

thread_local! {
    // Filled from inside greenlets. They all run on this thread, and none switches while it
    // writes.
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

fn main() -> ExitCode {
    let mut text = Vec::new();
    if let Err(error) = io::stdin().read_to_end(&mut text) {
        eprintln!("error: standard input: {error}");
        return ExitCode::from(2);
    }
    let ran = match conformance::run(&text, write) {
        Ok(ran) => ran,
        Err(malformed) => {
            eprintln!("error: standard input:{}: {malformed}", malformed.line);
            return ExitCode::from(2);
        }
    };
    write(&format!("DONE {ran}/{ran}\n"));
    flush();
    // Nothing to run is not a success, as for a guest.
    if ran == 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn write(text: &str) {
    let full = LOG.with_borrow_mut(|log| {
        log.extend_from_slice(text.as_bytes());
        log.len() >= BUFFER
    });
    if full {
        flush();
    }
}

fn flush() {
    let log = LOG.take();
    // Without a reader there is nobody to tell.
    if io::stdout().write_all(&log).is_err() {
        std::process::exit(1);
    }
}
