//! Contexts: carried, copied, shared, counted.

use crate::common::{Handle, Log, STACKS, dead, tree, waiting};
use greenlet::{AnyContext, Context, ContextPool, Greenlet, LocalError, Me, Outcome, Stacks};
use std::cell::Cell;

/// What a program might keep in a context.
#[derive(Clone, Debug, Default, PartialEq)]
struct Request {
    user: Cell<u32>,
}

static REQUESTS: ContextPool<Request, 4> = ContextPool::new();

fn request(user: u32) -> Context<Request> {
    REQUESTS.create(Request { user: Cell::new(user) }).unwrap()
}

fn user(g: &Handle) -> Option<u32> {
    g.context::<Request>().map(|context| context.user.get())
}

#[test]
fn a_greenlet_starts_without_a_context_whatever_its_parent_has() {
    tree(|main| {
        assert!(main.context::<Request>().is_none());
        main.set_context(Some(request(1)));
        let child = main.spawn(&STACKS, |me, x| {
            assert_eq!((user(me), user(&me.parent())), (None, Some(1)));
            Ok(x)
        });
        let child = child.unwrap();
        assert_eq!(user(&child), None);
        child.switch(0).unwrap();
    });
}

#[test]
fn a_context_is_set_and_read_in_every_state() {
    tree(|main| {
        for g in [main.handle(), main.bare(&STACKS).unwrap(), waiting(main), dead(main)] {
            g.set_context(Some(request(1)));
            assert_eq!(user(&g), Some(1));
            g.set_context(Some(request(2)));
            assert_eq!(user(&g), Some(2));
            g.set_context::<Request>(None);
            assert_eq!(user(&g), None);
        }
        let g = main.spawn(&STACKS, |me, x| {
            assert_eq!(user(me), Some(3), "given before the start");
            me.set_context(Some(request(4)));
            assert_eq!(user(me), Some(4), "at once");
            me.up(x)?;
            Ok(user(me).unwrap())
        });
        let g = g.unwrap();
        g.set_context(Some(request(3)));
        g.switch(0).unwrap();
        assert_eq!((user(&g), user(main)), (Some(4), None));
        g.set_context(Some(request(5)));
        assert_eq!(g.switch(0), Ok(5), "given while it waited");
        assert_eq!(user(&g), Some(5), "a dead one keeps it");
    });
}

#[test]
fn a_copy_is_apart_and_a_shared_one_is_not() {
    tree(|main| {
        let mine = request(1);
        main.set_context(Some(mine.clone()));
        let [shares, copies] = [waiting(main), waiting(main)];
        shares.set_context(main.context::<Request>());
        copies.set_context(Some(REQUESTS.create(Request::clone(&mine)).unwrap()));
        mine.user.set(2);
        assert_eq!((user(main), user(&shares), user(&copies)), (Some(2), Some(2), Some(1)));
        assert_eq!(shares.context(), main.context::<Request>());
        assert_ne!(copies.context(), Some(mine.clone()));
        assert_eq!(*copies.context::<Request>().unwrap(), Request { user: Cell::new(1) });
        assert_eq!(format!("{mine:?}"), "Context(Request { user: Cell { value: 2 } })");
        shares.set_context::<Request>(None);
        assert_eq!(user(main), Some(2), "the others keep it");
    });
}

#[test]
fn a_context_of_another_type_is_not_seen_and_is_replaced() {
    static TEXTS: ContextPool<&str, 1> = ContextPool::new();
    tree(|main| {
        main.set_context(Some(TEXTS.create("text").unwrap()));
        assert!(main.context::<Request>().is_none());
        assert_eq!(main.context::<&str>().as_deref(), Some(&"text"));
        main.set_context(Some(request(1)));
        assert!(main.context::<&str>().is_none());
        assert!(TEXTS.create("again").is_ok(), "the place is free");
    });
}

