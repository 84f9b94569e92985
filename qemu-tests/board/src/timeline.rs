//! A timeline: every transfer of the trees that a guest names, written to the host when the guest ends.
//!
//! In guests that are built with the feature `timeline`, as `cargo run -- MACHINE GUEST --timeline` does; in others
//! [`record`] is empty. Transfers are kept in memory meanwhile, so that the run takes little more time for them, and
//! leave by the channel of [`write_frames`](crate::write_frames), which is no part of the transcript:
//!
//! ```text
//! greenlet timeline 1
//! 5213  switch  0  main  suspended  0    0      1     ""    "ping"
//! 6420  switch  0  1     dead       832  16384  main  "ping"  ""
//! end  66  66  lower-bounds
//! ```
//!
//! Fields are separated by tabs, and names are without quotes: time in nanoseconds, event, core, id of the origin, its
//! state, bytes of its stack in use and of all, id of the target, the names of both, escaped as in Rust. The last line
//! has how many transfers were written and how many happened, and whether the bytes of a dead greenlet are the most
//! that it used (`marks`) or 0 (`lower-bounds`). Before it come the lines that a guest [adds](with): of a hub's tasks,
//! seven fields each.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use greenlet::{Greenlet, Identity, Record, Recorder};

use crate::cores;
use crate::hook::Hook;

/// Transfers that are kept of each core: the last ones.
const KEPT: usize = 8192;

/// A recorder for each core, so that none loses what happens while another writes.
static RECORDERS: [Recorder<KEPT>; cores::MOST] = [const { Recorder::new(clock) }; cores::MOST];

/// Transfers that happened.
static HAPPENED: AtomicU64 = AtomicU64::new(0);

/// The time; called once for each transfer.
fn clock() -> u64 {
    HAPPENED.fetch_add(1, Relaxed);
    crate::instructions()
}

/// Records the transfers of the tree of `greenlet`, on this core, until the guest ends or sets another tracer.
pub fn record<V: 'static, E: 'static>(greenlet: &Greenlet<V, E>) {
    if let Some(recorder) = RECORDERS.get(cores::number()) {
        greenlet.set_trace(Some(recorder));
    }
}

static MORE: Hook = Hook::new();

/// Has `write` write more lines when the guest ends, by [`write_frames`](crate::write_frames).
pub fn with(write: fn()) {
    MORE.set(write);
}

/// Writes what was recorded, at the end of the guest. Once: what goes wrong in here ends the guest, too.
pub(crate) fn write() {
    static WRITTEN: AtomicBool = AtomicBool::new(false);
    if WRITTEN.swap(true, Relaxed) {
        return;
    }
    let happened = HAPPENED.load(Relaxed);
    let mut written = 0;
    let _ = writeln!(Channel, "greenlet timeline 1");
    for (core, recorder) in RECORDERS.iter().enumerate() {
        // One that is being written to, by another core or by code that was interrupted, counts as lost.
        let _busy = recorder.for_each(|record| {
            written += 1;
            let _ = line(core, record);
        });
    }
    if let Some(more) = MORE.get() {
        more();
    }
    let bytes = if cfg!(feature = "high-water") { "marks" } else { "lower-bounds" };
    let _ = writeln!(Channel, "end\t{written}\t{happened}\t{bytes}");
}

fn line(core: usize, record: &Record) -> fmt::Result {
    let Record { time, event, origin_state: state, origin_in_use: in_use, origin_stack: stack, .. } = record;
    let [origin, target] = [&record.origin, &record.target];
    write!(Channel, "{time}\t{event}\t{core}\t{}\t{state}\t{in_use}\t{stack}\t{}\t", Id(origin), Id(target))?;
    let name = |of: &Identity| of.name.unwrap_or_default().escape_default();
    writeln!(Channel, "{}\t{}", name(origin), name(target))
}

/// The id of a greenlet, which is `main` of main.
#[derive(Debug)]
pub struct Id<'a>(pub &'a Identity);

impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_main { f.write_str("main") } else { self.0.id.fmt(f) }
    }
}

/// Writes by [`write_frames`](crate::write_frames), which takes everything.
#[derive(Debug)]
pub struct Channel;

impl Write for Channel {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        crate::write_frames(text.as_bytes());
        Ok(())
    }
}
