//! The borrow itself may be copied.

use greenlet::Tree;

static TREE: Tree<u32> = Tree::new();

fn main() {
    let _ended = TREE.enter(|main| {
        let copy = main;
        assert_eq!(main.id(), copy.id());
    });
}
