//! A greenlet has parents of its own types, so of its own tree.

use greenlet::{Greenlet, ParentError};

fn adopt(child: &Greenlet<u32, &'static str>, parent: &Greenlet<u64, &'static str>) -> Result<(), ParentError> {
    child.set_parent(parent)
}

fn main() {
    let _ = adopt;
}
