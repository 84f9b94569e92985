//! What the types of the crate refuse. See `README.md`.

fn main() {
    context_sent_to_a_thread::main();
    greenlets_of_other_types::main();
    handle_in_a_static::main();
    handle_sent_to_a_thread::main();
    handle_shared_with_a_thread::main();
    main_cloned::main();
    main_shared_with_a_thread::main();
    me_cloned::main();
    weak_handle_sent_to_a_thread::main();
}

/// Contexts are counted without atomics and stay on their core.
mod context_sent_to_a_thread {
    use greenlet::ContextPool;

    static CONTEXTS: ContextPool<u32, 2> = ContextPool::new();

    pub(crate) fn main() {
        let context = CONTEXTS.create(7).unwrap();
        std::thread::spawn(move || *context).join().unwrap();
    }
}

/// A greenlet has parents of its own types, so of its own tree.
mod greenlets_of_other_types {
    use greenlet::{Greenlet, ParentError};

    fn adopt(child: &Greenlet<u32, &'static str>, parent: &Greenlet<u64, &'static str>) -> Result<(), ParentError> {
        child.set_parent(parent)
    }

    pub(crate) fn main() {
        let _ = adopt;
    }
}

/// A static is seen by all cores; a handle is not to be.
mod handle_in_a_static {
    use greenlet::Greenlet;
    use std::sync::Mutex;

    static KEPT: Mutex<Option<Greenlet<u32, &'static str>>> = Mutex::new(None);

    pub(crate) fn main() {
        drop(KEPT.lock().unwrap().take());
    }
}

/// A handle does not leave its core.
mod handle_sent_to_a_thread {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let handle = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
            std::thread::spawn(move || handle.is_dead());
        });
    }
}

/// Nor is a borrow of a handle of any use to another thread.
mod handle_shared_with_a_thread {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let handle = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
            std::thread::scope(|scope| scope.spawn(|| handle.is_dead()).join().unwrap());
        });
    }
}

/// A second `Main` could leave the closure, and be used when the tree has ended.
mod main_cloned {
    use greenlet::Tree;

    static TREE: Tree<u32> = Tree::new();

    fn copy<T: Clone>(of: &T) -> T {
        of.clone()
    }

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| copy(main).id());
    }
}

/// Main belongs to the thread that entered the tree.
mod main_shared_with_a_thread {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            std::thread::scope(|scope| scope.spawn(|| main.switch(1)).join().unwrap().unwrap());
        });
    }
}

/// A second `Me` could leave the body while the first one is used in it.
mod me_cloned {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    fn copy<T: Clone>(of: &T) -> T {
        of.clone()
    }

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let handle = main.spawn(&STACKS, |me, x| Ok(x + copy(me).id() as u32));
            handle.unwrap().switch(1).unwrap();
        });
    }
}

/// A weak handle can become a handle, and so it stays, too.
mod weak_handle_sent_to_a_thread {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let weak = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap().downgrade();
            std::thread::spawn(move || weak.upgrade().is_some());
        });
    }
}
