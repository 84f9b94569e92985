//! Main is over when the closure returns.

use greenlet::Tree;

static TREE: Tree<u32> = Tree::new();

fn main() {
    let kept = TREE.enter(|main| main).unwrap();
    assert!(kept.switch(1).is_err());
}
