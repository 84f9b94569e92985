//! The parser of requests, hosted.

extern crate std;

use std::format;
use std::string::ToString;

use super::check::REFUSED;
use super::{Body, Chunks, HEAD, LINES, Method, Parser, Refusal, Request, Status};

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

/// A client that has ended its last request with it is idle, and not in the midst of another one.
#[test]
fn an_empty_line_is_no_request() {
    let mut parser = Parser::default();
    for (bytes, is_fresh) in [(&b"\r"[..], false), (b"\n", true), (b"G", false)] {
        assert_eq!(parser.add(bytes), (1, None));
        assert_eq!(parser.is_fresh(), is_fresh, "after {}", bytes.escape_ascii());
    }
}

#[test]
fn refusals() {
    let long = "x".repeat(100);
    let longer = "x".repeat(200);
    let large = format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(HEAD));
    let lines = format!("GET / HTTP/1.1\r\n{}\r\n", "A: x\r\n".repeat(LINES));
    for &(bytes, status) in REFUSED {
        let refusal = parse(bytes).expect("it is refused by its last byte").expect_err("it is refused");
        assert_eq!(Status::Refused(refusal).to_string()[..3], status.to_string(), "{}", bytes.escape_ascii());
    }
    for (text, refusal) in [
        (&format!("GET /{long} HTTP/1.1\r\n\r\n"), Refusal::LongPath),
        (&format!("GET /{longer} HTTP/1.1\r\n\r\n"), Refusal::LongPath),
        (&large, Refusal::TooLarge),
        (&format!("GET / HTTP/1.1\r\n{long}: x\r\n\r\n"), Refusal::TooLarge),
        (&lines, Refusal::TooLarge),
        (&format!("GET / HTTP/1.1\r\nHost: {long}\r\n\r\n"), Refusal::TooLarge),
    ] {
        assert_eq!(parse(text.as_bytes()), Some(Err(refusal)), "{text:?}");
    }
}

/// What is formatted goes to the stream before or after that, never in the midst: the stack would have to hold both.
#[test]
fn a_number_is_not_cut() {
    use core::fmt::Write;
    for before in 0..=300 {
        let mut stream = [0; 1024];
        let mut rest = &mut stream[..];
        let mut chunks = Chunks::new(&mut rest, Body::Chunked("text/plain"));
        chunks.write_str(&"x".repeat(before)).expect("there is room");
        write!(chunks, "{:056}{}", 0, 1).expect("there is room");
        chunks.finish().expect("there is room");
        let text = str::from_utf8(&stream).expect("it is text");
        assert!(text.contains(&format!("{:057}", 1)), "{before} bytes before it: {text}");
    }
}
