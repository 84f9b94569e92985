//! Kinds of pools: guarded, placed apart, in memory of the caller's, from an allocator; and room for interrupts.

use crate::common::{Handle, Log, Main, SIZE, alone, echo, own_tree, tree};
use greenlet::{
    GuardedStackPool, RunError, SharedStackPool, SpawnError, StackPool, StackRegion, Stacks, TooSmall, stack_pool,
};
use std::mem::MaybeUninit;

/// Takes all stacks, at most `most`, has each hold its greenlet's frames, and gives them back; where they lay.
fn fill<P: Stacks>(main: &Main, pool: &'static P, most: usize) -> Vec<(usize, usize)> {
    let all: Vec<Handle> = std::iter::from_fn(|| main.spawn(pool, echo).ok()).take(most).collect();
    for (n, g) in (0..).zip(&all) {
        assert_eq!(g.switch(n), Ok(n));
    }
    let stack = |g: &Handle| g.stack().map(|stack| (stack.limit, stack.base)).unwrap();
    let mut places: Vec<_> = all.iter().map(stack).collect();
    places.sort_unstable();
    assert!(places.windows(2).all(|two| two[0].1 <= two[1].0), "stacks overlap");
    places
}

#[test]
fn every_kind_of_pool_gives_all_its_stacks_and_gets_them_back() {
    stack_pool! { static APART: StackPool<3, { SIZE }>; }
    stack_pool! { static APART_SHARED: SharedStackPool<3, SIZE>; }
    stack_pool! { static APART_GUARDED: GuardedStackPool<3, SIZE>; }
    stack_pool! { static APART_BOTH: SharedStackPool<3, SIZE, 64, Guarded>; }
    static GUARDED: GuardedStackPool<3, SIZE> = GuardedStackPool::new();
    static BOTH: SharedStackPool<3, SIZE, 0, greenlet::Guarded> = SharedStackPool::new();
    tree(|main| {
        macro_rules! check {
            ($($pool:ident)*) => {$(
                for _ in 0..3 {
                    assert_eq!(($pool.count(), $pool.stack_size(), $pool.free()), (3, SIZE, 3), stringify!($pool));
                    assert_eq!(fill(main, &$pool, 9).len(), 3, stringify!($pool));
                }
            )*};
        }
        check! { APART APART_SHARED APART_GUARDED APART_BOTH GUARDED BOTH }
    });
}

#[test]
fn each_stack_of_a_guarded_pool_begins_where_its_guard_ends() {
    stack_pool! { static APART: GuardedStackPool<3, SIZE>; }
    static OWN: SharedStackPool<3, SIZE, 0, greenlet::Guarded> = SharedStackPool::new();
    tree(|main| {
        for (places, guards) in
            [(fill(main, &APART, 3), APART.guards().collect::<Vec<_>>()), (fill(main, &OWN, 3), OWN.guards().collect())]
        {
            assert_eq!(guards.len(), 3);
            for (guard, place) in guards.iter().zip(places) {
                assert_eq!((guard.len(), guard.start % 4096, guard.end), (4096, 0, place.0));
            }
        }
    });
}

#[test]
fn a_pool_tells_how_much_memory_it_takes_wherever_that_is() {
    stack_pool! { static APART: StackPool<4, 8192>; }
    stack_pool! { static APART_GUARDED: GuardedStackPool<4, 8192>; }
    fn bytes<const C: usize, const S: usize, L: greenlet::Layout<C, S>>(_: &StackPool<C, S, 0, L>) -> usize {
        StackPool::<C, S, 0, L>::BYTES
    }
    assert_eq!(StackPool::<4, 8192>::BYTES, 4 * 8192 + 64);
    assert_eq!(SharedStackPool::<4, 8192>::BYTES, 4 * 8192 + 64);
    assert_eq!(GuardedStackPool::<4, 8192>::BYTES, 4 * (8192 + 4096) + 4096);
    assert!((4 * 8192..=4 * 8192 + 64).contains(&bytes(&APART)));
    assert!((4 * 12288..=4 * 12288 + 64).contains(&bytes(&APART_GUARDED)));
}

#[test]
fn what_is_kept_for_interrupts_is_not_for_a_body() {
    static KEPT: StackPool<1, 65536, 32768> = StackPool::new();
    static WHOLE: StackPool<1, 65536> = StackPool::new();
    tree(|main| {
        let captured = [1_u8; 16_000];
        let body = move |_me: &crate::common::Me, x: u32| Ok(u32::from(captured[x as usize]));
        let g = main.bare(&KEPT).unwrap();
        let refused = g.set_run(body).unwrap_err();
        let RunError::TooLarge { needs, stack } = refused.reason else { panic!("{refused:?}") };
        assert!(needs > 32768 + 32_000 && stack == 65536, "{needs} of {stack}");
        let g = main.spawn(&WHOLE, refused.returned).unwrap();
        assert_eq!(g.switch(1), Ok(1));
    });
}

