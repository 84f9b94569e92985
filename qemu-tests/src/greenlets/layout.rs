//! Where the fields of a control block and of a core's record are, from debug information: they move with the features
//! of the crate.

use anyhow::{Context as _, Result};
use gimli::{AttributeValue, DebuggingInformationEntry, Dwarf, EndianRcSlice, LittleEndian, Unit, UnitOffset};

use crate::symbols;

type Reader = EndianRcSlice<LittleEndian>;
type Entry = DebuggingInformationEntry<Reader>;

/// What a program needs so that its greenlets can be found.
const REMEDY: &str = "its debug information does not have the types of this version of greenlet: build it with `debug = true` in its \
     profile";

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
    /// The id, with the bits of requests above it.
    pub id: u64,
    /// Bytes of a core's record.
    pub core_size: u64,
    /// In it: the block of the greenlet that runs, null outside of a tree.
    pub current: u64,
    /// In it: the block of main, null outside of a tree.
    pub main: u64,
}

impl Layout {
    /// Reads them from a program.
    ///
    /// # Errors
    ///
    /// When its debug information has no types; with the remedy.
    pub fn of(file: &object::File<'_>) -> Result<Self> {
        let types = Types::of(file)?;
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
            "id.word",
        ];
        let (size, [sp, pc, frame, reserved, link, flags, floor, reach, body_or_pin, next, name, id]) =
            types.find("Block", block)?.context(REMEDY)?;
        let (core_size, [current, main]) = types.find("Core", ["current", "main"])?.context(REMEDY)?;
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
        })
    }
}

/// The types of a program.
struct Types {
    dwarf: Dwarf<Reader>,
    units: Vec<Unit<Reader>>,
}

impl Types {
    fn of(file: &object::File<'_>) -> Result<Self> {
        let dwarf = Dwarf::load(|id| symbols::section(file, id.name()))?;
        let mut headers = dwarf.units();
        let mut units = Vec::new();
        while let Some(header) = headers.next()? {
            units.push(dwarf.unit(header)?);
        }
        Ok(Self { dwarf, units })
    }

    /// The bytes of the first structure that is called `name` and has all these fields, and where they are. A field may
    /// be a path: `context.sp`.
    fn find<const N: usize>(&self, name: &str, fields: [&str; N]) -> Result<Option<(u64, [u64; N])>> {
        for unit in &self.units {
            let mut entries = unit.entries();
            while let Some(entry) = entries.next_dfs()? {
                if entry.tag() != gimli::DW_TAG_structure_type || !self.is_called(unit, entry, name)? {
                    continue;
                }
                let size = entry.attr_value(gimli::DW_AT_byte_size).and_then(|value| value.udata_value());
                let mut found = [0; N];
                let mut has_all = true;
                for (at, field) in found.iter_mut().zip(fields) {
                    match self.offset(unit, entry.offset(), field)? {
                        Some(offset) => *at = offset,
                        None => has_all = false,
                    }
                }
                if let (Some(size), true) = (size, has_all) {
                    return Ok(Some((size, found)));
                }
            }
        }
        Ok(None)
    }

    /// Where a field is in a structure.
    fn offset(&self, unit: &Unit<Reader>, structure: UnitOffset, path: &str) -> Result<Option<u64>> {
        let (field, rest) = path.split_once('.').map_or((path, None), |(field, rest)| (field, Some(rest)));
        let mut tree = unit.entries_tree(Some(structure))?;
        let mut children = tree.root()?.children();
        while let Some(child) = children.next()? {
            let entry = child.entry();
            if !self.is_called(unit, entry, field)? {
                continue;
            }
            let at = entry.attr_value(gimli::DW_AT_data_member_location).and_then(|at| at.udata_value());
            return match (at, rest) {
                (Some(at), Some(rest)) => {
                    let Some((unit, structure)) = self.type_of(unit, entry) else { return Ok(None) };
                    Ok(self.offset(unit, structure, rest)?.map(|inner| at + inner))
                }
                (at, _) => Ok(at),
            };
        }
        Ok(None)
    }

    /// The type of a field: with link-time optimization it may be in another unit.
    fn type_of<'a>(&'a self, unit: &'a Unit<Reader>, field: &Entry) -> Option<(&'a Unit<Reader>, UnitOffset)> {
        match field.attr_value(gimli::DW_AT_type)? {
            AttributeValue::UnitRef(offset) => Some((unit, offset)),
            AttributeValue::DebugInfoRef(offset) => {
                self.units.iter().find_map(|unit| Some((unit, offset.to_unit_offset(&unit.header)?)))
            }
            _ => None,
        }
    }

    fn is_called(&self, unit: &Unit<Reader>, entry: &Entry, name: &str) -> Result<bool> {
        use gimli::Reader as _;
        let Some(value) = entry.attr_value(gimli::DW_AT_name) else { return Ok(false) };
        Ok(self.dwarf.attr_string(unit, value)?.to_string_lossy()? == name)
    }
}
