//! Which core this is, as the firmware knows it.

/// Tells cores apart, and code from the handlers that interrupt it.
///
/// With the feature `cores`, the program declares one implementation with [`core_identity!`](crate::core_identity). Each core
/// can then enter a tree of its own, and `Tree::current` works for code that was handed no greenlet.
/// With the feature `std` threads are cores, and nothing is declared.
///
/// # Safety
///
/// - `number` is the same whenever it is called on the same core, and different on different cores, handlers included.
/// - `in_handler` is true whenever the code that calls it may have interrupted code of a greenlet or of a main greenlet on this
///   core: in every interrupt and exception handler. It may be true at other times: then nothing can be entered, and
///   `Tree::current` finds nothing.
///
/// ```
/// struct Dual;
///
/// // SAFETY: this chip numbers its two cores, and its interrupt controller knows whether a handler runs.
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
    /// Which core this is: 0 to 63.
    fn number() -> usize;

    /// Whether this is a handler.
    fn in_handler() -> bool;
}

/// Declares how cores are told apart; once in a program, with the feature `cores`.
///
/// ```
/// struct Firmware;
///
/// // SAFETY: this chip has one core, and its interrupt controller knows whether a handler runs.
/// unsafe impl greenlet::CoreIdentity for Firmware {
///     fn number() -> usize { 0 }
///     fn in_handler() -> bool { active_interrupt() != 0 }
/// }
/// # fn active_interrupt() -> u32 { 0 }
///
/// greenlet::core_identity!(Firmware);
/// ```
///
/// What the crate has ready, `SingleCore` and `Mpidr`, is true of some firmware only. Who declares it promises that it is of
/// theirs, by a word: `greenlet::core_identity!(unsafe greenlet::SingleCore);`
#[macro_export]
macro_rules! core_identity {
    (unsafe $ready:ty) => {
        const _: () = {
            struct Promised;

            // SAFETY: promised by whoever wrote `unsafe` in this declaration.
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

/// One core, and handlers that run with interrupts masked, as they do unless firmware unmasks them on purpose.
///
/// Masked interrupts count as a handler: inside a critical section, too, nothing can be entered and
/// `Tree::current` finds nothing. On aarch64 the mask is PSTATE.I, on x86_64 RFLAGS.IF.
///
/// Ready-made for [`core_identity!`](crate::core_identity), with `unsafe` before it: the promise is that there is one core, and
/// that no handler unmasks interrupts.
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
    /// 0: there is one core.
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

    /// Whether interrupts are masked.
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
