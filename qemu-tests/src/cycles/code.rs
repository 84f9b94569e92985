//! Finds the loops in a program that only switch, in its disassembly.
//!
//! ```text
//!   resume address:  what has arrived? ── a packet ──► a call
//!                    the loop
//!                    the tests         ── one fails ─► a call
//!                    the other stack
//!   jump
//! ```
//!
//! A turn is the shortest path without a call from the resume address of a switch to the jump of the same switch: each
//! failed test of the fast path leads to a call. The switch with the shortest turn in the program is in the loop of a
//! greenlet that passes on a value in one register. There is such a loop of `switch`, and one of `up`, whose switch is
//! marked.

use std::collections::{BTreeMap, VecDeque};

use anyhow::{Context, Result};

/// The code of one turn of each loop: a line for each instruction.
#[derive(Debug)]
pub(super) struct Loops {
    switch: String,
    up: String,
}

impl Loops {
    /// The loops in the output of llvm-objdump for a program.
    ///
    /// # Errors
    ///
    /// When there is none of one kind.
    pub(super) fn of(text: &str) -> Result<Self> {
        let functions = functions(text);
        let turns: Vec<_> = functions.iter().flat_map(turns).collect();
        let shortest = |marked| {
            let turns = turns.iter().filter(|(is_marked, _)| *is_marked == marked).map(|(_, turn)| turn);
            turns.min_by_key(|turn| turn.len()).map(|turn| turn.join("\n") + "\n")
        };
        Ok(Self {
            switch: shortest(false).context("there is no loop that calls nothing but `switch`")?,
            up: shortest(true).context("there is no loop that calls nothing but `up`")?,
        })
    }

