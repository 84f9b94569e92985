//! A handle to it may be kept; it is inert afterwards.

use greenlet::Tree;

static TREE: Tree<u32> = Tree::new();

fn main() {
    let kept = TREE.enter(|main| main.handle()).unwrap();
    assert!(kept.switch(1).is_err());
}
