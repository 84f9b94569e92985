//! `bits` exclusive or with an `AtomicU32`, in one instruction: the compiler makes a relaxed load a part of no other instruction, so that
//! it takes one more.
//!
//! Macros, because the operands are a field by its name and a static by its symbol. What they expand to reads an aligned word of 4
//! bytes, which the processor reads in one piece: a relaxed load.

/// `$bits` exclusive or with the field `$field` of the static `$record`, a `$type`.
#[cfg(not(feature = "cores"))]
macro_rules! xor_static {
    ($bits:expr, $record:path as $type:ty, $field:ident) => {{
        let mut bits: u32 = $bits;
        // SAFETY: reads the field, an atomic that is as long as the program.
        unsafe {
            core::arch::asm!(
                "xor {bits:e}, dword ptr [rip + {record} + {field}]",
                bits = inout(reg) bits,
                record = sym $record,
                field = const core::mem::offset_of!($type, $field),
                options(readonly, nostack, pure),
            );
        }
        bits
    }};
}

/// `$bits` exclusive or with the field `$field` of `$record`, a `&$type`.
#[cfg(feature = "cores")]
macro_rules! xor_field {
    ($bits:expr, $record:ident as $type:ty, $field:ident) => {{
        let mut bits: u32 = $bits;
        let record: &$type = $record;
        // SAFETY: reads the field, an atomic behind a reference.
        unsafe {
            core::arch::asm!(
                "xor {bits:e}, dword ptr [{record} + {field}]",
                bits = inout(reg) bits,
                record = in(reg) record,
                field = const core::mem::offset_of!($type, $field),
                options(readonly, nostack, pure),
            );
        }
        bits
    }};
}

#[cfg(feature = "cores")]
pub(crate) use xor_field;
#[cfg(not(feature = "cores"))]
pub(crate) use xor_static;