#[test]
fn a_placed_pool_may_be_named_as_anything_and_so_may_its_sizes() {
    const MEMORY: usize = SIZE;
    const COUNT: usize = 2;
    const HEADROOM: usize = 64;
    stack_pool! { static STACKS: StackPool<COUNT, MEMORY, HEADROOM>; }
    stack_pool! { static GUARDED: GuardedStackPool<{ COUNT + 1 }, { 2 * MEMORY }>; }
    tree(|main| assert_eq!((fill(main, &STACKS, 9).len(), fill(main, &GUARDED, 9).len()), (2, 3)));
}

fn memory(bytes: usize) -> &'static mut [MaybeUninit<u8>] {
    Box::leak(Box::new_uninit_slice(bytes))
}

#[test]
fn memory_of_any_length_and_alignment_holds_the_stacks_that_it_has_room_for() {
    const STACK: usize = 64 * 1024;
    type Region = StackRegion<STACK>;
    tree(|main| {
        for count in [1, 2, 5] {
            for skip in (0..130).step_by(if cfg!(miri) { 43 } else { 3 }) {
                let exact = &mut memory(Region::bytes(count) + skip)[skip..];
                let (start, len) = (exact.as_ptr().addr(), exact.len());
                let region = Region::carve(exact).unwrap();
                assert_eq!((region.count(), region.free()), (count, count), "at {start:#x}");
                let places = fill(main, region, 99);
                assert_eq!(places.len(), count);
                assert!(places.iter().all(|place| place.1 - place.0 == STACK && place.0 % 64 == 0));
                assert!(places[0].0 > start && places[count - 1].1 <= start + len);
            }
        }
    });
}

#[test]
fn memory_for_more_stacks_than_there_are_addresses_is_refused_and_not_a_small_number() {
    const MOST: usize = isize::MAX as usize / 1024;
    assert!(StackRegion::<1024>::bytes(MOST) > MOST * 1024);
    assert!(StackRegion::<{ 1 << 62 }>::bytes(1) > 1 << 62);
    let too_many: [fn() -> usize; 5] = [
        || StackRegion::<1024>::bytes(MOST + 1),
        || StackRegion::<1024>::bytes(usize::MAX / 1024 + 2),
        || StackRegion::<1024>::bytes(usize::MAX),
        || StackRegion::<{ 1 << 62 }>::bytes(2),
        || StackRegion::<{ 1 << 62 }>::bytes(4),
    ];
    for bytes in too_many {
        let message = std::panic::catch_unwind(bytes).unwrap_err();
        assert!(message.downcast_ref::<&str>().is_some_and(|said| said.contains("ask for fewer")));
    }
}

#[test]
fn memory_that_holds_no_stack_comes_back() {
    for bytes in [0, 1, 7, 63, 1023, 1024] {
        let refused = StackRegion::<1024>::carve(memory(bytes)).unwrap_err();
        let TooSmall { bytes: has, needs, .. } = refused.reason;
        assert_eq!((has, refused.returned.len()), (bytes, bytes));
        assert!(needs > 1024 && needs <= StackRegion::<1024>::bytes(1));
        let whole = memory(bytes + 4096);
        let message = refused.to_string();
        assert!(
            message.contains(&format!("{bytes} bytes hold no stack")) && message.contains("more memory"),
            "{message}"
        );
        assert!(StackRegion::<1024>::carve(whole).is_ok());
    }
    // What was said to be needed is enough.
    #[repr(align(64))]
    struct Aligned([u8; 1500]);
    let odd = || &mut Box::leak(Box::new(Aligned([0; 1500]))).0[1..];
    let needs = StackRegion::<1024>::carve(&mut odd()[..100]).unwrap_err().reason.needs;
    assert!(StackRegion::<1024>::carve(&mut odd()[..needs - 1]).is_err());
    assert_eq!(StackRegion::<1024>::carve(&mut odd()[..needs]).unwrap().count(), 1);
}

#[test]
fn the_bytes_for_stacks_are_what_the_worst_place_takes_and_no_word_more() {
    #[repr(align(64))]
    struct Aligned([u8; 128]);
    let few = |skip: usize| &mut Box::leak(Box::new(Aligned([0; 128]))).0[skip..skip + 8];
    let needs = |skip| StackRegion::<1024>::carve(few(skip)).unwrap_err().reason.needs;
    let worst = (0..64).map(needs).max().unwrap();
    assert!((worst..worst + 8).contains(&StackRegion::<1024>::bytes(1)), "{worst}");
    assert_eq!(StackRegion::<1024>::bytes(5), StackRegion::<1024>::bytes(1) + 4 * 1024);
}

