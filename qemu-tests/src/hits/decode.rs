//! Instructions: where they begin, and what they do, as far as that identifies a switch. [`halves`](super::halves) has
//! those of a multiple of two bytes.

use iced_x86::{Code, Decoder, DecoderOptions, Register};

/// An instruction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Instruction {
    pub(super) address: u64,
    /// Where the next one begins.
    pub(super) end: u64,
    pub(super) kind: Kind,
}

/// What an instruction does, if it is one of those by which the assembly in `arch/` is recognised.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// Writes an address to the register from which it is saved as the resume address of this context.
    TakesAddress(u64),
    /// Loads the stack pointer of the context that is resumed.
    LoadsStack,
    /// Jumps to the resume address of that context.
    Jumps,
    /// Calls the entry of a fresh context.
    CallsEntry,
    /// Anything else.
    Other,
}

/// The instructions in `bytes`, which lie at `start`.
pub(super) fn aarch64(bytes: &[u8], start: u64) -> Vec<Instruction> {
    words(bytes, start, of_word)
}

/// The instructions in `bytes`, which lie at `start`: in Arm state, A32.
pub(super) fn arm(bytes: &[u8], start: u64) -> Vec<Instruction> {
    words(bytes, start, of_word_of_arm)
}

fn words(bytes: &[u8], start: u64, kind: fn(u32, u64) -> Kind) -> Vec<Instruction> {
    let words = bytes.chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
    let addresses = (start..).step_by(4);
    addresses
        .zip(words)
        .map(|(address, word)| Instruction { address, end: address + 4, kind: kind(word, address) })
        .collect()
}

/// Encodings are in the Arm Architecture Reference Manual, C6.2.
fn of_word(word: u32, address: u64) -> Kind {
    const ADR_X10: u32 = 0x1000_000a;
    const LDP_X9_X10_FROM_X2: u32 = 0xa940_2849;
    const BR_X10: u32 = 0xd61f_0140;
    const BLR_X19: u32 = 0xd63f_0260;
    match word {
        // 19 bits of the distance from bit 5 on, the sign first, and the 2 below them in bits 30 and 29.
        _ if word & 0x9f00_001f == ADR_X10 => {
            let distance = (((word << 8) as i32 >> 13) << 2) | (word >> 29 & 0b11) as i32;
            Kind::TakesAddress(address.wrapping_add_signed(distance.into()))
        }
        // At any offset.
        _ if word & 0xffc0_7fff == LDP_X9_X10_FROM_X2 => Kind::LoadsStack,
        BR_X10 => Kind::Jumps,
        BLR_X19 => Kind::CallsEntry,
        _ => Kind::Other,
    }
}

/// Encodings are in the Arm Architecture Reference Manual for Armv7-A, A8.8.
fn of_word_of_arm(word: u32, address: u64) -> Kind {
    /// Forward, by less than 256 bytes: `add r5, pc, #N`.
    const ADR_R5: u32 = 0xe28f_5000;
    /// The first of the loads, the last of which is that of sp.
    const LDR_R5_FROM_R2: u32 = 0xe592_5000;
    const BX_R5: u32 = 0xe12f_ff15;
    const BLX_R6: u32 = 0xe12f_ff36;
    match word {
        _ if word & !0xff == ADR_R5 => Kind::TakesAddress(address + 8 + u64::from(word & 0xff)),
        _ if word & !0xfff == LDR_R5_FROM_R2 => Kind::LoadsStack,
        BX_R5 => Kind::Jumps,
        BLX_R6 => Kind::CallsEntry,
        _ => Kind::Other,
    }
}

/// The instructions in `bytes`, which lie at `start`.
pub(super) fn x86_64(bytes: &[u8], start: u64) -> Vec<Instruction> {
    let decoder = Decoder::with_ip(64, bytes, start, DecoderOptions::NONE);
    let decoded = decoder.into_iter();
    decoded
        .map(|decoded| Instruction { address: decoded.ip(), end: decoded.next_ip(), kind: of_decoded(&decoded) })
        .collect()
}

fn of_decoded(decoded: &iced_x86::Instruction) -> Kind {
    match (decoded.code(), decoded.op0_register(), decoded.memory_base()) {
        (Code::Lea_r64_m, Register::RAX, Register::RIP) => Kind::TakesAddress(decoded.ip_rel_memory_address()),
        (Code::Mov_r64_rm64, Register::RSP, Register::RDX) => Kind::LoadsStack,
        (Code::Jmp_rm64, _, Register::RDX) | (Code::Jmp_rm64, Register::RAX, _) => Kind::Jumps,
        (Code::Call_rm64, Register::RBX, _) => Kind::CallsEntry,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(instructions: &[Instruction]) -> Vec<Kind> {
        instructions.iter().map(|instruction| instruction.kind).collect()
    }

    #[test]
    fn the_switch_of_aarch64_is_known() {
        // adr x10, .+12; ldp x9, x10, [x2, #16]; br x10; blr x19; adr x10, .-5; adr x9, .+12; ldp x9, x10, [x1]
        let words: [u32; 7] =
            [0x1000_006a, 0xa941_2849, 0xd61f_0140, 0xd63f_0260, 0x70ff_ffca, 0x1000_0069, 0xa940_2829];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let expected = [
            Kind::TakesAddress(0x100c),
            Kind::LoadsStack,
            Kind::Jumps,
            Kind::CallsEntry,
            Kind::TakesAddress(0x100b),
            Kind::Other,
            Kind::Other,
        ];
        assert_eq!(kinds(&aarch64(&bytes, 0x1000)), expected);
    }

    #[test]
    fn the_switch_of_armv7a_is_known() {
        // add r5, pc, #4; ldr r5, [r2, #4]; bx r5; blx r6; ldr r5, [r1, #4]
        let words: [u32; 5] = [0xe28f_5004, 0xe592_5004, 0xe12f_ff15, 0xe12f_ff36, 0xe591_5004];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let expected = [Kind::TakesAddress(0x100c), Kind::LoadsStack, Kind::Jumps, Kind::CallsEntry, Kind::Other];
        assert_eq!(kinds(&arm(&bytes, 0x1000)), expected);
    }

    #[test]
    fn the_switch_of_x86_64_is_known() {
        // lea rax, [rip+8]; mov rsp, [rdx]; jmp [rdx+8]; call rbx; mov rbp, [rdx+16]; jmp rax
        let bytes = b"\x48\x8d\x05\x08\0\0\0\x48\x8b\x22\xff\x62\x08\xff\xd3\x48\x8b\x6a\x10\xff\xe0";
        let decoded = x86_64(bytes, 0x1000);
        let [takes, loads, jumps] = [Kind::TakesAddress(0x100f), Kind::LoadsStack, Kind::Jumps];
        assert_eq!(kinds(&decoded), [takes, loads, jumps, Kind::CallsEntry, Kind::Other, jumps]);
        let addresses: Vec<_> = decoded.iter().map(|instruction| instruction.address).collect();
        assert_eq!(addresses, [0x1000, 0x1007, 0x100a, 0x100d, 0x100f, 0x1013]);
    }
}
