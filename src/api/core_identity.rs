//! The core identity: the firmware's function that returns which core executes.

/// Identifies the core that executes, and whether it executes a handler.
///
/// With the feature `cores`, the program declares one implementation with [`core_identity!`](crate::core_identity).
/// Then each core can enter a tree of its own, and `Tree::current` works for code that has no handle. With the
/// feature `std`, each thread counts as a core, and there is nothing to declare.
///
/// # Safety
///
/// - `number` always returns the same number on the same core, in handlers as well, and different numbers on
///   different cores.
/// - `in_handler` returns `true` in every interrupt and exception handler: whenever the calling code may have
///   interrupted a greenlet, main included, on this core. It may return `true` at other times, too; then no tree
///   can be entered, and `Tree::current` returns `None`.
///
/// ```
/// struct Dual;
///
/// // SAFETY: this chip numbers its two cores, and its interrupt controller shows whether a handler runs.
/// unsafe impl greenlet::CoreIdentity for Dual {
///     fn number() -> usize { core_register() & 1 }
///     fn in_handler() -> bool { active_interrupt() != 0 }
/// }
/// # fn core_register() -> usize { 3 }
/// # fn active_interrupt() -> u32 { 0 }
/// # use greenlet::CoreIdentity;
/// # assert!(Dual::number() == 1 && !Dual::in_handler());
/// ```
pub unsafe trait CoreIdentity {
    /// Returns the number of the core that executes, 0 to 63.
    fn number() -> usize;

    /// Returns `true` in an interrupt or exception handler.
    fn in_handler() -> bool;
}

/// Declares the program's [`CoreIdentity`], once per program; needs the feature `cores`.
///
/// ```
/// struct Firmware;
///
/// // SAFETY: this chip has one core, and its interrupt controller shows whether a handler runs.
/// unsafe impl greenlet::CoreIdentity for Firmware {
///     fn number() -> usize { 0 }
///     fn in_handler() -> bool { active_interrupt() != 0 }
/// }
/// # fn active_interrupt() -> u32 { 0 }
///
/// greenlet::core_identity!(Firmware);
/// ```
///
/// The ready-made identities `SingleCore` and `Mpidr` are correct for some firmware only. They are declared with
/// the `unsafe` keyword, which is the promise that their conditions hold: `greenlet::core_identity!(unsafe
/// greenlet::SingleCore);`
#[macro_export]
macro_rules! core_identity {
    (unsafe $ready:ty) => {
        const _: () = {
            struct Promised;

            // SAFETY: the `unsafe` in the declaration is the promise that the contract holds.
            unsafe impl $crate::CoreIdentity for Promised {
                fn number() -> usize {
                    <$ready>::number()
                }

                fn in_handler() -> bool {
                    <$ready>::in_handler()
                }
            }

            $crate::core_identity!(Promised);
        };
    };
    ($identity:ty) => {
        const _: () = {
            #[unsafe(no_mangle)]
            extern "Rust" fn _greenlet_core_number() -> usize {
                <$identity as $crate::CoreIdentity>::number()
            }

            #[unsafe(no_mangle)]
            extern "Rust" fn _greenlet_in_handler() -> bool {
                <$identity as $crate::CoreIdentity>::in_handler()
            }
        };
    };
}

/// The identity of firmware with one core, whose handlers run with interrupts masked.
///
/// Handlers do that unless firmware unmasks interrupts in them. Code with interrupts masked counts as a handler, in a
/// critical section as well: there no tree can be entered, and `Tree::current` returns `None`. The mask is PSTATE.I on
/// aarch64, RFLAGS.IF on x86_64, and mstatus.MIE or sstatus.SIE on RISC-V. On Cortex-M it is exact, and no mask counts: a handler is
/// code with an IPSR other than 0.
///
/// For [`core_identity!`](crate::core_identity) with `unsafe`: the promise is that there is one core, and that no
/// handler unmasks interrupts.
///
/// ```no_run
/// # #![no_std]
/// # #![no_main]
/// # #[panic_handler]
/// # fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
/// greenlet::core_identity!(unsafe greenlet::SingleCore);
/// ```
#[cfg(bare)]
#[derive(Debug)]
pub struct SingleCore;

#[cfg(bare)]
impl SingleCore {
    /// Returns 0, the number of the only core.
    ///
    /// ```no_run
    /// # #![no_std]
    /// # #![no_main]
    /// # #[panic_handler]
    /// # fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
    /// fn check() { assert_eq!(greenlet::SingleCore::number(), 0); }
    /// ```
    #[must_use]
    pub fn number() -> usize {
        0
    }

    /// Returns `true` if interrupts are masked; on Cortex-M, in a handler.
    ///
    /// ```no_run
    /// # #![no_std]
    /// # #![no_main]
    /// # #[panic_handler]
    /// # fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
    /// fn may_enter() -> bool { !greenlet::SingleCore::in_handler() }
    /// ```
    #[must_use]
    pub fn in_handler() -> bool {
        <crate::arch::Native as crate::arch::Cpu>::in_handler()
    }
}
