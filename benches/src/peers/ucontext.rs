//! `swapcontext` of the C library, which reads and sets the signal mask, by a system call, each time.

use crate::peer::{Peer, Stacks, Value};
use crate::slab::Slab;
use libc::{getcontext, makecontext, swapcontext, ucontext_t};
use std::cell::{Cell, UnsafeCell};
use std::convert::Infallible;
use std::mem::MaybeUninit;
use std::ptr;

pub(crate) enum Ucontext {}

/// Two contexts and the value that goes between them. Only the running one accesses it.
pub(crate) struct Link<V> {
    outside: UnsafeCell<MaybeUninit<ucontext_t>>,
    inside: UnsafeCell<MaybeUninit<ucontext_t>>,
    value: Cell<V>,
    /// The body, at the end of the stack, until it starts.
    body: Cell<*const ()>,
}

impl Peer for Ucontext {
    const NAME: &'static str = "swapcontext";
    const MOST: usize = 100_000;

    type Ground<V: Value> = Slab;
    type Partner<V: Value> = Box<Link<V>>;
    type Inside<'a, V: Value> = &'a Link<V>;
    type Stop<V: Value> = Infallible;

    fn enter<V: Value, R>(stacks: Stacks, bench: impl FnOnce(&Slab) -> R) -> R {
        bench(&Slab::new(stacks))
    }

    fn create<V: Value, F>(ground: &Slab, body: F) -> Box<Link<V>>
    where
        F: FnOnce(&mut &Link<V>, V) -> Result<V, Infallible> + Send + 'static,
    {
        let link = Box::new(Link::new());
        prepare(&link, ground.take(), ground.size(), body);
        link
    }

    #[inline(always)]
    fn resume<V: Value>(partner: &mut Box<Link<V>>, value: V) -> V {
        partner.value.set(value);
        // SAFETY: the partner waits, or is at its entry.
        unsafe { swapcontext(partner.outside.get().cast(), partner.inside.get().cast()) };
        partner.value.get()
    }

    #[inline(always)]
    fn suspend<V: Value>(inside: &mut &Link<V>, value: V) -> Result<V, Infallible> {
        inside.value.set(value);
        // SAFETY: the resumer waits.
        unsafe { swapcontext(inside.inside.get().cast(), inside.outside.get().cast()) };
        Ok(inside.value.get())
    }

    fn once(ground: &Slab, value: usize) -> usize {
        let mut link = Box::new(Link::new());
        prepare(&link, ground.end(0), ground.size(), |_, value: usize| Ok(value));
        Self::resume(&mut link, value)
    }
}

impl<V: Value> Link<V> {
    fn new() -> Self {
        Self {
            outside: UnsafeCell::new(MaybeUninit::zeroed()),
            inside: UnsafeCell::new(MaybeUninit::zeroed()),
            value: Cell::default(),
            body: Cell::new(ptr::null()),
        }
    }
}

/// Lays a body at the end of a stack, and makes a context for it.
fn prepare<V: Value, F>(link: &Link<V>, end: *mut u8, size: usize, body: F)
where
    F: FnOnce(&mut &Link<V>, V) -> Result<V, Infallible> + Send + 'static,
{
    let align = align_of::<F>().max(16);
    let at = end.wrapping_sub(size_of::<F>().next_multiple_of(align)).map_addr(|addr| addr & !(align - 1)).cast::<F>();
    // SAFETY: the slab has the memory, and nothing runs on this stack any more.
    unsafe { at.write(body) };
    link.body.set(at.cast());
    let context = link.inside.get().cast::<ucontext_t>();
    // SAFETY: memory for one.
    unsafe { getcontext(context) };
    // SAFETY: written just now.
    let fields = unsafe { &mut *context };
    let limit = end.wrapping_sub(size);
    fields.uc_stack.ss_sp = limit.cast();
    fields.uc_stack.ss_size = at.addr() - limit.addr();
    fields.uc_link = ptr::null_mut();
    let entry: extern "C" fn(u32, u32) = entry::<V, F>;
    // SAFETY: called with two integers, as the next line says.
    let entry = unsafe { std::mem::transmute::<extern "C" fn(u32, u32), extern "C" fn()>(entry) };
    let address = ptr::from_ref(link).expose_provenance();
    // SAFETY: the stack is ours; arguments of an entry are integers of C, so that an address is two.
    unsafe { makecontext(context, entry, 2, address as u32, (address >> 32) as u32) };
}

extern "C" fn entry<V: Value, F>(low: u32, high: u32)
where
    F: FnOnce(&mut &Link<V>, V) -> Result<V, Infallible>,
{
    let address = low as usize | (high as usize) << 32;
    // SAFETY: the link of this context; the partner lives as long as its context.
    let link = unsafe { &*ptr::with_exposed_provenance::<Link<V>>(address) };
    // SAFETY: `prepare` wrote it, and a context starts once.
    let body = unsafe { link.body.get().cast::<F>().read() };
    let mut inside = link;
    let Ok(value) = body(&mut inside, link.value.get());
    let Ok(_) = Ucontext::suspend(&mut inside, value);
    unreachable!("this context is over")
}