#[test]
fn a_context_is_dropped_with_its_last_holder() {
    static LOGGED: ContextPool<crate::common::Dropping, 1> = ContextPool::new();
    tree(|main| {
        let log = Log::default();
        let create = |name| LOGGED.create(log.dropping(name)).unwrap_or_else(|refused| panic!("{refused}"));
        let handle = create("by handle");
        drop(handle.clone());
        assert_eq!(log.take(), "");
        drop(handle);
        assert_eq!(log.take(), "-by handle");

        let g = waiting(main);
        g.set_context(Some(create("replaced")));
        g.set_context::<Request>(None);
        assert_eq!(log.take(), "-replaced");

        g.set_context(Some(create("freed")));
        g.cancel().unwrap();
        assert_eq!(log.take(), "", "dead, but referred to");
        drop(g);
        assert_eq!(log.take(), "-freed");

        main.set_context(Some(create("main")));
        log.say("over");
        let end = log.clone();
        let g = main.spawn(&STACKS, move |me, x| {
            let asked = me.up(x);
            end.say("asked");
            asked
        });
        std::mem::drop((g.as_ref().unwrap().switch(0), g));
        assert_eq!(log.take(), "over asked");
        drop(main.context::<crate::common::Dropping>());
        assert_eq!(log.take(), "");
    });
    assert!(LOGGED.create(Log::default().dropping("")).is_ok(), "main's went with main");
}

#[test]
fn a_full_pool_gives_the_value_back() {
    static ONE: ContextPool<String, 1> = ContextPool::new();
    let _alone = crate::common::alone();
    let taken = ONE.create("first".into()).unwrap();
    let refused = ONE.create("second".into()).unwrap_err();
    assert_eq!((refused.reason, refused.returned.as_str()), (LocalError::Full { capacity: 1 }, "second"));
    drop(taken);
    for _ in 0..1000 {
        assert_eq!(ONE.create("third".into()).unwrap().as_str(), "third");
    }
}

#[test]
fn the_destructor_of_a_context_may_use_the_pool_and_the_greenlet() {
    static CHAIN: ContextPool<Next, 2> = ContextPool::new();
    struct Next(Option<Handle>);
    impl Drop for Next {
        fn drop(&mut self) {
            if let Some(g) = self.0.take() {
                assert!(g.context::<Self>().is_none(), "taken away before it is dropped");
                g.set_context(CHAIN.create(Self(None)).ok());
                assert_eq!(g.switch(3), Ok(3));
            }
        }
    }
    tree(|main| {
        let g = waiting(main);
        g.set_context(CHAIN.create(Next(Some(g.clone()))).ok());
        g.set_context::<Next>(None);
        assert!(g.context::<Next>().is_some(), "set by the destructor");
    });
}

