//! A copy of it is not.

use greenlet::{GreenletLocal, Tree};

static NAMES: GreenletLocal<String, 2> = GreenletLocal::new(String::new);
static TREE: Tree<u32> = Tree::new();

fn main() {
    let name = TREE.enter(|main| NAMES.with(main, |name| name.clone()).unwrap()).unwrap();
    assert!(name.is_empty());
}
