//! Handles that outlive their tree: every method answers, nothing of the tree is ever resumed.

use crate::common::{EXIT, Handle, Log, Out, STACKS, alone, dead, echo, holding, waiting};
use greenlet::{
    ContextPool, Event, GreenletLocal, ParentError, Refusal, RunError, Sent, SpawnError, StackPool, State, Thrown, Tree,
};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

static TREE: Tree<u32> = Tree::with_exit(|| EXIT).on_leak(|_| ());
static POOL: StackPool<8, { crate::common::SIZE }> = StackPool::new();

/// Ends a tree with a greenlet in every state, and calls `check` with a handle to each: unstarted, without a body,
/// suspended, refusing to end, dead, main.
fn each_inert(check: impl Fn(&Handle)) {
    let _alone = alone();
    let kept = TREE.enter(|main| {
        let refusing = main.spawn(crate::common::stacks!(64), crate::common::stubborn).unwrap();
        refusing.switch(0).unwrap();
        [
            main.build(&POOL).name("unstarted").spawn(echo).unwrap(),
            main.bare(&POOL).unwrap(),
            waiting(main),
            refusing,
            dead(main),
            main.handle(),
        ]
    });
    let kept = kept.unwrap();
    kept.iter().for_each(&check);
    // The same while another tree is entered, by its main and by a greenlet of it.
    static OTHER: Tree<u32> = Tree::new();
    OTHER
        .enter(|main| {
            kept.iter().for_each(&check);
            let kept = kept.clone();
            let g = main.spawn(&STACKS, move |_me, x| Ok(x + kept.len() as u32)).unwrap();
            assert_eq!(g.switch(1), Ok(7));
        })
        .unwrap();
}

#[test]
fn transfers_are_refused_and_give_back_what_was_sent() {
    let refused = |sent| -> Out { Err(Thrown::Refused(Refusal::Ended, sent)) };
    each_inert(|g| {
        assert_eq!(g.switch(1), refused(Some(Sent::Value(1))));
        assert_eq!(g.throw("boo"), refused(Some(Sent::Error("boo"))));
        assert_eq!(g.kill_with(2), refused(Some(Sent::Exit(2))));
        assert_eq!((g.kill(), g.cancel()), (refused(None), refused(None)));
    });
}

#[test]
fn nothing_can_be_created_below_them_and_bodies_come_back() {
    each_inert(|g| {
        let (log, free) = (Log::default(), POOL.free());
        let captured = log.dropping("body");
        let refused = g.spawn(&POOL, holding(captured)).unwrap_err();
        assert_eq!((refused.reason, log.take().as_str()), (SpawnError::Ended, ""));
        let reason = if g.is_main() { RunError::Main } else { RunError::Ended };
        let refused = g.set_run(refused.returned).unwrap_err();
        assert_eq!((refused.reason, log.take().as_str()), (reason, ""));
        assert_eq!(g.bare(&POOL).unwrap_err(), SpawnError::Ended);
        assert_eq!(g.build(&POOL).name("late").bare().unwrap_err(), SpawnError::Ended);
        assert_eq!(POOL.free(), free, "and no stack is taken");
    });
}

#[test]
fn they_have_no_parent_and_no_child() {
    each_inert(|g| {
        assert_eq!(g.parent(), None);
        let main_first = if g.is_main() { ParentError::Main } else { ParentError::Ended };
        assert_eq!(g.set_parent(g), Err(main_first));
        assert_eq!(g.current(), None);
    });
    let _alone = alone();
    let old = TREE.enter(|main| [main.handle(), main.bare(&POOL).unwrap()]).unwrap();
    static OTHER: Tree<u32> = Tree::new();
    OTHER
        .enter(|main| {
            let child = waiting(main);
            for old in &old {
                assert_eq!(child.set_parent(old), Err(ParentError::Ended));
                assert_eq!(main.build(&POOL).parent(old).bare().unwrap_err(), SpawnError::Ended);
            }
            assert_eq!(old[1].set_parent(main), Err(ParentError::Ended));
            assert_eq!(child.parent(), Some(main.handle()));
            assert_eq!(child.switch(2), Ok(2));
        })
        .unwrap();
}

#[test]
fn they_count_as_dead_and_keep_their_number_and_name() {
    each_inert(|g| {
        assert!(g.is_ended() && g.is_dead() && g.is_started());
        assert!(!g.is_active() && !g.is_current());
        assert_eq!(g.state(), State::Dead);
        assert_eq!(g.stack(), None);
        let shown = match g.name() {
            Some(name) => format!("greenlet {} {name:?} (dead)", g.id()),
            None if g.is_main() => "main greenlet (dead)".to_owned(),
            None => format!("greenlet {} (dead)", g.id()),
        };
        assert_eq!(format!("{g:?}"), shown);
    });
}

