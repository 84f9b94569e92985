//! Whether code is compiled with optimization, which decides how much stack it takes.

use crate::arch;
use core::mem::MaybeUninit;

/// Whether this is known for every crate in the program. The build script sets the cfg `unoptimized` if this crate is
/// compiled without optimization, or in a profile that is unoptimized by default. Debug assertions count as well: they
/// are on in such profiles, and make the frames larger.
pub(crate) const IS_KNOWN_UNOPTIMIZED: bool = cfg!(any(unoptimized, debug_assertions));

/// Returns `true` if the crate into which this is inlined is compiled without optimization.
///
/// A test of the compiler's behaviour: two values whose lifetimes do not overlap share one stack slot with
/// optimization, and have two without. The same holds for the outcomes in this crate's frames, and makes the difference
/// between the two figures.
///
/// The result is also correct if only the linker optimizes: code that was compiled without optimization has no lifetime
/// markers for its stack slots. The values have 8 bytes also on a 32-bit processor, because LLVM looks at no slots that
/// have less than 16 bytes together.
#[inline(always)]
pub(crate) fn is_unoptimized() -> bool {
    if IS_KNOWN_UNOPTIMIZED {
        return true;
    }
    let first = {
        let value = MaybeUninit::<u64>::uninit();
        arch::opaque(value.as_ptr())
    };
    let second = {
        let value = MaybeUninit::<u64>::uninit();
        arch::opaque(value.as_ptr())
    };
    first != second
}
