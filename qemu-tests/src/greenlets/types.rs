//! Types and statics of a program, from its debug information.

use anyhow::Result;
use gimli::{
    AttributeValue, DebuggingInformationEntry, DwTag, Dwarf, EndianRcSlice, LittleEndian, Operation, Unit, UnitOffset,
};

use crate::symbols;

type Reader = EndianRcSlice<LittleEndian>;
type Entry = DebuggingInformationEntry<Reader>;

/// The types of a program.
pub(super) struct Types {
    dwarf: Dwarf<Reader>,
    units: Vec<Unit<Reader>>,
}

/// A type.
#[derive(Clone, Copy)]
pub(super) struct Type<'a> {
    types: &'a Types,
    unit: &'a Unit<Reader>,
    at: UnitOffset,
}

impl Types {
    pub(super) fn of(file: &object::File<'_>) -> Result<Self> {
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
    pub(super) fn find<const N: usize>(&self, name: &str, fields: [&str; N]) -> Result<Option<(u64, [u64; N])>> {
        for unit in &self.units {
            let mut entries = unit.entries();
            while let Some(entry) = entries.next_dfs()? {
                if entry.tag() != gimli::DW_TAG_structure_type || !self.is_called(unit, entry, name)? {
                    continue;
                }
                let structure = Type { types: self, unit, at: entry.offset() };
                let mut found = [0; N];
                let mut has_all = true;
                for (at, path) in found.iter_mut().zip(fields) {
                    match structure.field(path)? {
                        Some((offset, _)) => *at = offset,
                        None => has_all = false,
                    }
                }
                if let (Some(size), true) = (structure.size()?, has_all) {
                    return Ok(Some((size, found)));
                }
            }
        }
        Ok(None)
    }

    /// The first structure that is called `name` and has this field.
    pub(super) fn with_field(&self, name: &str, field: &str) -> Result<Option<Type<'_>>> {
        for unit in &self.units {
            let mut entries = unit.entries();
            while let Some(entry) = entries.next_dfs()? {
                if entry.tag() == gimli::DW_TAG_structure_type && self.is_called(unit, entry, name)? {
                    let structure = Type { types: self, unit, at: entry.offset() };
                    if structure.field(field)?.is_some() {
                        return Ok(Some(structure));
                    }
                }
            }
        }
        Ok(None)
    }

    /// The statics whose types have names that begin with `begin`: their addresses and types.
    pub(super) fn statics(&self, begin: &str) -> Result<Vec<(u64, Type<'_>)>> {
        let mut found = Vec::new();
        for unit in &self.units {
            let mut entries = unit.entries();
            while let Some(entry) = entries.next_dfs()? {
                if entry.tag() != gimli::DW_TAG_variable {
                    continue;
                }
                let Some(AttributeValue::Exprloc(place)) = entry.attr_value(gimli::DW_AT_location) else { continue };
                let address = match place.operations(unit.encoding()).next()? {
                    Some(Operation::Address { address }) => address,
                    Some(Operation::AddressIndex { index }) => self.dwarf.address(unit, index)?,
                    _ => continue,
                };
                if let Some(its) = self.type_of(unit, entry)
                    && its.name()?.is_some_and(|name| name.starts_with(begin))
                {
                    found.push((address, its));
                }
            }
        }
        Ok(found)
    }

    /// The type of a field, a variable or an element: with link-time optimization it may be in another unit.
    fn type_of<'a>(&'a self, unit: &'a Unit<Reader>, entry: &Entry) -> Option<Type<'a>> {
        let (unit, at) = match entry.attr_value(gimli::DW_AT_type)? {
            AttributeValue::UnitRef(offset) => (unit, offset),
            AttributeValue::DebugInfoRef(offset) => {
                self.units.iter().find_map(|unit| Some((unit, offset.to_unit_offset(&unit.header)?)))?
            }
            _ => return None,
        };
        Some(Type { types: self, unit, at })
    }

    fn name(&self, unit: &Unit<Reader>, entry: &Entry) -> Result<Option<String>> {
        use gimli::Reader as _;
        let Some(value) = entry.attr_value(gimli::DW_AT_name) else { return Ok(None) };
        Ok(Some(self.dwarf.attr_string(unit, value)?.to_string_lossy()?.into_owned()))
    }

    fn is_called(&self, unit: &Unit<Reader>, entry: &Entry, name: &str) -> Result<bool> {
        use gimli::Reader as _;
        let Some(value) = entry.attr_value(gimli::DW_AT_name) else { return Ok(false) };
        Ok(self.dwarf.attr_string(unit, value)?.to_string_lossy()? == name)
    }
}

impl<'a> Type<'a> {
    /// Its name.
    pub(super) fn name(&self) -> Result<Option<String>> {
        self.types.name(self.unit, &self.unit.entry(self.at)?)
    }

    /// Its bytes. Debug information has none for a pointer.
    pub(super) fn size(&self) -> Result<Option<u64>> {
        let entry = self.unit.entry(self.at)?;
        if entry.tag() == gimli::DW_TAG_pointer_type {
            return Ok(Some(u64::from(self.unit.encoding().address_size)));
        }
        Ok(entry.attr_value(gimli::DW_AT_byte_size).and_then(|value| value.udata_value()))
    }

    /// A field of a structure: where it is, and its type. It may be a path.
    pub(super) fn field(&self, path: &str) -> Result<Option<(u64, Type<'a>)>> {
        let (field, rest) = path.split_once('.').map_or((path, None), |(field, rest)| (field, Some(rest)));
        let mut tree = self.unit.entries_tree(Some(self.at))?;
        let mut children = tree.root()?.children();
        while let Some(child) = children.next()? {
            let entry = child.entry();
            if !self.types.is_called(self.unit, entry, field)? {
                continue;
            }
            let at = entry.attr_value(gimli::DW_AT_data_member_location).and_then(|at| at.udata_value());
            let (Some(at), Some(its)) = (at, self.types.type_of(self.unit, entry)) else { return Ok(None) };
            return match rest {
                Some(rest) => Ok(its.field(rest)?.map(|(inner, its)| (at + inner, its))),
                None => Ok(Some((at, its))),
            };
        }
        Ok(None)
    }

    /// The type of an array's elements, and their count.
    pub(super) fn elements(&self) -> Result<Option<(Type<'a>, u64)>> {
        let counts = self.values(gimli::DW_TAG_subrange_type, gimli::DW_AT_count)?;
        let element = self.types.type_of(self.unit, &self.unit.entry(self.at)?);
        Ok(element.zip(counts.first().map(|(count, _)| *count)))
    }

    /// The values of an enumeration, with their names.
    pub(super) fn variants(&self) -> Result<Vec<(u64, String)>> {
        self.values(gimli::DW_TAG_enumerator, gimli::DW_AT_const_value)
    }

    fn values(&self, tag: DwTag, attribute: gimli::DwAt) -> Result<Vec<(u64, String)>> {
        let mut found = Vec::new();
        let mut tree = self.unit.entries_tree(Some(self.at))?;
        let mut children = tree.root()?.children();
        while let Some(child) = children.next()? {
            let entry = child.entry();
            let value = entry.attr_value(attribute).and_then(|value| value.udata_value());
            if let (true, Some(value)) = (entry.tag() == tag, value) {
                found.push((value, self.types.name(self.unit, entry)?.unwrap_or_default()));
            }
        }
        Ok(found)
    }
}
