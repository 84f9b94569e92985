//! Where the fields of a control block are, from debug information: they move with the features of the crate.

use anyhow::{Result, bail};
use gimli::{AttributeValue, DebuggingInformationEntry, Dwarf, EndianRcSlice, LittleEndian, Unit};

use crate::symbols;

type Reader = EndianRcSlice<LittleEndian>;

/// Offsets in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Layout {
    /// Bytes of the block.
    pub(super) size: u64,
    /// The name: a pointer, null for none, and a length.
    pub(super) name: u64,
    /// The upper end of the canary band, then a word that is zero only for main.
    pub(super) bounds: u64,
    /// The next block of the tree's ring.
    pub(super) next: u64,
    /// In the record of a core: the block of main, null outside of a tree.
    pub(super) main: u64,
}

impl Layout {
    /// Reads them from a program.
    ///
    /// # Errors
    ///
    /// When its debug information has no types; with the remedy.
    pub(super) fn of(file: &object::File<'_>) -> Result<Self> {
        let dwarf = Dwarf::load(|id| symbols::section(file, id.name()))?;
        let mut units = dwarf.units();
        let mut layout = Self::default();
        while let Some(header) = units.next()? {
            let unit = dwarf.unit(header)?;
            let mut entries = unit.entries();
            while let Some(entry) = entries.next_dfs()? {
                if entry.tag() != gimli::DW_TAG_structure_type {
                    continue;
                }
                match name(&dwarf, &unit, entry)?.as_str() {
                    "Block" if layout.size == 0 => {
                        let size = entry.attr_value(gimli::DW_AT_byte_size).and_then(|value| value.udata_value());
                        let fields = ["context", "name", "bounds", "next"];
                        let [context, name, bounds, next] = offsets(&dwarf, &unit, entry, fields)?;
                        if let (Some(size), Some(0), Some(name), Some(bounds), Some(next)) =
                            (size, context, name, bounds, next)
                        {
                            layout = Self { size, name, bounds, next, ..layout };
                        }
                    }
                    "Core" if layout.main == 0 => {
                        if let [Some(main), Some(_)] = offsets(&dwarf, &unit, entry, ["main", "current"])? {
                            layout.main = main;
                        }
                    }
                    _ => {}
                }
                if layout.size > 0 && layout.main > 0 {
                    return Ok(layout);
                }
            }
        }
        bail!("its debug information has not the types of greenlet: build it with `debug = true` in its profile")
    }
}

fn name(dwarf: &Dwarf<Reader>, unit: &Unit<Reader>, entry: &DebuggingInformationEntry<Reader>) -> Result<String> {
    use gimli::Reader as _;
    let Some(value) = entry.attr_value(gimli::DW_AT_name) else { return Ok(String::new()) };
    Ok(dwarf.attr_string(unit, value)?.to_string_lossy()?.into_owned())
}

/// The offsets of these fields of a structure.
fn offsets<const N: usize>(
    dwarf: &Dwarf<Reader>,
    unit: &Unit<Reader>,
    structure: &DebuggingInformationEntry<Reader>,
    fields: [&str; N],
) -> Result<[Option<u64>; N]> {
    let mut found = [None; N];
    let mut tree = unit.entries_tree(Some(structure.offset()))?;
    let mut children = tree.root()?.children();
    while let Some(child) = children.next()? {
        let entry = child.entry();
        let field = name(dwarf, unit, entry)?;
        let at =
            entry.attr_value(gimli::DW_AT_data_member_location).and_then(|at: AttributeValue<Reader>| at.udata_value());
        if let Some(index) = fields.iter().position(|name| *name == field) {
            found[index] = at;
        }
    }
    Ok(found)
}
