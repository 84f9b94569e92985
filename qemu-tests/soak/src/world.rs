//! The tree, its pools, and which greenlet holds which handle.

use crate::GREENLETS;
use crate::books::Books;
use crate::values::{CONTEXTS, Handle, LOCALS, One, Value, Weak};
use core::cell::UnsafeCell;
use greenlet::{ContextPool, GreenletLocal, RemoteGreenlet, StackPool, Tree};

/// Bytes of a stack. Kills inside kills stand on it, one upon another.
pub(crate) const SIZE: usize = 64 * 1024;

/// How many greenlets there can be, main included: what places and seats are for.
pub(crate) const PLACES: usize = GREENLETS + 1;

/// Room for handles beside those of the places.
pub(crate) const POCKETS: usize = 24;

/// Fewer than there are greenlets, so that they run out.
pub(crate) const CONTEXTS_AT_MOST: usize = 12;
pub(crate) const LOCALS_AT_MOST: usize = 20;

pub(crate) static STACKS: StackPool<GREENLETS, SIZE> = StackPool::new();
const _: () = assert!(StackPool::<GREENLETS, SIZE>::BYTES < (GREENLETS + 1) * SIZE);
pub(crate) static CONTEXT_POOL: ContextPool<One, CONTEXTS_AT_MOST> = ContextPool::new();
pub(crate) static LOCAL: GreenletLocal<One, LOCALS_AT_MOST> = GreenletLocal::new(|| LOCALS.one());

/// What an exit without a payload carries.
pub(crate) const EXIT: u64 = 1 << 40;

pub(crate) static TREE: Tree<Value, Value> =
    Tree::with_exit(|| Value::new(EXIT)).on_unraisable(|_, thrown| drop(thrown)).on_leak(|greenlet| {
        let references = greenlet.references();
        with(|world| world.books.leaked(place_of(greenlet), references));
    });

/// A context.
pub(crate) fn context() -> Option<greenlet::Context<One>> {
    CONTEXT_POOL.create(CONTEXTS.one()).ok()
}

/// Handles and books. A greenlet has a place, by which it is named, until it is freed.
pub(crate) struct World {
    /// One handle to each greenlet, at most; that of main is never given up.
    pub(crate) held: [Option<Handle>; PLACES],
    /// Further ones, of any.
    pub(crate) pockets: [Option<Handle>; POCKETS],
    /// The greenlet that has, or had, the place last.
    pub(crate) weak: [Option<Weak>; PLACES],
    /// For requests to that one from elsewhere, also when it is gone.
    pub(crate) remotes: [Option<RemoteGreenlet>; PLACES],
    pub(crate) books: Books,
}

struct Single(UnsafeCell<World>);

// SAFETY: `with` is the only way in, and its caller runs on the core that entered `TREE`, or on the one that is about
// to, which the claim of the tree makes one at a time. Handles are gone when the tree has ended.
unsafe impl Sync for Single {}

static WORLD: Single = Single(UnsafeCell::new(World {
    held: [const { None }; PLACES],
    pockets: [const { None }; POCKETS],
    weak: [const { None }; PLACES],
    remotes: [const { None }; PLACES],
    books: Books::new(),
}));

/// Opens the world for the time of one call.
///
/// Nothing in `look` may move control, or drop a handle, which might: what it takes out is dropped by the caller.
pub(crate) fn with<R>(look: impl FnOnce(&mut World) -> R) -> R {
    // SAFETY: one greenlet runs, and `look` does not let another one run, so that this is the only reference.
    look(unsafe { &mut *WORLD.0.get() })
}

/// The names of greenlets: their places, in two digits.
static NAMES: [[u8; 2]; PLACES] = {
    let mut names = [[0; 2]; PLACES];
    let mut place = 0;
    while place < PLACES {
        names[place] = [b'0' + place as u8 / 10, b'0' + place as u8 % 10];
        place += 1;
    }
    names
};

pub(crate) fn name(place: usize) -> &'static str {
    core::str::from_utf8(&NAMES[place]).unwrap_or("")
}

/// The place of a greenlet, by its name; main's is the first.
pub(crate) fn place_of(greenlet: &Handle) -> usize {
    match greenlet.name().map(str::as_bytes) {
        Some(&[tens, ones]) => usize::from(tens - b'0') * 10 + usize::from(ones - b'0'),
        _ => 0,
    }
}

/// The greenlet at `place`, if it exists. A handle of the caller's, which is not in the books: see
/// [`Hand`](crate::books::Hand).
pub(crate) fn find(place: usize) -> Option<Handle> {
    with(|world| world.weak[place].as_ref().and_then(Weak::upgrade))
}
