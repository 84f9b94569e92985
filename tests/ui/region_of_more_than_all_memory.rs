//! Memory for a number of stacks is reckoned when the program is built, and does not wrap.

use greenlet::StackRegion;

const BYTES: usize = StackRegion::<1024>::bytes(usize::MAX / 1024 + 2);

fn main() {
    assert!(BYTES > 1024);
}
