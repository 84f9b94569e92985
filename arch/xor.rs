//! `bits` exclusive or with an `AtomicU32`, where a relaxed load and an exclusive or are two instructions in any case. As the macros of
//! `x86_64/xor.rs`.

/// `$bits` exclusive or with the field `$field` of the static `$record`.
#[cfg(not(any(feature = "cores", feature = "std")))]
macro_rules! xor_static {
    ($bits:expr, $record:path as $type:ty, $field:ident) => {
        $bits ^ $record.$field.load(core::sync::atomic::Ordering::Relaxed)
    };
}

/// `$bits` exclusive or with the field `$field` of `$record`.
#[cfg(any(feature = "cores", feature = "std"))]
macro_rules! xor_field {
    ($bits:expr, $record:ident as $type:ty, $field:ident) => {
        $bits ^ $record.$field.load(core::sync::atomic::Ordering::Relaxed)
    };
}

#[cfg(any(feature = "cores", feature = "std"))]
pub(crate) use xor_field;
#[cfg(not(any(feature = "cores", feature = "std")))]
pub(crate) use xor_static;
