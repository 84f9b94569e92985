//! Free stacks, and the place to which a claimed stack returns.
//!
//! | module | contents |
//! |---|---|
//! | `keeper` | the trait of the two kinds of free list |
//! | `list` | the free list of a pool that one core uses at a time |
//! | `slots` | the free list of a pool that several cores share |
//! | `tally` | counts of dead, leaked and abandoned greenlets, for the error of a refused spawn |
//! | `source` | the interface between the kernel and a pool; what a control block stores about its pool |

mod keeper;
mod list;
mod slots;
mod source;
mod tally;

pub(crate) use keeper::{Keeper, Shared};
pub(crate) use list::{List, NoStack};
pub(crate) use slots::{Claimed, Slots};
pub(crate) use source::{Claim, Core, Home, Place, Source, give_up_all, place, release};
pub(crate) use tally::{LESS, Lot, MORE, Tally};
