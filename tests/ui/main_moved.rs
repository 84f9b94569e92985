//! Main is seen as a borrow, which cannot be moved from.

use greenlet::Tree;

static TREE: Tree<u32> = Tree::new();

fn main() {
    let _ended = TREE.enter(|main| std::mem::forget(*main));
}
