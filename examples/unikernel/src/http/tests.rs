//! The parser of requests, hosted.

extern crate std;

use std::format;

use super::{HEAD, LINES, Method, Parser, Refusal, Request};

/// What the parser makes of `bytes`, which are one request and nothing else, in pieces of every size.
fn parse(bytes: &[u8]) -> Option<Result<Request, Refusal>> {
    let whole = pieces(bytes, bytes.len().max(1));
    for size in 1..bytes.len().min(40) {
        assert_eq!(pieces(bytes, size), whole, "in pieces of {size} bytes");
    }
    whole
}

fn pieces(bytes: &[u8], size: usize) -> Option<Result<Request, Refusal>> {
    let mut parser = Parser::default();
    bytes.chunks(size).find_map(|piece| parser.add(piece).1)
}

fn accepted(text: &str) -> Request {
    parse(text.as_bytes()).expect("it is complete").unwrap_or_else(|refusal| panic!("{text:?}: {refusal:?}"))
}

#[test]
fn requests() {
    for (text, method, path, keeps_alive) in [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", Method::Get, "/", true),
        ("HEAD /metrics HTTP/1.1\r\nhost:x\r\n\r\n", Method::Head, "/metrics", true),
        ("GET /a?b=c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", Method::Get, "/a", false),
        ("GET / HTTP/1.1\r\nHost: x\r\nConnection: TE, Close \r\n\r\n", Method::Get, "/", false),
        ("GET / HTTP/1.0\r\n\r\n", Method::Get, "/", false),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", Method::Get, "/", true),
        ("GET http://x/y HTTP/1.1\r\nHost: x\r\n\r\n", Method::Get, "/y", true),
        ("GET http://x HTTP/1.1\r\nHost: x\r\n\r\n", Method::Get, "/", true),
        ("GET HTTP://x:80/y HTTP/1.1\r\nHost: x\r\n\r\n", Method::Get, "/y", true),
        ("GET http://[::1]?/y HTTP/1.1\r\nHost: x\r\n\r\n", Method::Get, "/", true),
        ("GET /%6detrics HTTP/1.1\r\nHost: x\r\n\r\n", Method::Get, "/metrics", true),
        ("GET /a%2Fb%7e%ff HTTP/1.1\r\nHost:\r\n\r\n", Method::Get, "/a%2Fb~%ff", true),
        ("GET / HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\n", Method::Get, "/", false),
        ("GET / HTTP/1.0\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n", Method::Get, "/", false),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", Method::Get, "/", false),
        ("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", Method::Get, "/", false),
        ("\r\nGET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", Method::Get, "/", true),
        ("GET / HTTP/1.1\nHost: x\n\n", Method::Get, "/", true),
    ] {
        let request = accepted(text);
        assert_eq!((request.method, &*request.path, request.keeps_alive), (method, path, keeps_alive), "{text:?}");
    }
}

#[test]
fn a_long_field_that_does_not_matter_is_no_fault() {
    let cookie = "c".repeat(5000);
    accepted(&format!("GET / HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n"));
}

