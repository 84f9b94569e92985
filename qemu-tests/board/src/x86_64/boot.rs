//! From QEMU's loader to Rust: protected mode to long mode, SSE on, .bss zeroed.
//!
//! QEMU finds the entry in a note, as Xen's PVH does, and starts the machine there: 32-bit, flat segments, no paging,
//! no stack, interrupts masked. Other cores than the first join when they are in protected mode, with their [`Start`]
//! in ebx.

use core::arch::global_asm;

use ::x86_64::registers::control::{Cr0Flags, Cr4Flags, EferFlags};
use ::x86_64::structures::paging::PageTableFlags;

use super::{cores, segments};
#[cfg(doc)]
use crate::cores::Start;

/// What an entry of a page table says that leads to another table.
const TABLE: u64 = PageTableFlags::PRESENT.union(PageTableFlags::WRITABLE).bits();
/// What an entry says that maps 2 MiB.
const LARGE: u64 = TABLE | PageTableFlags::HUGE_PAGE.bits();

/// Protected mode with paging; read-only is read-only to the kernel, too; the floating point unit is there and reports
/// by exceptions, and no instruction of it is trapped (EM and TS are off).
const CR0: u64 = Cr0Flags::PROTECTED_MODE_ENABLE
    .union(Cr0Flags::PAGING)
    .union(Cr0Flags::WRITE_PROTECT)
    .union(Cr0Flags::MONITOR_COPROCESSOR)
    .union(Cr0Flags::EXTENSION_TYPE)
    .union(Cr0Flags::NUMERIC_ERROR)
    .bits();

/// Page table entries of 64 bits; SSE.
const CR4: u64 = Cr4Flags::PHYSICAL_ADDRESS_EXTENSION.union(Cr4Flags::OSFXSR).union(Cr4Flags::OSXMMEXCPT_ENABLE).bits();

/// Long mode. With no-execute enabled, a page fault distinguishes a jump from a load.
const EFER: u64 = EferFlags::LONG_MODE_ENABLE.union(EferFlags::NO_EXECUTE_ENABLE).bits();

const EFER_MSR: u32 = 0xc000_0080;

/// MXCSR and the x87 control word as every program finds them: exceptions masked, round to nearest, 64-bit mantissa.
const MXCSR: u32 = 0x1f80;
const X87_CONTROL: u16 = 0x037f;

global_asm!(
    r#"
    .section .note.pvh, "a", @note
    .balign 4
    .long   4                           // bytes of the name
    .long   8                           // bytes of the content
    .long   18                          // XEN_ELFNOTE_PHYS32_ENTRY
    .asciz  "Xen"
    .quad   _start

    // One to one, a gigabyte of 2 MiB pages. `paging` refines it.
    .section .data.boot_tables, "aw"
    .balign 4096
boot_root:
    .quad   boot_gigabytes + {table}
    .balign 4096
    .global boot_gigabytes
boot_gigabytes:
    .quad   boot_pages + {table}
    .balign 4096
    .global boot_pages
boot_pages:
    .set    address, 0
    .rept   512
    .quad   address + {large}
    .set    address, address + 0x200000
    .endr

    .section .text.boot, "ax"
    .code32
    .global _start
    .type _start, @function
_start:
    cli
    cld
    mov     esp, offset guest_stack_base

    mov     edi, offset bss_start
    mov     ecx, offset bss_end
    sub     ecx, edi
    shr     ecx, 2
    xor     eax, eax
    rep     stosd
    xor     ebx, ebx

    .global boot_long_mode
boot_long_mode:
    mov     eax, {cr4}
    mov     cr4, eax
    mov     eax, offset boot_root
    mov     cr3, eax
    mov     ecx, {efer_msr}
    mov     eax, {efer}
    xor     edx, edx
    wrmsr
    mov     eax, {cr0}
    mov     cr0, eax                    // long mode, but this segment is still 32-bit

    lgdt    [.Lgdt_pointer]
    push    {code}
    mov     eax, offset .Llong_mode
    push    eax
    retf                                // into the 64-bit segment

    .code64
.Llong_mode:
    .cfi_startproc
    .cfi_undefined rip                  // no caller: a debugger's walk ends here
    mov     eax, {data}
    mov     ss, eax
    mov     ds, eax
    mov     es, eax
    mov     fs, eax
    mov     gs, eax
    fninit
    mov     dword ptr [rsp - 8], {x87}
    fldcw   [rsp - 8]
    mov     dword ptr [rsp - 8], {mxcsr}
    ldmxcsr [rsp - 8]

    xor     ebp, ebp                    // and so does one along frame pointers
    mov     edi, ebx
    test    ebx, ebx
    jnz     1f
    call    {start}                     // pushes: at its entry, rsp is 8 below a multiple of 16
1:  call    {arrive}
    ud2
    .cfi_endproc
    .size _start, . - _start

.Lgdt_pointer:
    .word   {gdt_limit}
    .quad   {gdt}
    .previous
    "#,
    table = const TABLE,
    large = const LARGE,
    cr0 = const CR0,
    cr4 = const CR4,
    efer_msr = const EFER_MSR,
    efer = const EFER,
    code = const segments::CODE.0,
    data = const segments::DATA.0,
    gdt = sym segments::GDT,
    gdt_limit = const size_of_val(&segments::GDT) - 1,
    x87 = const X87_CONTROL,
    mxcsr = const MXCSR,
    start = sym super::start,
    arrive = sym cores::arrive,
);