#[test]
fn they_are_cloned_compared_and_downgraded() {
    each_inert(|g| {
        let hash = |g: &Handle| {
            let mut hasher = DefaultHasher::new();
            g.hash(&mut hasher);
            hasher.finish()
        };
        let references = g.references();
        let clones = [g.clone(), g.handle(), g.downgrade().upgrade().unwrap()];
        assert_eq!(g.references(), references + 3);
        assert!(clones.iter().all(|clone| clone == g && hash(clone) == hash(g)));
        assert_eq!(HashSet::from(clones.map(|clone| clone.id())).len(), 1);
        assert_eq!(g.references(), references);
    });
}

#[test]
fn they_have_no_tree_to_count_trace_or_attend_to() {
    each_inert(|g| {
        g.for_each(|other| panic!("{other:?} is in no tree"));
        assert!(g.set_trace(Some(&|_: Event, _: &Handle, _: &Handle| Err("traced"))).is_none());
        assert!(g.trace().is_none() && g.set_trace(None).is_none());
        assert_eq!((g.kills_in_progress(), g.attend()), (0, 0));
        assert!(g.woken().is_none());
        assert!(g.remote().kill().is_err() && g.remote().wake().is_err());
    });
}

#[test]
fn what_happens_in_a_later_tree_is_not_theirs() {
    let _alone = alone();
    let old = TREE.enter(|main| main.bare(&POOL).unwrap()).unwrap();
    static OTHER: Tree<u32> = Tree::new();
    OTHER
        .enter(|main| {
            let g = main.spawn(&STACKS, move |me, x| {
                let asked = me.up(x);
                assert_eq!((me.kills_in_progress(), old.kills_in_progress()), (1, 0));
                assert_eq!((old.current(), old.is_current(), old.attend()), (None, false, 0));
                asked
            });
            let g = g.unwrap();
            g.switch(0).unwrap();
            assert_eq!(g.cancel(), Ok(0));
        })
        .unwrap();
}

#[test]
fn a_tracer_set_by_an_inert_handle_is_not_set_for_the_tree_that_is_entered() {
    let _alone = alone();
    let old = TREE.enter(|main| main.bare(&POOL).unwrap()).unwrap();
    static OTHER: Tree<u32> = Tree::new();
    OTHER
        .enter(|main| {
            old.set_trace(Some(&|_: Event, _: &Handle, _: &Handle| Err("traced")));
            assert!(main.trace().is_none());
            assert_eq!(waiting(main).switch(1), Ok(1));
            main.set_trace(Some(&|_: Event, _: &Handle, _: &Handle| Ok(())));
            assert!(old.set_trace(None).is_none() && main.trace().is_some());
        })
        .unwrap();
}

#[test]
fn they_carry_contexts_and_local_values_until_they_are_dropped() {
    static CONTEXTS: ContextPool<u32, 1> = ContextPool::new();
    static NUMBERS: GreenletLocal<u32, 1> = GreenletLocal::new(|| 7);
    each_inert(|g| {
        g.set_context(Some(CONTEXTS.create(5).unwrap()));
        assert_eq!(g.context::<u32>().as_deref(), Some(&5));
        g.set_context::<u32>(None);
        assert!(g.context::<u32>().is_none());
    });
    let _alone = alone();
    for _ in 0..2 {
        let old = TREE.enter(|main| main.bare(&POOL).unwrap()).unwrap();
        old.set_context(Some(CONTEXTS.create(5).unwrap()));
        assert_eq!(NUMBERS.with(&old, |number| *number), Ok(7));
        assert!(CONTEXTS.create(6).is_err());
        drop(old);
        assert!(CONTEXTS.create(6).is_ok());
    }
}

#[test]
fn dropping_them_in_a_later_run_does_not_disturb_that() {
    let _alone = alone();
    let mut old = TREE.enter(|main| [0; 3].map(|_| main.bare(&POOL).unwrap()).to_vec()).unwrap();
    TREE.enter(|main| {
        let mut all = vec![main.handle()];
        while !old.is_empty() {
            all.push(main.bare(&POOL).unwrap());
            drop(old.remove(0));
        }
        all.push(main.bare(&POOL).unwrap());
        let mut seen = vec![];
        main.for_each(|g| seen.push(g.clone()));
        assert_eq!(seen, all);
    })
    .unwrap();
}
