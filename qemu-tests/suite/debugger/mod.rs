//! What debuggers show: [plain] ones, GDB with [gdb/greenlet.py](extension), and any by way of the [proxy],
//! also as [editors](adapter) use them.

mod adapter;
mod damage;
mod extension;
mod machine_interface;
mod plain;
mod proxy;
mod through;

use crate::Case;

pub(crate) fn cases() -> Vec<Case> {
    plain::cases()
        .into_iter()
        .chain(extension::cases())
        .chain(proxy::cases())
        .chain(adapter::cases())
        .chain(machine_interface::cases())
        .chain(damage::cases())
        .chain(through::cases())
        .collect()
}
