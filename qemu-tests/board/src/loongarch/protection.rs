//! Protection of memory: none, since addresses are not translated.

/// Refuses.
///
/// # Panics
///
/// Always.
pub(crate) fn take_out(page: usize) {
    panic!("the page at {page:#x} cannot be protected: the board does not turn on this machine's page tables");
}
