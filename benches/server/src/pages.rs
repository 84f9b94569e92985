//! The page: `/metrics`, with what the measurement needs.

use crate::board::CLOCK;
use crate::{serve, tally};
use core::fmt::Write;
use heapless::String;

/// A page.
pub(crate) struct Page {
    path: &'static str,
    pub(crate) media: &'static str,
    /// Writes the line with this number; returns `false` if there is none.
    pub(crate) line: fn(usize, &mut String<256>) -> bool,
}

static METRICS: Page = Page { path: "/metrics", media: "text/plain; version=0.0.4", line: metric };

/// Returns the page of a path.
pub(crate) fn find(path: &str) -> Option<&'static Page> {
    (path == METRICS.path).then_some(&METRICS)
}

fn metric(number: usize, out: &mut String<256>) -> bool {
    let (name, help, value) = match number {
        0 => ("connections_total", "Connections that were accepted.", tally::CONNECTIONS.get()),
        1 => ("requests_total", "Requests that were answered.", tally::REQUESTS.get()),
        2 => (
            "requests_refused_total",
            "Requests that were answered with another status than 200.",
            tally::REFUSED.get(),
        ),
        3 => ("connections_refused_total", "Connections that were not served.", tally::BUSY.get()),
        4 => ("timeouts_total", "Connections that sent or read nothing for too long.", tally::TIMEOUTS.get()),
        5 => ("resets_total", "Connections that the other side has reset.", tally::RESETS.get()),
        6 => ("requests_a_second", "Requests in the last second.", tally::rate()),
        7 => ("connections_free", "Connections that would be served, too.", serve::free() as u32),
        8 => ("future_bytes", "The bytes of the future of a connection.", serve::bytes() as u32),
        9 => ("sockets_free", "Sockets that listen.", serve::listening() as u32),
        10 => {
            let (seconds, part) = (CLOCK.awake() / 1_000_000, CLOCK.awake() % 1_000_000);
            let help = "Time in which the core did not sleep.";
            let text = format_args!(
                "# HELP unikernel_awake_seconds_total {help}\n# TYPE unikernel_awake_seconds_total counter\n\
                unikernel_awake_seconds_total {seconds}.{part:06}\n"
            );
            out.write_fmt(text).expect("it has room");
            return true;
        }
        _ => return false,
    };
    let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
    writeln!(out, "# HELP unikernel_{name} {help}\n# TYPE unikernel_{name} {kind}\nunikernel_{name} {value}")
        .expect("it has room");
    true
}
