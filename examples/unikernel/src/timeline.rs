//! The last transfers between greenlets, at `/timeline`, for <https://ui.perfetto.dev>: Chrome's trace event format.
//!
//! They are kept in a static ring. A page is written one record after the other, by their times, and not from a copy:
//! what is overwritten meanwhile is left out, and what happens meanwhile is of the next page.

use crate::board::CLOCK;
use crate::{Fault, Task};
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use greenlet::{Event, Greenlet, Identity, Record, Recorder, State};
use greenlet_hub::Platform;
use unikernel::escape::{Escaped, LABEL};

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

/// Begins to keep the transfers.
pub(crate) fn begin(main: &Greenlet<(), Fault>) {
    main.set_trace(Some(&RECORDER));
}

/// The page: of each transfer the end of the run of one greenlet, and the beginning of that of another one.
pub(crate) fn write(_me: &Task, out: &mut dyn Write) -> fmt::Result {
    let now = next_tick();
    let mut last = 0;
    out.write_str("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[")?;
    while let Some(record) = after(last, now) {
        if last != 0 {
            out.write_str(",\n")?;
        }
        last = record.time;
        transfer(out, &record)?;
    }
    out.write_str("]}\n")
}

/// Returns the first record after one time and before another one.
#[inline(never)]
fn after(last: u64, end: u64) -> Option<Record> {
    let mut found = None;
    let busy = RECORDER.for_each(|record| {
        if found.is_none() && last < record.time && record.time < end {
            found = Some(*record);
        }
    });
    busy.ok().and(found)
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
    let nanoseconds = CLOCK.nanoseconds(time);
    write!(out, "{{\"ph\":\"{phase}\",\"pid\":1,\"tid\":{},", of.id)?;
    write!(out, "\"ts\":{}.{:03},\"name\":\"", nanoseconds / 1000, nanoseconds % 1000)?;
    let name = if of.is_main { "main" } else { of.name.unwrap_or("?") };
    Escaped { out, escapes: LABEL }.write_str(name)?;
    out.write_str("\"")
}
