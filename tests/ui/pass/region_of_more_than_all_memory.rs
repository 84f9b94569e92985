//! Memory for as many stacks as there may be addresses.

use greenlet::StackRegion;

const BYTES: usize = StackRegion::<1024>::bytes(isize::MAX as usize / 1024);

fn main() {
    assert!(BYTES > 1024);
}
