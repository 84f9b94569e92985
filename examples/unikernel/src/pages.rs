//! The pages: `/` for people, `/metrics` for Prometheus.

use crate::board::CLOCK;
use crate::serve::{CONNECTIONS, STACKS};
use crate::{Fault, Task, tally};
use core::fmt::{self, Write};
use greenlet_hub::Row;

/// A page.
pub(crate) struct Page {
    path: &'static str,
    pub(crate) media: &'static str,
    pub(crate) write: fn(&Task, &mut dyn Write) -> fmt::Result,
}

static PAGES: [Page; 2] = [
    Page { path: "/", media: "text/html; charset=utf-8", write: greenlets },
    Page { path: "/metrics", media: "text/plain; version=0.0.4", write: metrics },
];

/// Returns the page of a path.
pub(crate) fn find(path: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.path == path)
}

const HEAD: &str = "<!doctype html><html lang=en><meta charset=utf-8><meta http-equiv=refresh content=1>\
<title>greenlets</title><style>body{font:15px system-ui,sans-serif;margin:2em;max-width:60em}\
table{border-collapse:collapse}td,th{text-align:left;padding:.15em 1em .15em 0}td:first-child{text-align:right}\
meter{width:12em}</style><h1>A server without an operating system</h1>";

/// Every greenlet, with what it waits for and its stack.
fn greenlets(me: &Task, out: &mut dyn Write) -> fmt::Result {
    let up = CLOCK.microseconds();
    out.write_str(HEAD)?;
    write!(
        out,
        "<p>{} requests a second. {} requests, {} connections, {} refused for want of a stack. {} of {CONNECTIONS} stacks free. \
Up {}.{} s, awake {} % of it.<table><tr><th>id<th>greenlet<th>state<th>waits<th>stack<th>now<th>peak<th>of",
        tally::rate(),
        tally::REQUESTS.get(),
        tally::CONNECTIONS.get(),
        tally::BUSY.get(),
        STACKS.free(),
        up / 1_000_000,
        up / 100_000 % 10,
        CLOCK.awake() * 100 / up.max(1),
    )?;
    for_each(me, |greenlet| {
        let Greenlet { id, name, state, stack, .. } = greenlet;
        write!(out, "<tr><td>{id}<td>{name}<td>{state}<td>{}", greenlet.row.what())?;
        match stack {
            Some(Stack { now, peak, size }) => write!(
                out,
                "<td><meter max={size} value={peak} high={}></meter><td>{now}<td>{peak}<td>{size}",
                size / 8 * 7
            ),
            None => Ok(()),
        }
    })?;
    out.write_str("</table></html>")
}

/// The counters, in Prometheus' text format.
fn metrics(me: &Task, out: &mut dyn Write) -> fmt::Result {
    let counters = [
        ("connections_total", "Connections that were accepted.", tally::CONNECTIONS.get()),
        ("requests_total", "Requests that were answered.", tally::REQUESTS.get()),
        ("requests_refused_total", "Requests that were answered with another status than 200.", tally::REFUSED.get()),
        ("connections_refused_total", "Connections that got no stack.", tally::BUSY.get()),
        ("timeouts_total", "Connections that sent or read nothing for too long.", tally::TIMEOUTS.get()),
        ("resets_total", "Connections that the other side has reset.", tally::RESETS.get()),
    ];
    for (name, help, value) in counters {
        write!(out, "# HELP unikernel_{name} {help}\n# TYPE unikernel_{name} counter\nunikernel_{name} {value}\n")?;
    }
    let free = STACKS.free();
    for (name, help, value) in [
        ("stacks", "Stacks for connections.", CONNECTIONS),
        ("stacks_free", "Stacks for connections that are free.", free),
        (
            "deepest_stack_bytes",
            "The most bytes of its stack that a greenlet which has ended used.",
            greenlet::deepest_stack(),
        ),
    ] {
        write!(out, "# HELP unikernel_{name} {help}\n# TYPE unikernel_{name} gauge\nunikernel_{name} {value}\n")?;
    }
    for (name, help, value) in [
        ("uptime_seconds_total", "Time since the machine was started.", CLOCK.microseconds()),
        ("awake_seconds_total", "Time in which the core did not sleep.", CLOCK.awake()),
    ] {
        let (seconds, micros) = (value / 1_000_000, value % 1_000_000);
        write!(out, "# HELP unikernel_{name} {help}\n# TYPE unikernel_{name} counter\n")?;
        writeln!(out, "unikernel_{name} {seconds}.{micros:06}")?;
    }
    out.write_str(
        "# HELP unikernel_stack_peak_bytes The most bytes of its stack that a greenlet used.\n\
# TYPE unikernel_stack_peak_bytes gauge\n",
    )?;
    for_each(me, |greenlet| match &greenlet.stack {
        Some(stack) => writeln!(
            out,
            "unikernel_stack_peak_bytes{{greenlet=\"{}\",id=\"{}\",size=\"{}\"}} {}",
            greenlet.name, greenlet.id, stack.size, stack.peak
        ),
        None => Ok(()),
    })
}

/// A greenlet, as a page shows it. It has no handle, so writing may wait.
struct Greenlet {
    row: Row<(), Fault>,
    id: u64,
    name: &'static str,
    state: &'static str,
    stack: Option<Stack>,
}

/// Bytes of a stack.
struct Stack {
    now: usize,
    peak: usize,
    size: usize,
}

/// Calls `write` for each greenlet.
fn for_each(me: &Task, mut write: impl FnMut(&Greenlet) -> fmt::Result) -> fmt::Result {
    let mut result = Ok(());
    me.report().for_each(|row| {
        let Some(greenlet) = row.greenlet() else { return };
        let stack = greenlet.stack().map(|stack| Stack {
            now: stack.in_use(),
            peak: greenlet.high_water_mark().unwrap_or(0),
            size: stack.size(),
        });
        let state = if greenlet.is_current() { "running" } else { "suspended" };
        let greenlet = Greenlet { id: greenlet.id(), name: row.name(), state, stack, row };
        result = result.and_then(|()| write(&greenlet));
    });
    result
}
