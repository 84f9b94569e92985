//! What the server answers.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Instant;

use serde_json::Value;

use super::Outcome;
use super::client::{Client, get, metrics};
use super::load::ALIVE;

/// What is malformed, or not supported, and the status that tells so.
const REFUSED: &[(&[u8], u16)] = &include!("../../../examples/unikernel/refused.in");

/// The page for people names every greenlet, `/metrics` counts, a HEAD has no body, and other paths are not found.
pub(super) fn pages(server: SocketAddr) -> Outcome {
    let page = get(server, "/")?;
    let mut words = vec!["<!doctype html>", "http-equiv=refresh", "<meter", "requests a second", "</html>"];
    words.extend(["network", "accept", "clock", "connection", "main", "is parked", "sleeps"]);
    if let Some(missing) = words.into_iter().find(|word| !page.body.contains(word)) {
        return Err(format!("/ lacks {missing:?}: {page:?}"));
    }
    let requests = metrics(server)?.get("unikernel_requests_total").copied();
    if requests != Some(2.0) {
        return Err(format!("two requests are {requests:?}"));
    }
    match get(server, "/nosuch")?.status {
        404 => {}
        status => return Err(format!("/nosuch: {status}")),
    }
    let mut client = Client::connect(server)?;
    client.send(b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    let (status, fields) = client.head()?;
    match (status, client.rest()?.as_str(), fields.contains_key("transfer-encoding")) {
        (200, "", true) => Ok(()),
        other => Err(format!("HEAD: {other:?}")),
    }
}

/// `/timeline` has the last transfers, in their order: what one greenlet ends, another one begins, and the connection
/// that answers is there with those that serve it.
pub(super) fn timeline(server: SocketAddr) -> Outcome {
    let both = [get(server, "/timeline")?, get(server, "/timeline")?];
    let mut ends = Vec::new();
    for page in &both {
        let json: Value = serde_json::from_str(&page.body).map_err(|error| format!("/timeline: {error}: {page:?}"))?;
        let events = json["traceEvents"].as_array().map(Vec::as_slice).unwrap_or_default();
        let time = |event: &Value| event["ts"].as_f64().unwrap_or(-1.0);
        let pairs = events.chunks_exact(2);
        if !events.len().is_multiple_of(2) || pairs.len() < 20 {
            return Err(format!("/timeline has {} events", events.len()));
        }
        let is_transfer =
            |pair: &[Value]| pair[0]["ph"] == "E" && pair[1]["ph"] == "B" && time(&pair[0]) == time(&pair[1]);
        if let Some(odd) = pairs.clone().find(|pair| !is_transfer(pair)) {
            return Err(format!("/timeline: no transfer: {odd:?}"));
        }
        if !events.is_sorted_by_key(|event| (time(event) * 1000.0) as i64) {
            return Err("/timeline: the times are not in order".to_owned());
        }
        let follows = pairs.clone().zip(pairs.skip(1)).filter(|(one, next)| one[1]["tid"] == next[0]["tid"]).count();
        let names: BTreeSet<_> = events.iter().filter_map(|event| event["name"].as_str()).collect();
        if !["main", "network", "accept", "connection"].into_iter().all(|name| names.contains(name)) {
            return Err(format!("/timeline has {names:?}"));
        }
        ends.push((time(&events[events.len() - 1]), follows, events.len() / 2));
    }
    // Where nothing is left out, who received sends next.
    match ends[..] {
        [(first, follows, count), (second, ..)] if first < second && follows * 10 > count * 9 => Ok(()),
        _ => Err(format!("/timeline, its last times, successors and lengths: {ends:?}")),
    }
}

/// A page of the timeline is whole: it has all transfers that there is room for, and nothing is missing between them,
/// also if the client reads it late, and others are served meanwhile. After that, transfers are kept again.
pub(super) fn whole_timeline(server: SocketAddr) -> Outcome {
    const KEPT: usize = 512;
    const PAGES: usize = 3;
    let serve_others = |until: &dyn Fn(u32) -> bool| -> Outcome {
        (0..).take_while(|&number| until(number)).try_for_each(|_| get(server, "/nosuch").map(drop))
    };
    serve_others(&|number| number < KEPT as u32 / 4)?;
    let mut client = Client::connect(server)?;
    client.keep_little()?;
    // More than QEMU and the two computers keep, so that the last one waits for the client.
    client.send(&b"GET /timeline HTTP/1.1\r\nHost: x\r\n\r\n".repeat(PAGES))?;
    let began = Instant::now();
    serve_others(&|number| number < KEPT as u32 / 4 && began.elapsed() < ALIVE)?;
    let pages = (0..PAGES).map(|_| client.response()).collect::<Outcome<Vec<_>>>()?;
    for (number, page) in pages.iter().chain([&get(server, "/timeline")?]).enumerate() {
        let json: Value = serde_json::from_str(&page.body).map_err(|error| format!("page {number}: {error}"))?;
        let events = json["traceEvents"].as_array().map(Vec::as_slice).unwrap_or_default();
        let after = events.get(1..).unwrap_or_default();
        let gaps = after.chunks_exact(2).filter(|pair| pair[0]["tid"] != pair[1]["tid"]).count();
        // A gap where transfers were not kept, of one page each.
        if events.len() != 2 * KEPT || gaps > PAGES {
            return Err(format!("page {number} has {} events and {gaps} gaps", events.len()));
        }
    }
    Ok(())
}

/// A connection serves many requests, also those that are sent before the response to the previous one; but not one of
/// HTTP/1.0.
pub(super) fn keep_alive(server: SocketAddr) -> Outcome {
    let mut client = Client::connect(server)?;
    for path in ["/", "/metrics", "/nosuch"].into_iter().cycle().take(60) {
        let response = client.get(path)?;
        if response.is_last || response.status != if path == "/nosuch" { 404 } else { 200 } {
            return Err(format!("{path}: {response:?}"));
        }
    }
    client.send(&b"GET /nosuch HTTP/1.1\r\nHost: x\r\n\r\n".repeat(20))?;
    for number in 0..20 {
        let response = client.response().map_err(|error| format!("pipelined request {number}: {error}"))?;
        if response.status != 404 {
            return Err(format!("pipelined request {number}: {response:?}"));
        }
    }
    let mut old = Client::connect(server)?;
    old.send(b"GET / HTTP/1.0\r\n\r\n")?;
    let response = old.response()?;
    if response.is_last && response.body.ends_with("</html>") { Ok(()) } else { Err(format!("HTTP/1.0: {response:?}")) }
}

/// Each is refused with its status, and then the connection is closed.
pub(super) fn malformed(server: SocketAddr) -> Outcome {
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(2000));
    let large = format!("GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "x".repeat(9000));
    let generated = [(long.as_bytes(), 414), (large.as_bytes(), 431)];
    for (bytes, expected) in REFUSED.iter().copied().chain(generated) {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]);
        let mut client = Client::connect(server)?;
        client.send(bytes)?;
        let response = client.response().map_err(|error| format!("{text:?}: {error}"))?;
        if (response.status, response.is_last) != (expected, true) {
            return Err(format!("{text:?}: {response:?}"));
        }
    }
    Ok(())
}

