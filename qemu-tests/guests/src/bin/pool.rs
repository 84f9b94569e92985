//@ timeout: 120
#![no_std]
#![no_main]
//! A pool of stacks: filled, refused, emptied in every order, and used a hundred thousand times over.

use board::atomic::{AtomicU32, Ordering::Relaxed};
use board::{check, println};
use greenlet::{Refused, SpawnError, StackPool, Thrown, Tree};

board::guest!(main);

type Main = greenlet::Main<usize, &'static str>;
type Me = greenlet::Me<usize, &'static str>;
type Greenlet = greenlet::Greenlet<usize, &'static str>;

const COUNT: usize = 4;
const SIZE: usize = 16384;

static STACKS: StackPool<COUNT, SIZE> = StackPool::new();
static OTHER: StackPool<1, SIZE> = StackPool::new();
static NONE: StackPool<0, SIZE> = StackPool::new();
static TREE: Tree<usize> = Tree::new().on_leak(|greenlet| {
    println!("leaked: {}", greenlet.name().unwrap_or("no name"));
    LEAKED.fetch_add(1, Relaxed);
});

/// How many greenlets the tree has reported as leaked.
static LEAKED: AtomicU32 = AtomicU32::new(0);

fn main() {
    let entered = TREE.enter(|main| {
        board::record(main);
        refused(main);
        dead_but_referred(main);
        other_pools(main);
        every_order(main);
        reused(main);
        leaked(main);
    });
    check!(entered.is_ok());
    check!(LEAKED.load(Relaxed) == 1, "the end of the tree does not report it again");

    println!("the tree entered again: the stack that leaked is gone for ever, and no other");
    let entered = TREE.enter(|main| {
        board::record(main);
        let taken = fill::<{ COUNT - 1 }>(main);
        check!(is_full(main));
        drop(taken);
    });
    check!(entered.is_ok());
}

/// Takes `N` stacks; the greenlet on each waits, having returned its address.
fn fill<const N: usize>(main: &Main) -> [Greenlet; N] {
    let waiting = [(); N].map(|()| main.spawn(&STACKS, tell_place).expect("a stack for each"));
    let places = waiting.each_ref().map(|greenlet| greenlet.switch(0).expect("tells its place"));
    for (index, place) in places.iter().enumerate() {
        let near = |other: &usize| other.abs_diff(*place) < SIZE / 2;
        check!(!places[..index].iter().any(near), "two greenlets at one place");
    }
    waiting
}

/// Where this greenlet's stack is, as the address of something on it.
fn tell_place(me: &Me, _: usize) -> Result<usize, Thrown<usize, &'static str>> {
    let local = 0u8;
    me.up((&raw const local).addr())
}

fn is_full(main: &Main) -> bool {
    matches!(main.bare(&STACKS), Err(SpawnError::PoolEmpty { stacks: COUNT, .. }))
}

fn refused(main: &Main) {
    println!("filled: {COUNT} stacks, {COUNT} greenlets; the next one is refused");
    let mut waiting = fill::<COUNT>(main);
    let captured = [1, 2, 3, 4];
    let body = move |_: &Me, x| Ok(x + captured.iter().sum::<usize>());
    let Err(Refused { reason, returned }) = main.spawn(&STACKS, body) else { unreachable!("no stack was free") };
    println!("  {reason}");
    check!(reason == SpawnError::PoolEmpty { stacks: COUNT, dead: 0, leaked: 0, abandoned: 0 });
    check!(main.bare(&STACKS).err() == Some(reason));

    println!("one of them ends, then its handle goes: the refused body runs on its stack");
    check!(waiting[2].switch(0) == Ok(0));
    check!(is_full(main), "what is dead is still referred to");
    waiting[2] = waiting[1].clone();
    let spawned = main.spawn(&STACKS, returned).expect("a stack is free");
    check!(is_full(main));
    check!(spawned.switch(100) == Ok(110), "the refused body came back whole");
}

fn dead_but_referred(main: &Main) {
    println!("dead greenlets that are still referred to keep their stacks, and are counted");
    let [a, b, c, d] = fill::<COUNT>(main);
    check!(a.kill().is_ok());
    check!(b.switch(0).is_ok());
    let refusal = main.bare(&STACKS).expect_err("no stack is free");
    println!("  {refusal}");
    check!(refusal == SpawnError::PoolEmpty { stacks: COUNT, dead: 2, leaked: 0, abandoned: 0 });

    println!("a child refers to its parent, too");
    check!(c.set_parent(&a).is_ok());
    drop(a);
    check!(main.bare(&STACKS).err() == Some(SpawnError::PoolEmpty { stacks: COUNT, dead: 2, leaked: 0, abandoned: 0 }));
    drop(b);
    let unstarted = main.bare(&STACKS).expect("the stack of b is free");
    check!(main.bare(&STACKS).err() == Some(SpawnError::PoolEmpty { stacks: COUNT, dead: 1, leaked: 0, abandoned: 0 }));
    drop(c);
    let freed = [(); 2].map(|()| main.bare(&STACKS).expect("c is gone, and a with it"));
    check!(is_full(main));
    drop((d, unstarted, freed));
}

