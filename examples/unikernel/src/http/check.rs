//! Whatever arrives, the parser neither panics nor lets anything through that it must not. The fuzz target in `fuzz/`
//! has this file as well.

extern crate std;

use std::vec::Vec;

use super::{HEAD, LINES, Method, PATH, Parser, Refusal, Request};

/// What is refused, and the status that says so.
pub(super) const REFUSED: &[(&[u8], u16)] = &include!("../../refused.in");

const ACCEPTED: [&[u8]; 6] = [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"HEAD /metrics?a=b HTTP/1.1\r\nHost: [::1]:80\r\nAccept: */*\r\nUser-Agent: x\r\n\r\n",
    b"GET http://x:80/%6detrics HTTP/1.1\nhost:x\nConnection: TE, close\n\n",
    b"GET /a%2Fb HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nCookie: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n",
];

/// Requests to change, by number. Half are accepted: changes rarely make such a one of one that is refused.
pub(super) fn seed(number: usize) -> &'static [u8] {
    match number % 2 {
        0 => ACCEPTED[number / 2 % ACCEPTED.len()],
        _ => REFUSED[number / 2 % REFUSED.len()].0,
    }
}

type Ended = Vec<(usize, Result<Request, Refusal>)>;

/// Returns where requests end, and how, up to the first that is refused. The pieces have at most as many bytes as
/// `size` returns.
fn parse(bytes: &[u8], mut size: impl FnMut() -> usize) -> Ended {
    let (mut parser, mut ended, mut at) = (Parser::default(), Vec::new(), 0);
    while at < bytes.len() {
        let piece = &bytes[at..bytes.len().min(at + size())];
        let (taken, request) = parser.add(piece);
        assert!(taken <= piece.len() && taken > 0);
        at += taken;
        match request {
            None => assert_eq!(taken, piece.len()),
            Some(request) => {
                assert!(parser.is_fresh());
                let is_refused = request.is_err();
                ended.push((at, request));
                if is_refused {
                    break;
                }
            }
        }
    }
    ended
}

/// Checks that the bytes give the same requests however they are split, and that those that are accepted have nothing
/// that another server would read differently. Returns the requests, up to the first that is refused.
pub(super) fn check(bytes: &[u8], size: impl FnMut() -> usize) -> impl Iterator<Item = Result<Request, Refusal>> {
    let whole = parse(bytes, || bytes.len());
    assert_eq!(parse(bytes, || 1), whole, "byte by byte: {}", bytes.escape_ascii());
    assert_eq!(parse(bytes, size), whole, "in pieces: {}", bytes.escape_ascii());
    let mut begin = 0;
    for (end, request) in &whole {
        if let Ok(request) = request {
            let head = &bytes[begin..*end];
            assert!(holds(head, request).is_some(), "{request:?} of {}", head.escape_ascii());
        }
        begin = *end;
    }
    whole.into_iter().map(|(_, request)| request)
}

/// Reads the head of a request that was accepted once more, all of it and by the grammar alone. Returns `None` if that
/// is no request, if another server would have read on after it, or if it asks for something else than `request`.
fn holds(head: &[u8], request: &Request) -> Option<()> {
    let is = |so: bool| so.then_some(());
    let text: Vec<_> = head.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
    // Nothing follows the last line, which is empty. Another one may be before the first.
    let [lines @ .., b"", b""] = &text[..] else { return None };
    let [line, fields @ ..] = lines.strip_prefix(&[&b""[..]]).unwrap_or(lines) else { return None };
    is(head.len() <= HEAD + 2 && lines.len() < LINES)?;
    is(lines.iter().all(|line| line.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~' | 0x80..))))?;

    let method: &[u8] = if request.method == Method::Get { b"GET " } else { b"HEAD " };
    let version: &[u8] = if request.is_1_1 { b" HTTP/1.1" } else { b" HTTP/1.0" };
    let target = line.strip_prefix(method)?.strip_suffix(version)?;
    is(!target.is_empty() && target.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#'))?;
    is(request.path.starts_with('/') && request.path.len() <= PATH)?;
    is(request.path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'?' && byte != b'#'))?;

    let (mut hosts, mut options) = (0, Vec::new());
    for field in fields {
        let (name, value) = field.split_at(field.iter().position(|&byte| byte == b':')?);
        let value = value[1..].trim_ascii();
        is(!name.is_empty()
            && name.iter().all(|byte| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(byte)))?;
        match &name.to_ascii_lowercase()[..] {
            b"host" => {
                hosts += 1;
                is(value.iter().all(|byte| byte.is_ascii_graphic() && !b"\"#/<>?@\\^`{|}".contains(byte)))?;
            }
            b"content-length" => is(!value.is_empty() && value.iter().all(|&digit| digit == b'0'))?,
            b"transfer-encoding" => return None,
            b"expect" => is(!request.is_1_1)?,
            b"connection" => options.extend(value.split(|&byte| byte == b',').map(|option| option.trim_ascii())),
            _ => {}
        }
    }
    is(hosts == 1 || hosts == 0 && !request.is_1_1)?;
    let has = |name: &[u8]| options.iter().any(|option| option.eq_ignore_ascii_case(name));
    is(!request.keeps_alive || !has(b"close") && (request.is_1_1 || has(b"keep-alive")))
}
