//! The parts that a firmware provides itself: start-up code, a console and the panic handler.

use core::arch::{asm, global_asm};
use core::fmt::{self, Write};
use core::panic::PanicInfo;
use core::ptr;

// The processor starts at EL1 with translation, caches and floating point off. Atomic operations need translated and
// cached memory, and the compiler copies memory through floating point registers.
global_asm!(
    r#"
    .section .text.boot, "ax"
    .global _start
_start:
    mov     x0, #(3 << 20)              // CPACR_EL1.FPEN: floating point at EL1 and EL0
    msr     cpacr_el1, x0
    adrp    x0, {map}                   // aligned to a page
    msr     ttbr0_el1, x0
    ldr     x0, ={mair}
    msr     mair_el1, x0
    ldr     x0, ={tcr}
    msr     tcr_el1, x0
    tlbi    vmalle1
    dsb     sy
    isb
    mrs     x0, sctlr_el1
    ldr     x1, ={on}
    orr     x0, x0, x1
    msr     sctlr_el1, x0
    isb

    adrp    x0, main_stack_base
    add     x0, x0, :lo12:main_stack_base
    mov     sp, x0
    adrp    x0, bss_start
    add     x0, x0, :lo12:bss_start
    adrp    x1, bss_end
    add     x1, x1, :lo12:bss_end
1:  cmp     x0, x1
    b.hs    2f
    stp     xzr, xzr, [x0], #16
    b       1b
2:  mov     x29, xzr                    // a debugger's walk ends here
    mov     x30, xzr
    b       {start}
"#,
    map = sym MAP,
    start = sym start,
    mair = const 0xff_00u64, // attribute 0: device; attribute 1: memory, write-back
    tcr = const 25u64        // T0SZ: 39 bits of address, so the first table is of entries of 1 GiB
        | 0b01 << 8 | 0b01 << 10 | 0b11 << 12 // walks: write-back, inner shareable
        | 1 << 23            // EPD1: nothing in the upper half
        | 1 << 32,           // IPS: 36 bits of physical address
    on = const 1u64 << 0 | 1 << 2 | 1 << 12, // SCTLR_EL1: translation, data and instruction caches
);

/// The translation table, with an identity map of 1 GiB of devices and 1 GiB of RAM.
#[repr(C, align(4096))]
struct Map([u64; 512]);

static MAP: Map = {
    const BLOCK: u64 = 1 << 10 | 0b01; // accessed, a block
    let mut map = [0; 512];
    map[0] = 0b11 << 53 | BLOCK; // execute-never; attribute 0
    map[1] = 0x4000_0000 | 0b11 << 8 | 1 << 2 | BLOCK; // inner shareable; attribute 1
    Map(map)
};

extern "C" fn start() -> ! {
    crate::main();
    power_off()
}

/// The PL011 UART of the board, which is ready without set-up under QEMU.
pub struct Console;

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        const DATA: *mut u32 = ptr::without_provenance_mut(0x0900_0000);
        for byte in text.bytes() {
            // SAFETY: the data register of the UART, which is mapped as a device and accepts any byte.
            unsafe { DATA.write_volatile(byte.into()) };
        }
        Ok(())
    }
}

macro_rules! println {
    ($($arguments:tt)*) => {{
        use core::fmt::Write;
        let _never_fails = writeln!($crate::board::Console, $($arguments)*);
    }};
}
pub(crate) use println;

/// Powers the machine off, by the PSCI call SYSTEM_OFF.
fn power_off() -> ! {
    // SAFETY: `virt` without EL2 handles PSCI calls by `hvc`; this one does not return.
    unsafe { asm!("hvc #0", in("w0") 0x8400_0008u32, options(noreturn, nostack)) }
}

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    // SAFETY: one core, and no interrupt handlers.
    match unsafe { greenlet::current_report() } {
        Some(greenlet) => println!("{info}\nin {greenlet}"),
        None => println!("{info}"),
    }
    power_off()
}
