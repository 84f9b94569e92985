//! Which stacks are free, and where each goes back to.
//!
//! | module | what |
//! |---|---|
//! | `keeper` | which are free: |
//! | `list` | for one core at a time |
//! | `slots` | for several |
//! | `tally` | what becomes of stacks whose greenlets do not run |
//! | `source` | what the kernel asks of every pool, and what a control block keeps of it |

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