/// Of a library: starts a greenlet that has the context of `me`, whatever its type is.
fn spawn_like<V: 'static, E: 'static, P: Stacks, F>(me: &Greenlet<V, E>, pool: &'static P, body: F) -> Greenlet<V, E>
where
    F: FnOnce(&Me<V, E>, V) -> Outcome<V, E> + 'static,
{
    let child = me.spawn(pool, body).unwrap_or_else(|refused| panic!("{refused}"));
    child.set_any_context(me.any_context());
    child
}

#[test]
fn a_context_of_unknown_type_is_handed_on_and_shared() {
    tree(|main| {
        let without = spawn_like(main, &STACKS, |me, x| Ok(user(me).map_or(x, |_| 0)));
        assert_eq!((without.switch(1), without.any_context()), (Ok(1), None));

        main.set_context(Some(request(1)));
        let child = spawn_like(main, &STACKS, |me, x| {
            me.context::<Request>().unwrap().user.set(x);
            let grandchild = spawn_like(me, &STACKS, |me, x| Ok(user(me).unwrap() + x));
            me.up(0)?;
            grandchild.switch(10)
        });
        assert_eq!(child.switch(2), Ok(0));
        assert_eq!(user(main), Some(2), "shared");
        assert_eq!(child.any_context(), main.any_context());
        main.set_any_context(None);
        assert_eq!((user(main), user(&child)), (None, Some(2)));
        assert_eq!(child.switch(0), Ok(12));
    });
}

#[test]
fn a_context_of_unknown_type_is_kept_distinguished_and_counted() {
    static LOGGED: ContextPool<crate::common::Dropping, 1> = ContextPool::new();
    let _alone = crate::common::alone();
    let log = Log::default();
    let any = AnyContext::from(LOGGED.create(log.dropping("it")).unwrap_or_else(|refused| panic!("{refused}")));
    assert!(any.downcast::<Request>().is_none());
    let known = any.downcast::<crate::common::Dropping>().unwrap();
    assert_eq!(AnyContext::from(known.clone()), any);
    assert_ne!(AnyContext::from(request(1)), any);
    assert_eq!(format!("{any:?}"), "AnyContext { .. }");
    drop((any.clone(), any));
    assert_eq!(log.take(), "");
    drop(known);
    assert_eq!(log.take(), "-it");
}

/// What a library might keep in a context of its own.
#[derive(Debug)]
struct Deadline(u32);
static DEADLINES: ContextPool<Deadline, 2> = ContextPool::new();

#[test]
fn a_context_that_stands_over_another_one_does_not_hide_it() {
    tree(|main| {
        main.set_context(Some(request(1)));
        let g = waiting(main);
        let over = |below: &Handle, at| DEADLINES.create_over(below.any_context().as_ref(), Deadline(at)).ok().unwrap();
        g.set_context(Some(over(main, 100)));
        let deadline = |g: &Handle| g.context::<Deadline>().map(|deadline| deadline.0);
        assert_eq!((user(&g), deadline(&g)), (Some(1), Some(100)));
        assert_eq!((user(main), deadline(main)), (Some(1), None));
        main.context::<Request>().unwrap().user.set(2);
        assert_eq!(user(&g), Some(2), "the one that main has");

        let inner = waiting(main);
        inner.set_context(Some(over(&g, 50)));
        assert_eq!((user(&inner), deadline(&inner)), (Some(2), Some(50)), "the topmost");
        let refused = DEADLINES.create_over(main.any_context().as_ref(), Deadline(7)).unwrap_err();
        assert_eq!((refused.reason, refused.returned.0), (LocalError::Full { capacity: 2 }, 7));
        inner.set_any_context(g.any_context());
        assert_eq!(deadline(&inner), Some(100), "one layer less");
    });
    assert!(DEADLINES.create(Deadline(0)).is_ok());
}

#[test]
fn what_a_context_stands_over_goes_after_it_and_only_with_its_last_holder() {
    const DEEP: usize = 1000;
    static LOGGED: ContextPool<crate::common::Dropping, DEEP> = ContextPool::new();
    let _alone = crate::common::alone();
    let log = Log::default();
    let over = |below: Option<&AnyContext>, name| {
        AnyContext::from(LOGGED.create_over(below, log.dropping(name)).unwrap_or_else(|refused| panic!("{refused}")))
    };
    let low = over(None, "low");
    let (one, other) = (over(Some(&low), "one"), over(Some(&low), "other"));
    drop((low, one));
    assert_eq!(log.take(), "-one");
    drop(other);
    assert_eq!(log.take(), "-other -low");
    let top = (0..DEEP).fold(None, |below, _| Some(over(below.as_ref(), "x")));
    drop(top); // in a loop: a greenlet's stack has no room for a thousand frames
    assert_eq!(log.take().split_whitespace().count(), DEEP);
}

#[test]
#[cfg(feature = "std")]
fn what_a_context_stands_over_is_given_up_although_its_destructor_panics() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("bomb");
        }
    }
    static BOMBS: ContextPool<Bomb, 1> = ContextPool::new();
    let _alone = crate::common::alone();
    let below = AnyContext::from(request(1));
    let bomb = BOMBS.create_over(Some(&below), Bomb).ok().unwrap();
    let weak = below.downcast::<Request>().unwrap();
    drop(below);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(bomb))).is_err());
    drop(weak);
    assert!((0..4).map(request).collect::<Vec<_>>().len() == 4, "all four places are free");
    std::mem::forget(BOMBS.create(Bomb).ok().unwrap()); // its place is free as well
}
