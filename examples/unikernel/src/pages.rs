//! The pages: `/` for people, `/metrics` for Prometheus, `/timeline` for Perfetto.

use crate::board::{self, CLOCK};
use crate::serve::{CONNECTIONS, STACKS};
use crate::{Fault, Task, faults, net, tally, timeline};
use core::fmt::{self, Write};
use greenlet_hub::Row;
use unikernel::escape::{Escaped, HTML, LABEL};

/// A page.
pub(crate) struct Page {
    pub(crate) path: &'static str,
    pub(crate) media: &'static str,
    pub(crate) write: fn(&Task, &mut dyn Write) -> fmt::Result,
}

static PAGES: [Page; 2] = [
    Page { path: "/", media: "text/html; charset=utf-8", write: greenlets },
    Page { path: "/metrics", media: "text/plain; version=0.0.4", write: metrics },
];

/// Returns the page of a path.
pub(crate) fn find(path: &str) -> Option<&'static Page> {
    PAGES.iter().chain(timeline::PAGES).chain(faults::PAGES).find(|page| page.path == path)
}

const HEAD: &str = "<!doctype html><html lang=en><meta charset=utf-8><meta http-equiv=refresh content=1>\
<title>greenlets</title><style>body{font:15px system-ui,sans-serif;margin:2em;max-width:60em}\
table{border-collapse:collapse}td,th{text-align:left;padding:.15em 1em .15em 0}td:first-child{text-align:right}\
meter{width:12em}</style><h1>A server without an operating system</h1>";

/// Every greenlet, with what it waits for and its stack.
fn greenlets(me: &Task, out: &mut dyn Write) -> fmt::Result {
    out.write_str(HEAD)?;
    summary(out)?;
    out.write_str("<table><tr><th>id<th>greenlet<th>state<th>waits<th>stack<th>now<th>peak<th>of")?;
    for row in me.report().rows() {
        row_of_table(out, &row)?;
    }
    out.write_str("</table></html>")
}

// What writes a part of a page has a frame of its own, so that the stack has to hold one at a time.

#[inline(never)]
fn summary(out: &mut dyn Write) -> fmt::Result {
    let (up, awake) = (CLOCK.microseconds(), CLOCK.awake());
    write!(out, "<p>{} requests a second. {} requests, ", tally::rate(), tally::REQUESTS.get())?;
    write!(out, "{} connections, ", tally::CONNECTIONS.get())?;
    write!(out, "{} refused for want of a stack, ", tally::BUSY.get())?;
    write!(out, "{} ended by a panic, {} by a stack overflow. ", board::panics(), board::overflows())?;
    write!(out, "{} of {CONNECTIONS} stacks free. ", STACKS.free())?;
    write!(out, "Up {}.{} s, awake {} % of it.", up / 1_000_000, up / 100_000 % 10, awake * 100 / up.max(1))
}

#[inline(never)]
fn row_of_table(out: &mut dyn Write, row: &Row<(), Fault>) -> fmt::Result {
    let Some(Greenlet { id, state, stack }) = look(row) else { return Ok(()) };
    write!(out, "<tr><td>{id}<td>")?;
    write!(Escaped { out, escapes: HTML }, "{}", row.name())?;
    write!(out, "<td>{state}<td>")?;
    write!(Escaped { out, escapes: HTML }, "{}", row.what())?;
    let Some(Stack { now, peak, size }) = stack else { return Ok(()) };
    write!(out, "<td><meter max={size} value={peak} high={}></meter>", size / 8 * 7)?;
    write!(out, "<td>{now}<td>{peak}<td>{size}")
}

