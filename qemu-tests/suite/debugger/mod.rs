//! What debuggers show: [plain] ones, and GDB with [gdb/greenlet.py](extension).

mod extension;
mod plain;

use crate::Case;

pub(crate) fn cases() -> Vec<Case> {
    plain::cases().into_iter().chain(extension::cases()).collect()
}
