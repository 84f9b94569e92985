//! Whatever arrives, the parser neither panics nor lets anything through that it must not. The fuzz target in `fuzz/`
//! has this file as well.

extern crate std;

use std::vec::Vec;

use super::{PATH, Parser, Refusal, Request};

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
            holds(&bytes[begin..*end], request);
        }
        begin = *end;
    }
    whole.into_iter().map(|(_, request)| request)
}

/// What holds for every request that is accepted: nothing in its head would have made another server read on, or
/// elsewhere.
fn holds(head: &[u8], request: &Request) {
    assert!(request.path.starts_with('/') && request.path.len() <= PATH);
    assert!(request.path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'?' && byte != b'#'));
    assert!(
        request.is_1_1 || !request.keeps_alive || head.to_ascii_lowercase().windows(10).any(|at| at == b"keep-alive")
    );
    let is_allowed = |byte: &u8| matches!(byte, b'\r' | b'\n' | b'\t' | b' '..=b'~' | 0x80..);
    assert!(head.iter().all(is_allowed));
    let mut lines = head.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let names = lines.by_ref().filter_map(|line| line.iter().position(|&byte| byte == b':').map(|at| &line[..at]));
    let names: Vec<_> = names.map(<[u8]>::to_ascii_lowercase).collect();
    let count = |name: &[u8]| names.iter().filter(|other| other.as_slice() == name).count();
    assert!(count(b"transfer-encoding") == 0 && count(b"host") <= 1 && (count(b"host") == 1 || !request.is_1_1));
}
