//! Clients that have the server wait: most of the time of its tests. So all of them come at once.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use super::Outcome;
use super::client::{Client, metric};
use super::load::{ALIVE, AT_ONCE, until_free};

/// All clients of this module at the same time, while others are served. Each that the server gives up is a time-out.
pub(super) fn all_at_once(server: SocketAddr) -> Outcome {
    /// Each, and how many time-outs it takes.
    const CLIENTS: [(&str, f64, super::Step); 6] = [
        ("a client that reads nothing", 1.0, never_reads),
        ("a client that says nothing", 1.0, says_nothing),
        ("a client that begins a request", 1.0, begins_a_request),
        ("a client that never ends a request", 1.0, never_ends_a_request),
        ("a slow writer", 0.0, slow_writer),
        ("clients that never close", 0.0, never_closes),
    ];
    until_free(server)?;
    let before = metric(server, "unikernel_timeouts_total")?;
    thread::scope(|scope| {
        let clients = CLIENTS.map(|(name, _, client)| (name, scope.spawn(move || client(server))));
        let mut outcomes = clients.into_iter().map(|(name, client)| {
            let outcome = client.join().unwrap_or_else(|_| Err("it panicked".to_owned()));
            outcome.map_err(|error| format!("{name}: {error}"))
        });
        outcomes.try_for_each(|outcome| outcome)
    })?;
    let expected: f64 = CLIENTS.iter().map(|(_, count, _)| count).sum();
    match metric(server, "unikernel_timeouts_total")? - before {
        // On a busy computer the slow writer may be too slow: one more. And the server's TCP gives a connection up by itself when nothing
        // is acknowledged for eight seconds, uncounted: with a client that reads nothing that may come before the time-out. Each client
        // sees its end in either case.
        count if (count - expected).abs() <= 1.0 => until_free(server),
        other => Err(format!("{expected} time-outs are {other}")),
    }
}

/// A client that sends requests and reads no response loses its connection.
fn never_reads(server: SocketAddr) -> Outcome {
    let mut client = Client::connect(server)?;
    let requests = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100);
    let began = Instant::now();
    loop {
        match client.send(&requests) {
            // What the client's own computer and QEMU keep comes first. On a busy one the server still answers when a send gives up.
            Ok(()) => {}
            Err(error) if error.contains("temporarily unavailable") => {}
            Err(_) => return Ok(()),
        }
        if began.elapsed() > Duration::from_secs(120) {
            return Err("it goes on sending".to_owned());
        }
    }
}

/// It loses its connection after five seconds.
fn says_nothing(server: SocketAddr) -> Outcome {
    match Client::connect(server)?.rest()?.as_str() {
        "" => Ok(()),
        text => Err(format!("it gets {text:?}")),
    }
}

/// It gets 408 after five seconds.
fn begins_a_request(server: SocketAddr) -> Outcome {
    let mut client = Client::connect(server)?;
    client.send(b"GET / HT")?;
    is_too_slow(client)
}

/// It gets 408 after five seconds, though it sends a byte now and then. On a busy computer it may send one after that, and then its
/// connection is reset and the response lost; the count of time-outs has it in both cases.
fn never_ends_a_request(server: SocketAddr) -> Outcome {
    let mut client = Client::connect(server)?;
    client.send(b"GET / HTTP/1.1\r\nHost: x\r\nA: ")?;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        if client.send(b"x").is_err() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(300));
    }
    match is_too_slow(client) {
        Err(error) if error.contains("reset") => Ok(()),
        outcome => outcome,
    }
}

fn is_too_slow(mut client: Client) -> Outcome {
    match client.response()? {
        response if response.status == 408 && response.is_last => Ok(()),
        response => Err(format!("it gets {response:?}")),
    }
}

/// A client that sends a request little by little is served, and keeps no other waiting.
fn slow_writer(server: SocketAddr) -> Outcome {
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
        response if response.status == 404 => Ok(()),
        response if response.status == 408 && first.elapsed() > ALIVE => Ok(()),
        response => Err(format!("it gets {response:?}")),
    }
}

/// Clients that keep their connections open after the last response: more of them than there are sockets, one after the other. Each
/// socket is used again two seconds later.
fn never_closes(server: SocketAddr) -> Outcome {
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
    Ok(())
}
