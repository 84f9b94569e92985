//! Whole lives: from the claim of a stack to its return.

use crate::atomic::{AtomicPtr, Ordering};
use crate::meter::{Done, Run, unexpected};
use crate::stacks::{SIZE, STACKS, in_tree};
use crate::{Main, Operation};
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr;
#[cfg(feature = "alloc")]
use greenlet::HeapStacks;
use greenlet::{GuardedStackPool, SharedStackPool, StackRegion, Stacks};

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::whole("life_unstarted", |run| in_tree(|main| never_started(run, main))),
    Operation::whole("life_run", |run| in_tree(|main| runs(run, main, &STACKS))),
    Operation::whole("life_lost", |run| in_tree(|main| lost(run, main))),
    Operation::whole("life_bare", |run| in_tree(|main| bare(run, main))),
    Operation::whole("life_claimed", |run| in_tree(|main| claimed(run, main))),
    Operation::whole("life_named", |run| in_tree(|main| named(run, main))),
    Operation::whole("life_shared_pool", |run| in_tree(|main| runs(run, main, &SHARED))),
    Operation::whole("life_guarded_pool", |run| in_tree(|main| runs(run, main, &GUARDED))),
    Operation::whole("life_region", |run| in_tree(|main| runs(run, main, region()?))),
    Operation::whole("spawn_refused", |run| in_tree(|main| refused(run, main))),
    #[cfg(feature = "alloc")]
    Operation::whole("life_heap", |run| in_tree(|main| runs(run, main, &HEAP))),
];

static SHARED: SharedStackPool<2, SIZE> = SharedStackPool::new();
static GUARDED: GuardedStackPool<2, SIZE> = GuardedStackPool::new();
#[cfg(feature = "alloc")]
static HEAP: HeapStacks<SIZE> = HeapStacks::new();

fn never_started(run: &Run<'_>, main: &Main) -> Done {
    run.each(|_| {
        drop(main.spawn(&STACKS, |_, x| Ok(x)).map_err(unexpected)?);
        Ok(())
    })
}

/// Started by a switch, over at once.
#[inline(always)]
fn runs<P: Stacks>(run: &Run<'_>, main: &Main, stacks: &'static P) -> Done {
    run.chain(1, |x| main.spawn(stacks, |_, x| Ok(x)).map_err(unexpected)?.switch(x).map_err(unexpected))
}

/// Started by a switch, killed by the drop.
fn lost(run: &Run<'_>, main: &Main) -> Done {
    run.chain(1, |x| main.spawn(&STACKS, |me, x| me.up(x)).map_err(unexpected)?.switch(x).map_err(unexpected))
}

/// There is no stack: the body comes back.
fn refused(run: &Run<'_>, main: &Main) -> Done {
    let both = [main.bare(&SHARED), main.bare(&SHARED)];
    if both.iter().any(Result::is_err) {
        return Err(unexpected(both));
    }
    run.each(|_| main.spawn(&SHARED, |_, x| Ok(x)).map_or_else(|_| Ok(()), |greenlet| Err(unexpected(greenlet))))
}

/// As [`runs`], with a body that came later.
fn bare(run: &Run<'_>, main: &Main) -> Done {
    run.chain(1, |x| {
        let greenlet = main.bare(&STACKS).map_err(unexpected)?;
        greenlet.set_run(|_, x| Ok(x)).map_err(unexpected)?;
        greenlet.switch(x).map_err(unexpected)
    })
}

/// As [`runs`], with a stack that is claimed first.
fn claimed(run: &Run<'_>, main: &Main) -> Done {
    run.chain(1, |x| {
        let claimed = main.build(&STACKS).claim().map_err(unexpected)?;
        claimed.spawn(|_, x| Ok(x)).switch(x).map_err(unexpected)
    })
}

/// As [`runs`], with a name and another parent.
fn named(run: &Run<'_>, main: &Main) -> Done {
    let parent = main.spawn(&STACKS, |me, mut x| {
        loop {
            x = me.up(x)?;
        }
    });
    let parent = &parent.map_err(unexpected)?;
    parent.switch(1).map_err(unexpected)?;
    run.chain(1, |x| {
        let greenlet = main.build(&STACKS).name("named").parent(parent).spawn(|_, x| Ok(x)).map_err(unexpected)?;
        greenlet.switch(x).map_err(unexpected)
    })
}

const REGION_BYTES: usize = StackRegion::<SIZE>::bytes(2);

/// Memory that is carved once.
struct Memory(UnsafeCell<[MaybeUninit<u8>; REGION_BYTES]>);

// SAFETY: `region` alone looks at it, once.
unsafe impl Sync for Memory {}

/// The stacks in [`Memory`], carved when they are first needed. Operations run one at a time.
fn region() -> Done<&'static StackRegion<SIZE>> {
    static MEMORY: Memory = Memory(UnsafeCell::new([MaybeUninit::uninit(); REGION_BYTES]));
    static REGION: AtomicPtr<StackRegion<SIZE>> = AtomicPtr::new(ptr::null_mut());
    /// What stands there while it is carved, and after a second one came: no region lies at an address so low.
    const CARVED: *mut StackRegion<SIZE> = ptr::dangling_mut();
    match REGION.compare_exchange(ptr::null_mut(), CARVED, Ordering::Acquire, Ordering::Acquire) {
        Ok(_) => {
            // SAFETY: the exchange succeeds once, so that this is the one borrow there ever is.
            let memory = unsafe { &mut *MEMORY.0.get() };
            let region = StackRegion::carve(memory).map_err(unexpected)?;
            REGION.store(ptr::from_ref(region).cast_mut(), Ordering::Release);
            Ok(region)
        }
        Err(CARVED) => Err(unexpected(())),
        // SAFETY: what else is ever there is a region, which is static.
        Err(region) => Ok(unsafe { &*region }),
    }
}
