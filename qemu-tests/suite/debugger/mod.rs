//! What debuggers show: [plain] ones without any extension.

mod plain;
mod session;

use crate::Case;

pub(crate) fn cases() -> Vec<Case> {
    plain::cases()
}
