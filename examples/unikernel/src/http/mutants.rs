//! Requests with random changes, each of them [checked](check).

extern crate std;

use std::vec::Vec;

use super::check::check;
use super::tests::REFUSED;

/// What is changed, besides what is refused.
const ACCEPTED: [&[u8]; 6] = [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"HEAD /metrics?a=b HTTP/1.1\r\nHost: [::1]:80\r\nAccept: */*\r\nUser-Agent: x\r\n\r\n",
    b"GET http://x:80/%6detrics HTTP/1.1\nhost:x\nConnection: TE, close\n\n",
    b"GET /a%2Fb HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nCookie: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n",
];

/// What is put into a request, besides random bytes.
const WORDS: [&[u8]; 12] = [
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b":",
    b"%",
    b"\r\n\r\n",
    b"\r\nContent-Length: 7",
    b"\r\nTransfer-Encoding: chunked",
    b"\r\nHost: y",
    b"HTTP/1.1",
    b"http://",
];

/// Numbers by a linear congruential generator: the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn seed(&mut self) -> &'static [u8] {
        match self.below(ACCEPTED.len() + REFUSED.len()) {
            number if number < ACCEPTED.len() => ACCEPTED[number],
            number => REFUSED[number - ACCEPTED.len()].0,
        }
    }

    /// Returns a request with a few changes.
    fn request(&mut self) -> Vec<u8> {
        // One that is accepted, as often as not: changes rarely make one of those that are refused.
        let first = if self.below(2) == 0 { self.seed() } else { ACCEPTED[self.below(ACCEPTED.len())] };
        let mut bytes = first.to_vec();
        for _ in 0..1 + self.below(4) {
            let (at, other) = (self.below(bytes.len() + 1), self.below(bytes.len() + 1));
            let range = at.min(other)..at.max(other).min(at.min(other) + 12);
            match self.below(6) {
                0 => bytes.insert(at, self.below(256) as u8),
                1 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                2 => drop(bytes.drain(range)),
                3 => drop(bytes.splice(at..at, WORDS[self.below(WORDS.len())].iter().copied())),
                4 => bytes.extend_from_within(range),
                _ => {
                    let more = self.seed();
                    bytes.truncate(at);
                    bytes.extend_from_slice(&more[self.below(more.len())..]);
                }
            }
        }
        bytes
    }
}

fn mutants(count: usize) {
    let (mut random, mut accepted, mut refused) = (Random(1), 0, 0);
    for _ in 0..count {
        let bytes = random.request();
        for request in check(&bytes, || 1 + random.below(20)) {
            match request {
                Ok(_) => accepted += 1,
                Err(_) => refused += 1,
            }
        }
    }
    assert!(accepted > count / 20 && refused > count / 4, "{accepted} accepted, {refused} refused of {count}");
}

#[test]
fn no_request_confuses_it() {
    mutants(100_000);
}

#[test]
#[ignore = "takes half a minute"]
fn no_request_of_millions_confuses_it() {
    mutants(5_000_000);
}
