//! Which targets the crate is built for, and whether there is an operating system between it and the processor.
//!
//! What it takes is an instruction set; of the system it asks nothing. So a system that nobody here has heard of is taken for one
//! that runs programs of the usual ABI of its instruction set, and refused are those of which it is known that they do more with a
//! stack than to have the stack pointer on it. `tests/targets.rs` runs this for a list.

/// What cargo says of a target.
pub(crate) struct Target<'a> {
    pub(crate) arch: &'a str,
    pub(crate) os: &'a str,
    pub(crate) pointer_width: &'a str,
    pub(crate) endian: &'a str,
    /// `--cfg greenlet_bare` in the flags for rustc.
    pub(crate) said_bare: bool,
    /// `--cfg greenlet_hosted`.
    pub(crate) said_hosted: bool,
    /// The feature `std` of the crate.
    pub(crate) std: bool,
}

/// What stands between the crate and the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    /// Nothing: the interrupt mask may be read, and debug registers may be set by who asks for that.
    Bare,
    /// An operating system, which keeps these to itself. To read the mask is an exception there on aarch64.
    Hosted,
}

/// What stands there; or why the crate cannot be built.
pub(crate) fn ground(target: &Target<'_>) -> Result<Ground, String> {
    let Target { arch, os, pointer_width, endian, said_bare, said_hosted, std } = *target;
    if !["x86_64", "aarch64"].contains(&arch) || pointer_width != "64" || endian != "little" {
        return Err(format!(
            "greenlet has no stack switch for this instruction set ({arch}, {pointer_width}-bit pointers, {endian}-endian): it has \
             those of x86_64 and of little-endian aarch64, with 64-bit pointers; build for one of these"
        ));
    }
    match os {
        "windows" | "cygwin" => {
            return Err("greenlet is not made for Windows: there a block of each thread holds the limits of its stack, which the \
                        system looks at, and the switch does not change them. It is not the instruction set, and not the C ABI, \
                        which UEFI has as well and is built for; run tests of firmware on Linux or macOS, or in WSL"
                .into());
        }
        "openbsd" => {
            return Err("greenlet is not made for OpenBSD: its kernel ends a program whose stack pointer is in memory that was not \
                        mapped as a stack (MAP_STACK), and stacks of greenlets are in statics. It is not the instruction set; run \
                        tests of firmware on Linux, macOS or another BSD"
                .into());
        }
        _ => {}
    }
    match (said_bare, said_hosted) {
        (true, true) => {
            Err("greenlet was told --cfg greenlet_bare and --cfg greenlet_hosted: leave one of them out".into())
        }
        (true, false) if std => Err("greenlet was told --cfg greenlet_bare and has the feature `std`: bare means that nothing stands \
                                     between the program and the processor, and `std` makes each thread of an operating system a \
                                     core. For a kernel, leave out the feature, which one of the program's dependencies may turn on \
                                     (`cargo tree -e features -i greenlet`); for a program under a system, leave out the cfg"
            .into()),
        (true, false) => Ok(Ground::Bare),
        (false, true) => Ok(Ground::Hosted),
        // The firmware's own programs, and those that it loads and gives the processor to.
        (false, false) if ["none", "uefi"].contains(&os) => Ok(Ground::Bare),
        (false, false) => Ok(Ground::Hosted),
    }
}
