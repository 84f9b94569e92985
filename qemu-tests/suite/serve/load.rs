//! What the server survives.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use super::Outcome;
use super::client::{Client, get, metric, metrics};

/// How long the server may take for what it does at once. Many times what it does take: the computer may be busy.
pub(super) const AT_ONCE: Duration = Duration::from_secs(20);

/// What the server gives up after five seconds of its clock, which is this computer's, still lives after these.
pub(super) const ALIVE: Duration = Duration::from_secs(4);

/// The connections that the server has stacks for.
fn stacks(server: SocketAddr) -> Outcome<usize> {
    Ok(metric(server, "unikernel_stacks")? as usize)
}

/// Waits until only the connection that asks has a stack.
pub(super) fn until_free(server: SocketAddr) -> Outcome {
    let (began, mut free) = (Instant::now(), String::new());
    while began.elapsed() < AT_ONCE {
        let metrics = metrics(server)?;
        let [all, left] = ["unikernel_stacks", "unikernel_stacks_free"].map(|name| metrics.get(name).copied());
        if all.is_some() && all == left.map(|left| left + 1.0) {
            return Ok(());
        }
        free = format!("{left:?} of {all:?}");
        thread::sleep(Duration::from_millis(50));
    }
    Err(format!("stacks do not return: {free} are free"))
}

/// A client that reads little by little gets everything, and does not keep others waiting.
pub(super) fn slow_reader(server: SocketAddr) -> Outcome {
    const REQUESTS: usize = 40;
    let mut slow = Client::connect(server)?;
    slow.send(&b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(REQUESTS))?;
    for _ in 0..5 {
        thread::sleep(Duration::from_millis(100));
        let began = Instant::now();
        get(server, "/")?;
        if began.elapsed() > AT_ONCE {
            return Err(format!("a slow reader kept another client waiting for {:?}", began.elapsed()));
        }
    }
    for number in 0..REQUESTS {
        slow.response().map_err(|error| format!("response {number} to a slow reader: {error}"))?;
    }
    Ok(())
}

/// Clients that leave before, in and after a request, with what was sent to them unread.
pub(super) fn leavers(server: SocketAddr) -> Outcome {
    let requests: [&[u8]; 4] = [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"BREW / HTTP/1.1\r\n"];
    for request in requests.into_iter().cycle().take(24) {
        Client::connect(server)?.send(request)?;
    }
    until_free(server)
}

/// While all stacks are in use the next client gets 503 at once, and 200 when one is free again. The others are served
/// meanwhile.
pub(super) fn more_than_stacks(server: SocketAddr) -> Outcome {
    until_free(server)?;
    let mut served = Vec::new();
    for number in 0..stacks(server)? {
        served.push((Client::connect(server)?, None));
        keep(&mut served).map_err(|error| format!("connection {number}: {error}"))?;
    }
    for number in 0..10 {
        let began = Instant::now();
        let mut client = Client::connect(server)?;
        let response = client.response().map_err(|error| format!("surplus connection {number}: {error}"))?;
        if (response.status, response.is_last) != (503, true) || began.elapsed() > AT_ONCE {
            return Err(format!("surplus connection {number}, after {:?}: {response:?}", began.elapsed()));
        }
        keep(&mut served).map_err(|error| format!("a connection, while others are refused: {error}"))?;
    }
    served.iter_mut().for_each(|(_, last)| *last = None);
    keep(&mut served).map_err(|error| format!("a connection, after others were refused: {error}"))?;
    drop(served);
    let began = Instant::now();
    while get(server, "/").is_ok_and(|response| response.status == 503) && began.elapsed() < AT_ONCE {
        thread::sleep(Duration::from_millis(50));
    }
    until_free(server)
}

/// Has the connections served that are new, or idle for some time: the server would give them up. With each, when it
/// was served last.
pub(super) fn keep(connections: &mut [(Client, Option<Instant>)]) -> Outcome {
    for (client, last) in connections {
        if last.is_none_or(|last| last.elapsed() > ALIVE / 4) {
            let began = Instant::now();
            let response = client.get("/nosuch")?;
            if response.status != 404 {
                return Err(format!("{response:?}"));
            }
            *last = Some(began);
        }
    }
    Ok(())
}

/// After so many requests the same stacks are free, and the greenlets use no more of theirs than after the first part
/// of them.
pub(super) fn nothing_grows(server: SocketAddr, requests: usize) -> Outcome {
    const ROUNDS: usize = 4;
    const CLIENTS: usize = 4;
    /// What paths that a round happens to take may add.
    const SPREAD: f64 = 128.0;
    let round = || -> Outcome<_> {
        thread::scope(|scope| {
            let one = || some_requests(server, requests / ROUNDS / CLIENTS);
            let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(one)).collect();
            clients.into_iter().try_for_each(|client| client.join().map_err(|_| "a client panicked".to_owned())?)
        })?;
        until_free(server)?;
        let mut stacks = metrics(server)?;
        stacks.retain(|name, _| name.contains("stack") && !name.contains("greenlet=\"connection\""));
        Ok(stacks)
    };
    let first = round()?;
    for number in 1..ROUNDS {
        let now = round()?;
        let is_same = |name: &String, value: f64| {
            first.get(name).is_some_and(|&before| match name.contains("bytes") {
                true => value - before <= SPREAD,
                false => value == before,
            })
        };
        if now.len() != first.len() || !now.iter().all(|(name, &value)| is_same(name, value)) {
            return Err(format!("round {number}: {now:?}, and after the first one: {first:?}"));
        }
    }
    Ok(())
}

/// `count` requests: most on one connection, one of ten on one of its own.
fn some_requests(server: SocketAddr, count: usize) -> Outcome {
    let mut client = Client::connect(server)?;
    for number in 0..count {
        let failed = |error| format!("request {number}: {error}");
        match number % 10 {
            0 => _ = get(server, "/metrics").map_err(failed)?,
            1 => _ = client.get("/").map_err(failed)?,
            _ => _ = client.get("/nosuch").map_err(failed)?,
        }
    }
    Ok(())
}
