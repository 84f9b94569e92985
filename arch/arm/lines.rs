//! Lines of assembly that Thumb-1, Thumb-2 and A32 have in different forms, and queries that they share.

/// The frame pointer.
#[cfg(not(a32))]
macro_rules! frame_pointer {
    () => {
        "r7"
    };
}

#[cfg(a32)]
macro_rules! frame_pointer {
    () => {
        "r11"
    };
}

/// Adds a small number to a register: `add!("r0", "#4")`. The flags may change.
#[cfg(not(thumb_1))]
macro_rules! add {
    ($register:literal, $number:literal) => {
        concat!("add ", $register, ", ", $register, ", ", $number)
    };
}

/// Sets a register to another one less a small number: `sub!("r0", "r1", "#4")`. The flags may change.
#[cfg(not(thumb_1))]
macro_rules! sub {
    ($to:literal, $from:expr, $number:literal) => {
        concat!("sub ", $to, ", ", $from, ", ", $number)
    };
}

#[cfg(thumb_1)]
macro_rules! add {
    ($register:literal, $number:literal) => {
        concat!("adds ", $register, ", ", $number)
    };
}

#[cfg(thumb_1)]
macro_rules! sub {
    ($to:literal, $from:expr, $number:literal) => {
        concat!("mov ", $to, ", ", $from, "\nsubs ", $to, ", ", $number)
    };
}

/// The queries of `Cpu` that are the same code for a Cortex-M and an Armv7-A.
macro_rules! same_questions {
    () => {
        #[inline(always)]
        fn stack_pointer() -> *mut u8 {
            let sp;
            // SAFETY: reads a register.
            unsafe { asm!("mov {}, sp", out(reg) sp, options(nomem, nostack, preserves_flags)) };
            sp
        }

        unsafe fn first_mismatch(word: usize, start: *const usize, end: *const usize) -> *const usize {
            let mut at = start;
            // SAFETY: reads the words from `start` to `end` and nothing else.
            unsafe {
                asm!(
                    "2:",
                    // All words from `start` to `at` are `word`.
                    "cmp {at}, {end}",
                    "beq 3f",
                    "ldr {found}, [{at}]",
                    "cmp {found}, {word}",
                    "bne 3f",
                    add!("{at}", "#4"),
                    "b 2b",
                    "3:",
                    at = inout(reg) at,
                    end = in(reg) end,
                    word = in(reg) word,
                    found = out(reg) _,
                    options(readonly, nostack),
                );
            }
            at
        }
    };
}
