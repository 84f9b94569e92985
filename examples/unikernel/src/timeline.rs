//! The last transfers between greenlets, at `/timeline`, for <https://ui.perfetto.dev>: Chrome's trace event format.
//!
//! They are kept in a static ring. A page is written one record after the other, and not from a copy, so no transfers
//! are kept meanwhile: the page has all that were there when it was asked for, however busy the server is.

use crate::board::CLOCK;
use crate::pages::Page;
use crate::serve::RESPONSE;
use crate::{Fault, Task};
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use greenlet::{Event, Greenlet, Identity, Record, Recorder, State, Trace};
use greenlet_hub::Platform;
use unikernel::escape::{Escaped, LABEL};

pub(crate) const PAGES: &[Page] = &[Page { path: "/timeline", media: "application/json", write }];

/// How many transfers are kept, 88 bytes each.
const KEPT: usize = 512;

static RECORDER: Recorder<KEPT> = Recorder::new(next_tick);

/// Returns the time in ticks of the clock, a later one each time.
fn next_tick() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let tick = CLOCK.now().max(LAST.load(Relaxed) + 1);
    LAST.store(tick, Relaxed); // one core, and never in a handler
    tick
}

/// No transfer is kept before this time; 0 if each is. A time and no flag, because a task that is given up while it
/// writes a page takes nothing back.
static PAUSED_UNTIL: AtomicU64 = AtomicU64::new(0);

/// Keeps transfers, but none while a page is written.
struct Pausing;

impl Trace<(), Fault> for Pausing {
    fn event(&self, event: Event, origin: &Transferred, target: &Transferred) -> Result<(), Fault> {
        let until = PAUSED_UNTIL.load(Relaxed);
        if until != 0 && CLOCK.now() < until {
            return Ok(());
        }
        RECORDER.event(event, origin, target)
    }
}

type Transferred = Greenlet<(), Fault>;

/// Begins to keep the transfers.
pub(crate) fn begin(main: &Transferred) {
    main.set_trace(Some(&Pausing));
}

/// The page: of each transfer the end of the run of one greenlet, and the beginning of that of another one.
fn write(_me: &Task, out: &mut dyn Write) -> fmt::Result {
    let until = CLOCK.now() + RESPONSE.as_secs() * u64::from(CLOCK.hertz());
    PAUSED_UNTIL.store(until, Relaxed);
    let written = transfers(out);
    let _another_page_is_written = PAUSED_UNTIL.compare_exchange(until, 0, Relaxed, Relaxed);
    written
}

#[inline(never)]
fn transfers(out: &mut dyn Write) -> fmt::Result {
    let now = next_tick();
    let mut last = 0;
    out.write_str("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[")?;
    // Never busy: there is one core, and handlers transfer nothing.
    while let Ok(Some(record)) = RECORDER.first_after(last) {
        // Another page has ended before this one.
        if record.time > now {
            break;
        }
        if last != 0 {
            out.write_str(",\n")?;
        }
        last = record.time;
        transfer(out, &record)?;
    }
    out.write_str("]}\n")
}

#[inline(never)]
fn transfer(out: &mut dyn Write, record: &Record) -> fmt::Result {
    event(out, "E", &record.origin, record.time)?;
    write!(out, ",\"args\":{{\"state\":\"{}\",", record.origin_state)?;
    write!(out, "\"stack\":{}", record.origin_in_use)?;
    let ends = if record.origin_state == State::Dead { ",\"ends\":true" } else { "" };
    writeln!(out, "{ends}}}}},")?;
    event(out, "B", &record.target, record.time)?;
    let by = if record.event == Event::Switch { "switch from" } else { "throw from" };
    write!(out, ",\"args\":{{\"by\":\"{by} {}\"}}}}", record.origin.id)
}

/// Writes an event without its closing brace.
#[inline(never)]
fn event(out: &mut dyn Write, phase: &str, of: &Identity, time: u64) -> fmt::Result {
    let nanoseconds = in_nanoseconds(time);
    write!(out, "{{\"ph\":\"{phase}\",\"pid\":1,\"tid\":{},", of.id)?;
    write!(out, "\"ts\":{}.{:03},\"name\":\"", nanoseconds / 1000, nanoseconds % 1000)?;
    let name = if of.is_main { "main" } else { of.name.unwrap_or("?") };
    Escaped { out, escapes: LABEL }.write_str(name)?;
    out.write_str("\"")
}

fn in_nanoseconds(ticks: u64) -> u64 {
    let hertz = u64::from(CLOCK.hertz());
    ticks / hertz * 1_000_000_000 + ticks % hertz * 1_000_000_000 / hertz
}
