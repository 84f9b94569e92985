//! Clients that have the server wait: most of the time of its tests. So all of them come at once.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use super::Outcome;
use super::client::{Client, metric};
use super::load::{ALIVE, AT_ONCE, until_free};

/// A client that has the server wait. Returns how many time-outs it sees.
type Waited = fn(SocketAddr) -> Outcome<u32>;

/// All clients of this module at the same time, while others are served. The server counts as many time-outs as they
/// see.
pub(super) fn all_at_once(server: SocketAddr) -> Outcome {
    const CLIENTS: [(&str, Waited); 6] = [
        ("a client that reads nothing", never_reads),
        ("a client that says nothing", says_nothing),
        ("a client that begins a request", begins_a_request),
        ("a client that never ends a request", never_ends_a_request),
        ("a slow writer", slow_writer),
        ("clients that never close", never_closes),
    ];
    until_free(server)?;
    let before = metric(server, "unikernel_timeouts_total")?;
    let seen = thread::scope(|scope| {
        let clients = CLIENTS.map(|(name, client)| (name, scope.spawn(move || client(server))));
        let outcomes = clients.into_iter().map(|(name, client)| {
            let outcome = client.join().unwrap_or_else(|_| Err("it panicked".to_owned()));
            outcome.map_err(|error| format!("{name}: {error}"))
        });
        outcomes.sum::<Outcome<u32>>()
    })?;
    match metric(server, "unikernel_timeouts_total")? - before {
        count if count == f64::from(seen) => until_free(server),
        other => Err(format!("{seen} time-outs are {other}")),
    }
}

/// A client that sends requests and reads no response loses its connection.
fn never_reads(server: SocketAddr) -> Outcome<u32> {
    let mut client = Client::connect(server)?;
    client.keep_little()?;
    let requests = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100);
    let began = Instant::now();
    loop {
        match client.send(&requests) {
            // What the client's own computer and QEMU keep comes first. On a busy one the server still answers when a
            // send gives up.
            Ok(()) => {}
            Err(error) if error.contains("temporarily unavailable") => {}
            Err(_) => return Ok(1),
        }
        if began.elapsed() > Duration::from_secs(120) {
            return Err("it goes on sending".to_owned());
        }
    }
}

/// It loses its connection after five seconds.
fn says_nothing(server: SocketAddr) -> Outcome<u32> {
    match Client::connect(server)?.rest()?.as_str() {
        "" => Ok(1),
        text => Err(format!("it gets {text:?}")),
    }
}

/// It gets 408 after five seconds.
fn begins_a_request(server: SocketAddr) -> Outcome<u32> {
    let mut client = Client::connect(server)?;
    client.send(b"GET / HT")?;
    is_too_slow(client)
}

/// It gets 408 after five seconds, though it sends a byte now and then. On a busy computer it may send one after that,
/// and then its connection is reset and the response lost.
fn never_ends_a_request(server: SocketAddr) -> Outcome<u32> {
    let began = Instant::now();
    let mut client = Client::connect(server)?;
    client.send(b"GET / HTTP/1.1\r\nHost: x\r\nA: ")?;
    while began.elapsed() < Duration::from_secs(3) {
        match client.send(b"x") {
            Ok(()) => thread::sleep(Duration::from_millis(300)),
            Err(_) if began.elapsed() > ALIVE => return Ok(1),
            Err(error) => return Err(error),
        }
    }
    match is_too_slow(client) {
        Err(error) if error.contains("reset") && began.elapsed() > ALIVE => Ok(1),
        outcome => outcome,
    }
}

fn is_too_slow(mut client: Client) -> Outcome<u32> {
    match client.response()? {
        response if response.status == 408 && response.is_last => Ok(1),
        response => Err(format!("it gets {response:?}")),
    }
}

/// A client that sends a request little by little is served, and keeps no other waiting. On a busy computer it may be
/// too slow.
fn slow_writer(server: SocketAddr) -> Outcome<u32> {
    let mut slow = Client::connect(server)?;
    let mut other = Client::connect(server)?;
    let first = Instant::now();
    for piece in b"GET /nosuch HTTP/1.1\r\nHost: x\r\n\r\n".chunks(3) {
        slow.send(piece)?;
        let began = Instant::now();
        other.get("/nosuch")?;
        if began.elapsed() > AT_ONCE {
            return Err(format!("it kept another client waiting for {:?}", began.elapsed()));
        }
        thread::sleep(Duration::from_millis(30));
    }
    match slow.response()? {
        response if response.status == 404 => Ok(0),
        response if response.status == 408 && first.elapsed() > ALIVE => Ok(1),
        response => Err(format!("it gets {response:?}")),
    }
}

/// Clients that keep their connections open after the last response: more of them than there are sockets, one after the
/// other. Each socket is used again two seconds later.
fn never_closes(server: SocketAddr) -> Outcome<u32> {
    let mut open = Vec::new();
    for round in 0..3 {
        for number in 0..20 {
            let mut client = Client::connect(server)?;
            client.send(b"GET /nosuch HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
            let response = client.response().map_err(|error| format!("round {round}, number {number}: {error}"))?;
            match (response.status, client.rest()?.as_str()) {
                (404, "") => open.push(client),
                other => return Err(format!("round {round}, number {number}: {other:?}")),
            }
        }
        thread::sleep(Duration::from_millis(2_500));
    }
    Ok(0)
}
