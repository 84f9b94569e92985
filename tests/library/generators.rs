//! Generators made of greenlets, nested and recursive.

use crate::common::{Handle, Log, Me, Out, STACKS, tree};
use greenlet::{StackPool, Thrown, Tree};

/// An iterator over what a body hands up, until the body returns.
struct Generator(Handle);

impl Generator {
    fn new(parent: &Handle, body: impl FnOnce(&Me) -> Result<(), Thrown<u32, &'static str>> + 'static) -> Self {
        Self(parent.spawn(&STACKS, move |me, _| body(me).map(|()| 0)).unwrap())
    }
}

impl Iterator for Generator {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        // A value is delivered to the greenlet that requested it, wherever the generator was made.
        self.0.set_parent(&self.0.current()?).ok()?;
        let value = self.0.switch(0).ok()?;
        (!self.0.is_dead()).then_some(value)
    }
}

#[test]
fn a_generator_hands_up_values_until_its_body_returns() {
    tree(|main| {
        let mut squares = Generator::new(main, |me| {
            for n in 1..=5 {
                me.up(n * n)?;
            }
            Ok(())
        });
        assert_eq!(squares.by_ref().collect::<Vec<_>>(), [1, 4, 9, 16, 25]);
        assert_eq!(squares.next(), None, "and stays at its end");
    });
}

#[test]
fn a_generator_that_is_dropped_half_way_runs_its_destructors() {
    tree(|main| {
        let log = Log::default();
        let local = log.dropping("local");
        let endless = Generator::new(main, move |me| {
            let _local = local;
            (0..).try_for_each(|n| me.up(n).map(drop))
        });
        assert_eq!(endless.take(3).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(log.take(), "-local");
    });
}

/// A tree of numbers.
struct Node(u32, Vec<Node>);

/// Hands up all numbers below `node`: for each child there is a generator, which has generators in turn.
fn flatten(me: &Me, node: Node) -> Result<(), Thrown<u32, &'static str>> {
    me.up(node.0)?;
    for child in node.1 {
        for value in Generator::new(me, |me| flatten(me, child)) {
            me.up(value)?;
        }
    }
    Ok(())
}

#[test]
fn generators_that_ask_generators_walk_a_tree() {
    tree(|main| {
        let leaf = |n| Node(n, vec![]);
        let root = Node(1, vec![Node(2, vec![leaf(3), Node(4, vec![leaf(5)])]), leaf(6), Node(7, vec![leaf(8)])]);
        assert_eq!(Generator::new(main, |me| flatten(me, root)).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7, 8]);
    });
}

#[test]
fn a_generator_may_be_asked_by_several_in_turn() {
    tree(|main| {
        let log = Log::default();
        let numbers = Generator::new(main, |me| (1..).try_for_each(|n| me.up(n).map(drop)));
        let shared = std::rc::Rc::new(std::cell::RefCell::new(numbers));
        let askers = ["a", "b"].map(|name| {
            let (log, shared) = (log.clone(), shared.clone());
            let ask = move |me: &Me, x| {
                for _ in 0..3 {
                    let next = shared.borrow_mut().next().unwrap();
                    log.say(format!("{name}{next}"));
                    me.up(0)?;
                }
                Ok(x)
            };
            main.spawn(&STACKS, ask).unwrap()
        });
        for _ in 0..3 {
            for asker in &askers {
                asker.switch(0).unwrap();
            }
        }
        assert_eq!(log.take(), "a1 b2 a3 b4 a5 b6");
    });
}

type Word = Vec<u8>;
type WordMe = greenlet::Me<Word, ()>;
static WORD_STACKS: StackPool<8, { crate::common::SIZE }> = StackPool::new();

/// Hands up all permutations of `rest` behind `start`: every level of the recursion is a greenlet.
fn permutations(me: &WordMe, start: Word, rest: Word) -> greenlet::Outcome<Word, ()> {
    if rest.is_empty() {
        me.up(start)?;
        return Ok(Word::new());
    }
    for at in 0..rest.len() {
        let (mut start, mut rest) = (start.clone(), rest.clone());
        start.push(rest.remove(at));
        let level = me.spawn(&WORD_STACKS, move |me, _| permutations(me, start, rest)).unwrap();
        loop {
            let word = level.switch(Word::new())?;
            if level.is_dead() {
                break;
            }
            me.up(word)?;
        }
    }
    Ok(Word::new())
}

#[test]
fn recursive_generators_make_all_permutations() {
    static TREE: Tree<Word, ()> = Tree::new();
    let _alone = crate::common::alone();
    TREE.enter(|main| {
        let all = main.spawn(&WORD_STACKS, |me, rest| permutations(me, Word::new(), rest)).unwrap();
        let mut words = vec![all.switch(b"abcde".to_vec()).unwrap()];
        while let Ok(word) = all.switch(Word::new())
            && !all.is_dead()
        {
            words.push(word);
        }
        assert_eq!(
            (words.len(), &*words[0], &*words[1], &*words[119]),
            (120, &b"abcde"[..], &b"abced"[..], &b"edcba"[..])
        );
        assert!(words.is_sorted());
    })
    .unwrap();
}

#[test]
fn deep_recursion_inside_a_greenlet_hands_up_from_the_bottom() {
    fn count_down(me: &Me, n: u32) -> Out {
        if n == 0 { me.up(0) } else { Ok(count_down(me, n - 1)? + 1) }
    }
    tree(|main| {
        let mut deep = Generator::new(main, |me| count_down(me, 100).map(|n| assert_eq!(n, 100)));
        assert_eq!(deep.next(), Some(0));
        // Under Miri, frames are on the stacks of threads.
        assert!(cfg!(miri) || deep.0.stack().unwrap().in_use() > 100 * 32);
        assert_eq!(deep.next(), None);
    });
}
