//! Free stacks, and the place to which a claimed stack returns.
//!
//! | module | contents |
//! |---|---|
//! | `free_list` | the trait of the two kinds of free list |
//! | `list` | the free list of a pool that one core uses at a time |
//! | `slots` | the free list of a pool that several cores share |
//! | `tally` | counts of dead, leaked and abandoned greenlets, for the error of a refused spawn |
//! | `interface` | the interface between the kernel and a pool; what a control block stores about its pool |

mod free_list;
mod interface;
mod list;
#[cfg_attr(
    not(target_has_atomic = "64"),
    allow(clippy::unnecessary_cast, reason = "on 64-bit processors half of a head is another type than the whole")
)]
mod slots;
mod tally;

pub(crate) use free_list::{FreeList, Shared};
pub(crate) use interface::{Claim, CoreRef, Home, PoolImpl, Slot, give_up_all, release, slot};
pub(crate) use list::{List, NoStack};
pub(crate) use slots::{Claimed, Slots};
pub(crate) use tally::{Fate, LESS, MORE};
