//! Connections that panic or overflow their stacks, and the end of the server.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use super::Outcome;
use super::client::{Client, get, metrics};
use super::load::until_free;

/// How many connections have ended in a way.
fn ended(server: SocketAddr) -> Outcome<[f64; 3]> {
    let metrics = metrics(server)?;
    let count = |what| metrics.get(&format!("unikernel_{what}_total")).copied().ok_or(format!("/metrics lacks {what}"));
    Ok([count("panics")?, count("overflows")?, count("connections_refused")?])
}

/// As many panics, and as many overflows, one after the other: each ends its connection, and a connection that was
/// there before is served in between. All stacks are free then, and have been used again many times.
pub(super) fn in_a_row(server: SocketAddr, count: u32) -> Outcome {
    until_free(server)?;
    let before = ended(server)?;
    let mut other = Client::connect(server)?;
    for number in 0..count {
        for path in ["/panic", "/overflow"] {
            let mut client = Client::connect(server)?;
            match client.get(path) {
                Err(error) if error.contains("the connection ended") => {}
                other => return Err(format!("{path}, number {number}: {other:?}")),
            }
        }
        let response = other.get("/nosuch").map_err(|error| format!("another, after number {number}: {error}"))?;
        if response.status != 404 {
            return Err(format!("another, after number {number}: {response:?}"));
        }
    }
    drop(other);
    until_free(server)?;
    // Of the overflows, some are panics with too few bytes left for the panic handler, or just enough.
    let now = ended(server)?;
    let [panics, overflows, refused] = [0, 1, 2].map(|kind| now[kind] - before[kind]);
    let count = f64::from(count);
    if panics + overflows != 2.0 * count || panics < count || overflows < 0.75 * count || refused != 0.0 {
        return Err(format!("{count} of each are {panics} panics, {overflows} overflows, {refused} refused"));
    }
    let page = get(server, "/")?.body;
    let said = format!("{} ended by a panic, {} by a stack overflow", now[0], now[1]);
    if page.contains(&said) { Ok(()) } else { Err(format!("/ lacks {said:?}: {page}")) }
}

/// A server that is built without the feature has no page that goes wrong.
pub(super) fn no_faults(server: SocketAddr) -> Outcome {
    for path in ["/panic", "/overflow", "/end"] {
        match get(server, path)?.status {
            404 => {}
            status => return Err(format!("{path}: {status}")),
        }
    }
    Ok(())
}

/// Ends the server while connections are open: idle, in a request, and with a response that is not read. Each sees its
/// end.
pub(super) fn end(server: SocketAddr) -> Outcome {
    let begun: [&[u8]; 3] = [b"", b"GET / HT", &b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(50)];
    let mut open = Vec::new();
    for bytes in begun.into_iter().cycle().take(9) {
        let mut client = Client::connect(server)?;
        client.send(bytes)?;
        open.push(client);
    }
    thread::sleep(Duration::from_millis(100));
    let _cut_short_or_not = Client::connect(server)?.get("/end");
    for (number, client) in open.iter_mut().enumerate() {
        match client.rest() {
            Err(error) if error.contains("reset") => {}
            Ok(_) => {}
            Err(error) => return Err(format!("connection {number}, at the end: {error}")),
        }
    }
    Ok(())
}
