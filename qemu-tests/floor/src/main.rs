//! A program that leaves all to a crate of its own, so that the two can be compiled in two ways.

fn main() {
    subject::run();
}
