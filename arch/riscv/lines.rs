//! The lines of assembly that the functions of `switch.rs` share. Its head has the registers.

/// A line that loads a word: `load!("sp, 0(a0)")`.
#[cfg(target_pointer_width = "64")]
macro_rules! load {
    ($operands:literal) => {
        concat!("ld ", $operands)
    };
}

/// A line that stores a word: `store!("sp, 0(a0)")`.
#[cfg(target_pointer_width = "64")]
macro_rules! store {
    ($operands:literal) => {
        concat!("sd ", $operands)
    };
}

#[cfg(target_pointer_width = "32")]
macro_rules! load {
    ($operands:literal) => {
        concat!("lw ", $operands)
    };
}

#[cfg(target_pointer_width = "32")]
macro_rules! store {
    ($operands:literal) => {
        concat!("sw ", $operands)
    };
}

/// Lines that leave the running stack for that of `to`, in a2. Then sp, s0 and s1 are those of `to`, a4 is its resume
/// address, and `to` is still in a2.
macro_rules! leave {
    () => {
        concat!(
            control!(load),
            "\n",
            load!("a4, {PC}(a2)"),
            "\n",
            load!("sp, {SP}(a2)"),
            "\n",
            load!("s0, {FRAME}(a2)"),
            "\n",
            load!("s1, {RESERVED}(a2)")
        )
    };
}

/// The common part of all switches. They differ in what precedes the jump, `$before`, and in the registers that carry
/// what is sent.
macro_rules! switch {
    ($marked:expr, $from:ident, [$($before:literal),*], $($operands:tt)*) => {
        asm!(
            // a1 = from, a2 = to; a0 = word or a3 = packet. sp, s0 and s1 are those of `from`.
            // Save it, to resume at label 2.
            control!(save),
            "lla a4, 2f",
            store!("sp, {SP}(a1)"),
            store!("a4, {PC}(a1)"),
            store!("s0, {FRAME}(a1)"),
            store!("s1, {RESERVED}(a1)"),
            // `from` is complete; a1 and a4 are free.
            leave!(),
            // a2 = to; a0 = word or a3 = packet. The stack is that of `to`.
            $($before,)*
            "jr a4",
            ".if {MARKED}",
            ".4byte 0x00100073",
            ".endif",
            // A later switch to `from` jumps here, with the sp, s0 and s1 that were saved above. Either a2 = from and
            // a0 = word, or a2 = 0 and a3 = packet. All other registers are unspecified, but for gp and tp.
            "2:",
            MARKED = const $marked as u8,
            SP = const offset::SP,
            PC = const offset::PC,
            FRAME = const offset::FRAME,
            RESERVED = const offset::RESERVED,
            inlateout("a1") $from => _,
            $($operands)*
            out("a4") _,
            lateout("s2") _, lateout("s3") _, lateout("s4") _, lateout("s5") _, lateout("s6") _,
            lateout("s7") _, lateout("s8") _, lateout("s9") _, lateout("s10") _, lateout("s11") _,
            lateout("fs0") _, lateout("fs1") _, lateout("fs2") _, lateout("fs3") _, lateout("fs4") _, lateout("fs5") _,
            lateout("fs6") _, lateout("fs7") _, lateout("fs8") _, lateout("fs9") _, lateout("fs10") _,
            lateout("fs11") _,
            clobber_abi("C"),
        )
    };
}

/// Leaves for `to` and never returns. `$operands` are the registers that carry what is sent.
macro_rules! finish {
    ([$($before:literal),*], $($operands:tt)*) => {
        asm!(
            leave!(),
            // a2 = to, or null. The stack is that of `to`; the old one may soon be reused.
            $($before,)*
            "jr a4",
            SP = const offset::SP,
            PC = const offset::PC,
            FRAME = const offset::FRAME,
            RESERVED = const offset::RESERVED,
            $($operands)*
            options(noreturn),
        )
    };
}
