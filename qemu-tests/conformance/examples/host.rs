//! The interpreter as a hosted program: scenarios on standard input, their logs on standard
//! output, and `DONE ran/ran` as the last line, as from a guest. With the argument `tasklets`, scenarios of these.

use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How much of the log is collected before it is written.
const BUFFER: usize = 64 * 1024;

/// Filled from inside greenlets, which under Miri are threads; none switches while it writes.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

fn log() -> MutexGuard<'static, Vec<u8>> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner)
}

fn main() -> ExitCode {
    let mut text = Vec::new();
    if let Err(error) = io::stdin().read_to_end(&mut text) {
        eprintln!("error: standard input: {error}");
        return ExitCode::from(2);
    }
    let run = if std::env::args().nth(1).as_deref() == Some("tasklets") {
        conformance::tasklets::run
    } else {
        conformance::run
    };
    let ran = match run(&text, write) {
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
    let mut log = log();
    log.extend_from_slice(text.as_bytes());
    let full = log.len() >= BUFFER;
    drop(log);
    if full {
        flush();
    }
}

fn flush() {
    let log = std::mem::take(&mut *log());
    // Without a reader there is nothing to report to.
    if io::stdout().write_all(&log).is_err() {
        std::process::exit(1);
    }
}
