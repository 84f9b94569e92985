//! Where this board has its devices.

/// What differs between the boards. The linker script has it.
pub(super) struct Places {
    /// The console.
    pub(super) uart: usize,
    /// The FPGA's inputs and outputs.
    pub(super) io: usize,
    /// Nanoseconds of the clock's tick.
    pub(super) tick: usize,
}

/// Where this board has its devices.
pub(super) fn places() -> Places {
    /// Something of which only the address is known, or a number in the place of one.
    #[repr(C)]
    struct Symbol([u8; 0]);

    unsafe extern "C" {
        safe static board_uart: Symbol;
        safe static board_io: Symbol;
        safe static board_tick: Symbol;
    }
    let [uart, io, tick] = [&raw const board_uart, &raw const board_io, &raw const board_tick].map(<*const _>::addr);
    Places { uart, io, tick }
}
