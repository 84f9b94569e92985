//! What the types of the crate accept, beside what they refuse. See `../README.md`.

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

/// What is in one may go.
mod context_sent_to_a_thread {
    use greenlet::ContextPool;

    static CONTEXTS: ContextPool<u32, 2> = ContextPool::new();

    pub(crate) fn main() {
        let context = CONTEXTS.create(7).unwrap();
        let seven = *context;
        std::thread::spawn(move || seven).join().unwrap();
    }
}

/// The same types.
mod greenlets_of_other_types {
    use greenlet::{Greenlet, ParentError};

    fn adopt(child: &Greenlet<u32, &'static str>, parent: &Greenlet<u32, &'static str>) -> Result<(), ParentError> {
        child.set_parent(parent)
    }

    pub(crate) fn main() {
        let _ = adopt;
    }
}

/// A `thread_local!` is seen by one core.
mod handle_in_a_static {
    use greenlet::Greenlet;
    use std::cell::Cell;

    thread_local!(static KEPT: Cell<Option<Greenlet<u32, &'static str>>> = const { Cell::new(None) });

    pub(crate) fn main() {
        drop(KEPT.take());
    }
}

/// The number of a greenlet may go anywhere.
mod handle_sent_to_a_thread {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let handle = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
            let id = handle.id();
            std::thread::spawn(move || id).join().unwrap();
        });
    }
}

/// What was asked of a handle may be shared.
mod handle_shared_with_a_thread {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let handle = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
            let dead = handle.is_dead();
            std::thread::scope(|scope| scope.spawn(|| !dead).join().unwrap());
        });
    }
}

/// A handle may be copied, and kept: it notices the end of its tree.
mod main_cloned {
    use greenlet::Tree;

    static TREE: Tree<u32> = Tree::new();

    fn copy<T: Clone>(of: &T) -> T {
        of.clone()
    }

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| copy(&main.handle()).id());
    }
}

/// What was asked of main may be shared.
mod main_shared_with_a_thread {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let one = main.switch(1);
            std::thread::scope(|scope| scope.spawn(|| one).join().unwrap().unwrap());
        });
    }
}

/// A handle is a further reference to the same greenlet, and may be copied.
mod me_cloned {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    fn copy<T: Clone>(of: &T) -> T {
        of.clone()
    }

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let handle = main.spawn(&STACKS, |me, x| Ok(x + copy(&me.handle()).id() as u32));
            handle.unwrap().switch(1).unwrap();
        });
    }
}

/// A weak handle may be kept, and moved about, on its core.
mod weak_handle_sent_to_a_thread {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let weak = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap().downgrade();
            let freed = move || weak.upgrade().is_none();
            assert!(freed());
        });
    }
}