/// A client that sends no more after its request gets the response, and the end of the connection at once.
pub(super) fn half_closed(server: SocketAddr) -> Outcome {
    for (path, expected) in [("/", 200), ("/nosuch", 404)] {
        let mut client = Client::connect(server)?;
        client.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())?;
        client.end_sending()?;
        let response = client.response()?;
        match (response.status, client.rest()?.as_str()) {
            (status, "") if status == expected => {}
            other => return Err(format!("{path}, half closed: {other:?}")),
        }
    }
    Ok(())
}

/// `/metrics` is what Prometheus parses: each family has its help and type before its samples, counters are called so,
/// each series is there once; and a later scrape has the same series.
pub(super) fn exposition(server: SocketAddr) -> Outcome {
    let series = || -> Outcome<BTreeSet<String>> {
        let text = get(server, "/metrics")?.body;
        let (mut kind, mut series) = ((String::new(), String::new()), BTreeSet::new());
        for line in text.lines() {
            let wrong = |what: &str| Err(format!("{line:?}: {what}"));
            if let Some(rest) = line.strip_prefix("# ") {
                let words: Vec<_> = rest.splitn(3, ' ').collect();
                match words[..] {
                    ["HELP", family, _] => kind = (family.to_owned(), String::new()),
                    ["TYPE", family, "counter" | "gauge"] if family == kind.0 => kind.1 = words[2].to_owned(),
                    _ => return wrong("neither HELP, nor TYPE after it"),
                }
                continue;
            }
            let Some((name, _)) = line.rsplit_once(' ') else { return wrong("no sample") };
            let family = name.split('{').next().unwrap_or_default();
            if family != kind.0 || (kind.1 == "counter") != family.ends_with("_total") {
                return wrong("another family, or another type");
            }
            if !series.insert(name.to_owned()) {
                return wrong("twice");
            }
        }
        Ok(series)
    };
    let (first, second) = (series()?, series()?);
    if first == second { Ok(()) } else { Err(format!("series come and go: {first:?} {second:?}")) }
}
