//! A program that is stopped at each instruction of its switches: the script shows every greenlet at each, one of them
//! runs, and which one changes once in a switch. Names that the user gives to Python are not those of the script.

use libtest_mimic::Failed;
use qemu_tests::compile::{self, Profile};
use qemu_tests::debugger::{self, Debugger};
use qemu_tests::machine::{self, Machine};
use qemu_tests::tools::Needs;

use super::extension::failed;
use super::proxy::{GUEST, NO_LINUX};
use crate::{Case, builds};

/// Who runs, from the call before the first switch on: `up`, then switches of main and of a greenlet.
const RUNS: &str = "RAN stepper main echo main stepper echo main stepper";
/// Steps until that many have run. The names are some that the script has as well.
const STEPS: &str = r#"python exec("""
import re
text, frames, table, number, short, reset, current, line = [], 0, None, None, None, None, None, ''
def shown(command):
    return gdb.execute(command, to_string=True)
def listed():
    found = [re.match('([*]?) +([0-9]+) +([a-z]*)', row) for row in shown('info greenlets').splitlines()]
    return [one.groups() for one in found if one]
whole = [number for _, number, _ in listed()]
for steps in range(1000):
    every = listed()
    runs = [name for star, _, name in every if star]
    listing, traces = shown('info greenlets') + shown('greenlet tree'), shown('greenlet apply all bt 2') + shown('bt')
    wrong = re.search(' [?]', listing) or re.search('rror occurred|overwritten|no frames', listing + traces)
    if [number for _, number, _ in every] != whole or len(runs) != 1 or wrong:
        print('WRONG after', steps, 'instructions, at', shown('x/i $pc'), listing, traces)
        break
    if text[-1:] != runs:
        text += runs
    if len(text) == 8:
        break
    shown('stepi')
print('RAN', *text)
""")"#;

pub(super) fn cases() -> Vec<Case> {
    let case = |name| {
        let machine = machine::named(name).expect("a machine of the table");
        let mut needs = Needs::default();
        needs.machine(machine);
        needs.gdb();
        let guest = builds::Guest::new(GUEST, machine.code(), Profile::Release);
        let guests = vec![guest.clone()];
        let name = format!("debugger::every_greenlet_is_listed_at_each_instruction_of_a_switch::{machine}");
        let usual = ["aarch64", "x86_64"].contains(&machine.name);
        Case::new(name, needs, move || steps(machine, &guest)).with_guests(guests).usual_if(usual)
    };
    let mut cases: Vec<_> = ["aarch64", "x86_64", "riscv64", "riscv32", "thumbv7em"].map(case).into();
    let machine = machine::named("aarch64").expect("a machine of the table");
    for level in ["s", "z"] {
        let mut needs = Needs::default();
        needs.machine(machine);
        needs.gdb();
        let name = format!("debugger::a_program_that_is_small_and_linked_as_one_is_shown::{machine}::{level}");
        cases.push(Case::new(name, needs, move || small(machine, level)).when_asked_for());
    }
    cases
}

/// What rows of the list begin with and have. Some closures are but a jump to a function of the crate: then the crate's
/// frames tell whose body it is.
const ROWS: [(&str, &str); 5] = [
    ("   1   parser     suspended ", "zoo::read_byte (zoo.rs:35)"),
    ("   7              suspended ", "zoo::main::{closure#0}::{closure#5}"),
    ("   8   lexer      suspended ", "zoo::main::{closure#0}::{closure#6}"),
    ("   9   doomed     suspended (kill)", "zoo::main::{closure#0}::{closure#7}"),
    ("*  10  runner     running ", "zoo::look_here (zoo.rs:22)"),
];

/// How the optimizer lays out lines differs; steps over switches stay in the function.
fn small(machine: &'static Machine, level: &'static str) -> Result<(), Failed> {
    let elf = {
        let _turn = builds::turn("as-one");
        compile::guest_as_one_for_size(machine.code(), GUEST, level).map_err(failed)?
    };
    let commands = ["hbreak look_here", "continue", "info greenlets", "greenlet apply all bt"];
    let steps = ["delete", "hbreak step_from_here", "continue", "delete", "finish"];
    let commands = commands.into_iter().chain(steps).chain(["greenlet next"; 2]);
    let shown = debugger::at_a_guest(Debugger::GdbWithScript, machine, &elf, commands).map_err(failed)?;
    let is_there =
        |(begin, place): &&(&str, &str)| shown.lines().any(|row| row.starts_with(begin) && row.contains(place));
    if let Some(row) = ROWS.iter().find(|row| !is_there(row)) {
        return Err(format!("no row {row:?}:\n{shown}").into());
    }
    match shown.matches("#0  zoo::stepper (").count() {
        2 => Ok(()),
        steps => Err(format!("{steps} steps of 2 stay in their greenlet:\n{shown}").into()),
    }
}

fn steps(machine: &'static Machine, guest: &builds::Guest) -> Result<(), Failed> {
    let commands = [NO_LINUX, "hbreak step_from_here", "continue", "delete", STEPS];
    let shown = debugger::at_a_guest(Debugger::GdbWithScript, machine, &guest.file()?, commands).map_err(failed)?;
    match shown.lines().any(|line| line == RUNS) {
        true => Ok(()),
        false => Err(format!("not `{RUNS}`:\n{shown}").into()),
    }
}
