//! From PVH's entry, in 32-bit mode without paging, to `start` in 64-bit mode, on main's stack.

use core::arch::{global_asm, naked_asm};

pvh::xen_elfnote_phys32_entry!(pvh_start32);

/// The bytes of main's stack.
const STACK: usize = 32768;

const PRESENT_AND_WRITABLE: u64 = 0b11;
const LARGE: u64 = PRESENT_AND_WRITABLE | 1 << 7;
/// Gigabytes that are mapped one to one with pages of 2 MiB: RAM, and the devices, which are below 4 GiB.
const GIGABYTES: usize = 4;
/// The number of the page of 2 MiB that is split into pages of 4 KiB: the last of the first gigabyte, the region
/// `GREENLET_STACKS` of the linker script.
const STACKS: usize = 511;

global_asm!(
    ".section .data.boot_tables, \"aw\", @progbits",
    ".balign 4096",
    "boot_root: .quad boot_gigabytes + {table}",
    ".zero 4096 - 8",
    "boot_gigabytes:",
    ".set n, 0",
    ".rept {gigabytes}",
    ".quad boot_pages + n * 4096 + {table}",
    ".set n, n + 1",
    ".endr",
    ".zero 4096 - 8 * {gigabytes}",
    "boot_pages:",
    ".set n, 0",
    ".rept 512 * {gigabytes}",
    ".if n == {stacks}",
    ".quad boot_stack_pages + {table}",
    ".else",
    ".quad n * 0x200000 + {large}",
    ".endif",
    ".set n, n + 1",
    ".endr",
    "boot_gdt: .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff",
    "boot_gdt_pointer: .word 23",
    ".quad boot_gdt",
    ".section .bss.boot_tables, \"aw\", @nobits",
    ".balign 4096",
    ".global boot_stack_pages",
    "boot_stack_pages: .zero 4096",
    ".section .bss.main_stack, \"aw\", @nobits",
    ".balign 16",
    ".zero {stack}",
    "main_stack_base:",
    ".previous",
    table = const PRESENT_AND_WRITABLE,
    large = const LARGE,
    gigabytes = const GIGABYTES,
    stacks = const STACKS,
    stack = const STACK,
);

/// The entry: flat segments, no stack, interrupts masked, the physical address of PVH's start info in ebx. QEMU has
/// zeroed .bss.
#[unsafe(no_mangle)]
#[unsafe(naked)]
#[unsafe(link_section = ".text.boot")]
unsafe extern "C" fn pvh_start32() -> ! {
    naked_asm!(
        ".code32",
        "cli",
        "cld",
        "mov esp, offset main_stack_base",
        "mov eax, {cr4}",
        "mov cr4, eax",
        "mov eax, offset boot_root",
        "mov cr3, eax",
        "mov ecx, 0xc0000080", // EFER
        "mov eax, {efer}",
        "xor edx, edx",
        "wrmsr",
        "mov eax, {cr0}",
        "mov cr0, eax",
        "lgdt [boot_gdt_pointer]",
        "push 8",
        "mov eax, offset pvh_long_mode",
        "push eax",
        "retf",
        ".code64",
        "pvh_long_mode:",
        "mov eax, 16",
        "mov ss, eax",
        "mov ds, eax",
        "mov es, eax",
        "xor eax, eax",
        "mov fs, eax",
        "mov gs, eax",
        "fninit",
        "xor ebp, ebp", // a debugger's walk ends here
        "mov edi, ebx",
        "call {start}",
        "ud2",
        cr4 = const 1 << 5 | 1 << 9 | 1 << 10, // PAE, OSFXSR, OSXMMEXCPT
        efer = const 1 << 8 | 1 << 11, // LME, NXE
        cr0 = const 1u32 << 31 | 1 << 16 | 1 << 5 | 1 << 4 | 1 << 1 | 1, // PG, WP, NE, ET, MP, PE
        start = sym super::start,
    )
}
