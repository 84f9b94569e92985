//! One inside may have it.

use greenlet::Tree;

static TREE: Tree<u32> = Tree::new();

fn main() {
    let _ended = TREE.enter(|main| {
        let kept = Some(main);
        kept.unwrap().switch(1).unwrap();
    });
}