fn other_pools(main: &Main) {
    println!("pools are independent; one without a stack is always empty");
    let full = fill::<COUNT>(main);
    let elsewhere = main.spawn(&OTHER, |_, x| Ok(x)).expect("that is another pool");
    check!(elsewhere.switch(1) == Ok(1));
    check!(main.bare(&OTHER).err() == Some(SpawnError::PoolEmpty { stacks: 1, dead: 1, leaked: 0, abandoned: 0 }));
    check!(main.bare(&STACKS).err() == Some(SpawnError::PoolEmpty { stacks: COUNT, dead: 0, leaked: 0, abandoned: 0 }));
    check!(main.bare(&NONE).err() == Some(SpawnError::PoolEmpty { stacks: 0, dead: 0, leaked: 0, abandoned: 0 }));
    drop(full);
    check!(!is_full(main));
}

fn every_order(main: &Main) {
    println!("emptied in each of 24 orders, a part or all of it, and filled again");
    let mut orders = 0;
    for order in 0..COUNT.pow(COUNT as u32) {
        let order: [usize; COUNT] = core::array::from_fn(|position| order / COUNT.pow(position as u32) % COUNT);
        if order.iter().enumerate().any(|(index, slot)| order[..index].contains(slot)) {
            continue;
        }
        orders += 1;
        for part in 1..=COUNT {
            let mut waiting = fill::<COUNT>(main).map(Some);
            check!(is_full(main));
            for &slot in &order[..part] {
                waiting[slot] = None; // suspended: the drop kills it
            }
            let mut again = 0;
            for greenlet in waiting.iter_mut().filter(|greenlet| greenlet.is_none()) {
                *greenlet = main.spawn(&STACKS, tell_place).ok();
                again += usize::from(greenlet.as_ref().is_some_and(|greenlet| greenlet.switch(0).is_ok()));
            }
            check!(again == part, "{order:?}: {part} stacks were given back, {again} came out");
            check!(is_full(main));
        }
    }
    check!(orders == 24);
}

fn reused(main: &Main) {
    const TIMES: usize = 100_000;
    println!("{TIMES} greenlets, one after another: ended, killed, lost, failed, never started");
    let first = main.bare(&STACKS).expect("a stack is free").id();
    let (mut as_expected, mut last) = (0, first);
    // Two stay, so that not always the same stack comes out.
    let mut others: [Option<Greenlet>; COUNT - 1] = [const { None }; COUNT - 1];
    for time in 1..=TIMES {
        let greenlet = main.spawn(&STACKS, move |me, x| me.up(x + time)).expect("a stack is free");
        let up = if time % 5 == 4 { Ok(time) } else { greenlet.switch(0) };
        let end = match time % 5 {
            0 => greenlet.switch(1),
            1 => greenlet.kill_with(1),
            2 => greenlet.throw("end").or(Ok(1)),
            _ => Ok(1), // suspended or unstarted: its last handle goes, below
        };
        let new = greenlet.id() > last;
        last = greenlet.id();
        others[time % others.len()] = Some(greenlet);
        as_expected += usize::from(up == Ok(time) && end == Ok(1) && new);
    }
    check!(as_expected == TIMES, "{as_expected} of {TIMES} were as they should be");
    check!(last - first == TIMES as u64, "each had a number of its own, and no number is missing");
    drop(others);
    drop(fill::<COUNT>(main));
}

fn leaked(main: &Main) {
    println!("a greenlet that refuses to end keeps its stack, and is reported");
    let stubborn = main.build(&STACKS).name("stubborn").spawn(|me, _| {
        loop {
            let _refuses = me.up(0);
        }
    });
    let stubborn = stubborn.expect("a stack is free");
    check!(stubborn.switch(0) == Ok(0));
    drop(stubborn);
    check!(LEAKED.load(Relaxed) == 1);
    drop(fill::<{ COUNT - 1 }>(main));
    let rest = fill::<{ COUNT - 1 }>(main);
    check!(main.bare(&STACKS).err() == Some(SpawnError::PoolEmpty { stacks: COUNT, dead: 0, leaked: 1, abandoned: 0 }));
    drop(rest);
}
