//! A handle may be copied, and kept: it notices the end of its tree.

use greenlet::Tree;

static TREE: Tree<u32> = Tree::new();

fn copy<T: Clone>(of: &T) -> T {
    of.clone()
}

fn main() {
    let _ended = TREE.enter(|main| copy(&main.handle()).id());
}