/// The counters, in Prometheus' text format.
fn metrics(me: &Task, out: &mut dyn Write) -> fmt::Result {
    counter(out, "connections_total", "Connections that were accepted.", tally::CONNECTIONS.get())?;
    counter(out, "requests_total", "Requests that were answered.", tally::REQUESTS.get())?;
    counter(
        out,
        "requests_refused_total",
        "Requests that were answered with another status than 200.",
        tally::REFUSED.get(),
    )?;
    counter(out, "connections_refused_total", "Connections that got no stack.", tally::BUSY.get())?;
    counter(out, "timeouts_total", "Connections that sent or read nothing for too long.", tally::TIMEOUTS.get())?;
    counter(out, "resets_total", "Connections that the other side has reset.", tally::RESETS.get())?;
    counter(out, "panics_total", "Connections that a panic has ended.", board::panics())?;
    counter(out, "overflows_total", "Connections that a stack overflow has ended.", board::overflows())?;
    seconds(out, "uptime_seconds_total", "Time since the machine was started.", CLOCK.microseconds())?;
    seconds(out, "awake_seconds_total", "Time in which the core did not sleep.", CLOCK.awake())?;
    gauge(out, "stacks", "Stacks for connections.", CONNECTIONS)?;
    gauge(out, "stacks_free", "Stacks for connections that are free.", STACKS.free())?;
    gauge(out, "sockets", "Sockets for connections, also for those that get no stack.", net::SOCKETS)?;
    gauge(out, "sockets_free", "Sockets that listen.", net::free())?;
    let deepest = greenlet::deepest_stack();
    gauge(out, "stack_deepest_bytes", "The most bytes of its stack that a greenlet which has ended used.", deepest)?;
    about(out, "stack_peak_bytes", "gauge", "The most bytes of its stack that a greenlet used.")?;
    for (number, row) in me.report().rows().enumerate() {
        sample_of_stack(out, number, &row)?;
    }
    Ok(())
}

/// Not formatted: help is more than the room for that, and the stack would have to hold a write in the midst of it.
#[inline(never)]
fn about(out: &mut dyn Write, name: &str, kind: &str, help: &str) -> fmt::Result {
    out.write_str("# HELP unikernel_")?;
    out.write_str(name)?;
    out.write_str(" ")?;
    out.write_str(help)?;
    out.write_str("\n# TYPE unikernel_")?;
    out.write_str(name)?;
    out.write_str(" ")?;
    out.write_str(kind)?;
    out.write_str("\n")
}

#[inline(never)]
fn counter(out: &mut dyn Write, name: &str, help: &str, value: u32) -> fmt::Result {
    about(out, name, "counter", help)?;
    writeln!(out, "unikernel_{name} {value}")
}

#[inline(never)]
fn gauge(out: &mut dyn Write, name: &str, help: &str, value: usize) -> fmt::Result {
    about(out, name, "gauge", help)?;
    writeln!(out, "unikernel_{name} {value}")
}

#[inline(never)]
fn seconds(out: &mut dyn Write, name: &str, help: &str, microseconds: u64) -> fmt::Result {
    let (whole, part) = (microseconds / 1_000_000, microseconds % 1_000_000);
    about(out, name, "counter", help)?;
    writeln!(out, "unikernel_{name} {whole}.{part:06}")
}

/// Labelled by the number of the row, and not by the id of the greenlet: Prometheus keeps whatever labels it has seen,
/// and each connection has another id.
#[inline(never)]
fn sample_of_stack(out: &mut dyn Write, number: usize, row: &Row<(), Fault>) -> fmt::Result {
    let Some(Greenlet { stack: Some(Stack { peak, size, .. }), .. }) = look(row) else { return Ok(()) };
    write!(out, "unikernel_stack_peak_bytes{{greenlet=\"")?;
    Escaped { out, escapes: LABEL }.write_str(row.name())?;
    writeln!(out, "\",row=\"{number}\",size=\"{size}\"}} {peak}")
}

/// What the kernel knows of a greenlet. It has no handle, which would keep the stack in use while a page is written.
struct Greenlet {
    id: u64,
    state: &'static str,
    stack: Option<Stack>,
}

/// Bytes of a stack.
#[derive(Clone, Copy)]
struct Stack {
    now: usize,
    peak: usize,
    size: usize,
}

/// Returns `None` if the greenlet has ended.
#[inline(never)]
fn look(row: &Row<(), Fault>) -> Option<Greenlet> {
    let greenlet = row.greenlet()?;
    let stack = greenlet.stack().map(|stack| Stack {
        now: stack.in_use(),
        peak: greenlet.high_water_mark().unwrap_or(0),
        size: stack.size(),
    });
    let state = if greenlet.is_current() { "running" } else { "suspended" };
    Some(Greenlet { id: greenlet.id(), state, stack })
}
