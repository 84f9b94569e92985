//! The least that a switch between two stacks can be: four words saved and loaded. No current coroutine, no end, no
//! errors.
//!
//! Where it stands when it does not run, a context keeps at the end of its stack, as greenlets do. The places are never
//! constants for the compiler: a partner is two pointers in memory.

use crate::peer::{Peer, Stacks, Value};
use crate::slab::Slab;
use std::arch::asm;
use std::cell::Cell;
use std::convert::Infallible;
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, MaybeUninit, align_of, size_of};

pub(crate) enum Raw {}

/// Where a context stands: sp, pc, and the two registers that no clobber may name. A cache line of its own.
#[repr(C, align(64))]
#[derive(Default)]
struct Place([Cell<usize>; 4]);

/// A value, or the address of one.
type Word = MaybeUninit<usize>;

pub(crate) struct Ground {
    slab: Slab,
    main: Box<Place>,
}

/// A context and its resumer; seen from inside, the other way round.
pub(crate) struct Pair<V> {
    own: *const Place,
    other: *const Place,
    values: PhantomData<V>,
}

impl Peer for Raw {
    const NAME: &'static str = "raw";
    const MOST: usize = usize::MAX;

    type Ground<V: Value> = Ground;
    type Partner<V: Value> = Pair<V>;
    type Inside<'a, V: Value> = Pair<V>;
    type Stop<V: Value> = Infallible;

    fn enter<V: Value, R>(stacks: Stacks, bench: impl FnOnce(&Ground) -> R) -> R {
        bench(&Ground { slab: Slab::new(stacks), main: Box::default() })
    }

    fn create<V: Value, F>(ground: &Ground, body: F) -> Pair<V>
    where
        F: FnOnce(&mut Pair<V>, V) -> Result<V, Infallible> + Send + 'static,
    {
        prepare(ground, ground.slab.take(), body)
    }

    #[inline(always)]
    fn resume<V: Value>(partner: &mut Pair<V>, value: V) -> V {
        transfer(partner, value)
    }

    #[inline(always)]
    fn suspend<V: Value>(inside: &mut Pair<V>, value: V) -> Result<V, Infallible> {
        Ok(transfer(inside, value))
    }

    #[inline(always)]
    fn once(ground: &Ground, value: usize) -> usize {
        let mut partner = prepare(ground, ground.slab.end(0), |_, value| Ok(value));
        transfer(&mut partner, value)
    }
}

/// Lays a place, and a body below it, at the end of a stack.
#[inline(always)]
fn prepare<V: Value, F>(ground: &Ground, end: *mut u8, body: F) -> Pair<V>
where
    F: FnOnce(&mut Pair<V>, V) -> Result<V, Infallible> + Send + 'static,
{
    let own = end.wrapping_sub(size_of::<Place>()).cast::<Place>();
    let at = body_below::<F>(own);
    // SAFETY: the slab has the memory; nothing runs on this stack any more.
    unsafe { at.write(body) };
    // The entry is jumped to, as if called: on x86_64 that is 8 bytes below a multiple of 16.
    let sp = if cfg!(target_arch = "x86_64") { at.addr() - 8 } else { at.addr() };
    let pc = entry::<V, F> as *const () as usize;
    // SAFETY: the same.
    unsafe { own.write(Place([Cell::new(sp), Cell::new(pc), Cell::default(), Cell::default()])) };
    Pair { own: &raw const *ground.main, other: own, values: PhantomData }
}

/// Where the body of a context lies.
fn body_below<F>(place: *const Place) -> *mut F {
    let align = align_of::<F>().max(16);
    let offset = size_of::<F>().next_multiple_of(align);
    place.cast_mut().wrapping_byte_sub(offset).map_addr(|addr| addr & !(align - 1)).cast()
}

