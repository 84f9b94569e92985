//! What an exception was, in words that fit every machine.

use core::fmt::{self, Display, Formatter};

use crate::{cores, memory};

/// An unexpected exception.
///
/// Addresses of data are printed, for they are what the guest asked for. Addresses of code differ between machines and
/// builds; they are among the registers.
#[derive(Clone, Copy)]
pub(crate) enum Fault {
    /// A load.
    Read(usize),
    /// A store.
    Write(usize),
    /// A jump to where no code is.
    Execute(usize),
    /// A store to memory that is watched, or that the stack pointer must not reach.
    #[cfg_attr(
        not(any(target_arch = "aarch64", target_arch = "x86_64")),
        allow(dead_code, reason = "QEMU's have no such range, but v8-M a limit of the stack")
    )]
    Watched(usize),
    /// No such instruction, or the one that the compiler puts where the program must not come.
    IllegalInstruction,
    /// The instruction for debuggers.
    Breakpoint,
    /// Not an instruction's doing: a device, or memory that failed.
    #[cfg(target_arch = "aarch64")]
    Interrupt,
    /// Anything else, by the machine's own number.
    Exception(u64),
}

impl Fault {
    /// The address of data that was at fault.
    pub(crate) fn address(&self) -> Option<usize> {
        match *self {
            Self::Read(address) | Self::Write(address) | Self::Watched(address) => Some(address),
            _ => None,
        }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (access, address) = match *self {
            Self::Read(address) => ("read from", address),
            Self::Write(address) => ("write to", address),
            Self::Execute(address) => ("execute at", address),
            Self::Watched(address) => ("write to watched", address),
            Self::IllegalInstruction => return f.write_str("illegal instruction"),
            Self::Breakpoint => return f.write_str("breakpoint"),
            #[cfg(target_arch = "aarch64")]
            Self::Interrupt => return f.write_str("interrupt"),
            Self::Exception(number) => return write!(f, "exception {number}"),
        };
        if memory::is_guest_stack_guard(address) || cores::is_guest_stack_guard(address) {
            // The linker chose the address. That the stack is too small is what there is to know.
            return write!(f, "{access} the guard page below the guest's stack");
        }
        // SAFETY: as for the report that this is printed in: the interrupted code is not resumed, and is of this core.
        match unsafe { greenlet::stack_of(address) } {
            Some((owner, stack)) if address < stack.limit => {
                write!(f, "{access} the guard page below the stack of {owner}")
            }
            Some((owner, _)) if matches!(self, Self::Watched(_)) => {
                write!(f, "write to the limit of the stack of {owner}")
            }
            _ => write!(f, "{access} {address:#018x}"),
        }
    }
}