#[test]
fn a_region_refuses_when_it_is_full_and_gives_the_body_back() {
    tree(|main| {
        let (region, log) =
            (StackRegion::<SIZE>::carve(memory(StackRegion::<SIZE>::bytes(2))).unwrap(), Log::default());
        let _taken = [main.bare(region).unwrap(), main.bare(region).unwrap()];
        let captured = log.dropping("body");
        let body = move |_me: &crate::common::Me, x| Ok(x + u32::from(std::mem::size_of_val(&captured) > 0));
        let refused = main.spawn(region, body).unwrap_err();
        assert_eq!(refused.reason, SpawnError::PoolEmpty { stacks: 2, dead: 0, leaked: 0, abandoned: 0 });
        assert_eq!((region.free(), log.take()), (0, String::new()));
    });
}

#[test]
fn a_handle_that_outlives_its_tree_keeps_its_stack_in_every_kind_of_pool() {
    static LOCAL: StackPool<2, SIZE> = StackPool::new();
    static SHARED: SharedStackPool<2, SIZE> = SharedStackPool::new();
    let region = StackRegion::<SIZE>::carve(memory(StackRegion::<SIZE>::bytes(2))).unwrap();
    let (trees, _alone) = ([own_tree!(u32, &'static str), own_tree!(u32, &'static str)], alone());
    let spawn = |main: &Main| {
        [main.spawn(&LOCAL, echo), main.spawn(&SHARED, echo), main.spawn(region, echo)].map(Result::unwrap)
    };
    let kept = trees[0].enter(|main| spawn(main)).unwrap();
    let free = || (LOCAL.free(), SHARED.free(), region.free());
    assert_eq!(free(), (1, 1, 1));
    trees[1]
        .enter(|main| {
            let others = spawn(main);
            assert_eq!(free(), (0, 0, 0));
            drop(kept);
            assert_eq!(free(), (1, 1, 1));
            let again = spawn(main);
            assert_eq!(free(), (0, 0, 0));
            assert!(again.iter().chain(&others).all(|g| g.switch(1) == Ok(1)));
        })
        .unwrap();
    assert_eq!(free(), (2, 2, 2));
}

#[cfg(feature = "alloc")]
mod heap {
    use super::*;
    use greenlet::HeapStacks;
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::cell::Cell;

    thread_local!(static HAS_MEMORY: Cell<bool> = const { Cell::new(true) });

    /// The system's allocator, which fails while this thread has set it to.
    struct MayRefuse;

    // SAFETY: what it gives out is the system's.
    unsafe impl GlobalAlloc for MayRefuse {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            if HAS_MEMORY.get() {
                // SAFETY: the caller's contract.
                unsafe { System.alloc(layout) }
            } else {
                std::ptr::null_mut()
            }
        }

        unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
            // SAFETY: the caller's contract.
            unsafe { System.dealloc(at, layout) }
        }
    }

    #[global_allocator]
    static ALLOCATOR: MayRefuse = MayRefuse;

    #[test]
    fn stacks_are_allocated_as_they_are_needed_and_used_again() {
        static STACKS: HeapStacks<SIZE> = HeapStacks::new();
        tree(|main| {
            let some = [main.spawn(&STACKS, echo).unwrap(), main.spawn(&STACKS, echo).unwrap()];
            assert_eq!((STACKS.allocated(), STACKS.free()), (2, 0));
            assert!(some.iter().all(|g| g.switch(7) == Ok(7)));
            drop(some);
            assert_eq!((STACKS.allocated(), STACKS.free()), (2, 2));
            assert_eq!(fill(main, &STACKS, 3).len(), 3);
            assert_eq!((STACKS.allocated(), STACKS.free()), (3, 3));
        });
    }

    #[test]
    fn an_allocator_without_memory_is_an_error_that_gives_the_body_back() {
        static STACKS: HeapStacks<SIZE> = HeapStacks::new();
        tree(|main| {
            let one = main.bare(&STACKS).unwrap();
            HAS_MEMORY.set(false);
            let refused = main.spawn(&STACKS, echo);
            HAS_MEMORY.set(true);
            let refused = refused.unwrap_err();
            assert_eq!(refused.reason, SpawnError::NoMemory { bytes: SIZE });
            assert!(refused.to_string().contains("has no 262144 bytes"), "{refused}");
            assert_eq!((STACKS.allocated(), STACKS.free()), (1, 0));
            drop(one);
            HAS_MEMORY.set(false);
            let again = main.spawn(&STACKS, refused.returned);
            HAS_MEMORY.set(true);
            assert_eq!(again.unwrap().switch(3), Ok(3), "memory that was a stack is one again");
        });
    }

    #[test]
    fn what_is_given_back_when_its_tree_has_ended_is_used_again_before_more_is_allocated() {
        static STACKS: HeapStacks<SIZE> = HeapStacks::new();
        let (tree, _alone) = (own_tree!(u32, &'static str), alone());
        for _ in 0..5 {
            let kept: [Handle; 2] = tree.enter(|main| [(); 2].map(|()| main.spawn(&STACKS, echo).unwrap())).unwrap();
            assert_eq!((STACKS.allocated(), STACKS.free()), (2, 0));
            drop(kept);
            assert_eq!((STACKS.allocated(), STACKS.free()), (2, 2));
        }
    }
}
