//! QEMU's `q35`: long mode, .bss zeroed, a stack; ends by `isa-debug-exit` with what the program returns, and 16.

core::arch::global_asm!(
    r#"
    .section .note.pvh, "a", @note
    .balign 4
    .long   4, 8, 18                    // bytes of the name, of the content; XEN_ELFNOTE_PHYS32_ENTRY
    .asciz  "Xen"
    .quad   _start

    .section .boot, "awx"
    .code32
    .global _start
_start:
    cld
    mov     edi, offset bss_start
    mov     ecx, offset bss_end
    sub     ecx, edi
    shr     ecx, 2
    xor     eax, eax
    rep     stosd
    mov     eax, 0x620                  // PAE, OSFXSR, OSXMMEXCPT
    mov     cr4, eax
    mov     eax, offset .Lroot
    mov     cr3, eax
    mov     ecx, 0xc0000080             // EFER
    mov     eax, 0x100                  // LME
    xor     edx, edx
    wrmsr
    mov     eax, 0x80000033             // PG, NE, ET, MP, PE
    mov     cr0, eax
    lgdt    [.Lgdt_pointer]
    mov     esp, offset stack_base
    push    8
    mov     eax, offset .Llong_mode
    push    eax
    retf
    .code64
.Llong_mode:
    mov     esp, offset stack_base
    xor     ebp, ebp
    mov     edi, 3
    call    program
    add     eax, 16
    mov     edx, 0xf4
    out     dx, eax
1:  hlt
    jmp     1b

    .balign 8
.Lgdt:
    .quad   0
    .quad   0x00af9b000000ffff          // 64-bit code, ring 0
.Lgdt_pointer:
    .word   15
    .quad   .Lgdt
    .balign 4096
.Lroot:
    .quad   .Lgigabytes + 3             // present, writable
    .balign 4096
.Lgigabytes:
    .quad   0x83                        // the first gigabyte, one to one
    .balign 4096
    .previous
    "#
);

/// Writes a byte to the 16550.
pub(crate) fn put(byte: u8) {
    // SAFETY: the data register of the machine's serial port, which takes a byte at any time under QEMU.
    unsafe {
        core::arch::asm!("out dx, al", in("dx") 0x3f8_u16, in("al") byte, options(nomem, nostack, preserves_flags))
    };
}
