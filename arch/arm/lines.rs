//! Lines of assembly that Thumb-1, Thumb-2 and A32 have in different forms.

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
