//! What would outlive what it refers to. See `README.md`.

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

/// A body may be suspended for longer than the function that spawned it.
mod body_borrows_a_local {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let local = vec![1, 2, 3];
            let handle = main.spawn(&STACKS, |_me, x| Ok(local[x as usize])).unwrap();
            assert_eq!(handle.switch(1), Ok(2));
        });
    }
}

/// There is no handle to greenlets whose errors borrow.
mod error_not_static {
    use greenlet::Greenlet;

    struct Worker<'a> {
        _greenlet: Greenlet<u32, &'a str>,
    }

    pub(crate) fn main() {
        assert_eq!(size_of::<Worker>(), size_of::<usize>());
    }
}

/// A greenlet's value is dropped with the greenlet.
mod local_value_out_of_with {
    use greenlet::{GreenletLocal, Tree};

    static NAMES: GreenletLocal<String, 2> = GreenletLocal::new(String::new);
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let name = TREE.enter(|main| NAMES.with(main, |name| name).unwrap()).unwrap();
        assert!(name.is_empty());
    }
}

/// A body that is suspended when main is over could use it.
mod main_captured_by_a_body {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let handle = main.spawn(&STACKS, move |_me, x| main.switch(x));
            assert_eq!(handle.unwrap().switch(1), Ok(1));
        });
    }
}

/// A variable outside of the closure would keep main for too long.
mod main_into_an_outer_variable {
    use greenlet::Tree;

    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let mut kept = None;
        let _ended = TREE.enter(|main| kept = Some(main));
        kept.unwrap().switch(1).unwrap();
    }
}

/// Main is seen as a borrow, which cannot be moved from.
mod main_moved {
    use greenlet::Tree;

    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| std::mem::forget(*main));
    }
}

/// Main is over when the closure returns.
mod main_out_of_enter {
    use greenlet::Tree;

    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let kept = TREE.enter(|main| main).unwrap();
        assert!(kept.switch(1).is_err());
    }
}

/// `me` is for the body only: it cannot be put into a thread-local.
mod me_into_a_thread_local {
    use greenlet::{Me, StackPool, Tree};
    use std::cell::Cell;

    static STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    thread_local!(static KEPT: Cell<Option<&'static Me<u32, &'static str>>> = const { Cell::new(None) });

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let handle = main.spawn(&STACKS, |me, x| {
                KEPT.set(Some(me));
                Ok(x)
            });
            handle.unwrap().switch(1).unwrap();
            drop(KEPT.take());
        });
    }
}

/// `me` would outlive the body in a cell that the body shares with others.
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
                kept.set(Some(me));
                Ok(x)
            });
            handle.unwrap().switch(1).unwrap();
            drop(outer.take());
        });
    }
}

/// `me` switches as the greenlet that it is; another body is another greenlet.
mod me_into_another_body {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let handle = main.spawn(&STACKS, |me, x| {
                let child = me.spawn(&STACKS, move |_child, x| me.up(x));
                child.unwrap().switch(x)
            });
            assert_eq!(handle.unwrap().switch(1), Ok(1));
        });
    }
}

/// A body cannot return a borrow of itself: values are 'static.
mod me_out_of_its_body {
    use greenlet::{Me, StackPool, Tree};
    use std::num::NonZero;

    static STACKS: StackPool<2, 65536> = StackPool::new();

    struct Value(Option<&'static Me<Value, NonZero<u8>>>);
    static TREE: Tree<Value, NonZero<u8>> = Tree::with_exit(|| Value(None));

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let handle = main.spawn(&STACKS, |me, _| Ok(Value(Some(me)))).unwrap();
            assert!(handle.switch(Value(None)).is_ok_and(|value| value.0.is_some()));
        });
    }
}

/// A constant is no place: every use of it would be another pool, gone at the end of the statement.
mod pool_in_a_const {
    use greenlet::{StackPool, Tree};

    const STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let handle = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
            assert_eq!(handle.switch(1), Ok(1));
        });
    }
}

/// Stacks outlive the function that spawns.
mod pool_not_static {
    use greenlet::{StackPool, Tree};

    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let stacks = StackPool::<2, 65536>::new();
        let _ended = TREE.enter(|main| {
            let handle = main.spawn(&stacks, |_me, x| Ok(x)).unwrap();
            assert_eq!(handle.switch(1), Ok(1));
        });
    }
}

/// A tracer may be called until it is removed, wherever it was set.
mod tracer_borrows_a_local {
    use greenlet::{Event, Greenlet, Tree};
    use std::cell::Cell;

    static TREE: Tree<u32> = Tree::new();

    type Handle = Greenlet<u32, &'static str>;

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let count = Cell::new(0);
            let tracer = |_: Event, _: &Handle, _: &Handle| {
                count.set(count.get() + 1);
                Ok(())
            };
            main.set_trace(Some(&tracer));
            main.switch(1).unwrap();
        });
    }
}

/// Handles that are kept look at their tree after it has ended.
mod tree_not_static {
    use greenlet::Tree;

    pub(crate) fn main() {
        let tree = Tree::<u32>::new();
        tree.enter(|main| assert!(main.is_main())).unwrap();
    }
}

/// Values outlive what they are sent from: they borrow from statics only.
mod value_not_static {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<&'static str> = Tree::new();

    pub(crate) fn main() {
        let local = String::from("local");
        let _ended = TREE.enter(|main| {
            let handle = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
            handle.switch(&local).unwrap();
        });
    }
}