#[test]
fn what_is_cut_off_may_close_the_connection() {
    let options = "a, ".repeat(50);
    assert!(!accepted(&format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: {options}close\r\n\r\n")).keeps_alive);
}

#[test]
fn the_next_request_is_left() {
    let mut parser = Parser::default();
    let two = b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n";
    let (first, request) = parser.add(two);
    assert_eq!(&*request.unwrap().unwrap().path, "/1");
    assert!(parser.is_fresh());
    let (second, request) = parser.add(&two[first..]);
    assert_eq!(&*request.unwrap().unwrap().path, "/2");
    assert_eq!(first + second, two.len());
}

#[test]
fn refusals() {
    let long = "x".repeat(100);
    let longer = "x".repeat(200);
    let large = format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(HEAD));
    let lines = format!("GET / HTTP/1.1\r\n{}\r\n", "A: x\r\n".repeat(LINES));
    for (text, refusal) in [
        ("\r\n\r\nGET / HTTP/1.1\r\n\r\n", Refusal::Malformed),
        ("GET / HTTP/1.1\r\n\r\n", Refusal::Malformed),
        ("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", Refusal::Malformed),
        ("GET / HTTP/1.1\r\nHost : x\r\n\r\n", Refusal::Malformed),
        ("GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", Refusal::Malformed),
        ("GET / HTTP/1.1\r\nHost: x\0\r\n\r\n", Refusal::Malformed),
        ("GET / HTTP/1.1\rHost: x\r\n\r\n", Refusal::Malformed),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n", Refusal::Malformed),
        ("GET / HTTP/1.1\r\n: x\r\n\r\n", Refusal::Malformed),
        ("GET /\r\n\r\n", Refusal::Malformed),
        ("GET  / HTTP/1.1\r\n\r\n", Refusal::Malformed),
        ("GET / HTTP/1.1 \r\n\r\n", Refusal::Malformed),
        ("GET / http/1.1\r\n\r\n", Refusal::Malformed),
        ("GET x HTTP/1.1\r\n\r\n", Refusal::Malformed),
        ("GET * HTTP/1.1\r\n\r\n", Refusal::Malformed),
        ("GET http:///x HTTP/1.1\r\n\r\n", Refusal::Malformed),
        ("GET http://user@x/ HTTP/1.1\r\n\r\n", Refusal::Malformed),
        ("GET https://x/ HTTP/1.1\r\n\r\n", Refusal::Malformed),
        ("GET /#metrics HTTP/1.1\r\n\r\n", Refusal::Malformed),
        ("GET http://x#/metrics HTTP/1.1\r\n\r\n", Refusal::Malformed),
        ("GET /\tmetrics HTTP/1.1\r\n\r\n", Refusal::Malformed),
        ("GET /\u{e9} HTTP/1.1\r\n\r\n", Refusal::Malformed),
        ("GET /%6 HTTP/1.1\r\n\r\n", Refusal::Malformed),
        ("GET /%+1 HTTP/1.1\r\n\r\n", Refusal::Malformed),
        ("GET / HTTP/1.1\r\nHost: x y\r\n\r\n", Refusal::Malformed),
        ("GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", Refusal::Malformed),
        ("GET / HTTP/1.1\r\nHost: user@x\r\n\r\n", Refusal::Malformed),
        ("\u{16}\u{3}\u{1}", Refusal::Malformed),
        ("G\u{e9}T / HTTP/1.1\r\n\r\n", Refusal::Malformed),
        ("GET / HTTP/2.0\r\n\r\n", Refusal::Version),
        ("PRI * HTTP/2.0\r\n\r\n", Refusal::Version),
        ("POST / HTTP/1.1\r\n\r\n", Refusal::ReadOnly),
        ("OPTIONS * HTTP/1.1\r\n\r\n", Refusal::ReadOnly),
        ("CONNECT x:80 HTTP/1.1\r\n\r\n", Refusal::ReadOnly),
        ("BREW / HTTP/1.1\r\n\r\n", Refusal::Method),
        ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n", Refusal::HasBody),
        ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", Refusal::Malformed),
        ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n", Refusal::Malformed),
        ("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", Refusal::HasBody),
        ("GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n", Refusal::Expectation),
        (&format!("GET /{long} HTTP/1.1\r\n\r\n"), Refusal::LongPath),
        (&format!("GET /{longer} HTTP/1.1\r\n\r\n"), Refusal::LongPath),
        (&large, Refusal::TooLarge),
        (&format!("GET / HTTP/1.1\r\n{long}: x\r\n\r\n"), Refusal::TooLarge),
        (&lines, Refusal::TooLarge),
    ] {
        assert_eq!(parse(text.as_bytes()), Some(Err(refusal)), "{text:?}");
    }
}

#[test]
fn no_bytes_make_it_panic() {
    // A linear congruential generator: the same bytes in each run.
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let words: [&[u8]; 15] = [
        b"GET",
        b" ",
        b"/",
        b"HTTP/1.1",
        b"\r\n",
        b"\r",
        b"\n",
        b"Host: x",
        b":",
        b"Content-Length",
        b"\0",
        b"?",
        b"%",
        b"\xff",
        b"http://",
    ];
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let mut parser = Parser::default();
        for _ in 0..next() % 40 {
            let (taken, ended) = parser.add(words[next() % words.len()]);
            assert!(taken <= 14);
            match ended {
                Some(Ok(_)) => accepted += 1,
                Some(Err(_)) => refused += 1,
                None => {}
            }
        }
    }
    assert!(refused > 1000, "{accepted} accepted, {refused} refused");
}