    /// The names of the figures, with the code of each. A round trip is one turn of each loop.
    pub(super) fn rows(&self) -> [(&'static str, String); 3] {
        [("switch", self.switch.clone()), ("up", self.up.clone()), ("round_trip", self.switch.clone() + &self.up)]
    }
}

/// The instructions of a function.
type Function = BTreeMap<u64, Instruction>;

/// One instruction, as llvm-objdump writes it.
struct Instruction {
    /// The instruction, in the syntax of llvm-mca.
    text: String,
    flow: Flow,
    /// The address that is computed relative to the instruction, as the target of a branch or for a register.
    address: Option<u64>,
}

/// Which instruction is executed after this one.
#[derive(Clone, Copy, PartialEq)]
enum Flow {
    /// The next one.
    Next,
    /// The next one, or the one at the address.
    Either,
    /// The one at the address.
    There,
    /// The one at an address in a register or in memory.
    Anywhere,
    /// None, or a function.
    End,
}

/// The instructions that mark a switch: the one right before its resume address.
const MARKS: [&str; 2] = ["mov\tx2, #0x0", "int3"];

/// The most instructions between the jump of a switch and its resume address: a mark, and what follows a test that
/// fails.
const BEHIND: usize = 2;

/// The functions in a text of llvm-objdump: each begins with a line `ADDRESS <NAME>:`.
fn functions(text: &str) -> Vec<Function> {
    let mut functions = Vec::new();
    for line in text.lines() {
        if line.ends_with(">:") {
            functions.push(Function::new());
        } else if let (Some(function), Some((address, instruction))) = (functions.last_mut(), instruction(line)) {
            function.insert(address, instruction);
        }
    }
    functions
}

/// Reads a line `ADDRESS: MNEMONIC OPERANDS`.
fn instruction(line: &str) -> Option<(u64, Instruction)> {
    let (address, text) = line.split_once(':')?;
    let address = u64::from_str_radix(address.trim(), 16).ok()?;
    // Behind a mnemonic is a tab. In aarch64 a number begins with #, which is a comment in x86-64.
    let comment = text.find("//").or_else(|| text.find(" # ")).or_else(|| text.find(" <"));
    let (code, comment) = text.split_at(comment.unwrap_or(text.len()));
    let code = code.trim();
    let (mnemonic, operands) = code.split_once('\t').unwrap_or((code, ""));
    let last = operands.rsplit([',', ' ']).next().filter(|_| !operands.ends_with(')'));
    let hex = |word: &str| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok();
    let direct = last.and_then(|last| Some((last, hex(last)?)));
    // llvm-mca has no code at that address. For its model, the branch itself is as good a target.
    let text = direct.map_or_else(|| code.to_owned(), |(last, _)| code.replace(last, "."));
    let computed = direct.map(|(_, address)| address).or_else(|| comment.split_whitespace().find_map(hex));
    Some((address, Instruction { text, flow: flow(mnemonic, operands), address: computed }))
}

fn flow(mnemonic: &str, operands: &str) -> Flow {
    match mnemonic {
        "br" => Flow::Anywhere,
        "jmp" | "jmpq" if operands.starts_with('*') => Flow::Anywhere,
        "b" | "jmp" => Flow::There,
        "cbz" | "cbnz" | "tbz" | "tbnz" => Flow::Either,
        "bl" | "blr" | "ret" | "eret" | "brk" | "udf" | "callq" | "retq" | "iretq" | "ud2" | "int3" | "hlt" => {
            Flow::End
        }
        _ if mnemonic.starts_with("b.") || mnemonic.starts_with('j') => Flow::Either,
        _ => Flow::Next,
    }
}

/// One turn of each loop in a function, and whether its switch is marked.
fn turns(function: &Function) -> Vec<(bool, Vec<&str>)> {
    let resumes = function.values().filter(|at| at.flow == Flow::Next).filter_map(|at| at.address);
    let turn = |resume: u64| {
        let before: Vec<_> = function.range(..resume).rev().take(BEHIND + 1).collect();
        let (jump, _) = before.iter().find(|(_, at)| at.flow == Flow::Anywhere)?;
        let marked = MARKS.contains(&before.first()?.1.text.as_str());
        let turn = shortest(function, resume, **jump)?;
        // A table of addresses may lie behind a jump, too.
        turn.iter().any(|text| changes_stack(text)).then_some((marked, turn))
    };
    resumes.filter_map(turn).collect()
}

/// Whether an instruction loads a stack pointer that is not computed from the old one.
fn changes_stack(text: &str) -> bool {
    text.starts_with("mov\tsp, x") || (text.starts_with("movq\t") && text.ends_with(", %rsp"))
}

/// The instructions of the shortest path without a call from the one at `start` to the one at `end`, both included.
fn shortest(function: &Function, start: u64, end: u64) -> Option<Vec<&str>> {
    let mut came_from = BTreeMap::from([(start, start)]);
    let mut front = VecDeque::from([start]);
    while let Some(address) = front.pop_front() {
        if address == end {
            break;
        }
        let Some(at) = function.get(&address) else { continue };
        let next = || function.range(address + 1..).next().map(|(next, _)| *next);
        let follow = match at.flow {
            Flow::Next => [next(), None],
            Flow::Either => [next(), at.address],
            Flow::There => [None, at.address],
            Flow::Anywhere | Flow::End => [None; 2],
        };
        for next in follow.into_iter().flatten() {
            came_from.entry(next).or_insert_with(|| {
                front.push_back(next);
                address
            });
        }
    }
    came_from.get(&end)?;
    let mut way = vec![end];
    while way.last() != Some(&start) {
        way.extend(came_from.get(way.last()?));
    }
    way.iter().rev().map(|address| function.get(address).map(|at| at.text.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::Loops;

    /// A loop that switches, with a way out, a slow path, and a jump by a table that is no switch.
    const AARCH64: &str = "
0000000000001000 <_ZN5turns17h1E>:
    1000:      \tadr\tx10, 0x101c <_ZN5turns17h1E+0x1c>
    1004:      \tcbnz\tw8, 0x1028 <_ZN5turns17h1E+0x28>
    1008:      \tmov\tw9, #0x4               // =4
    100c:      \tmov\tsp, x9
    1010:      \tb\t0x1018 <_ZN5turns17h1E+0x18>
    1014:      \tnop
    1018:      \tbr\tx10
    101c:      \tcbz\tx2, 0x1028 <_ZN5turns17h1E+0x28>
    1020:      \tsubs\tx8, x8, #0x1
    1024:      \tb.ne\t0x1000 <_ZN5turns17h1E>
    1028:      \tbl\t0x2000 <_ZN4slow17h2E>
    102c:      \tb\t0x1000 <_ZN5turns17h1E>

0000000000002000 <_ZN4slow17h2E>:
    2000:      \tadr\tx9, 0x200c <_ZN4slow17h2E+0xc>
    2004:      \tnop
    2008:      \tbr\tx9
    200c:      \tb\t0x2008 <_ZN4slow17h2E+0x8>

0000000000003000 <_ZN2up17h3E>:
    3000:      \tadr\tx10, 0x3010 <_ZN2up17h3E+0x10>
    3004:      \tmov\tsp, x9
    3008:      \tbr\tx10
    300a:      \torr\tx3, x2, #0x1
    300c:      \tmov\tx2, #0x0                // =0
    3010:      \tcbnz\tx2, 0x3000 <_ZN2up17h3E>
    3014:      \tret
";

    const X86_64: &str = "
0000000000001000 <_ZN5turns17h1E>:
    1000:      \tleaq\t0x1d(%rip), %rax        # 0x100f <_ZN5turns17h1E+0xf>
    1007:      \tmovq\t(%rdx), %rsp
    100a:      \tjmpq\t*0x8(%rdx)
    100d:      \tint3
    100f:      \ttestq\t%rdx, %rdx
    1012:      \tjne\t0x1000 <_ZN5turns17h1E>
    1018:      \tretq

0000000000002000 <_ZN5other17h1E>:
    2000:      \tmovq\t(%rdx), %rsp
    2003:      \tleaq\t0x1d(%rip), %rax        # 0x2010 <_ZN5other17h1E+0x10>
    200a:      \tjmpq\t*0x8(%rdx)
    2010:      \tcallq\t*0x5a422(%rip)          # 0x7a300 <writev+0x7a300>
    2016:      \tjmp\t0x2000 <_ZN5other17h1E>
";

    #[test]
    fn a_turn_is_the_shortest_way_that_calls_nothing() {
        let [(_, switch), (_, up), (_, both)] = Loops::of(AARCH64).unwrap().rows();
        let turn = "cbz\tx2, .\nsubs\tx8, x8, #0x1\nb.ne\t.\nadr\tx10, .\ncbnz\tw8, .\nmov\tw9, #0x4\n";
        assert_eq!(switch, format!("{turn}mov\tsp, x9\nb\t.\nbr\tx10\n"));
        assert_eq!(up, "cbnz\tx2, .\nadr\tx10, .\nmov\tsp, x9\nbr\tx10\n");
        assert_eq!(both, switch + &up);
    }

    #[test]
    fn without_a_loop_of_each_kind_there_is_no_figure() {
        let problem = Loops::of(X86_64).unwrap_err().to_string();
        assert_eq!(problem, "there is no loop that calls nothing but `switch`");
        let switches = X86_64.replace("    100d:      \tint3\n", "");
        assert_eq!(Loops::of(&switches).unwrap_err().to_string(), "there is no loop that calls nothing but `up`");
    }
}
