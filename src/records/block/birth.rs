//! A block in a slot: written when the stack is used for the first time, renewed for each further greenlet.

use super::{Block, BlockPtr, Flags};
use crate::arch::{Bounds, Context};
use crate::records::attached;
use crate::records::busy::Count;
use crate::records::core_state::{Core, Link};
use crate::records::mail::Number;
use crate::records::pool::Home;
use core::cell::Cell;
use core::ptr;

impl Block {
    /// Writes a block into a slot that was never used. It has one reference, for the handle that creation returns.
    ///
    /// # Safety
    ///
    /// As for [`write`](Self::write), except that `id` need not be initialised.
    pub(crate) unsafe fn write_first(
        place: *mut Self,
        bounds: Bounds,
        home: (Home, u32),
        core: &'static Core,
    ) -> BlockPtr {
        // SAFETY: in bounds of the caller's memory.
        let number = unsafe { &raw mut (*place).id };
        // SAFETY: the slot was never used, so no handle or list refers to its id.
        unsafe { number.write(Number::unused()) };
        // SAFETY: the caller's contract.
        let me = unsafe { Self::write(place, bounds, home, core) };
        me.context.clear_frames();
        me
    }

    /// Writes all of a block but `id`, which is initialised and gets a new id.
    ///
    /// # Safety
    ///
    /// `place` is aligned and writable for a block, and its `id` is initialised. Nothing else uses the rest of the
    /// memory, and it stays a block until its slot is released.
    pub(crate) unsafe fn write(
        place: *mut Self,
        bounds: Bounds,
        (home, headroom): (Home, u32),
        core: &'static Core,
    ) -> BlockPtr {
        // SAFETY: `id` is an atomic for ever. It is not written with the other fields, because a weak handle to the
        // last greenlet of the slot may read it, and so may a core that takes the slot out of a list. A slot that is in
        // a list here is main's, and its tree is the same one.
        unsafe { &(*place).id }.set(core.new_id(), || true);
        let me = place.cast_const();
        let floor = bounds.floor.get().addr();
        macro_rules! fill {
            ($($field:ident: $value:expr,)*) => {
                // No field is left out: this pattern has to name them all.
                const _: fn(&Block) = |Block { id: _, context: _, $($field: _,)* }| ();
                $(
                    // SAFETY: the memory is the caller's to give away, and no reference to this field exists.
                    unsafe { (&raw mut (*place).$field).write($value) };
                )*
            };
        }
        // SAFETY: the memory is the caller's to give away; the context is the first one.
        unsafe { Context::write_running(place.cast()) };
        fill! {
            flags: Cell::new(Flags::NONE),
            refs: Cell::new(1),
            bounds: bounds,
            record: Cell::new([0; 2]),
            body_or_pin: Cell::new(ptr::null()),
            next: Cell::new(me),
            prev: Cell::new(me),
            home: Cell::new(home),
            headroom: Cell::new(headroom),
            busy: Count::none(),
            core: Cell::new(Link::to(core)),
            name: Cell::new(None),
            local_context: Cell::new(ptr::null()),
            attached: Cell::new(ptr::null()),
        }
        // SAFETY: all fields are written.
        let me = unsafe { BlockPtr::new(place) };
        me.context.set_limit(floor);
        me
    }

    /// Makes a block anew from one that [`write`](Self::write) made, for the next greenlet on the stack. Fields that
    /// depend on the stack and the pool only are unchanged, and so are those that a freed greenlet leaves empty.
    ///
    /// # Safety
    ///
    /// `place` is a block whose greenlet was freed, and the caller has claimed its slot.
    pub(crate) unsafe fn renew(place: *const Self, core: &'static Core) -> BlockPtr {
        // SAFETY: the block of a freed greenlet is still initialised.
        let id = unsafe { &(*place).id };
        // SAFETY: the same.
        let tree = unsafe { (*place).prev.get() }.cast();
        id.set(core.new_id(), || ptr::eq(tree, core.tree()));
        // SAFETY: the same contract.
        unsafe { Self::renew_rest(place, core) }
    }

    /// [`renew`](Self::renew) of a block that is in no list of requests. Calls nothing.
    ///
    /// # Safety
    ///
    /// As for [`renew`](Self::renew).
    #[inline]
    pub(crate) unsafe fn renew_unlinked(place: *const Self, core: &'static Core) -> BlockPtr {
        // SAFETY: the block of a freed greenlet is still initialised.
        unsafe { &(*place).id }.set_unlinked(core.new_id());
        // SAFETY: the same contract.
        unsafe { Self::renew_rest(place, core) }
    }

    /// [`renew`](Self::renew) without the id.
    ///
    /// # Safety
    ///
    /// As for [`renew`](Self::renew).
    #[inline]
    unsafe fn renew_rest(place: *const Self, core: &'static Core) -> BlockPtr {
        // SAFETY: the block of a freed greenlet is still initialised.
        let me = unsafe { BlockPtr::new(place) };
        debug_assert!(!me.has_body_or_pin() && !attached::is_attached(me));
        me.flags.set(Flags::NONE);
        me.refs.set(1);
        me.core.set(Link::to(core));
        me.name.set(None);
        me.busy.clear();
        me
    }
}