/// # Safety
///
/// Entered by `switch`, on a stack that `prepare` has prepared for `V` and `F`.
unsafe extern "C" fn entry<V: Value, F>(word: Word, from: *const Place, own: *const Place) -> !
where
    F: FnOnce(&mut Pair<V>, V) -> Result<V, Infallible>,
{
    // SAFETY: `prepare` wrote it, and a context starts once.
    let body = unsafe { body_below::<F>(own).read() };
    // SAFETY: the first word is a packed `V`.
    let value = unsafe { unpack(word) };
    let mut inside = Pair { own, other: from, values: PhantomData };
    let Ok(value) = body(&mut inside, value);
    transfer(&mut inside, value);
    unreachable!("this context is over")
}

#[inline(always)]
fn transfer<V: Value>(pair: &mut Pair<V>, value: V) -> V {
    let value = ManuallyDrop::new(value);
    let word = if size_of::<V>() <= size_of::<Word>() {
        let mut word = Word::uninit();
        // SAFETY: it fits.
        unsafe { word.as_mut_ptr().cast::<ManuallyDrop<V>>().copy_from_nonoverlapping(&raw const value, 1) };
        word
    } else {
        Word::new((&raw const value).expose_provenance())
    };
    // SAFETY: both places last as long as the ground does; a pair is made of the context that runs and of one that
    // waits.
    let word = unsafe { switch(pair.own, pair.other, word) };
    // SAFETY: it is what the other side packed, a `V`.
    unsafe { unpack(word) }
}

/// # Safety
///
/// The word is a `V`, or the address of one.
#[inline(always)]
unsafe fn unpack<V: Value>(word: Word) -> V {
    let place: *const V = if size_of::<V>() <= size_of::<Word>() {
        word.as_ptr().cast()
    } else {
        // SAFETY: an address.
        std::ptr::with_exposed_provenance(unsafe { word.assume_init() })
    };
    // SAFETY: by the contract; the sender's stack stands still.
    unsafe { place.read() }
}

/// # Safety
///
/// `from` is where the caller's own place is kept; `to` waits in this function, or is at its entry.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn switch(from: *const Place, to: *const Place, word: Word) -> Word {
    let arrived;
    // SAFETY: what is live is saved by the compiler, since clobbers name all else; the rest is saved here.
    unsafe {
        asm!(
            "lea rax, [rip + 2f]",
            "mov [rsi], rsp",
            "mov [rsi + 8], rax",
            "mov [rsi + 16], rbp",
            "mov [rsi + 24], rbx",
            "mov rsp, [rdx]",
            "mov rbp, [rdx + 16]",
            "mov rbx, [rdx + 24]",
            "jmp qword ptr [rdx + 8]",
            "2:",
            inlateout("rdi") word => arrived,
            inlateout("rsi") from => _,
            inlateout("rdx") to => _,
            out("rax") _, lateout("r12") _, lateout("r13") _, lateout("r14") _, lateout("r15") _,
            clobber_abi("sysv64"),
        );
    }
    arrived
}

/// # Safety
///
/// As above.
#[cfg(target_arch = "aarch64")]
#[inline(always)]
unsafe fn switch(from: *const Place, to: *const Place, word: Word) -> Word {
    let arrived;
    // SAFETY: as above.
    unsafe {
        asm!(
            "adr x10, 2f",
            "mov x9, sp",
            "stp x9, x10, [x1]",
            "stp x29, x19, [x1, 16]",
            "ldp x9, x10, [x2]",
            "ldp x29, x19, [x2, 16]",
            "mov sp, x9",
            "br x10",
            "2:",
            inlateout("x0") word => arrived,
            inlateout("x1") from => _,
            inlateout("x2") to => _,
            out("x9") _, out("x10") _,
            lateout("x20") _, lateout("x21") _, lateout("x22") _, lateout("x23") _, lateout("x24") _,
            lateout("x25") _, lateout("x26") _, lateout("x27") _, lateout("x28") _,
            lateout("v8") _, lateout("v9") _, lateout("v10") _, lateout("v11") _,
            lateout("v12") _, lateout("v13") _, lateout("v14") _, lateout("v15") _,
            clobber_abi("C"),
        );
    }
    arrived
}
