//! Kills from elsewhere that are requested while others are settled.

use crate::common::{Dropping, Handle, Log, Me, STACKS, alone, echo, stacks, tree, waiting, waiting_with};
use crate::remote::kill;
use greenlet::{GreenletLocal, RemoteGreenlet, SharedStackPool, Tree};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Each is requested by a destructor of the one before. Settled one inside of the other, as many as there are would
/// need as much of main's stack.
#[test]
fn kills_that_are_asked_for_while_others_are_settled_do_not_nest() {
    struct Asks(Option<RemoteGreenlet>, Handle, Log);
    impl Drop for Asks {
        fn drop(&mut self) {
            self.2.say(self.1.kills_in_progress());
            if let Some(next) = self.0.take() {
                next.kill().unwrap();
            }
        }
    }
    tree(|main| {
        let (log, other) = (Log::default(), waiting(main));
        let mut chain: Vec<Handle> = Vec::new();
        for _ in 0..20 {
            let asks = Asks(chain.last().map(Handle::remote), main.handle(), log.clone());
            let victim = main.spawn(&STACKS, waiting_with(asks)).unwrap();
            victim.switch(0).unwrap();
            chain.push(victim);
        }
        kill(&[chain.last().unwrap().remote()]);
        assert_eq!(main.attend(), 1);
        // There and back: each of the two transfers settles one.
        for dead in (3..chain.len()).step_by(2).chain([chain.len()]) {
            assert_eq!(other.switch(1), Ok(1));
            assert_eq!(chain.iter().filter(|victim| victim.is_dead()).count(), dead);
        }
        assert_eq!(log.take(), ["1"; 20].join(" "), "kills in progress");
    });
}

/// Two greenlets settle, and the one that began first ends first.
#[test]
fn a_core_that_has_settled_kills_settles_them_again() {
    tree(|main| {
        let [other, victim] = [waiting(main), waiting(main)];
        let to = main.handle();
        let last = main.spawn(&STACKS, move |me, x| {
            let asked = me.up(x);
            to.switch(7).unwrap();
            asked
        });
        let last = last.unwrap();
        let (next, to) = (last.remote(), other.clone());
        let first = main.spawn(&STACKS, move |me, x| {
            let asked = me.up(x);
            next.kill().unwrap();
            to.switch(1)?;
            asked
        });
        let first = first.unwrap();
        for greenlet in [&last, &first] {
            greenlet.switch(0).unwrap();
        }
        kill(&[first.remote()]);
        main.attend();
        last.switch(0).unwrap();
        assert!(last.is_dead());
        kill(&[victim.remote()]);
        other.switch(0).unwrap();
        assert!(victim.is_dead(), "main settles at its next arrival");
    });
}

/// Each victim requests the next kill and goes to one of two greenlets, which settle it.
#[test]
#[cfg(not(miri))] // each greenlet is a thread there
fn kills_that_are_settled_by_two_greenlets_in_turn_do_not_nest() {
    /// An address of main's stack, and the bytes below it at which the exit function ran.
    static MAIN: AtomicUsize = AtomicUsize::new(0);
    static DEPTH: AtomicUsize = AtomicUsize::new(0);
    static TREE: Tree<u32> = Tree::with_exit(|| {
        let local = 0_u8;
        let below = MAIN.load(Relaxed).wrapping_sub((&raw const local).addr());
        // The other stacks are in a static, far away.
        if below < 1 << 20 {
            DEPTH.fetch_max(below, Relaxed);
        }
        0
    });
    fn depth(kills: usize) -> usize {
        let local = 0_u8;
        MAIN.store((&raw const local).addr(), Relaxed);
        DEPTH.store(0, Relaxed);
        TREE.enter(|main| {
            let pool = stacks!(42);
            let other = main.spawn(pool, echo).unwrap();
            other.switch(0).unwrap();
            let mut chain: Vec<Handle> = Vec::new();
            for at in 0..kills {
                let next = chain.last().map(Handle::remote);
                let to = if at % 2 == 0 { other.clone() } else { main.handle() };
                let body = move |me: &crate::common::Me, x| {
                    let asked = me.up(x);
                    if let Some(next) = next {
                        next.kill().unwrap();
                        let _ = to.switch(1);
                    }
                    asked
                };
                let victim = main.spawn(pool, body).unwrap();
                victim.switch(0).unwrap();
                chain.push(victim);
            }
            kill(&[chain.last().unwrap().remote()]);
            main.attend();
            DEPTH.load(Relaxed)
        })
        .unwrap()
    }
    let _alone = alone();
    let (few, many) = (depth(6), depth(40));
    // Nested, 34 kills more would be 17 levels more.
    assert!(few > 0 && many < few + 512, "{few} bytes for 6 kills, {many} for 40");
}

/// The pin is released first, of the steps of an arrival.
#[test]
fn a_kill_is_settled_after_the_target_of_a_pending_up_is_let_go() {
    static KEPT: GreenletLocal<Cell<Option<Dropping>>, 1> = GreenletLocal::new(|| Cell::new(None));
    tree(|main| {
        let log = Log::default();
        let parent = main.spawn(&STACKS, waiting_with(())).unwrap(); // its `up` ends when the child's reaches it
        parent.switch(0).unwrap();
        KEPT.with(&parent, |kept| kept.set(Some(log.dropping("target")))).unwrap();
        let said = log.clone();
        let child = parent.spawn(&STACKS, move |me, x| {
            let answer = me.up(x);
            said.say("arrives");
            answer
        });
        let child = child.unwrap();
        assert_eq!((child.switch(2), parent.is_dead()), (Ok(2), true));
        child.set_parent(main).unwrap(); // its `up` alone refers to the old parent now
        drop(parent);
        let victim = main.spawn(&STACKS, waiting_with(log.dropping("victim"))).unwrap();
        victim.switch(0).unwrap();
        kill(&[victim.remote()]);
        assert_eq!(child.switch(1), Ok(1));
        assert_eq!(log.take(), "-target -victim arrives");
    });
}

/// The same body on a large stack and on one that has no room to settle a kill when the body is resumed: there the kill
/// waits for main.
#[test]
#[cfg(all(debug_assertions, not(miri)))] // with optimization there is room on every stack that is accepted for this body
fn a_greenlet_without_room_leaves_kills_to_the_next_one() {
    const LITTLE: usize = match (cfg!(feature = "std"), cfg!(feature = "abandon")) {
        (false, false) => 4096,
        (false, true) => 4416,
        (true, false) => 5248,
        (true, true) => 5568,
    };
    static SMALL: SharedStackPool<1, LITTLE> = SharedStackPool::new();
    tree(|main| {
        let body = |victim: Handle| {
            move |me: &Me, mut x: u32| loop {
                x = me.up(x + u32::from(victim.is_dead()))?;
            }
        };
        let [first, second] = [waiting(main), waiting(main)];
        let small = main.spawn(&SMALL, body(first.clone())).unwrap();
        let large = main.spawn(&STACKS, body(second.clone())).unwrap();
        assert_eq!((small.switch(1), large.switch(1)), (Ok(1), Ok(1)));

        first.remote().kill().unwrap();
        assert_eq!(small.switch(5), Ok(5), "no kill is settled there");
        assert!(first.is_dead() && small.is_intact());
        second.remote().kill().unwrap();
        assert_eq!(large.switch(5), Ok(6));
    });
}
