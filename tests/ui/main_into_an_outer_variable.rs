//! A variable outside of the closure would keep main for too long.

use greenlet::Tree;

static TREE: Tree<u32> = Tree::new();

fn main() {
    let mut kept = None;
    let _ended = TREE.enter(|main| kept = Some(main));
    kept.unwrap().switch(1).unwrap();
}
