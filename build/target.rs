//! Decides from the target whether the crate can be built, and whether it runs on bare metal or under an operating
//! system.
//!
//! The crate needs a supported instruction set, and nothing of the system. So an unknown system is accepted, as one
//! that runs programs with the usual ABI of the instruction set. Refused are the systems that are known to check or
//! record the bounds of stacks. `tests/library/targets.rs` tests this with a list of targets.

/// The properties of a target, as cargo passes them to a build script.
pub(crate) struct Target<'a> {
    /// Its whole name, or that of its file.
    pub(crate) name: &'a str,
    pub(crate) arch: &'a str,
    pub(crate) os: &'a str,
    pub(crate) pointer_width: &'a str,
    pub(crate) endian: &'a str,
    /// The flags for rustc have `--cfg greenlet_bare`.
    pub(crate) said_bare: bool,
    /// The flags for rustc have `--cfg greenlet_hosted`.
    pub(crate) said_hosted: bool,
    /// The feature `std` of the crate.
    pub(crate) std: bool,
}

/// What the program runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    /// The processor itself: the crate may read the interrupt mask and, with the feature `watchpoint`, set debug
    /// registers.
    Bare,
    /// An operating system, which does not permit these. On aarch64, reading the mask raises an exception there.
    Hosted,
}

/// How the names of targets begin for which `arch/arm` is. The first has Thumb-1, the last A32, the others Thumb-2.
const ARM: [&str; 5] = ["thumbv6m", "thumbv7m", "thumbv7em", "thumbv8m.main", "armv7a"];

/// The `cfg` that selects the code for a target of [`ARM`], unless it is Thumb-2. No `cfg` of stable Rust tells them
/// apart.
pub(crate) fn code_of_arm(name: &str) -> Option<&'static str> {
    match ARM.iter().position(|profile| name.starts_with(profile)) {
        Some(0) => Some("thumb_1"),
        Some(4) => Some("a32"),
        _ => None,
    }
}

/// Whether the target is a Cortex-M with a limit register for each stack pointer. No `cfg` of stable Rust says it.
pub(crate) fn has_stack_limit(name: &str) -> bool {
    name.starts_with(ARM[3])
}

/// Returns what the program runs on, or why the crate cannot be built for the target.
pub(crate) fn ground(target: &Target<'_>) -> Result<Ground, String> {
    let Target { name, arch, os, pointer_width, endian, said_bare, said_hosted, std } = *target;
    let is_known = match arch {
        "x86_64" | "aarch64" | "riscv64" | "loongarch64" => pointer_width == "64",
        "riscv32" | "arm" => pointer_width == "32",
        _ => false,
    };
    if !is_known || endian != "little" {
        return Err(format!(
            "greenlet has no stack switch for this instruction set ({arch}, {pointer_width}-bit pointers, \
             {endian}-endian); build for x86_64, or little-endian aarch64 with 64-bit pointers, or riscv64, riscv32 \
             or loongarch64, or a Cortex-M, or Armv7-A"
        ));
    }
    if arch == "arm" && !ARM.iter().any(|profile| name.starts_with(profile)) {
        return Err(format!(
            "greenlet's stack switch for 32-bit ARM is for Cortex-M and Armv7-A, and {name} is for no processor that it \
             was tried on, by its name: no `cfg` says it. Build for a target that begins with {}. The code of v6-M runs \
             on the baseline of v8-M, too; on v7-R, and in Thumb state on v7-A, it was not tried",
            ARM.join(" or ")
        ));
    }
    match os {
        "windows" | "cygwin" => {
            return Err(
                "greenlet does not support Windows: each thread has a block with the limits of its stack, which \
                        the system reads, and the switch does not change them. It is not the instruction set, and not \
                        the C ABI, which is that of UEFI and is supported; run tests of firmware on Linux or macOS, \
                        or in WSL"
                    .into(),
            );
        }
        "openbsd" => {
            return Err(
                "greenlet does not support OpenBSD: its kernel ends a program whose stack pointer is in memory that \
                        was not mapped as a stack (MAP_STACK), and stacks of greenlets are in statics. It is not the \
                        instruction set; run tests of firmware on Linux, macOS or another BSD"
                    .into(),
            );
        }
        _ => {}
    }
    if (arch.starts_with("riscv") || ["arm", "loongarch64"].contains(&arch))
        && !said_bare
        && (said_hosted || !["none", "uefi"].contains(&os))
    {
        let mode = match arch {
            "arm" if code_of_arm(name) == Some("a32") => "a privileged mode",
            "arm" => "privileged thread mode",
            "loongarch64" => "the privilege level PLV0",
            _ => "machine mode, or supervisor mode",
        };
        return Err(format!(
            "greenlet runs on {arch} in {mode}, on bare metal, and not under a system: hosted programs were not \
             tried. Run tests of firmware under QEMU, or on a host with another instruction set; a kernel in {mode} \
             says --cfg greenlet_bare"
        ));
    }
    match (said_bare, said_hosted) {
        (true, true) => {
            Err("greenlet has both --cfg greenlet_bare and --cfg greenlet_hosted: leave one of them out".into())
        }
        (true, false) if std => {
            Err("greenlet has both --cfg greenlet_bare and the feature `std`: bare means that nothing \
             stands between the program and the processor, and `std` makes each thread of an operating system a core. \
             For a kernel, leave out the feature, which one of the program's dependencies may turn on \
             (`cargo tree -e features -i greenlet`); for a program under a system, leave out the cfg"
                .into())
        }
        (true, false) => Ok(Ground::Bare),
        (false, true) => Ok(Ground::Hosted),
        // Firmware, and the programs that UEFI loads and that run on the processor themselves.
        (false, false) if ["none", "uefi"].contains(&os) => Ok(Ground::Bare),
        (false, false) => Ok(Ground::Hosted),
    }
}
