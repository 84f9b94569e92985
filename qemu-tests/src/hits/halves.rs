//! Instructions of two or four bytes, those of RISC-V and Thumb: where they begin, and what they do, as far as that
//! identifies a switch.

use super::decode::{Instruction, Kind};

/// The instructions in `bytes`, which lie at `start`.
pub(super) fn riscv(bytes: &[u8], start: u64) -> Vec<Instruction> {
    split(bytes, start, |first| first & 0b11 == 0b11, kind_of_riscv)
}

/// The instructions in `bytes`, which lie at `start`.
pub(super) fn thumb(bytes: &[u8], start: u64) -> Vec<Instruction> {
    split(bytes, start, |first| first >> 11 >= 0b11101, kind_of_thumb)
}

/// Half words from an instruction on, of which the later ones are other instructions; zero behind the end.
type Halves = [u16; 4];

fn split(bytes: &[u8], start: u64, is_long: fn(u16) -> bool, kind: fn(Halves, u64) -> Kind) -> Vec<Instruction> {
    let halves: Vec<u16> = bytes.chunks_exact(2).map(|half| u16::from_le_bytes([half[0], half[1]])).collect();
    let mut instructions = Vec::new();
    let mut index = 0;
    while index < halves.len() {
        let next = index + if is_long(halves[index]) { 2 } else { 1 };
        let ahead = std::array::from_fn(|offset| halves.get(index + offset).copied().unwrap_or(0));
        let [address, end] = [index, next].map(|index| start + 2 * index as u64);
        instructions.push(Instruction { address, end, kind: kind(ahead, address) });
        index = next;
    }
    instructions
}

/// Encodings are in the RISC-V Instruction Set Manual, volume I, chapters "RV32/64G" and "C".
fn kind_of_riscv([a, b, c, d]: Halves, address: u64) -> Kind {
    const AUIPC_A4: u32 = 0x717;
    const ADDI_A4_A4: u32 = 0x7_0713;
    /// To sp, from the beginning of the context: of 64 bits, and of 32.
    const LOADS_SP_FROM_A2: [u32; 2] = [0x6_3103, 0x6_2103];
    const JR_A4: u16 = 0x8702;
    const JALR_S1: u32 = 0x4_80e7;
    let [word, next] = [[a, b], [c, d]].map(|[low, high]| u32::from(high) << 16 | u32::from(low));
    match () {
        () if word & 0xfff == AUIPC_A4 && next & 0xf_ffff == ADDI_A4_A4 => {
            let distance = ((word & !0xfff) as i32).wrapping_add(next as i32 >> 20);
            Kind::TakesAddress(address.wrapping_add_signed(distance.into()))
        }
        () if LOADS_SP_FROM_A2.contains(&word) => Kind::LoadsStack,
        () if a == JR_A4 => Kind::Jumps,
        () if word == JALR_S1 => Kind::CallsEntry,
        () => Kind::Other,
    }
}

/// Encodings are in the Armv7-M Architecture Reference Manual, A7.7: those of Thumb-2, and of Thumb-1.
fn kind_of_thumb([a, b, ..]: Halves, address: u64) -> Kind {
    /// Forward, by less than 256 bytes: `adr.w r5`, with the distance in the second half, and `adr r5`.
    const ADR_R5: (u16, u16) = (0xf20f, 0x0500);
    const ADR_R5_SHORT: u16 = 0xa500;
    const LDRD_FROM_R2: u16 = 0xe9d2;
    const LDR_R4_FROM_R2: u16 = 0x6814;
    const BX_R5: u16 = 0x4728;
    const BLX_R6: u16 = 0x47b0;
    // What `adr` counts from; bit 0 says that the code is Thumb.
    let from = (address + 4) & !3;
    let at = |distance: u16| Kind::TakesAddress((from + u64::from(distance)) & !1);
    match () {
        () if (a, b & 0xff00) == ADR_R5 => at(b & 0xff),
        () if a & 0xff00 == ADR_R5_SHORT => at(4 * (a & 0xff)),
        // r4, which sp is set to, and r5.
        () if a == LDRD_FROM_R2 && b >> 8 == 0x45 => Kind::LoadsStack,
        () if a & 0xf83f == LDR_R4_FROM_R2 => Kind::LoadsStack,
        () if a == BX_R5 => Kind::Jumps,
        () if a == BLX_R6 => Kind::CallsEntry,
        () => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(decode: fn(&[u8], u64) -> Vec<Instruction>, halves: &[u16]) -> Vec<(u64, Kind)> {
        let bytes: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
        decode(&bytes, 0x1000).into_iter().map(|at| (at.address, at.kind)).collect()
    }

    #[test]
    fn the_switch_of_riscv_is_known() {
        // auipc a4, 0; addi a4, a4, 16; c.ld a4, 8(a2); ld sp, 0(a2); c.jr a4; c.nop; jalr s1
        let halves = [0x0717, 0, 0x0713, 0x0107, 0x6618, 0x3103, 0x0006, 0x8702, 1, 0x80e7, 0x0004];
        let expected = [
            (0x1000, Kind::TakesAddress(0x1010)),
            (0x1004, Kind::Other),
            (0x1008, Kind::Other),
            (0x100a, Kind::LoadsStack),
            (0x100e, Kind::Jumps),
            (0x1010, Kind::Other),
            (0x1012, Kind::CallsEntry),
        ];
        assert_eq!(kinds(riscv, &halves), expected);
        assert_eq!(kinds(riscv, &[0x2103, 0x0006]), [(0x1000, Kind::LoadsStack)], "lw sp, 0(a2)");
    }

    #[test]
    fn the_switch_of_thumb_is_known() {
        // nop; adr.w r5, .+18; ldrd r4, r5, [r2]; mov sp, r4; bx r5; blx r6
        let halves = [0xbf00, 0xf20f, 0x0511, 0xe9d2, 0x4500, 0x46a5, 0x4728, 0x47b0];
        let expected = [
            (0x1000, Kind::Other),
            (0x1002, Kind::TakesAddress(0x1014)),
            (0x1006, Kind::LoadsStack),
            (0x100a, Kind::Other),
            (0x100c, Kind::Jumps),
            (0x100e, Kind::CallsEntry),
        ];
        assert_eq!(kinds(thumb, &halves), expected);
        // adr r5, .+8; ldr r4, [r2, #4]; ldr r4, [r3]
        let expected = [(0x1000, Kind::TakesAddress(0x1008)), (0x1002, Kind::LoadsStack), (0x1004, Kind::Other)];
        assert_eq!(kinds(thumb, &[0xa501, 0x6854, 0x681c]), expected);
    }
}
