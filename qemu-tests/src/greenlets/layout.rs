//! Where the fields of a control block and of a core's record are, from debug information: they move with the features
//! of the crate.

use anyhow::{Context as _, Result};

use super::types::Types;

/// What a program needs so that its greenlets can be found.
const REMEDY: &str = "its debug information does not have the types of this version of greenlet: build it with `debug = true` in its \
     profile and without `strip`";

/// Offsets in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Bytes of the block.
    pub size: u64,
    /// The saved stack pointer.
    pub sp: u64,
    /// The resume address.
    pub pc: u64,
    /// The saved frame pointer.
    pub frame: u64,
    /// The saved register that LLVM reserves.
    pub reserved: u64,
    /// The parent.
    pub link: u64,
    /// Bits of 32.
    pub flags: u64,
    /// The upper end of the canary band.
    pub floor: u64,
    /// A word that is zero only for main.
    pub reach: u64,
    /// Not null while the greenlet has a body that has not started, or has a pin.
    pub body_or_pin: u64,
    /// The next block of the tree's ring.
    pub next: u64,
    /// The name: a pointer, null for none, and a length.
    pub name: u64,
    /// The id, with the bits of requests.
    pub id: Number,
    /// Bytes of a core's record.
    pub core_size: u64,
    /// In it: the block of the greenlet that runs, null outside of a tree.
    pub current: u64,
    /// In it: the block of main, null outside of a tree.
    pub main: u64,
    /// In it: the tree.
    pub tree: u64,
}

/// Where the word with an id is.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// In 64 bits.
    Whole(u64),
    /// In two halves: src/records/narrow.rs.
    Halves {
        /// 24 bits of the id, and above them the bits of requests.
        low: u64,
        /// The upper bits of the id.
        high: u64,
    },
}

impl Layout {
    /// Reads them from a program.
    ///
    /// # Errors
    ///
    /// When its debug information has no types; with the remedy.
    pub fn of(file: &object::File<'_>) -> Result<Self> {
        Self::in_types(&Types::of(file)?)
    }

    /// [`of`](Self::of), with the types.
    pub(super) fn in_types(types: &Types) -> Result<Self> {
        let block = [
            "context.sp",
            "context.pc",
            "context.frame",
            "context.reserved",
            "context.link",
            "flags",
            "bounds.floor",
            "bounds.reach",
            "body_or_pin",
            "next",
            "name",
        ];
        let (size, [sp, pc, frame, reserved, link, flags, floor, reach, body_or_pin, next, name]) =
            types.find("Block", block)?.context(REMEDY)?;
        let id = match types.find("Block", ["id.word.low", "id.word.high"])? {
            Some((_, [low, high])) => Number::Halves { low, high },
            None => Number::Whole(types.find("Block", ["id.word"])?.context(REMEDY)?.1[0]),
        };
        let (core_size, [current, main, tree]) = types.find("Core", ["current", "main", "tree"])?.context(REMEDY)?;
        Ok(Self {
            size,
            sp,
            pc,
            frame,
            reserved,
            link,
            flags,
            floor,
            reach,
            body_or_pin,
            next,
            name,
            id,
            core_size,
            current,
            main,
            tree,
        })
    }
}
