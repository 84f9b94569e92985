//! The same types.

use greenlet::{Greenlet, ParentError};

fn adopt(child: &Greenlet<u32, &'static str>, parent: &Greenlet<u32, &'static str>) -> Result<(), ParentError> {
    child.set_parent(parent)
}

fn main() {
    let _ = adopt;
}
