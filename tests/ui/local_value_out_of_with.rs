//! A greenlet's value is dropped with the greenlet.

use greenlet::{GreenletLocal, Tree};

static NAMES: GreenletLocal<String, 2> = GreenletLocal::new(String::new);
static TREE: Tree<u32> = Tree::new();

fn main() {
    let name = TREE.enter(|main| NAMES.with(main, |name| name).unwrap()).unwrap();
    assert!(name.is_empty());
}
