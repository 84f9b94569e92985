//! A tree in a static.

use greenlet::Tree;

fn main() {
    static TREE: Tree<u32> = Tree::new();
    TREE.enter(|main| assert!(main.is_main())).unwrap();
}
