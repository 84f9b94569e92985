//! A second `Main` could leave the closure, and be used when the tree has ended.

use greenlet::Tree;

static TREE: Tree<u32> = Tree::new();

fn copy<T: Clone>(of: &T) -> T {
    of.clone()
}

fn main() {
    let _ended = TREE.enter(|main| copy(main).id());
}
