//! Firmware that loads guests, and which guests.

/// Firmware that loads guests.
#[derive(Debug)]
pub struct Firmware {
    /// Its file, among the [data](crate::tools::data_file) of packages.
    pub file: &'static str,
    /// The Debian package that has this file.
    pub package: &'static str,
}

/// UEFI for x86-64.
pub(super) static OVMF: Firmware = Firmware { file: "ovmf/OVMF.fd", package: "ovmf" };

/// UEFI for AArch64.
pub(super) static AAVMF: Firmware = Firmware { file: "qemu-efi-aarch64/QEMU_EFI.fd", package: "qemu-efi-aarch64" };

/// The tested guests that firmware may load: those that need no interrupt, exception or other core, no guard page and
/// no linker script.
pub(super) const GUESTS: &[&str] = &[
    "backtrace",
    "checks",
    "hang",
    "misuse",
    "overflow",
    "overflow_shapes",
    "panic",
    "pool",
    "registers",
    "tour",
    "values",
];
