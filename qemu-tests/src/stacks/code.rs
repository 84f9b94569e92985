//! The instructions of functions: what they call, and how much stack they reserve, for functions without call frame
//! information.

use std::collections::BTreeMap;

use iced_x86::{Code, Decoder, DecoderOptions, Instruction, InstructionInfoFactory, OpAccess, OpKind, Register};

/// Where an instruction passes control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Call(u64),
    CallIndirect,
    Jump(u64),
    /// Through a register or memory. Not the jump of a `match` through a table, nor that of a switch, which has loaded
    /// the stack pointer of another stack just before.
    JumpIndirect,
}

/// The relevant properties of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) address: u64,
    pub(super) flow: Option<Flow>,
    /// How many bytes of stack it reserves.
    pub(super) takes: u64,
    /// Whether these are released at once, so that call frame information does not contain them: flags, on x86-64.
    pub(super) is_brief: bool,
}

/// The most instructions between the load of another stack pointer and the jump of a switch.
const SWITCH: u32 = 4;

/// Reads a word of the global offset table by its address. This is the linker's table of functions, which is never
/// written.
pub(super) type Table<'a> = &'a dyn Fn(u64) -> Option<u64>;

/// The steps of a function whose `bytes` lie at `start`; others are left out.
pub(super) type Decode = fn(bytes: &[u8], start: u64, table: Table<'_>) -> Vec<Step>;

/// Encodings are in the Arm Architecture Reference Manual, C6.2.
pub(super) fn aarch64(bytes: &[u8], start: u64, _: Table<'_>) -> Vec<Step> {
    let words = bytes.chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
    let (mut before, mut since_stack) = (0, u32::MAX);
    let steps = (start..).step_by(4).zip(words).map(|(address, word)| {
        // MOV SP, Xn, except from the frame pointer, which points to this stack.
        let is_other_stack = word & 0xffff_fc1f == 0x9100_001f && word >> 5 & 0x1f != 29;
        since_stack = if is_other_stack { 0 } else { since_stack.saturating_add(1) };
        // 26 bits, a distance in words.
        let target = || address.wrapping_add_signed(i64::from((word << 6) as i32 >> 4));
        let is_add_to = |register: u32| before & 0x7f00_0000 == 0x0b00_0000 && before & 0x1f == register; // ADD
        let flow = match word {
            _ if word & 0xfc00_0000 == 0x9400_0000 => Some(Flow::Call(target())), // BL
            _ if word & 0xfc00_0000 == 0x1400_0000 => Some(Flow::Jump(target())), // B
            _ if word & 0xffff_fc1f == 0xd63f_0000 => Some(Flow::CallIndirect),   // BLR
            _ if word & 0xffff_fc1f == 0xd61f_0000 && is_add_to(word >> 5 & 0x1f) => None, // BR, through a table
            _ if word & 0xffff_fc1f == 0xd61f_0000 && since_stack <= SWITCH => None,
            _ if word & 0xffff_fc1f == 0xd61f_0000 => Some(Flow::JumpIndirect),
            _ => None,
        };
        let pair = u64::from((((word << 10) as i32) >> 25).unsigned_abs()); // 7 bits, of either sign
        let takes = match word {
            // SUB SP, SP, #imm12, perhaps shifted by 12
            _ if word & 0xff80_03ff == 0xd100_03ff => u64::from(word >> 10 & 0xfff) << (12 * (word >> 22 & 1)),
            _ if word & 0xffe0_03e0 == 0xa9a0_03e0 => 8 * pair, // STP Xt, Xt, [SP, #-imm]!
            _ if word & 0xffe0_03e0 == 0x6da0_03e0 => 8 * pair, // STP Dt, Dt
            _ if word & 0xffe0_03e0 == 0xada0_03e0 => 16 * pair, // STP Qt, Qt
            // STR Xt or Dt, [SP, #-imm]!: 9 bits
            _ if word & 0xfbf0_0fe0 == 0xf810_0fe0 => u64::from((((word << 11) as i32) >> 23).unsigned_abs()),
            _ => 0,
        };
        before = word;
        Step { address, flow, takes, is_brief: false }
    });
    steps.filter(|step| step.flow.is_some() || step.takes > 0).collect()
}

pub(super) fn x86_64(bytes: &[u8], start: u64, table: Table<'_>) -> Vec<Step> {
    let constants = constants(bytes, start, table);
    let in_table = |at: &Instruction| match at.op0_kind() {
        OpKind::Memory if at.is_ip_rel_memory_operand() => table(at.ip_rel_memory_address()),
        OpKind::Register => constants.get(&at.op0_register()).copied().flatten(),
        _ => None,
    };
    let (mut before, mut since_stack) = (Instruction::default(), u32::MAX);
    let steps = Decoder::with_ip(64, bytes, start, DecoderOptions::NONE).into_iter().map(|at| {
        let is_other_stack = at.code() == Code::Mov_r64_rm64
            && (at.op0_register(), at.op1_kind()) == (Register::RSP, OpKind::Memory)
            && at.memory_base() != Register::RBP;
        since_stack = if is_other_stack { 0 } else { since_stack.saturating_add(1) };
        let is_table = at.memory_index() != Register::None
            || at.op0_kind() == OpKind::Register
                && matches!(before.code(), Code::Add_r64_rm64 | Code::Add_rm64_r64)
                && before.op0_register() == at.op0_register();
        let flow = match at.code() {
            Code::Call_rel32_64 => Some(Flow::Call(at.near_branch_target())),
            Code::Call_rm64 => Some(in_table(&at).map_or(Flow::CallIndirect, Flow::Call)),
            Code::Jmp_rm64 if is_table || since_stack <= SWITCH => None,
            Code::Jmp_rm64 => Some(in_table(&at).map_or(Flow::JumpIndirect, Flow::Jump)),
            _ if at.op0_kind() == OpKind::NearBranch64 => Some(Flow::Jump(at.near_branch_target())),
            _ => None,
        };
        let takes = match at.code() {
            Code::Push_r64 | Code::Push_rm64 | Code::Pushq_imm8 | Code::Pushq_imm32 | Code::Pushfq => 8,
            // Signed: `sub rsp, -128` gives back, and `add rsp, -128` takes.
            Code::Sub_rm64_imm8 | Code::Sub_rm64_imm32 if at.op0_register() == Register::RSP => {
                u64::try_from(at.immediate(1).cast_signed()).unwrap_or(0)
            }
            Code::Add_rm64_imm8 | Code::Add_rm64_imm32 if at.op0_register() == Register::RSP => {
                u64::try_from(at.immediate(1).cast_signed().saturating_neg()).unwrap_or(0)
            }
            // Aligning takes at most this.
            Code::And_rm64_imm8 | Code::And_rm64_imm32 if at.op0_register() == Register::RSP => {
                at.immediate(1).wrapping_neg()
            }
            _ => 0,
        };
        before = at;
        Step { address: at.ip(), flow, takes, is_brief: at.code() == Code::Pushfq }
    });
    steps.filter(|step| step.flow.is_some() || step.takes > 0).collect()
}

/// The registers into which a function loads only one word of the table, apart from the values that it restores at its
/// end.
fn constants(bytes: &[u8], start: u64, table: Table<'_>) -> BTreeMap<Register, Option<u64>> {
    let mut constants = BTreeMap::new();
    let mut infos = InstructionInfoFactory::new();
    for at in &mut Decoder::with_ip(64, bytes, start, DecoderOptions::NONE) {
        if at.code() == Code::Pop_r64 || matches!(at.code(), Code::Call_rel32_64 | Code::Call_rm64) {
            continue; // a callee keeps those that are held over a call
        }
        let is_load = at.code() == Code::Mov_r64_rm64 && at.is_ip_rel_memory_operand();
        let loaded = is_load.then(|| table(at.ip_rel_memory_address())).flatten();
        for used in infos.info(&at).used_registers() {
            let writes = !matches!(used.access(), OpAccess::None | OpAccess::Read | OpAccess::CondRead);
            if writes {
                let constant = constants.entry(used.register().full_register()).or_insert(loaded);
                *constant = constant.filter(|_| *constant == loaded);
            }
        }
    }
    constants
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(steps: &[Step]) -> Vec<(Option<Flow>, u64)> {
        steps.iter().map(|step| (step.flow, step.takes)).collect()
    }

    #[test]
    fn calls_jumps_and_frames_of_aarch64_are_known() {
        // sub sp, sp, #0x240; sub sp, sp, #1, lsl #12; stp x29, x30, [sp, #-32]!; str x30, [sp, #-16]!; bl .+8; b .-4;
        // blr x8; br x3; add x9, x9, x10, lsl #2; br x9; stp x1, x2, [sp, #16]; ldp x29, x30, [sp], #32; mov sp, x9;
        // br x10
        let words: [u32; 14] = [
            0xd109_03ff,
            0xd140_07ff,
            0xa9be_7bfd,
            0xf81f_0ffe,
            0x9400_0002,
            0x17ff_ffff,
            0xd63f_0100,
            0xd61f_0060,
            0x8b0a_0929,
            0xd61f_0120,
            0xa901_0be1,
            0xa8c2_7bfd,
            0x9100_013f,
            0xd61f_0140,
        ];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let expected = [
            (None, 0x240),
            (None, 4096),
            (None, 32),
            (None, 16),
            (Some(Flow::Call(0x1018)), 0),
            (Some(Flow::Jump(0x1010)), 0),
            (Some(Flow::CallIndirect), 0),
            (Some(Flow::JumpIndirect), 0),
        ];
        assert_eq!(all(&aarch64(&bytes, 0x1000, &|_| None)), expected);
    }

    #[test]
    fn calls_jumps_and_frames_of_x86_64_are_known() {
        // push rbx; sub rsp, 0x240; and rsp, -64; pushfq; call .+7; call [rax+24]; jmp .-2; jmp [rcx+rax*8]; add rax,
        // rcx; jmp rax; jmp [rax+24]; jne .+2; mov rsp, [rdx+16]; jmp [rdx+24]
        let bytes = [
            &[0x53][..],
            &[0x48, 0x81, 0xec, 0x40, 2, 0, 0],
            &[0x48, 0x83, 0xe4, 0xc0],
            &[0x9c],
            &[0xe8, 2, 0, 0, 0],
            &[0xff, 0x50, 0x18],
            &[0xeb, 0xfc],
            &[0xff, 0x24, 0xc1],
            &[0x48, 0x01, 0xc8],
            &[0xff, 0xe0],
            &[0xff, 0x60, 0x18],
            &[0x75, 0],
            &[0x48, 0x8b, 0x62, 0x10],
            &[0xff, 0x62, 0x18],
        ]
        .concat();
        let expected = [
            (None, 8),
            (None, 0x240),
            (None, 64),
            (None, 8),
            (Some(Flow::Call(0x1014)), 0),
            (Some(Flow::CallIndirect), 0),
            (Some(Flow::Jump(0x1013)), 0),
            (Some(Flow::JumpIndirect), 0),
            (Some(Flow::Jump(0x1024)), 0),
        ];
        assert_eq!(all(&x86_64(&bytes, 0x1000, &|_| None)), expected);
    }

    #[test]
    fn calls_by_the_linkers_table_are_direct() {
        let table = |address| (address == 0x2000).then_some(0x5000);
        // call [rip+0xffa] = [0x2000]; mov rbx, [rip+0xff3]; call rbx; pop rbx
        let mut bytes =
            [&[0xff, 0x15, 0xfa, 0x0f, 0, 0][..], &[0x48, 0x8b, 0x1d, 0xf3, 0x0f, 0, 0], &[0xff, 0xd3], &[0x5b]]
                .concat();
        assert_eq!(all(&x86_64(&bytes, 0x1000, &table)), [(Some(Flow::Call(0x5000)), 0); 2]);
        // mov ebx, eax: it has another value sometimes.
        bytes.extend([0x89, 0xc3]);
        let flows = [(Some(Flow::Call(0x5000)), 0), (Some(Flow::CallIndirect), 0)];
        assert_eq!(all(&x86_64(&bytes, 0x1000, &table)), flows);
        assert_eq!(all(&x86_64(&bytes, 0x1000, &|_| None)), [(Some(Flow::CallIndirect), 0); 2]);
    }
}
