//! Handles that are kept look at their tree after it has ended.

use greenlet::Tree;

fn main() {
    let tree = Tree::<u32>::new();
    tree.enter(|main| assert!(main.is_main())).unwrap();
}
