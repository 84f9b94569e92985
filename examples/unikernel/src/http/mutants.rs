//! Requests with random changes, each of them [checked](check).

extern crate std;

use std::vec::Vec;

use super::check::{check, seed};

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

    /// Returns a request with a few changes.
    fn request(&mut self) -> Vec<u8> {
        let mut bytes = seed(self.below(1 << 16)).to_vec();
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
                    let more = seed(self.below(1 << 16));
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
