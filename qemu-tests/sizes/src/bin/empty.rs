#![no_std]
#![no_main]
//! No greenlet at all: what every other program has, too.

sizes::program!(main);

fn main(seed: u64) -> u64 {
    seed
}
