//! What lives as long as it has to. See `../README.md`.

fn main() {
    body_borrows_a_local::main();
    error_not_static::main();
    local_value_out_of_with::main();
    main_captured_by_a_body::main();
    main_into_an_outer_variable::main();
    main_moved::main();
    main_out_of_enter::main();
    me_into_a_thread_local::main();
    me_into_an_outer_variable::main();
    me_into_another_body::main();
    me_out_of_its_body::main();
    pool_in_a_const::main();
    pool_not_static::main();
    tracer_borrows_a_local::main();
    tree_not_static::main();
    value_not_static::main();
}

/// A body owns what it captures.
mod body_borrows_a_local {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let local = vec![1, 2, 3];
            let handle = main.spawn(&STACKS, move |_me, x| Ok(local[x as usize])).unwrap();
            assert_eq!(handle.switch(1), Ok(2));
        });
    }
}

/// There are handles to those whose errors do not.
mod error_not_static {
    use greenlet::Greenlet;

    struct Worker {
        _greenlet: Greenlet<u32, &'static str>,
    }

    pub(crate) fn main() {
        assert_eq!(size_of::<Worker>(), size_of::<usize>());
    }
}

/// A copy of it is not.
mod local_value_out_of_with {
    use greenlet::{GreenletLocal, Tree};

    static NAMES: GreenletLocal<String, 2> = GreenletLocal::new(String::new);
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let name = TREE.enter(|main| NAMES.with(main, |name| name.clone()).unwrap()).unwrap();
        assert!(name.is_empty());
    }
}

/// It may have a handle.
mod main_captured_by_a_body {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let parent = main.handle();
            let handle = main.spawn(&STACKS, move |_me, x| parent.switch(x));
            assert_eq!(handle.unwrap().switch(1), Ok(1));
        });
    }
}

/// One inside may have it.
mod main_into_an_outer_variable {
    use greenlet::Tree;

    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let kept = Some(main);
            kept.unwrap().switch(1).unwrap();
        });
    }
}

/// The borrow itself may be copied.
mod main_moved {
    use greenlet::Tree;

    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let copy = main;
            assert_eq!(main.id(), copy.id());
        });
    }
}

/// A handle to it may be kept; it is inert afterwards.
mod main_out_of_enter {
    use greenlet::Tree;

    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let kept = TREE.enter(|main| main.handle()).unwrap();
        assert!(kept.switch(1).is_err());
    }
}

/// A handle to the same greenlet may be kept in one.
mod me_into_a_thread_local {
    use greenlet::{Greenlet, StackPool, Tree};
    use std::cell::Cell;

    static STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    thread_local!(static KEPT: Cell<Option<Greenlet<u32, &'static str>>> = const { Cell::new(None) });

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let handle = main.spawn(&STACKS, |me, x| {
                KEPT.set(Some(me.handle()));
                Ok(x)
            });
            handle.unwrap().switch(1).unwrap();
            drop(KEPT.take());
        });
    }
}

/// A handle to the same greenlet may outlive the body.
mod me_into_an_outer_variable {
    use greenlet::{StackPool, Tree};
    use std::cell::Cell;
    use std::rc::Rc;

    static STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let kept = Rc::new(Cell::new(None));
            let outer = kept.clone();
            let handle = main.spawn(&STACKS, move |me, x| {
                kept.set(Some(me.handle()));
                Ok(x)
            });
            handle.unwrap().switch(1).unwrap();
            drop(outer.take());
        });
    }
}

/// A handle to the parent may be captured.
mod me_into_another_body {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let handle = main.spawn(&STACKS, |me, x| {
                let handle = me.handle();
                let child = me.spawn(&STACKS, move |_child, x| handle.switch(x));
                child.unwrap().switch(x)
            });
            assert_eq!(handle.unwrap().switch(1), Ok(1));
        });
    }
}

/// A handle is a value.
mod me_out_of_its_body {
    use greenlet::{Greenlet, StackPool, Tree};
    use std::num::NonZero;

    static STACKS: StackPool<2, 65536> = StackPool::new();

    struct Value(Option<Greenlet<Value, NonZero<u8>>>);
    static TREE: Tree<Value, NonZero<u8>> = Tree::with_exit(|| Value(None));

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let handle = main.spawn(&STACKS, |me, _| Ok(Value(Some(me.handle())))).unwrap();
            assert!(handle.switch(Value(None)).is_ok_and(|value| value.0.is_some()));
        });
    }
}

/// A static is one place, for ever.
mod pool_in_a_const {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let handle = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
            assert_eq!(handle.switch(1), Ok(1));
        });
    }
}

/// They lie in a static, which may be a function's own.
mod pool_not_static {
    use greenlet::{StackPool, Tree};

    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        static STACKS: StackPool<2, 65536> = StackPool::new();
        let _ended = TREE.enter(|main| {
            let handle = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
            assert_eq!(handle.switch(1), Ok(1));
        });
    }
}

/// One that owns what it captures, and is leaked.
mod tracer_borrows_a_local {
    use greenlet::{Event, Greenlet, Tree};
    use std::cell::Cell;

    static TREE: Tree<u32> = Tree::new();

    type Handle = Greenlet<u32, &'static str>;

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let count = Cell::new(0);
            let tracer = move |_: Event, _: &Handle, _: &Handle| {
                count.set(count.get() + 1);
                Ok(())
            };
            main.set_trace(Some(Box::leak(Box::new(tracer))));
            main.switch(1).unwrap();
        });
    }
}

/// A tree in a static.
mod tree_not_static {
    use greenlet::Tree;

    pub(crate) fn main() {
        static TREE: Tree<u32> = Tree::new();
        TREE.enter(|main| assert!(main.is_main())).unwrap();
    }
}

/// A borrow of a static, or of what was leaked, is a value.
mod value_not_static {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<&'static str> = Tree::new();

    pub(crate) fn main() {
        let leaked = String::from("for ever").leak();
        let _ended = TREE.enter(|main| {
            let handle = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
            handle.switch(leaked).unwrap();
        });
    }
}
